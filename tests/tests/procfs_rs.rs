// SPDX-License-Identifier: GPL-2.0

//! `procfs_rs`: `/proc/test`, which counts its readers.

use guest::{
    errno,
    module::{proc_modules, Module},
    process::{as_nobody, Child},
    read_in_chunks,
    user::read_to_bad_pointer,
    CHUNKS,
};
use nix::errno::Errno;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt},
    sync::{Barrier, Mutex},
    thread,
};

const NAME: &str = "procfs_rs";
const PATH: &str = "/proc/test";

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

fn open() -> File {
    File::open(PATH).unwrap()
}

fn read() -> String {
    fs::read_to_string(PATH).unwrap()
}

/// What the n-th reader gets; the exceptions from "th" are listed, not computed.
fn text(n: u32) -> String {
    let suffix = match n {
        1 | 21 | 31 | 41 | 51 | 61 | 71 | 81 | 91 | 101 | 121 => "st",
        2 | 22 | 32 | 42 | 52 | 62 | 72 | 82 | 92 | 102 | 122 => "nd",
        3 | 23 | 33 | 43 | 53 | 63 | 73 | 83 | 93 | 103 | 123 => "rd",
        1..=123 => "th",
        _ => panic!("not listed: {n}"),
    };
    format!("For the {n}{suffix} time, go away!\n")
}

/// The number in what a reader got.
fn number(text: &str) -> u32 {
    let digits = text.strip_prefix("For the ").unwrap();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap();
    digits[..end].parse().unwrap()
}

#[test]
fn ordinals_are_right_from_1_to_121_after_each_load() {
    for _ in 0..2 {
        let module = load();
        for n in 1..=121 {
            assert_eq!(read(), text(n));
        }
        module.unload().unwrap();
        assert_eq!(errno(File::open(PATH)), Errno::ENOENT);
    }
}

#[test]
fn file_is_read_only_and_belongs_to_root() {
    let _module = load();
    let metadata = fs::metadata(PATH).unwrap();
    assert_eq!(metadata.mode(), 0o100_444);
    assert_eq!((metadata.uid(), metadata.gid()), (0, 0));
    assert_eq!(metadata.len(), 0);
}

#[test]
fn file_read_in_pieces_counts_once() {
    let _module = load();
    for (n, chunk) in (1..).zip(CHUNKS) {
        let content = read_in_chunks(&mut open(), chunk).unwrap();
        assert_eq!(content, text(n).as_bytes(), "{chunk}");
    }
    assert_eq!(read(), text(CHUNKS.len() as u32 + 1));
}

#[test]
fn two_readers_at_once_get_two_numbers() {
    let _module = load();
    let (mut a, mut b) = (open(), open());
    let mut first = [0; 9];
    b.read_exact(&mut first).unwrap();
    assert_eq!(read_in_chunks(&mut a, 3).unwrap(), text(2).as_bytes());
    let rest = read_in_chunks(&mut b, 3).unwrap();
    assert_eq!([&first[..], &rest].concat(), text(1).as_bytes());
    assert_eq!(read(), text(3));
}

#[test]
fn open_without_a_read_counts_nothing() {
    let _module = load();
    drop(open());
    OpenOptions::new().write(true).open(PATH).unwrap();
    let idle = open();
    assert_eq!((&idle).read(&mut []).unwrap(), 0);
    assert_eq!(read(), text(1));
}

#[test]
fn a_file_keeps_its_number_wherever_it_is_read() {
    let _module = load();
    let mut file = open();
    let text = text(1);
    for _ in 0..2 {
        for offset in 0..text.len() + 2 {
            let mut buffer = [0; 100];
            let n = file.read_at(&mut buffer, offset as u64).unwrap();
            let expected = text.get(offset..).unwrap_or_default();
            assert_eq!(&buffer[..n], expected.as_bytes(), "{offset}");
        }
    }
    // pread(2) leaves the position alone.
    assert_eq!(file.stream_position().unwrap(), 0);
    assert_eq!(read_in_chunks(&mut file, 4).unwrap(), text.as_bytes());
    file.rewind().unwrap();
    assert_eq!(read_in_chunks(&mut file, 4).unwrap(), text.as_bytes());
    assert_eq!(file.seek(SeekFrom::Start(8)).unwrap(), 8);
    assert_eq!(file.seek(SeekFrom::Current(3)).unwrap(), 11);
    assert_eq!(
        read_in_chunks(&mut file, 4).unwrap(),
        &text.as_bytes()[11..]
    );
    assert_eq!(read(), self::text(2));
}

#[test]
fn wrong_seeks_return_einval() {
    let _module = load();
    let mut file = open();
    assert_eq!(errno(file.seek(SeekFrom::Current(-1))), Errno::EINVAL);
    assert_eq!(errno(file.seek(SeekFrom::End(0))), Errno::EINVAL);
    assert_eq!(read_in_chunks(&mut file, 80).unwrap(), text(1).as_bytes());
}

#[test]
fn bad_pointer_returns_efault_and_loses_nothing() {
    let _module = load();
    let mut file = open();
    for length in CHUNKS {
        assert_eq!(read_to_bad_pointer(&file, length), Err(Errno::EFAULT));
    }
    assert_eq!(read_in_chunks(&mut file, 80).unwrap(), text(1).as_bytes());
    // Not even at the end, where there is nothing to be written.
    assert_eq!(read_to_bad_pointer(&file, 80), Ok(0));
    assert_eq!(read(), text(2));
}

#[test]
fn nobody_reads_and_does_not_write() {
    let _module = load();
    as_nobody(|| {
        assert_eq!(fs::read_to_string(PATH)?, text(1));
        Ok(())
    })
    .unwrap();
    let write = || OpenOptions::new().write(true).open(PATH);
    assert_eq!(as_nobody(write), Err(Errno::EACCES));
    // root may open what it likes, but there is nothing to write to.
    assert_eq!(errno(write().unwrap().write(b"x")), Errno::EIO);
    assert_eq!(read(), text(2));
}

#[test]
fn open_files_keep_the_module() {
    let module = load();
    assert_eq!(module.use_count(), 0);
    let first = open();
    assert_eq!(module.use_count(), 1);
    let second = open();
    assert_eq!(module.use_count(), 2);
    // One open file, two descriptors.
    let third = second.try_clone().unwrap();
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(read(), text(1));
    drop(first);
    drop(second);
    assert_eq!(module.use_count(), 1);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(third);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn refused_opens_leave_no_count() {
    let module = load();
    let write = || OpenOptions::new().write(true).open(PATH);
    for _ in 0..3 {
        as_nobody(write).unwrap_err();
    }
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

/// Two threads at once; every number is given, none twice. So many numbers that a count in
/// two steps, a load and a store, would lose some of them.
#[test]
fn threads_never_share_a_number() {
    const ROUNDS: u32 = 200;
    const FILES: u32 = 100;
    let _module = load();
    let start = Barrier::new(2);
    // A file has its number at its first read: these come at once.
    let numbers_of_files = |_| {
        let files: Vec<_> = (0..FILES).map(|_| open()).collect();
        let mut buffer = [0; 60];
        start.wait();
        let read = |file: &File| {
            let length = file.read_at(&mut buffer, 0).unwrap();
            number(std::str::from_utf8(&buffer[..length]).unwrap())
        };
        files.iter().map(read).collect::<Vec<_>>()
    };
    let numbers = || (0..ROUNDS).flat_map(numbers_of_files).collect::<Vec<_>>();
    let mut all = thread::scope(|scope| {
        let threads = [scope.spawn(numbers), scope.spawn(numbers)];
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    all.sort_unstable();
    assert!(all.into_iter().eq(1..=2 * ROUNDS * FILES));
}

/// Two processes at once; each sees its numbers grow, and all are counted.
#[test]
fn processes_never_share_a_number() {
    let _module = load();
    let (a, b) = ("/tmp/numbers-a", "/tmp/numbers-b");
    let children = [a, b].map(|path| {
        Child::spawn_fallible(|| {
            let numbers: Vec<_> = (0..200).map(|_| number(&read()).to_string()).collect();
            fs::write(path, numbers.join(" "))
        })
    });
    for child in children {
        assert_eq!(child.exit_status(), 0);
    }
    let numbers = |path| -> Vec<u32> {
        let text = fs::read_to_string(path).unwrap();
        text.split(' ').map(|n| n.parse().unwrap()).collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    assert!(a.is_sorted() && b.is_sorted());
    let all: BTreeSet<_> = a.into_iter().chain(b).collect();
    assert!(all.into_iter().eq(1..=400));
}

/// Two threads share an open file: each byte goes to one of them, and it counts once.
#[test]
fn threads_share_the_bytes_of_one_file() {
    let _module = load();
    for n in 1..=20 {
        let file = open();
        let bytes = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let part = read_in_chunks(&mut &file, 1).unwrap();
                    bytes.lock().unwrap().extend(part);
                });
            }
        });
        let mut bytes = bytes.into_inner().unwrap();
        let mut expected = text(n).into_bytes();
        bytes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(bytes, expected);
    }
}

/// While another process opens, reads and closes as fast as it can, unloading is
/// either refused or complete, and the other sees a file or none.
#[test]
fn unloading_races_with_readers() {
    let reader = Child::spawn_fallible(|| -> std::io::Result<()> {
        loop {
            match File::open(PATH) {
                Ok(mut file) => {
                    let text = read_in_chunks(&mut file, 16)?;
                    assert!(text.ends_with(b" time, go away!\n"));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    });
    let (mut refused, mut unloaded) = (0, 0);
    let mut module = load();
    while refused < 20 || unloaded < 100 {
        match module.try_unload() {
            Ok(()) => {
                assert_eq!(proc_modules(NAME), None);
                unloaded += 1;
                drop(module);
                module = load();
            }
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                refused += 1;
            }
        }
        assert!(!reader.ended());
    }
    drop(reader);
}
