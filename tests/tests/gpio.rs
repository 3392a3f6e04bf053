// SPDX-License-Identifier: GPL-2.0

//! `abstractions/gpio.rs`: what `gpio_rs` cannot show by itself, with the help of a module of
//! the tests.

use guest::{
    gpio::Chip,
    kmsg::Log,
    module::{proc_modules, Module},
};
use nix::errno::Errno;
use std::{thread, time::Duration};

const NAME: &str = "gpio_fixture";
const FIXTURE: &str = "faulty/gpio_fixture";

#[test]
fn line_is_read_and_is_set_by_whom_it_is_for() {
    let chip = Chip::make("fixture", 1);
    for (up, line) in [
        (false, "false, set: -1, false"),
        (true, "true, set: -1, true"),
    ] {
        chip.pull(0, up).unwrap();
        let mut log = Log::bookmark();
        let _module = Module::load(FIXTURE, "").unwrap();
        assert_eq!(log.lines_of(NAME), [line]);
        assert_eq!(chip.value(0), up);
    }
    // Of one that is set there is no interrupt.
    for (params, line) in [
        ("out=1", "false, set: 0, true"),
        ("out=2", "true, set: 0, false"),
    ] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(FIXTURE, params).unwrap_err(), Errno::EIO);
        let lines = log.lines();
        assert!(lines.contains(&format!("{NAME}: {line}")), "{lines:?}");
        assert_eq!(proc_modules(NAME), None);
    }
    // The line is free again.
    let _module = Module::load(FIXTURE, "").unwrap();
}

#[test]
fn line_interrupts_when_it_was_told_to() {
    let chip = Chip::make("fixture", 1);
    for (trigger, rises, falls) in [(0, true, false), (1, false, true), (2, true, true)] {
        chip.pull(0, false).unwrap();
        let mut all = Log::bookmark();
        let module = Module::load(FIXTURE, &format!("trigger={trigger}")).unwrap();
        let mut edges = 0;
        for up in [true, false, true, false] {
            let mut log = Log::bookmark();
            chip.pull(0, up).unwrap();
            if (up && rises) || (!up && falls) {
                edges += 1;
                log.wait_for(&format!("{NAME}: end"));
            } else {
                // Longer than it takes.
                thread::sleep(Duration::from_millis(200));
                assert_eq!(log.lines_of(NAME), [""; 0], "{trigger} {up}");
            }
        }
        module.unload().unwrap();
        // The first line is that of the load.
        let lines = all.lines_of(NAME);
        assert_eq!(lines[1..], ["begin", "end"].repeat(edges), "{trigger}");
    }
}

#[test]
fn unload_waits_for_the_thread_of_a_line() {
    let chip = Chip::make("fixture", 1);
    for gone in [false, true] {
        chip.pull(0, false).unwrap();
        let (mut log, mut start) = (Log::bookmark(), Log::bookmark());
        let module = Module::load(FIXTURE, "").unwrap();
        chip.pull(0, true).unwrap();
        start.wait_for(&format!("{NAME}: begin"));
        if gone {
            // The kernel waits then.
            chip.unplug();
        }
        module.unload().unwrap();
        assert_eq!(
            log.lines_of(NAME),
            ["false, set: -1, false", "begin", "end"]
        );
    }
}
