// SPDX-License-Identifier: GPL-2.0

//! `procfs_seq_rs`: `/proc/iter`, with a line for each word that was written.

use guest::{
    errno,
    module::{proc_modules, Module},
    process::as_nobody,
    read_in_chunks, user, CHUNKS, NOBODY,
};
use nix::errno::Errno;
use std::{
    fs::{self, File, OpenOptions},
    io::{IoSlice, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    thread,
};

const NAME: &str = "procfs_seq_rs";
const ITER: &str = "/proc/iter";
/// What the file holds, and what one write takes.
const MAX_TEXT: usize = 256 << 10;
const MAX_WRITE: usize = 4096;

/// Returns the file, to add words to.
fn writer() -> File {
    OpenOptions::new().write(true).open(ITER).unwrap()
}

#[track_caller]
fn shows(expected: &str) {
    let content = fs::read_to_string(ITER).unwrap();
    assert!(content == expected, "{content:.200?}, {expected:.200?}");
}

/// Fills the file with so many words of different lengths, and returns its content.
fn fill(count: usize) -> String {
    let words = (0..count).map(|i| format!("{i:>0width$}\n", width = i % 50 + 1));
    let content: String = words.collect();
    writer().write_all(content.as_bytes()).unwrap();
    content
}

#[test]
fn each_word_becomes_a_line() {
    let module = Module::load(NAME, "").unwrap();
    shows("");
    for (text, content) in [
        ("one two\n", "one\ntwo\n"),
        ("", "one\ntwo\n"),
        (" \t\n", "one\ntwo\n"),
        ("  three\tfour  ", "one\ntwo\nthree\nfour\n"),
        ("!~", "one\ntwo\nthree\nfour\n!~\n"),
    ] {
        assert_eq!(writer().write(text.as_bytes()).unwrap(), text.len());
        shows(content);
    }
    module.unload().unwrap();
    // The next one begins with nothing.
    let _module = Module::load(NAME, "").unwrap();
    shows("");
}

#[test]
fn thousands_of_records_are_read_with_any_buffer() {
    let _module = Module::load(NAME, "").unwrap();
    let content = fill(3000);
    for chunk in CHUNKS {
        let read = read_in_chunks(&mut File::open(ITER).unwrap(), chunk).unwrap();
        assert!(read == content.as_bytes(), "{chunk} bytes at a time");
    }
}

#[test]
fn any_place_can_be_read() {
    let _module = Module::load(NAME, "").unwrap();
    let content = fill(3000);
    let mut file = File::open(ITER).unwrap();
    let mut rng = fastrand::Rng::with_seed(guest::seed::seed("places"));
    let mut bytes = [0; 200];
    for _ in 0..200 {
        let (at, length) = (rng.usize(..=content.len()), rng.usize(1..200));
        let expected = &content.as_bytes()[at..];
        let expected = &expected[..expected.len().min(length)];
        let n = file.read_at(&mut bytes[..length], at as u64).unwrap();
        // It may be less, but nothing else, and something before the end.
        assert!(n > 0 || expected.is_empty());
        assert_eq!(bytes[..n], expected[..n]);
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        let n = file.read(&mut bytes[..length]).unwrap();
        assert!(n > 0 || expected.is_empty());
        assert_eq!(bytes[..n], expected[..n]);
    }
}

/// Two readers with places of their own, while two writers add: a byte at a time, each
/// reads every word once, in the order in which they are in the end.
#[test]
fn nothing_is_doubled_or_lost_while_words_are_added() {
    const WORDS: usize = 2000;
    let _module = Module::load(NAME, "").unwrap();
    let before = fill(500);
    let mut read = thread::scope(|scope| {
        for name in ["a", "b"] {
            scope.spawn(move || {
                let mut file = writer();
                for i in 0..WORDS {
                    file.write_all(format!("{name}{i}").as_bytes()).unwrap();
                }
            });
        }
        let reader = || {
            let mut file = File::open(ITER).unwrap();
            let (mut content, mut byte, mut lines) = (Vec::new(), [0], 0);
            while lines < 500 + 2 * WORDS {
                // At the end of what there is by now it is 0.
                if file.read(&mut byte).unwrap() == 1 {
                    content.push(byte[0]);
                    lines += usize::from(byte == *b"\n");
                }
            }
            assert_eq!(file.read(&mut byte).unwrap(), 0);
            String::from_utf8(content).unwrap()
        };
        [scope.spawn(reader), scope.spawn(reader)].map(|reader| reader.join().unwrap())
    });
    read.iter().for_each(|content| shows(content));
    let content = read[0].split_off(before.len());
    assert_eq!(read[0], before);
    for name in ["a", "b"] {
        let lines = content.lines().filter(|line| line.starts_with(name));
        let expected = (0..WORDS).map(|i| format!("{name}{i}"));
        assert!(lines.eq(expected), "{name}");
    }
}

#[test]
fn words_of_a_write_stay_together() {
    let _module = Module::load(NAME, "").unwrap();
    thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            scope.spawn(move || {
                let mut file = writer();
                for _ in 0..500 {
                    file.write_all([name; 5].join(" ").as_bytes()).unwrap();
                }
            });
        }
    });
    let content = fs::read_to_string(ITER).unwrap();
    let lines: Vec<_> = content.lines().collect();
    assert_eq!(lines.len(), 3 * 500 * 5);
    for five in lines.chunks(5) {
        assert_eq!(five, [five[0]; 5]);
    }
}

/// A write of more than 4096 bytes takes the words that are whole, so that the rest can
/// be written again.
#[test]
fn long_writes_are_cut_between_words() {
    let _module = Module::load(NAME, "").unwrap();
    let word = "x".repeat(100) + " ";
    let text = word.repeat(50);
    assert_eq!(writer().write(text.as_bytes()).unwrap(), 40 * 101);
    let buffers = [IoSlice::new(b"y "), IoSlice::new(text.as_bytes())];
    // `writev` is one write here for each buffer.
    assert_eq!(writer().write_vectored(&buffers).unwrap(), 2 + 40 * 101);
    shows(
        &[word.repeat(40), "y ".into(), word.repeat(40)]
            .concat()
            .replace(' ', "\n"),
    );

    // The longest word, and one that is too long.
    let content = fs::read_to_string(ITER).unwrap();
    let long = "z".repeat(MAX_WRITE + 1);
    assert_eq!(errno(writer().write(long.as_bytes())), Errno::EINVAL);
    shows(&content);
    assert_eq!(writer().write(&long.as_bytes()[1..]).unwrap(), MAX_WRITE);
    shows(&(content + &long[1..] + "\n"));
}

#[test]
fn garbage_is_refused_and_changes_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    fs::write(ITER, "good").unwrap();
    for text in [
        &b"bad \x01"[..],
        b"bad \0",
        b"bad\x7f",
        b"bad \xff",
        "bad \u{e4}".as_bytes(),
        "bad\u{2003}space".as_bytes(),
    ] {
        assert_eq!(errno(writer().write(text)), Errno::EINVAL, "{text:?}");
        shows("good\n");
    }
    let file = OpenOptions::new().read(true).write(true).open(ITER);
    let file = file.unwrap();
    assert_eq!(user::write_from_bad_pointer(&file, 3), Err(Errno::EFAULT));
    assert_eq!(user::read_to_bad_pointer(&file, 3), Err(Errno::EFAULT));
    shows("good\n");
}

#[test]
fn full_file_takes_all_words_of_a_write_or_none() {
    let _module = Module::load(NAME, "").unwrap();
    // 64 words of 4096 bytes with their newlines, less three bytes.
    for _ in 0..63 {
        writer().write_all(&[b'x'; MAX_WRITE - 1]).unwrap();
    }
    writer().write_all(&[b'x'; MAX_WRITE - 4]).unwrap();
    let content = fs::read_to_string(ITER).unwrap();
    assert_eq!(content.len(), MAX_TEXT - 3);
    for text in ["a b", "abc"] {
        assert_eq!(errno(writer().write(text.as_bytes())), Errno::ENOSPC);
        shows(&content);
    }
    writer().write_all(b"ab").unwrap();
    shows(&(content.clone() + "ab\n"));
    assert_eq!(errno(writer().write(b"a")), Errno::ENOSPC);
    // Nothing is no word.
    writer().write_all(b" ").unwrap();
    assert_eq!(
        fs::metadata(ITER).unwrap().len(),
        fs::read(ITER).unwrap().len() as u64
    );
}

#[test]
fn owner_and_size_are_what_stat_tells() {
    for uid in [0, NOBODY, 12345] {
        let module = Module::load(NAME, &format!("uid={uid}")).unwrap();
        let stat = fs::metadata(ITER).unwrap();
        let mode = stat.permissions().mode() & 0o7777;
        assert_eq!(
            (stat.uid(), stat.gid(), mode, stat.len()),
            (uid, 0, 0o644, MAX_TEXT as u64)
        );
        let written = as_nobody(|| fs::write(ITER, "nobody"));
        if uid == NOBODY {
            assert_eq!(written, Ok(()));
            shows("nobody\n");
        } else {
            assert_eq!(written, Err(Errno::EACCES));
            shows("");
        }
        assert_eq!(as_nobody(|| fs::read(ITER)), Ok(()));
        // Root may at any time.
        fs::write(ITER, "root").unwrap();
        module.unload().unwrap();
    }
}

#[test]
fn open_file_holds_the_module() {
    let module = Module::load(NAME, "").unwrap();
    fs::write(ITER, "word").unwrap();
    let mut file = File::open(ITER).unwrap();
    assert_eq!(module.use_count(), 1);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let mut content = String::new();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "word\n");
    // At the end, it reads what comes.
    fs::write(ITER, "later").unwrap();
    content.clear();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "later\n");
    drop(file);
    module.unload().unwrap();
    assert_eq!(proc_modules(NAME), None);
    assert!(fs::metadata(ITER).is_err());
}
