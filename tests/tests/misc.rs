// SPDX-License-Identifier: GPL-2.0

//! `abstractions/misc.rs`: what `misc_rs` cannot show by itself, with the help of a module
//! that does what it should not (`tests/faulty/chardev_faulty.rs`).

use guest::{
    careless, errno,
    kmsg::Log,
    module::{proc_modules, Loading, Module},
    process::wait_until,
};
use nix::{
    errno::Errno,
    libc,
    sys::stat::{mknod, Mode, SFlag},
};
use std::{
    fs::{self, File},
    io::Read,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::Path,
};

const FAULTY: &str = "faulty/chardev_faulty";
const NODE: &str = "/dev/chardev_faulty";

/// Whether anything is left of the device.
fn is_registered() -> bool {
    let listed = fs::read_to_string("/proc/misc").unwrap();
    let traces = [
        listed.contains(" chardev_faulty\n"),
        Path::new("/sys/class/misc/chardev_faulty").exists(),
        Path::new(NODE).exists(),
    ];
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
    traces[0]
}

/// Sends the device a command; none of them takes a pointer.
fn command(file: &File, command: u64) -> nix::Result<i32> {
    // SAFETY: The device takes the argument as a number.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command, 0) })
}

#[test]
fn data_is_dropped_once_with_the_registration() {
    let mut log = Log::bookmark();
    let module = Module::load(FAULTY, "misc=1").unwrap();
    assert!(is_registered());
    drop(File::open(NODE).unwrap());
    assert!(log.lines_of("chardev_faulty")[0].starts_with("released "));
    module.unload().unwrap();
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    assert!(!is_registered());
}

#[test]
fn registration_that_fails_drops_its_data() {
    let mut log = Log::bookmark();
    let other = Module::load("misc_rs", "").unwrap();
    let result = Module::load(FAULTY, "misc=1 device=misc_rs");
    assert_eq!(result.unwrap_err(), Errno::EBUSY);
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    File::open("/dev/misc_rs").unwrap();
    other.unload().unwrap();
}

/// Nobody gets in before `init` has returned, so one that fails has nobody to wait for, not
/// even with many at the door.
#[test]
fn device_of_a_module_that_still_loads_cannot_be_opened() {
    let path = "/dev/before_the_load";
    let mut log = Log::bookmark();
    let load = Loading::begin(FAULTY, "misc=1 hold=1");
    wait_until("the node", || Path::new(NODE).exists());
    let number = fs::metadata(NODE).unwrap().rdev();
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, number).unwrap();
    for _ in 0..100 {
        assert_eq!(errno(File::open(path)), Errno::ENODEV);
        assert_eq!(errno(File::open(NODE)), Errno::ENODEV);
        assert_eq!(proc_modules("chardev_faulty").unwrap().state, "Loading");
    }
    careless::nobody_opens_while_it_loads(load, Path::new(path), Errno::ENODEV);
    assert_eq!(proc_modules("chardev_faulty"), None);

    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    assert!(!is_registered());
    assert_eq!(errno(File::open(path)), Errno::ENODEV);
    fs::remove_file(path).unwrap();
}

/// A registration may be dropped before the module goes: open files live on, and keep what they
/// share; there are no new ones.
#[test]
fn open_file_outlives_its_registration() {
    let path = "/dev/stays_behind";
    let mut log = Log::bookmark();
    let module = Module::load(FAULTY, "misc=1").unwrap();
    mknod(
        path,
        SFlag::S_IFCHR,
        Mode::S_IRUSR,
        fs::metadata(NODE).unwrap().rdev(),
    )
    .unwrap();
    let mut file = File::open(path).unwrap();
    assert_eq!(command(&file, 0x6402), Ok(0));

    assert!(!is_registered());
    assert_eq!(errno(File::open(path)), Errno::ENODEV);
    let mut buffer = [0; 6];
    file.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"faulty");
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(log.lines_of("chardev_faulty"), [""; 0]);
    drop(file);
    assert!(log.lines_of("chardev_faulty")[0].starts_with("released "));
    module.unload().unwrap();
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    fs::remove_file(path).unwrap();
}

/// It can be opened at once when the module has been loaded.
#[test]
fn device_may_come_after_the_load() {
    let module = Module::load(FAULTY, "misc=1").unwrap();
    for _ in 0..2 {
        let file = File::open(NODE).unwrap();
        assert_eq!(command(&file, 0x6402), Ok(0));
        assert!(!is_registered());
        assert_eq!(command(&file, 0x6403), Ok(0));
        assert!(is_registered());
    }
    module.unload().unwrap();
    assert!(!is_registered());
}

/// What a callback claims beyond what it has moved is an error of it, not believed.
#[test]
fn counts_of_a_careless_driver_are_not_believed() {
    let node = Path::new(NODE);
    let module = Module::load(FAULTY, "misc=1").unwrap();
    careless::moves_what_it_says(node, b"faulty");
    module.unload().unwrap();
    for params in ["misc=1 claim=1", "misc=1 claim=4096", "misc=1 queue=1"] {
        let _module = Module::load(FAULTY, params).unwrap();
        careless::is_refused(node);
    }
}
