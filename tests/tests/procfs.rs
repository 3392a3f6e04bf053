// SPDX-License-Identifier: GPL-2.0

//! `abstractions/procfs.rs`, by a module of the tests' own: what no module of the
//! guide uses.

use guest::{
    careless, errno,
    kmsg::Log,
    module::{proc_modules, Loading, Module},
    process::wait_until,
    read_in_chunks, user, CHUNKS,
};
use nix::{
    errno::Errno,
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileExt, MetadataExt},
    },
    path::Path,
    thread,
};

const NAME: &str = "procfs_fixture";
const FILE: &str = "faulty/procfs_fixture";
const FOLDER: &str = "/proc/fixture";
const RECORDS: &str = "/proc/fixture/records";
const DEVICE: &str = "/proc/fixture/inner/device";
const CARELESS: &str = "/proc/fixture/careless";

fn load() -> Module {
    Module::load(FILE, "").unwrap()
}

fn records() -> String {
    let shown = (0..3000).filter(|record| record % 3 != 2);
    shown
        .map(|record| format!("record {record:>width$}\n", width = record % 50))
        .collect()
}

#[test]
fn folders_come_and_go_with_the_module() {
    for _ in 0..2 {
        let module = load();
        let mode = fs::metadata(FOLDER).unwrap().mode();
        assert_eq!(mode, 0o40_555);
        let mut names: Vec<_> = fs::read_dir(FOLDER)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["careless", "inner", "records"]);
        for name in ["1", &"x".repeat(255)] {
            assert!(Path::new("/proc/fixture/inner").join(name).exists());
        }
        module.unload().unwrap();
        assert!(!Path::new(FOLDER).exists());
    }
}

#[test]
fn file_has_its_mode_owner_and_size() {
    let _module = load();
    let metadata = fs::metadata(RECORDS).unwrap();
    assert_eq!(metadata.mode(), 0o100_440);
    assert_eq!((metadata.uid(), metadata.gid()), (65534, 1));
    assert_eq!(metadata.len(), 12345);
    let metadata = fs::metadata(DEVICE).unwrap();
    assert_eq!(metadata.mode(), 0o100_600);
    assert_eq!((metadata.uid(), metadata.gid(), metadata.len()), (0, 0, 0));
}

#[test]
fn records_are_read_in_pieces_of_any_size() {
    let _module = load();
    for chunk in CHUNKS.into_iter().chain([4097, 1 << 20]) {
        let content = read_in_chunks(&mut File::open(RECORDS).unwrap(), chunk).unwrap();
        assert_eq!(String::from_utf8(content).unwrap(), records(), "{chunk}");
    }
}

#[test]
fn records_are_found_at_any_offset() {
    let _module = load();
    let (mut file, expected) = (File::open(RECORDS).unwrap(), records());
    for offset in [0, 1, 4095, 4096, 4097, 50_000, expected.len() - 1] {
        let mut buffer = [0; 100];
        let n = file.read_at(&mut buffer, offset as u64).unwrap();
        assert!(n > 0);
        assert_eq!(&buffer[..n], &expected.as_bytes()[offset..offset + n]);
        file.seek(SeekFrom::Start(offset as u64)).unwrap();
        let rest = read_in_chunks(&mut file, 777).unwrap();
        assert_eq!(rest, &expected.as_bytes()[offset..]);
    }
    let beyond = expected.len() as u64 + 1;
    assert_eq!(file.read_at(&mut [0; 8], beyond).unwrap(), 0);
}

/// What comes before it can be read.
#[test]
fn record_that_cannot_be_shown_fails_the_read() {
    for (fail, before) in [(0, ""), (1, "record 0\n")] {
        let _module = Module::load(FILE, &format!("fail={fail}")).unwrap();
        let mut file = File::open(RECORDS).unwrap();
        let mut content = String::new();
        assert_eq!(errno(file.read_to_string(&mut content)), Errno::EPERM);
        assert_eq!(content, before);
    }
}

#[test]
fn ioctl_gets_its_arguments() {
    let module = load();
    let file = File::open(DEVICE).unwrap();
    assert_eq!(module.use_count(), 1);
    let ioctl = |command| {
        // SAFETY: The argument is a number to the device.
        Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command, 41) })
    };
    assert_eq!(ioctl(0x7001), Ok(42));
    assert_eq!(ioctl(0x7002), Err(Errno::ENOTTY));
    for (command, result) in [(0x7001, Ok(42)), (0x7002, Err(Errno::ENOTTY))] {
        // SAFETY: As above.
        let ioctl = unsafe { user::ioctl_32(file.as_fd(), command, 41) };
        assert_eq!(ioctl, result, "of a 32-bit process");
    }
    // A file without the callback.
    let file = File::open(RECORDS).unwrap();
    // SAFETY: As above.
    let result = Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), 0x7001, 41) });
    assert_eq!(result, Err(Errno::ENOTTY));
}

/// Without a callback for `poll`, which no file in `/proc` can have.
#[test]
fn poll_says_what_it_says_of_any_file() {
    let _module = load();
    for path in [DEVICE, RECORDS] {
        let file = File::open(path).unwrap();
        let events = PollFlags::POLLIN | PollFlags::POLLOUT;
        let mut fds = [PollFd::new(file.as_fd(), events)];
        poll(&mut fds, PollTimeout::ZERO).unwrap();
        assert_eq!(fds[0].revents(), Some(events));
    }
}

/// What a callback claims beyond what it has moved is an error of it, not believed.
#[test]
fn counts_of_a_careless_driver_are_not_believed() {
    let module = load();
    let path = Path::new(CARELESS);
    careless::moves_what_it_says(path, b"careless");
    // Room for more pages than are filled.
    let spliced = careless::splice_from(path, 3 * 4096);
    assert_eq!(spliced.as_deref(), Ok(&b"careless"[..]));
    module.unload().unwrap();

    for params in ["claim=1", "claim=4096", "claim=1000000", "queue=1"] {
        let _module = Module::load(FILE, params).unwrap();
        careless::is_refused(path);
        for length in [1, 4096, 3 * 4096] {
            assert_eq!(careless::splice_from(path, length), Err(Errno::EIO));
        }
    }
}

/// The file's own data is not where it is without records.
#[test]
fn file_of_records_can_be_written_to() {
    let _module = load();
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(RECORDS)
        .unwrap();
    assert_eq!(file.write(b"abc").unwrap(), 3);
    assert_eq!(file.stream_position().unwrap(), 3);
    let mut rest = [0; 5];
    file.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, &records().as_bytes()[3..8]);
}

/// Nobody gets in before `init` has returned, so one that fails has nobody to wait for.
#[test]
fn file_of_a_module_that_still_loads_cannot_be_opened() {
    let load = Loading::begin(FILE, "hold=1");
    wait_until("the file", || Path::new(CARELESS).exists());
    for _ in 0..100 {
        assert_eq!(errno(File::open(CARELESS)), Errno::ENOENT);
        assert_eq!(errno(File::open(RECORDS)), Errno::ENOENT);
    }
    assert_eq!(load.interrupt(), Errno::ENODEV);
    assert_eq!(proc_modules(NAME), None);
    assert!(!Path::new(FOLDER).exists());
}

/// `open` borrows the data of the file. What keeps that alive is the order of dropping: first
/// the file, and with it every call of `open`, then the data.
#[test]
fn file_goes_before_its_data() {
    let module = Module::load(FILE, "slow=1").unwrap();
    let mut log = Log::bookmark();
    thread::scope(|scope| {
        let unloaded = scope.spawn(|| module.unload());
        log.wait_for("the data goes");
        assert!(!Path::new(DEVICE).exists());
        assert_eq!(unloaded.join().unwrap(), Ok(()));
    });
}

#[test]
fn file_without_read_and_write_returns_eio() {
    let _module = load();
    let mut file = File::options().read(true).write(true).open(DEVICE).unwrap();
    assert_eq!(errno(file.read(&mut [0; 8])), Errno::EIO);
    assert_eq!(errno(file.write(b"x")), Errno::EIO);
}

#[test]
fn names_that_proc_cannot_have_are_refused_and_leave_nothing() {
    for bad_name in 1..=6 {
        let error = Module::load(FILE, &format!("bad_name={bad_name}")).unwrap_err();
        assert_eq!(error, Errno::EINVAL);
        assert_eq!(proc_modules(NAME), None);
        assert_eq!(
            fs::metadata(FOLDER).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
    load().unload().unwrap();
}
