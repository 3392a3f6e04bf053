// SPDX-License-Identifier: GPL-2.0

//! `sysfs_rs`: a number and its square in `/sys/kernel/sysfs_rs`.

use guest::{errno, module::Module, process::as_nobody, race, read_in_chunks, user, CHUNKS};
use nix::errno::Errno;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

const NAME: &str = "sysfs_rs";
const FOLDER: &str = "/sys/kernel/sysfs_rs";
const VALUE: &str = "/sys/kernel/sysfs_rs/value";
const SQUARED: &str = "/sys/kernel/sysfs_rs/squared";

/// Asserts what both files hold.
#[track_caller]
fn shows(value: &str, squared: &str) {
    let read = |path| fs::read_to_string(path).unwrap();
    assert_eq!((read(VALUE), read(SQUARED)), (value.into(), squared.into()));
}

#[test]
fn folder_comes_and_goes_with_the_module() {
    for _ in 0..2 {
        let module = Module::load(NAME, "").unwrap();
        let mut names: Vec<_> = fs::read_dir(FOLDER)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["squared", "value"]);
        shows("0\n", "0\n");
        fs::write(VALUE, "5").unwrap();
        module.unload().unwrap();
        assert!(!Path::new(FOLDER).exists());
    }
}

#[test]
fn number_and_its_square_are_what_was_written() {
    let _module = Module::load(NAME, "").unwrap();
    for (text, value, squared) in [
        ("12\n", "12\n", "144\n"),
        ("-3", "-3\n", "9\n"),
        ("0x10\n", "16\n", "256\n"),
        ("010", "8\n", "64\n"),
        ("2147483647\n", "2147483647\n", "4611686014132420609\n"),
        ("-2147483648\n", "-2147483648\n", "4611686018427387904\n"),
        ("+0", "0\n", "0\n"),
    ] {
        fs::write(VALUE, text).unwrap();
        shows(value, squared);
    }
}

#[test]
fn garbage_is_refused_and_changes_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(VALUE, "12").unwrap();
    let long = "1".repeat(5000);
    for (text, error) in [
        ("\n", Errno::EINVAL),
        ("x", Errno::EINVAL),
        ("12abc", Errno::EINVAL),
        ("1 2", Errno::EINVAL),
        (" 1", Errno::EINVAL),
        ("1\n\n", Errno::EINVAL),
        ("1\0", Errno::EINVAL),
        ("\0", Errno::EINVAL),
        ("1\x002", Errno::EINVAL),
        ("2147483648", Errno::ERANGE),
        ("-2147483649", Errno::ERANGE),
        (&long, Errno::ERANGE),
    ] {
        let written = OpenOptions::new().write(true).open(VALUE).unwrap();
        assert_eq!(
            errno((&written).write(text.as_bytes())),
            error,
            "{text:.20?}"
        );
        shows("12\n", "144\n");
    }
}

#[test]
fn bad_memory_changes_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(VALUE, "12").unwrap();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(VALUE)
        .unwrap();
    assert_eq!(user::read_to_bad_pointer(&file, 3), Err(Errno::EFAULT));
    assert_eq!(user::write_from_bad_pointer(&file, 3), Err(Errno::EFAULT));
    shows("12\n", "144\n");
}

#[test]
fn reads_of_any_size_give_the_whole_value() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(VALUE, "-123456").unwrap();
    for chunk in CHUNKS {
        let content = read_in_chunks(&mut File::open(VALUE).unwrap(), chunk).unwrap();
        assert_eq!(content, b"-123456\n");
    }
    // From the start again: the new value.
    let mut file = File::open(VALUE).unwrap();
    let mut content = String::new();
    file.read_to_string(&mut content).unwrap();
    fs::write(VALUE, "7").unwrap();
    file.rewind().unwrap();
    content.clear();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "7\n");
    let mut bytes = [0; 10];
    assert_eq!(file.read_at(&mut bytes, 1).unwrap(), 1);
    assert_eq!(bytes[0], b'\n');
}

#[test]
fn everybody_reads_and_root_writes_the_value_alone() {
    let _module = Module::load(NAME, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(VALUE), mode(SQUARED)), (0o644, 0o444));
    assert_eq!(as_nobody(|| fs::write(VALUE, "1")), Err(Errno::EACCES));
    assert_eq!(as_nobody(|| fs::read(VALUE)), Ok(()));
    assert_eq!(as_nobody(|| fs::read(SQUARED)), Ok(()));
    assert_eq!(errno(fs::write(SQUARED, "1")), Errno::EACCES);
    // Root may change that, and then there is no function.
    fs::set_permissions(SQUARED, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(errno(fs::write(SQUARED, "1")), Errno::EIO);
    shows("0\n", "0\n");
}

#[test]
fn open_file_does_not_hold_the_module_and_is_dead_afterwards() {
    let module = Module::load(NAME, "").unwrap();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(VALUE)
        .unwrap();
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    assert_eq!(errno(file.read(&mut [0; 10])), Errno::ENODEV);
    assert_eq!(errno(file.write(b"1")), Errno::ENODEV);

    // It is not the new one's either.
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(errno(file.write(b"1")), Errno::ENODEV);
    shows("0\n", "0\n");
}

#[test]
fn values_are_whole_while_others_write() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(VALUE, "1").unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in ["1", "-65536", "2147483647"] {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    fs::write(VALUE, number).unwrap();
                }
            });
        }
        for _ in 0..500 {
            let value = fs::read_to_string(VALUE).unwrap();
            let squared = fs::read_to_string(SQUARED).unwrap();
            let known = ["1\n", "-65536\n", "2147483647\n"].contains(&&*value)
                && ["1\n", "4294967296\n", "4611686014132420609\n"].contains(&&*squared);
            if !known {
                stop.store(true, Relaxed);
                panic!("{value:?} {squared:?}");
            }
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn unloading_races_with_readers_and_writers() {
    let read = || fs::read(SQUARED).map(drop);
    let write = || {
        let mut file = OpenOptions::new().write(true).open(VALUE)?;
        file.write_all(b"7")
    };
    race::unload_while_used(NAME, "", [&read, &write], Errno::ENODEV);
    assert!(!Path::new(FOLDER).exists());
}

/// Of a module of the tests: a page less one byte is what a file can show.
#[test]
fn longest_value_is_4095_bytes() {
    let _module = Module::load("faulty/slow_callbacks", "folder=1").unwrap();
    let fits = fs::read_to_string("/sys/kernel/slow_callbacks/fits").unwrap();
    assert_eq!(fits, format!("{:4095}", 1));
    let too_long = fs::read("/sys/kernel/slow_callbacks/too_long");
    assert_eq!(errno(too_long), Errno::EFBIG);
}
