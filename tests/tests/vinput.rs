// SPDX-License-Identifier: GPL-2.0

//! What `vinput_rs` does not use of `abstractions/configfs.rs` and `input.rs`, by a fixture.

use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Loading, Module},
    process::wait_until,
};
use nix::errno::Errno;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

const NAME: &str = "faulty/configfs_fixture";
const FOLDER: &str = "/sys/kernel/config/fixture";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join("x").join(file)).unwrap()
}

fn write(file: &str, text: &str) -> std::io::Result<()> {
    let path = Path::new(FOLDER).join("x").join(file);
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(text.as_bytes())
}

#[test]
fn each_file_has_its_functions() {
    let _module = Module::load(NAME, "").unwrap();
    let mut log = Log::bookmark();
    let folder = Path::new(FOLDER).join("x");
    fs::create_dir(&folder).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
    assert_eq!(
        ["a", "b", "c", "sum"].map(read),
        ["0: 1\n", "1: 2\n", "2: 3\n", "6\n"]
    );
    for (file, number) in [("a", "10"), ("b", "200"), ("c", "3000")] {
        write(file, number).unwrap();
    }
    assert_eq!(
        ["a", "b", "c", "sum"].map(read),
        ["0: 10\n", "1: 200\n", "2: 3000\n", "3210\n"]
    );
    assert_eq!(errno(write("sum", "1")), Errno::EACCES);
    fs::remove_dir(&folder).unwrap();
    assert_eq!(log.lines_of("configfs_fixture"), ["x made", "x dropped"]);
}

#[test]
fn item_that_cannot_be_made_leaves_no_folder() {
    let module = Module::load(NAME, "").unwrap();
    let folder = Path::new(FOLDER).join("no, thanks");
    for _ in 0..2 {
        assert_eq!(errno(fs::create_dir(&folder)), Errno::EDOM);
        assert!(!folder.exists());
        assert_eq!(module.use_count(), 0);
    }
    module.unload().unwrap();
}

/// 767 is the largest code that the kernel knows.
#[test]
fn keyboard_has_keys_that_there_are() {
    let _module = Module::load(NAME, "").unwrap();
    for (name, result) in [("keys767", None), ("keys768", Some(Errno::EINVAL))] {
        let folder = Path::new(FOLDER).join(name);
        let mut log = Log::bookmark();
        let made = fs::create_dir(&folder);
        assert_eq!(
            made.as_ref().err().and_then(std::io::Error::raw_os_error),
            result.map(|e| e as i32)
        );
        let lines = log.lines();
        let known = lines
            .iter()
            .any(|line| line.contains("keys767 as /devices/virtual/input"));
        assert_eq!(known, made.is_ok(), "{lines:?}");
        if made.is_ok() {
            fs::remove_dir(folder).unwrap();
        }
    }
}

/// While `init` may still fail, a folder would be left in a module that is freed.
#[test]
fn no_folder_is_made_before_the_module_is_loaded() {
    let load = Loading::begin(NAME, "hold=1");
    wait_until("the subsystem", || Path::new(FOLDER).exists());
    assert_eq!(proc_modules("configfs_fixture").unwrap().state, "Loading");
    assert_eq!(
        errno(fs::create_dir(Path::new(FOLDER).join("x"))),
        Errno::ENODEV
    );
    assert_eq!(load.interrupt(), Errno::ENODEV);
    assert!(!Path::new(FOLDER).exists());
}
