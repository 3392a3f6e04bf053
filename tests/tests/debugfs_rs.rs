// SPDX-License-Identifier: GPL-2.0

//! `debugfs_rs`: a number, a switch, a text and bytes in `/sys/kernel/debug/debugfs_rs`.

use guest::{errno, module::Module, process::as_nobody, race, read_in_chunks, user, CHUNKS};
use nix::errno::Errno;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, PermissionsExt},
    },
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

const NAME: &str = "debugfs_rs";
const FOLDER: &str = "/sys/kernel/debug/debugfs_rs";
const COUNTER: &str = "/sys/kernel/debug/debugfs_rs/counter";
const ENABLED: &str = "/sys/kernel/debug/debugfs_rs/enabled";
const MESSAGE: &str = "/sys/kernel/debug/debugfs_rs/message";
const BLOB: &str = "/sys/kernel/debug/debugfs_rs/blob";

/// Asserts what the files of text hold.
#[track_caller]
fn shows(counter: &str, enabled: &str, message: &str) {
    let read = [COUNTER, ENABLED, MESSAGE].map(|path| fs::read_to_string(path).unwrap());
    assert_eq!(read, [counter, enabled, message]);
}

fn open(path: &str) -> File {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.unwrap()
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
        assert_eq!(names, ["blob", "counter", "enabled", "message"]);
        shows("0\n", "Y\n", "");
        fs::write(COUNTER, "5").unwrap();
        module.unload().unwrap();
        assert!(!Path::new(FOLDER).exists());
    }
}

#[test]
fn messages_are_counted_while_that_is_enabled() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(MESSAGE, "Hello\n").unwrap();
    shows("1\n", "Y\n", "Hello\n");
    fs::write(ENABLED, "N\n").unwrap();
    fs::write(MESSAGE, "no newline, \u{e4}").unwrap();
    shows("1\n", "N\n", "no newline, \u{e4}");
    fs::write(COUNTER, "4294967295\n").unwrap();
    shows("4294967295\n", "N\n", "no newline, \u{e4}");
    fs::write(ENABLED, "1").unwrap();
    fs::write(MESSAGE, "\0").unwrap();
    shows("0\n", "Y\n", "\0");
}

#[test]
fn switch_takes_what_others_in_debugfs_take() {
    let _module = Module::load(NAME, "").unwrap();
    for (text, shown) in [("n", "N\n"), ("y\n", "Y\n"), ("0", "N\n"), ("Y", "Y\n")] {
        fs::write(ENABLED, text).unwrap();
        shows("0\n", shown, "");
    }
}

#[test]
fn garbage_is_refused_and_changes_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(MESSAGE, "kept").unwrap();
    fs::write(COUNTER, "12").unwrap();
    let long = vec![b'1'; 4096];
    for (path, text, error) in [
        (COUNTER, &b"\n"[..], Errno::EINVAL),
        (COUNTER, b"-1", Errno::EINVAL),
        (COUNTER, b"12abc", Errno::EINVAL),
        (COUNTER, b"1 2", Errno::EINVAL),
        (COUNTER, b"1\0", Errno::EINVAL),
        (COUNTER, b"4294967296", Errno::EINVAL),
        (COUNTER, &long[..4095], Errno::EINVAL),
        (COUNTER, &long, Errno::EFBIG),
        (ENABLED, b"yes", Errno::EINVAL),
        (ENABLED, b"2", Errno::EINVAL),
        (ENABLED, b"\n", Errno::EINVAL),
        (MESSAGE, b"\xff", Errno::EINVAL),
        (MESSAGE, &long, Errno::EFBIG),
    ] {
        assert_eq!(errno(open(path).write(text)), error, "{path} {text:.20?}");
        shows("12\n", "Y\n", "kept");
    }
    for path in [COUNTER, ENABLED, MESSAGE] {
        let file = open(path);
        assert_eq!(user::read_to_bad_pointer(&file, 3), Err(Errno::EFAULT));
        assert_eq!(user::write_from_bad_pointer(&file, 3), Err(Errno::EFAULT));
        shows("12\n", "Y\n", "kept");
    }
}

/// The original refuses the second write to an open file.
#[test]
fn open_file_is_written_again_and_again() {
    let _module = Module::load(NAME, "").unwrap();
    let mut file = open(MESSAGE);
    for (i, text) in ["first", "2nd", "the third"].into_iter().enumerate() {
        file.write_all(text.as_bytes()).unwrap();
        shows(&format!("{}\n", i + 1), "Y\n", text);
    }
    assert_eq!(file.write_at(b"elsewhere", 1000).unwrap(), 9);
    shows("4\n", "Y\n", "elsewhere");
    let longest = "x".repeat(4095);
    file.write_all(longest.as_bytes()).unwrap();
    shows("5\n", "Y\n", &longest);
}

#[test]
fn reads_of_any_size_at_any_place_give_the_content() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(MESSAGE, "y".repeat(4000) + "z").unwrap();
    let blob: Vec<u8> = (0..=255).collect();
    let message = fs::read(MESSAGE).unwrap();
    assert_eq!(message.len(), 4001);
    for (path, content) in [(BLOB, &blob), (MESSAGE, &message)] {
        for chunk in CHUNKS {
            let read = read_in_chunks(&mut File::open(path).unwrap(), chunk).unwrap();
            assert_eq!(&read, content);
        }
        let mut file = File::open(path).unwrap();
        let mut bytes = [0; 10];
        for at in [0, 1, 100, content.len() - 3, content.len(), 10_000] {
            let expected = content.get(at..).unwrap_or_default();
            let expected = &expected[..expected.len().min(10)];
            let n = file.read_at(&mut bytes, at as u64).unwrap();
            assert_eq!(&bytes[..n], expected, "{path} at {at}");
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            let n = file.read(&mut bytes).unwrap();
            assert_eq!(&bytes[..n], expected, "{path} at {at}");
        }
    }
}

#[test]
fn root_alone_reads_and_writes() {
    let _module = Module::load(NAME, "").unwrap();
    for (path, mode) in [
        (COUNTER, 0o600),
        (ENABLED, 0o600),
        (MESSAGE, 0o600),
        (BLOB, 0o400),
    ] {
        let metadata = fs::metadata(path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
        assert_eq!(as_nobody(|| File::open(path)), Err(Errno::EACCES), "{path}");
    }
    // Root may write what nobody else may, and then there is no function.
    assert_eq!(errno(open(BLOB).write(b"1")), Errno::EINVAL);
}

/// What `kernel::debugfs` gets wrong: `tests/debug/caught.bats`.
#[test]
fn open_file_does_not_hold_the_module_and_is_dead_afterwards() {
    let module = Module::load(NAME, "").unwrap();
    let mut files = [COUNTER, ENABLED, MESSAGE, BLOB].map(open);
    // One that has read, and one that has not.
    files[0].read_exact(&mut [0]).unwrap();
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    for file in &mut files {
        assert_eq!(errno(file.read(&mut [0; 10])), Errno::EIO);
        assert_eq!(errno(file.write(b"1")), Errno::EIO);
        assert_eq!(errno(file.seek(SeekFrom::Start(0))), Errno::EIO);
        let again = format!("/proc/self/fd/{}", file.as_raw_fd());
        assert_eq!(errno(File::open(again)), Errno::ENOENT);
    }

    // It is not the new one's either; and closing it is none of the module's business.
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(errno(files[0].write(b"1")), Errno::EIO);
    drop(files);
    shows("0\n", "Y\n", "");
}

#[test]
fn messages_are_whole_while_others_write() {
    let _module = Module::load(NAME, "").unwrap();
    let messages = ["a".repeat(10), "b".repeat(4000), "c".into()];
    fs::write(MESSAGE, &messages[0]).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for message in &messages {
            let stop = &stop;
            scope.spawn(move || {
                let mut file = open(MESSAGE);
                while !stop.load(Relaxed) {
                    file.write_all(message.as_bytes()).unwrap();
                }
            });
        }
        let mut bytes = [0; 4096];
        let file = File::open(MESSAGE).unwrap();
        for _ in 0..500 {
            let n = file.read_at(&mut bytes, 0).unwrap();
            let known = messages.iter().any(|text| text.as_bytes() == &bytes[..n]);
            if !known {
                stop.store(true, Relaxed);
                panic!("{n} bytes");
            }
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn unloading_races_with_readers_and_writers() {
    let read = || fs::read(BLOB).map(drop);
    let write = || {
        let mut file = OpenOptions::new().write(true).open(MESSAGE)?;
        file.write_all(b"7")
    };
    race::unload_while_used(NAME, "", [&read, &write], Errno::EIO);
    assert!(!Path::new(FOLDER).exists());
}

/// Of a module of the tests: a page less one byte is what a text can be; bytes are more.
#[test]
fn longest_text_is_4095_bytes() {
    let _module = Module::load("faulty/slow_callbacks", "folder=2").unwrap();
    let read = |name| fs::read(format!("/sys/kernel/debug/slow_callbacks/{name}"));
    assert_eq!(read("fits").unwrap(), format!("{:4095}", 1).as_bytes());
    assert_eq!(errno(read("too_long")), Errno::EFBIG);
    assert_eq!(read("zeros").unwrap(), [0; 100_000]);
}
