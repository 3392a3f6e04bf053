// SPDX-License-Identifier: GPL-2.0

//! `param_watch_rs`: a parameter that root changes while the module is loaded.

use guest::{
    errno,
    kmsg::{Log, QuietConsole},
    module::{proc_modules, Module},
    process::as_nobody,
};
use nix::errno::Errno;
use std::{fs, os::unix::fs::PermissionsExt, thread};

const NAME: &str = "param_watch_rs";
const FILE: &str = "/sys/module/param_watch_rs/parameters/watched";

/// What is no number, and what does not fit into one.
const NO_NUMBERS: [(&str, Errno); 8] = [
    ("x", Errno::EINVAL),
    ("12abc", Errno::EINVAL),
    ("1 2", Errno::EINVAL),
    (" 1", Errno::EINVAL),
    ("1.5", Errno::EINVAL),
    ("--1", Errno::EINVAL),
    ("2147483648", Errno::ERANGE),
    ("-2147483649", Errno::ERANGE),
];

const OUT_OF_RANGE: [&str; 4] = ["-1", "101", "2147483647", "-2147483648"];

fn value() -> String {
    fs::read_to_string(FILE).unwrap()
}

#[test]
fn value_of_the_command_line_is_set_before_init() {
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let _module = Module::load(NAME, "watched=5").unwrap();
        let lines = ["watched becomes 5", "Loaded, watched is 5"];
        assert_eq!(log.lines_of(NAME), lines);
    }
}

#[test]
fn default_is_50_and_nobody_is_asked_for_it() {
    let mut log = Log::bookmark();
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(log.lines_of(NAME), ["Loaded, watched is 50"]);
    assert_eq!(value(), "50\n");
}

#[test]
fn writes_change_the_value_and_are_logged() {
    let _module = Module::load(NAME, "").unwrap();
    for (text, value) in [
        ("7", 7),
        ("0\n", 0),
        ("100\n", 100),
        ("0x10", 16),
        ("010", 8),
        ("+3", 3),
    ] {
        let mut log = Log::bookmark();
        fs::write(FILE, text).unwrap();
        assert_eq!(log.lines_of(NAME), [format!("watched becomes {value}")]);
        assert_eq!(fs::read_to_string(FILE).unwrap(), format!("{value}\n"));
    }
}

#[test]
fn each_read_is_logged_once() {
    let _module = Module::load(NAME, "watched=42").unwrap();
    let mut log = Log::bookmark();
    for _ in 0..3 {
        assert_eq!(value(), "42\n");
    }
    assert_eq!(log.lines_of(NAME), ["watched is read: 42"; 3]);
}

#[test]
fn wrong_write_is_refused_and_changes_nothing() {
    let _module = Module::load(NAME, "watched=42").unwrap();
    for (text, error) in NO_NUMBERS.into_iter().chain([("\n", Errno::EINVAL)]) {
        let mut log = Log::bookmark();
        assert_eq!(errno(fs::write(FILE, text)), error, "{text:?}");
        assert_eq!(log.lines_of(NAME), [""; 0], "{text:?}");
        assert_eq!(value(), "42\n", "{text:?}");
    }
    for text in OUT_OF_RANGE {
        let mut log = Log::bookmark();
        assert_eq!(errno(fs::write(FILE, text)), Errno::EINVAL, "{text}");
        let line = format!("watched={text} is not between 0 and 100");
        assert_eq!(log.records_of(NAME), [(3, line)]);
        assert_eq!(value(), "42\n", "{text}");
    }
}

#[test]
fn wrong_value_refuses_the_load() {
    let out_of_range = OUT_OF_RANGE.map(|text| (text, Errno::EINVAL));
    for (text, error) in NO_NUMBERS.into_iter().chain(out_of_range) {
        let load = Module::load(NAME, &format!("\"watched={text}\""));
        assert_eq!(load.unwrap_err(), error, "{text:?}");
        assert_eq!(proc_modules(NAME), None);
    }
}

#[test]
fn only_root_writes() {
    let _module = Module::load(NAME, "watched=42").unwrap();
    let mode = fs::metadata(FILE).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    assert_eq!(as_nobody(|| fs::write(FILE, "1")), Err(Errno::EACCES));
    assert_eq!(as_nobody(|| fs::read(FILE)), Ok(()));
    assert_eq!(value(), "42\n");
}

/// The log has the changes in the order in which they were made, so its last one is the value.
#[test]
fn writers_take_turns() {
    const WRITES: i32 = 100;
    let _quiet = QuietConsole::begin();
    let _module = Module::load(NAME, "").unwrap();
    let mut log = Log::bookmark();
    thread::scope(|scope| {
        for first in [0, 1, 2] {
            scope.spawn(move || {
                for i in 0..WRITES {
                    fs::write(FILE, ((first + 3 * i) % 101).to_string()).unwrap();
                }
            });
        }
    });
    let lines = log.lines_of(NAME);
    assert_eq!(lines.len() as i32, 3 * WRITES);
    let last = lines.last().unwrap().strip_prefix("watched becomes ");
    assert_eq!(value(), format!("{}\n", last.unwrap()));
}

#[test]
fn file_names_the_type_for_modinfo() {
    let file = fs::read(guest::module::path(NAME)).unwrap();
    let entry = b"parmtype=watched:int\0";
    assert!(file.windows(entry.len()).any(|at| at == entry));
}
