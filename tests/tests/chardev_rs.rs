// SPDX-License-Identifier: GPL-2.0

//! `chardev_rs`: a character device that can be read. For 4 vCPUs: `SMP=4 cargo test
//! chardev_rs::`.

use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Module},
    race,
    user::{self, su_nobody, Edge, BAD_ADDRESSES},
};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        stat::{major, makedev, minor, mknod, Mode, SFlag},
        uio::{pread, pwrite},
    },
};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{IoSliceMut, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::Path,
    sync::Barrier,
    thread,
};

const NAME: &str = "chardev_rs";
const DEVICE: &str = "/dev/chardev_rs";

/// Loads the module.
fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

/// Opens the device.
fn open() -> File {
    File::open(DEVICE).unwrap()
}

/// What the n-th open reads.
fn message(n: usize) -> String {
    format!("If I told you once, I told you {n} times Hello, world\n")
}

/// The device's major number, if it has one.
fn proc_devices() -> Option<u64> {
    let devices = fs::read_to_string("/proc/devices").unwrap();
    devices
        .lines()
        .take_while(|line| *line != "Block devices:")
        .find_map(|line| line.trim().strip_suffix(" chardev_rs"))
        .map(|major| major.parse().unwrap())
}

/// Asserts that nothing of the module is left.
#[track_caller]
fn nothing_left() {
    assert_eq!(proc_modules(NAME), None);
    assert_eq!(proc_devices(), None);
    for path in [DEVICE, "/sys/class/chardev_rs"] {
        assert!(!Path::new(path).exists(), "{path}");
    }
}

#[test]
fn loads_is_read_and_unloads_twice() {
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let module = load();
        let number = proc_devices().unwrap();
        assert_eq!(
            log.lines_of(NAME),
            [format!("The major device number is {number}.")]
        );

        let node = fs::metadata(DEVICE).unwrap();
        assert!(node.file_type().is_char_device());
        assert_eq!((major(node.rdev()), minor(node.rdev())), (number, 0));
        assert_eq!(node.permissions().mode() & 0o7777, 0o444);
        assert_eq!((node.uid(), node.gid()), (0, 0));
        let sysfs = fs::read_to_string("/sys/class/chardev_rs/chardev_rs/dev").unwrap();
        assert_eq!(sysfs, format!("{number}:0\n"));

        for n in 0..3 {
            assert_eq!(fs::read_to_string(DEVICE).unwrap(), message(n));
        }
        let device = format!("Device: {number}.0");
        assert_eq!(log.lines_of(NAME), [device.as_str(); 3]);

        module.unload().unwrap();
        nothing_left();
        assert_eq!(log.lines_of(NAME), [""; 0]);
    }
}

#[test]
fn reads_come_in_blocks_of_any_size() {
    let _module = load();
    for (n, chunk) in [1, 2, 7, 52, 53, 54, 79, 80, 81, 4096]
        .into_iter()
        .enumerate()
    {
        let mut file = open();
        let mut rest = message(n).into_bytes();
        let mut buffer = vec![0xaa; chunk];
        while !rest.is_empty() {
            let read = file.read(&mut buffer).unwrap();
            assert_eq!(read, chunk.min(rest.len()), "chunks of {chunk}");
            assert_eq!(buffer[..read], rest[..read]);
            rest.drain(..read);
        }
        for _ in 0..2 {
            assert_eq!(file.read(&mut buffer).unwrap(), 0);
        }
    }
}

#[test]
fn read_of_zero_bytes_and_of_several_buffers() {
    let _module = load();
    let mut file = open();
    assert_eq!(file.read(&mut []).unwrap(), 0);

    let (mut first, mut second) = ([0; 10], [0; 100]);
    let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let text = message(0);
    assert_eq!(file.read_vectored(&mut buffers).unwrap(), text.len());
    assert_eq!(first, text.as_bytes()[..10]);
    assert_eq!(second[..text.len() - 10], text.as_bytes()[10..]);
}

#[test]
fn pread_reads_anywhere_and_leaves_the_position() {
    let _module = load();
    let mut file = open();
    let text = message(0);
    let mut buffer = [0; 80];
    for offset in 0..=text.len() + 1 {
        let read = pread(&file, &mut buffer, offset as i64).unwrap();
        let expected = text.as_bytes().get(offset..).unwrap_or_default();
        assert_eq!(buffer[..read], *expected, "offset {offset}");
    }
    // The kernel refuses an offset whose end does not fit.
    assert_eq!(pread(&file, &mut buffer, i64::MAX - 80), Ok(0));
    assert_eq!(pread(&file, &mut buffer, i64::MAX), Err(Errno::EINVAL));
    assert_eq!(pread(&file, &mut buffer, -1), Err(Errno::EINVAL));

    let mut whole = String::new();
    file.read_to_string(&mut whole).unwrap();
    assert_eq!(whole, text);
}

#[test]
fn lseek_goes_everywhere_in_the_message() {
    let _module = load();
    let mut file = open();
    let text = message(0);
    let end = text.len() as u64;

    for (to, position) in [
        (SeekFrom::Start(5), 5),
        (SeekFrom::Current(7), 12),
        (SeekFrom::Current(-2), 10),
        (SeekFrom::End(-1), end - 1),
        (SeekFrom::End(0), end),
        (SeekFrom::Start(0), 0),
    ] {
        assert_eq!(file.seek(to).unwrap(), position, "{to:?}");
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, text[position as usize..], "{to:?}");
        file.seek(SeekFrom::Start(position)).unwrap();
    }

    file.seek(SeekFrom::Start(3)).unwrap();
    for to in [
        SeekFrom::Start(end + 1),
        SeekFrom::Start(i64::MAX as u64),
        SeekFrom::Current(-4),
        SeekFrom::End(1),
        SeekFrom::End(i64::MIN),
    ] {
        assert_eq!(errno(file.seek(to)), Errno::EINVAL, "{to:?}");
        assert_eq!(file.stream_position().unwrap(), 3);
    }
    // SAFETY: The call takes no pointer.
    let result = unsafe { nix::libc::lseek(file.as_raw_fd(), 0, 99) };
    assert_eq!(Errno::result(result), Err(Errno::EINVAL));
}

#[test]
fn second_open_returns_ebusy_and_does_not_count() {
    let module = load();
    let number = proc_devices().unwrap();
    let mut log = Log::bookmark();
    let mut file = open();
    for _ in 0..3 {
        assert_eq!(errno(File::open(DEVICE)), Errno::EBUSY);
    }
    // Each is told of, as in the original, and none pins the module.
    let device = format!("Device: {number}.0");
    assert_eq!(log.lines_of(NAME), [device.as_str(); 4]);
    let pinned = module.use_count();

    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, message(0));
    drop(file);
    assert!(module.use_count() < pinned);
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message(1));
}

#[test]
fn device_stays_busy_until_the_last_descriptor_is_closed() {
    let _module = load();
    let file = open();
    let other = file.try_clone().unwrap();
    drop(file);
    assert_eq!(errno(File::open(DEVICE)), Errno::EBUSY);
    drop(other);
    open();
}

#[test]
fn write_returns_einval_and_changes_nothing() {
    let _module = load();
    for options in [
        OpenOptions::new().write(true),
        OpenOptions::new().read(true).write(true),
        OpenOptions::new().append(true),
    ] {
        let mut file = options.open(DEVICE).unwrap();
        for text in [&b""[..], b"x", &[0; 4096]] {
            assert_eq!(errno(file.write(text)), Errno::EINVAL);
            assert_eq!(pwrite(&file, text, 1), Err(Errno::EINVAL));
        }
    }
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message(3));
}

#[test]
fn descriptor_without_the_right_access_returns_ebadf() {
    let _module = load();
    assert_eq!(errno(open().write(b"x")), Errno::EBADF);
    let mut file = OpenOptions::new().write(true).open(DEVICE).unwrap();
    assert_eq!(errno(file.read(&mut [0])), Errno::EBADF);
}

#[test]
fn bad_pointer_returns_efault_and_the_position_stays() {
    let _module = load();
    let mut file = open();
    for address in BAD_ADDRESSES {
        // SAFETY: There is no memory of ours at the address.
        let result = unsafe { user::read(file.as_fd(), address, 10) };
        assert_eq!(result, Err(Errno::EFAULT), "{address:#x}");
        assert_eq!(file.stream_position().unwrap(), 0);
    }

    // What is there of the buffer is filled; the rest comes with the next read.
    let text = message(0);
    let mut edge = Edge::unmapped();
    // SAFETY: The memory is that of `edge`, which nobody borrows now.
    let read = unsafe { user::read(file.as_fd(), edge.address(10), 100) }.unwrap();
    assert!((1..=10).contains(&read), "{read}");
    assert_eq!(edge.last(10)[..read], text.as_bytes()[..read]);
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, text[read..]);
    // At the end there is nothing to write, wherever.
    // SAFETY: As above.
    assert_eq!(unsafe { user::read(file.as_fd(), 8, 10) }, Ok(0));
}

#[test]
fn every_minor_number_works_and_is_logged() {
    let _module = load();
    let number = proc_devices().unwrap();
    for (n, minor) in [0, 7, 255].into_iter().enumerate() {
        let path = format!("/dev/chardev_rs.{minor}");
        let device = makedev(number, minor);
        mknod(path.as_str(), SFlag::S_IFCHR, Mode::S_IRUSR, device).unwrap();
        let mut log = Log::bookmark();
        assert_eq!(fs::read_to_string(&path).unwrap(), message(n));
        assert_eq!(log.lines_of(NAME), [format!("Device: {number}.{minor}")]);
        fs::remove_file(path).unwrap();
    }

    let path = "/dev/chardev_rs.256";
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(number, 256)).unwrap();
    assert_eq!(errno(File::open(path)), Errno::ENXIO);
    fs::remove_file(path).unwrap();
}

#[test]
fn open_file_pins_the_module() {
    let module = load();
    assert_eq!(module.use_count(), 0);
    let file = open();
    // One for the `struct cdev`, one for the file operations: as for any C driver.
    assert_eq!(module.use_count(), 2);
    let other = file.try_clone().unwrap();
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(proc_modules(NAME).unwrap().state, "Live");

    drop(file);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let mut text = String::new();
    { &other }.read_to_string(&mut text).unwrap();
    assert_eq!(text, message(0));

    drop(other);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    nothing_left();
}

#[test]
fn node_kept_over_unload_opens_nothing() {
    let module = load();
    let number = proc_devices().unwrap();
    let path = "/dev/chardev_rs.kept";
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(number, 0)).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), message(0));
    module.unload().unwrap();
    assert_eq!(errno(File::open(path)), Errno::ENXIO);
    fs::remove_file(path).unwrap();
}

#[test]
fn what_the_device_lacks() {
    let _module = load();
    let file = open();
    // SAFETY: The command has no argument.
    let result = unsafe { nix::libc::ioctl(file.as_raw_fd(), 0x6400, 0) };
    assert_eq!(Errno::result(result), Err(Errno::ENOTTY));
    assert_eq!(errno(file.sync_all()), Errno::EINVAL);

    let mut files = [PollFd::new(
        file.as_fd(),
        PollFlags::POLLIN | PollFlags::POLLOUT,
    )];
    assert_eq!(poll(&mut files, PollTimeout::ZERO), Ok(1));
    let events = PollFlags::POLLIN | PollFlags::POLLOUT;
    assert_eq!(files[0].revents(), Some(events));
}

#[test]
fn user_may_read_and_not_write() {
    let _module = load();
    let output = su_nobody("cat /dev/chardev_rs");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), message(0));
    assert!(output.status.success());

    let output = su_nobody("echo x >/dev/chardev_rs");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("Permission denied"), "{error}");
    assert!(!output.status.success());
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message(1));
}

#[test]
fn contested_open_has_one_winner_each_time() {
    let module = load();
    let opens = race::exclusive_open(DEVICE, 4000);
    assert_eq!(module.use_count(), 0);
    // Each winner was counted, nobody else.
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message(opens));
}

/// Reads in blocks of seven until the end; marks each block that came.
fn read_blocks(mut file: &File, text: &str, seen: &mut HashSet<usize>) {
    let mut buffer = [0; 7];
    loop {
        let read = file.read(&mut buffer).unwrap();
        if read == 0 {
            return;
        }
        let block = text
            .as_bytes()
            .chunks(7)
            .position(|block| *block == buffer[..read]);
        seen.insert(block.expect("a block of the message"));
    }
}

#[test]
fn two_threads_read_one_file() {
    let _module = load();
    for n in 0..100 {
        let (file, text, barrier) = (open(), message(n), Barrier::new(2));
        let read = || {
            barrier.wait();
            let mut seen = HashSet::new();
            read_blocks(&file, &text, &mut seen);
            seen
        };
        let seen: HashSet<_> = thread::scope(|scope| {
            let threads = [scope.spawn(read), scope.spawn(read)];
            threads.map(|thread| thread.join().unwrap())
        })
        .into_iter()
        .flatten()
        .collect();
        // The position is not locked, so a block may come twice; none is lost.
        assert_eq!(seen.len(), text.len().div_ceil(7));
    }
}

#[test]
fn two_processes_read_one_file() {
    let _module = load();
    let file = open();
    let text = message(0);
    race::processes(2, |_| {
        let mut buffer = [0; 80];
        (0..2000).all(|round| {
            let offset = round % 60;
            pread(&file, &mut buffer, offset as i64)
                .is_ok_and(|read| buffer[..read] == text.as_bytes()[offset.min(text.len())..])
        })
    });
}
