// SPDX-License-Identifier: GPL-2.0

//! `abstractions/net.rs`: what `netloop_rs` cannot show by itself.

use guest::{
    kmsg::Log,
    module::{proc_modules, Loading, Module},
    net::{attribute, counters, folder, frame, set_up, Counters, Socket},
    process::wait_until,
    state::{assert_unchanged, state},
};
use nix::errno::Errno;

const NAME: &str = "net_fixture";
const FIXTURE: &str = "faulty/net_fixture";

/// Loads the fixture, which fails; returns the errno.
#[track_caller]
fn refused(interface: &str) -> Errno {
    let mut log = Log::bookmark();
    let errno = Module::load(FIXTURE, &format!("interface={interface}")).unwrap_err();
    // What was given to the wrapper is gone.
    assert_eq!(log.lines_of(NAME), ["dropped after 0 frames"]);
    assert_eq!(proc_modules(NAME), None);
    errno
}

#[test]
fn frame_that_the_module_drops_is_freed() {
    const FRAMES: u64 = 3000;
    let module = Module::load(FIXTURE, "").unwrap();
    set_up("sink0", true).unwrap();
    let socket = Socket::bound("sink0").unwrap();
    // Room for a few of them.
    socket.set_buffers(4096, 4096).unwrap();
    let frame = frame([0xff; 6], [2; 6], 1000, 0);
    for _ in 0..FRAMES {
        socket.send(&frame).unwrap();
    }
    let expected = Counters {
        tx_packets: FRAMES,
        // Not a sum, and none of the bits is lost.
        tx_bytes: u64::MAX,
        ..Counters::default()
    };
    assert_eq!(counters("sink0"), expected);
    assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
    let mut log = Log::bookmark();
    module.unload().unwrap();
    assert_eq!(
        log.lines_of(NAME),
        [format!("dropped after {FRAMES} frames")]
    );
}

#[test]
fn names_are_those_that_interfaces_can_have() {
    let before = state();
    for name in ["fifteen_letters", "x", "%d", "0"] {
        let module = Module::load(FIXTURE, &format!("interface={name}")).unwrap();
        let name = name.replace("%d", "0");
        assert_eq!(attribute(&name, "flags").unwrap(), "0x1002", "{name}");
        module.unload().unwrap();
    }
    for name in [
        "sixteen_letters_",
        "seventeen_letters",
        ".",
        "..",
        "a/b",
        "a:b",
        "%s",
        "a%",
        "%d%d",
        "%%d",
        "\"a b\"",
    ] {
        assert_eq!(refused(name), Errno::EINVAL, "{name}");
    }
    assert_unchanged(&before, "interfaces of any name");
}

#[test]
fn name_that_is_taken_refuses_the_load() {
    let other = Module::load("netloop_rs", "").unwrap();
    // What the kernel makes of an EEXIST from `init`.
    assert_eq!(refused("netloop0"), Errno::EBUSY);
    assert!(folder("netloop0").exists());
    other.unload().unwrap();
    Module::load(FIXTURE, "interface=netloop0").unwrap();
}

/// The interface can be used before `init` has returned. When that fails, it waits for those who do.
#[test]
fn failing_init_takes_an_interface_away_that_is_used() {
    let before = state();
    let load = Loading::begin(FIXTURE, "hold=1");
    wait_until("the interface", || set_up("sink0", true).is_ok());
    assert_eq!(proc_modules(NAME).unwrap().state, "Loading");
    let socket = Socket::bound("sink0").unwrap();
    let frame = frame([0xff; 6], [2; 6], 100, 0);
    socket.send(&frame).unwrap();
    assert_eq!(counters("sink0").tx_packets, 1);
    let mut log = Log::bookmark();
    assert_eq!(load.interrupt(), Errno::ENODEV);
    assert_eq!(log.lines_of(NAME), ["dropped after 1 frames"]);
    assert_eq!(socket.send(&frame), Err(Errno::ENXIO));
    assert_unchanged(&before, "the failing init");
}
