// SPDX-License-Identifier: GPL-2.0

//! `procfs_rw_rs`: `/proc/rw_test`, which root writes and everybody reads.

use guest::{
    errno,
    module::Module,
    process::{as_nobody, Child},
    read_in_chunks, stall,
    user::{read_to_bad_pointer, write_from_bad_pointer},
    CHUNKS,
};
use nix::errno::Errno;
use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    process::Command,
    thread,
};

const NAME: &str = "procfs_rw_rs";
const PATH: &str = "/proc/rw_test";

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

fn open_to_write() -> io::Result<File> {
    OpenOptions::new().write(true).open(PATH)
}

/// One `write(2)`.
fn write(bytes: &[u8]) -> usize {
    open_to_write().unwrap().write(bytes).unwrap()
}

fn read() -> Vec<u8> {
    fs::read(PATH).unwrap()
}

fn shown(bytes: &[u8]) -> Vec<u8> {
    [b"Last input:", bytes].concat()
}

#[test]
fn what_is_written_is_read_after_each_load() {
    for _ in 0..2 {
        let module = load();
        assert_eq!(read(), b"Last input:");
        assert_eq!(write(b"hello\n"), 6);
        assert_eq!(read(), b"Last input:hello\n");
        assert_eq!(write(b"bye"), 3);
        assert_eq!(read(), b"Last input:bye");
        module.unload().unwrap();
        assert_eq!(errno(File::open(PATH)), Errno::ENOENT);
    }
}

#[test]
fn file_belongs_to_root() {
    let _module = load();
    let metadata = fs::metadata(PATH).unwrap();
    assert_eq!(metadata.mode(), 0o100_644);
    assert_eq!((metadata.uid(), metadata.gid()), (0, 0));
}

#[test]
fn write_takes_79_bytes_at_most() {
    let _module = load();
    for length in [0, 1, 2, 78, 79, 80, 81, 4096, 100_000] {
        let bytes: Vec<u8> = (0..length).map(|i| b'a' + (i % 26) as u8).collect();
        let taken = length.min(79);
        assert_eq!(write(&bytes), taken, "{length}");
        assert_eq!(read(), shown(&bytes[..taken]), "{length}");
    }
}

#[test]
fn any_bytes_are_kept() {
    let _module = load();
    for bytes in [&b"a\0b\0"[..], b"\0", b"\xff\xfe{}%s\x1b", b"\n\n"] {
        assert_eq!(write(bytes), bytes.len());
        assert_eq!(read(), shown(bytes));
    }
}

#[test]
fn reads_of_any_size_give_the_same() {
    let _module = load();
    write(&[b'x'; 79]);
    for chunk in CHUNKS {
        let content = read_in_chunks(&mut File::open(PATH).unwrap(), chunk).unwrap();
        assert_eq!(content, shown(&[b'x'; 79]), "{chunk}");
    }
}

#[test]
fn a_message_may_come_in_pieces_by_writev() {
    let _module = load();
    // Two buffers are two writes for a file without write_iter: the last one stays.
    let buffers = [io::IoSlice::new(b"first"), io::IoSlice::new(b"second")];
    let written = open_to_write().unwrap().write_vectored(&buffers).unwrap();
    assert_eq!(written, 11);
    assert_eq!(read(), b"Last input:second");
}

#[test]
fn pread_and_lseek_find_their_place() {
    let _module = load();
    write(b"hello");
    let text = b"Last input:hello";
    let mut file = File::open(PATH).unwrap();
    for offset in 0..text.len() + 2 {
        let mut buffer = [0; 100];
        let n = file.read_at(&mut buffer, offset as u64).unwrap();
        assert_eq!(&buffer[..n], text.get(offset..).unwrap_or_default());
    }
    assert_eq!(file.stream_position().unwrap(), 0);
    assert_eq!(file.seek(SeekFrom::Start(11)).unwrap(), 11);
    assert_eq!(read_in_chunks(&mut file, 2).unwrap(), b"hello");
    assert_eq!(file.seek(SeekFrom::Current(-5)).unwrap(), 11);
    assert_eq!(read_in_chunks(&mut file, 80).unwrap(), b"hello");
    assert_eq!(file.seek(SeekFrom::Start(1 << 40)).unwrap(), 1 << 40);
    assert_eq!(file.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(errno(file.seek(SeekFrom::Current(-1 << 63))), Errno::EINVAL);
}

#[test]
fn offset_of_a_write_does_not_matter() {
    let _module = load();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(PATH)
        .unwrap();
    file.write_all(b"one").unwrap();
    // The position is the reader's.
    assert_eq!(read_in_chunks(&mut file, 80).unwrap(), b"Last input:one");
    file.write_all(b"two").unwrap();
    assert_eq!(file.stream_position().unwrap(), 14);
    assert_eq!(file.write_at(b"three", 1000).unwrap(), 5);
    file.rewind().unwrap();
    assert_eq!(read_in_chunks(&mut file, 80).unwrap(), b"Last input:three");
}

#[test]
fn shell_reads_and_writes() {
    let _module = load();
    let output = Command::new("sh")
        .args(["-c", "echo hello >/proc/rw_test; cat /proc/rw_test"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"Last input:hello\n");
}

#[test]
fn bad_pointer_returns_efault_and_changes_nothing() {
    let _module = load();
    write(b"before");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(PATH)
        .unwrap();
    // No byte is touched when none is asked for.
    assert_eq!(read_to_bad_pointer(&file, 0), Ok(0));
    for length in CHUNKS {
        assert_eq!(write_from_bad_pointer(&file, length), Err(Errno::EFAULT));
        assert_eq!(read_to_bad_pointer(&file, length), Err(Errno::EFAULT));
    }
    assert_eq!(
        read_in_chunks(&mut &file, 80).unwrap(),
        b"Last input:before"
    );
    assert_eq!(read_to_bad_pointer(&file, 0), Ok(0));
    assert_eq!(write_from_bad_pointer(&file, 0), Ok(0));
    assert_eq!(read(), b"Last input:");
}

#[test]
fn only_root_writes_whatever_the_mode() {
    let module = load();
    write(b"root");
    for mode in [0o644, 0o666, 0o777, 0o222] {
        fs::set_permissions(PATH, Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(PATH).unwrap().mode() & 0o777, mode);
        assert_eq!(as_nobody(open_to_write), Err(Errno::EACCES), "{mode:o}");
        let read_write = || OpenOptions::new().read(true).write(true).open(PATH);
        assert_eq!(as_nobody(read_write), Err(Errno::EACCES), "{mode:o}");
    }
    fs::set_permissions(PATH, Permissions::from_mode(0o666)).unwrap();
    as_nobody(|| {
        assert_eq!(read(), b"Last input:root");
        Ok(())
    })
    .unwrap();
    // Truncating needs a writable mode only, and changes nothing.
    write(b"still");
    as_nobody(|| {
        nix::fcntl::open(
            PATH,
            nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_TRUNC,
            nix::sys::stat::Mode::empty(),
        )
        .map_err(io::Error::from)
    })
    .unwrap();
    assert_eq!(read(), b"Last input:still");
    assert_eq!(module.use_count(), 0);
}

/// It is the effective user that counts, and the time of opening.
#[test]
fn root_writes_with_another_real_user() {
    use nix::unistd::{setresuid, Uid};
    let _module = load();
    let (root, nobody) = (Uid::from_raw(0), Uid::from_raw(guest::NOBODY));
    let as_users = |real, effective, body: fn() -> io::Result<()>| {
        Child::spawn_fallible(|| {
            setresuid(real, effective, root)?;
            body()
        })
        .exit_status()
    };
    let write_it = || open_to_write()?.write_all(b"effective");
    assert_eq!(as_users(nobody, root, write_it), 0);
    assert_eq!(read(), b"Last input:effective");
    fs::set_permissions(PATH, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(as_users(root, nobody, write_it), Errno::EACCES as i32);

    let open_first = || {
        let mut file = open_to_write()?;
        setresuid(Uid::from_raw(1), Uid::from_raw(1), Uid::from_raw(1))?;
        file.write_all(b"opened before")
    };
    assert_eq!(as_users(root, root, open_first), 0);
    assert_eq!(read(), b"Last input:opened before");
}

#[test]
fn open_files_keep_the_module() {
    let module = load();
    let reader = File::open(PATH).unwrap();
    assert_eq!(module.use_count(), 1);
    let writer = open_to_write().unwrap();
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(reader);
    assert_eq!(module.use_count(), 1);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(writer);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

/// Not for memory that may take its time to come.
#[test]
fn nobody_waits_for_the_memory_of_another() {
    let _module = load();
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(PATH).unwrap();
    stall::runs_beside_read(&file, || assert_eq!(write(b"x"), 1));
    stall::runs_beside_write(&file, || drop(read()));
}

/// Whoever reads while two write sees one message or the other, never a mixture.
#[test]
fn messages_are_never_mixed() {
    let _module = load();
    let (a, b) = ([b'a'; 79], [b'b'; 10]);
    let writer = |message: &'static [u8]| {
        Child::spawn_fallible(move || {
            let mut file = open_to_write()?;
            (0..2000).try_for_each(|_| file.write_all(message))
        })
    };
    write(&a);
    let writers = [writer(&[b'a'; 79]), writer(&[b'b'; 10])];
    let check = || {
        let file = File::open(PATH).unwrap();
        for _ in 0..1000 {
            let mut buffer = [0; 100];
            let n = file.read_at(&mut buffer, 0).unwrap();
            let read = &buffer[..n];
            assert!(read == shown(&a) || read == shown(&b), "{read:?}");
        }
    };
    thread::scope(|scope| {
        scope.spawn(check);
        scope.spawn(check);
    });
    for writer in writers {
        assert_eq!(writer.exit_status(), 0);
    }
}
