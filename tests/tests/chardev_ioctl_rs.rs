// SPDX-License-Identifier: GPL-2.0

//! `chardev_ioctl_rs`: a message that is read, written, set and got. For 4 vCPUs:
//! `SMP=4 cargo test chardev_ioctl_rs::`.

use guest::{
    errno,
    module::{self, proc_modules, Module},
    race, stall,
    user::{self, su_nobody, Edge, BAD_ADDRESSES, PAGE},
};
use nix::{
    errno::Errno,
    libc,
    sys::{
        mman::ProtFlags,
        stat::{major, minor},
        uio::{pread, pwrite},
    },
};
use std::{
    fs::{self, File, OpenOptions},
    io::{IoSlice, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Barrier,
    },
    thread,
};

const NAME: &str = "chardev_ioctl_rs";
const DEVICE: &str = "/dev/char_dev";

// The numbers as a C compiler makes them from `chardev.h`, not as the module does.
const SET_MSG: u32 = 0x8008_6400; // _IOR(100, 0, char *)
const SET_MSG_WRITE: u32 = 0x4008_6400; // _IOW(100, 0, char *)
const GET_MSG: u32 = 0x8008_6401; // _IOR(100, 1, char *)
const GET_NTH_BYTE: u32 = 0xc004_6402; // _IOWR(100, 2, int)
const SET_MSG_32: u32 = 0x8004_6400;
const SET_MSG_WRITE_32: u32 = 0x4004_6400;
const GET_MSG_32: u32 = 0x8004_6401;

const SETTERS: [u32; 2] = [SET_MSG, SET_MSG_WRITE];
const LENGTHS: [usize; 6] = [0, 1, 79, 80, 81, 4096];

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

/// Opens the device for reading and writing.
fn open() -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(DEVICE).unwrap()
}

/// Calls `ioctl(2)` with any argument.
fn ioctl(file: &File, command: u32, argument: usize) -> nix::Result<i32> {
    // SAFETY: The callers see to it that what is at the argument may be overwritten.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command.into(), argument) })
}

/// Sets the message to a string that ends with a NUL.
fn set(file: &File, command: u32, text: &[u8]) -> nix::Result<i32> {
    assert!(text.contains(&0));
    ioctl(file, command, text.as_ptr() as usize)
}

/// Gets the message, with the NUL behind it, from a message of this length.
#[track_caller]
fn get(file: &File, length: usize) -> Vec<u8> {
    let mut buffer = [0xaa; 100];
    let result = ioctl(file, GET_MSG, buffer.as_mut_ptr() as usize);
    assert_eq!(result, Ok(0));
    assert_eq!(buffer[length + 1..], [0xaa; 100][length + 1..]);
    buffer[..=length].to_vec()
}

/// Asserts what the message is, in each way there is to get it.
#[track_caller]
fn assert_message(file: &File, message: &[u8]) {
    let mut buffer = [0; 100];
    let read = pread(file, &mut buffer, 0).unwrap();
    assert_eq!(buffer[..read], *message);
    assert_eq!(get(file, message.len()), [message, b"\0"].concat());
    for (n, byte) in message.iter().enumerate() {
        assert_eq!(ioctl(file, GET_NTH_BYTE, n), Ok((*byte).into()));
    }
    assert_eq!(ioctl(file, GET_NTH_BYTE, message.len()), Ok(0));
    let beyond = ioctl(file, GET_NTH_BYTE, message.len() + 1);
    assert_eq!(beyond, Err(Errno::EINVAL));
}

/// Makes a text of this length with no byte twice in a row, and no NUL.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| b'A' + (n % 26) as u8).collect()
}

/// Asserts that nothing of the module is left.
#[track_caller]
fn nothing_left() {
    assert_eq!(proc_modules(NAME), None);
    let devices = fs::read_to_string("/proc/devices").unwrap();
    assert!(!devices.contains("100 char_dev"), "{devices}");
    for path in [DEVICE, "/sys/class/char_dev", "/sys/dev/char/100:0"] {
        assert!(!Path::new(path).exists(), "{path}");
    }
}

#[test]
fn loads_is_used_and_unloads_twice() {
    for _ in 0..2 {
        let module = load();
        let devices = fs::read_to_string("/proc/devices").unwrap();
        assert!(devices.lines().any(|line| line == "100 char_dev"));
        let node = fs::metadata(DEVICE).unwrap();
        assert!(node.file_type().is_char_device());
        assert_eq!((major(node.rdev()), minor(node.rdev())), (100, 0));
        assert_eq!(node.permissions().mode() & 0o7777, 0o600);

        // Empty at first; kept from one open to the next.
        assert_message(&open(), b"");
        fs::write(DEVICE, "kept").unwrap();
        assert_message(&open(), b"kept");
        set(&open(), SET_MSG, b"also kept\0").unwrap();
        assert_eq!(fs::read(DEVICE).unwrap(), b"also kept");

        module.unload().unwrap();
        nothing_left();
    }
}

#[test]
fn module_has_its_alias() {
    let file = fs::read(module::path(NAME)).unwrap();
    let alias = b"\0alias=char-major-100-*\0";
    assert!(file.windows(alias.len()).any(|window| window == alias));
}

#[test]
fn write_takes_at_most_80_bytes() {
    let _module = load();
    let mut file = open();
    for length in LENGTHS {
        let text = text(length);
        assert_eq!(file.write(&text).unwrap(), length.min(80));
        assert_message(&file, &text[..length.min(80)]);
    }
    // A shorter message leaves nothing of a longer one.
    assert_eq!(file.write(b"short").unwrap(), 5);
    assert_message(&file, b"short");
    assert_eq!(file.write(b"").unwrap(), 0);
    assert_message(&file, b"");
}

#[test]
fn set_msg_takes_at_most_80_bytes_in_both_encodings() {
    let _module = load();
    let file = open();
    for command in SETTERS {
        for length in LENGTHS {
            let text = text(length);
            assert_eq!(set(&file, command, &[&text[..], b"\0"].concat()), Ok(0));
            assert_message(&file, &text[..length.min(80)]);
        }
        assert_eq!(set(&file, command, b"short\0"), Ok(0));
        assert_message(&file, b"short");
    }
}

#[test]
fn message_is_bytes() {
    let _module = load();
    let mut file = open();
    for message in [
        &b"\0"[..],
        b"a\0b",
        b"\0\0\0",
        b"\xff\x80\x7f\0",
        b"gr\xc3\xbcn\n",
    ] {
        assert_eq!(file.write(message).unwrap(), message.len());
        assert_message(&file, message);
    }
    for first in [1, 64, 128, 176] {
        let message: Vec<u8> = (first..=first + 79).collect();
        file.write_all(&message).unwrap();
        assert_message(&file, &message);
    }
    // A string ends at its NUL.
    for command in SETTERS {
        set(&file, command, b"a\0b\0").unwrap();
        assert_message(&file, b"a");
    }
}

#[test]
fn nth_byte_stays_within_the_message() {
    let _module = load();
    let mut file = open();
    for length in [0, 1, 80] {
        let text = text(length);
        assert_eq!(file.write(&text).unwrap(), length);
        assert_message(&file, &text);
        for index in [
            length + 2,
            81,
            99,
            i32::MAX as usize,
            i32::MIN as u32 as usize,
            -1_i32 as u32 as usize, // as C passes an int of -1
            -1_isize as usize,      // as it passes a long
            1 << 32,
            isize::MIN as usize,
        ] {
            assert_eq!(
                ioctl(&file, GET_NTH_BYTE, index),
                Err(Errno::EINVAL),
                "{index:#x}"
            );
        }
        assert_message(&file, &text);
    }
}

#[test]
fn unknown_command_returns_enotty() {
    let _module = load();
    let mut file = open();
    file.write_all(b"stays").unwrap();
    let mut buffer = *b"untouched";
    for command in [
        0,
        0x0000_6400, // _IO(100, 0)
        0x8008_6403, // _IOR(100, 3, char *)
        0xc008_6400, // _IOWR(100, 0, char *)
        0x4008_6401, // _IOW(100, 1, char *)
        0xc008_6402, // _IOWR(100, 2, long)
        0x8004_6402, // _IOR(100, 2, int)
        0x8008_6500, // _IOR(101, 0, char *)
        0x8009_6400,
        SET_MSG_32,
        SET_MSG_WRITE_32,
        GET_MSG_32,
        libc::TCGETS as u32,
        u32::MAX,
    ] {
        let result = ioctl(&file, command, buffer.as_mut_ptr() as usize);
        assert_eq!(result, Err(Errno::ENOTTY), "{command:#x}");
    }
    assert_eq!(&buffer, b"untouched");
    assert_message(&file, b"stays");
}

#[test]
fn bad_pointer_returns_efault_and_the_message_stays() {
    let _module = load();
    let mut file = open();
    file.write_all(b"stays").unwrap();
    for address in BAD_ADDRESSES {
        for length in [1, 80, 4096] {
            let write = user::write(file.as_fd(), address, length);
            assert_eq!(write, Err(Errno::EFAULT), "{address:#x}");
            // SAFETY: There is no memory of ours at the address.
            let read = unsafe { user::read(file.as_fd(), address, length) };
            assert_eq!(read, Err(Errno::EFAULT), "{address:#x}");
        }
        for command in [SET_MSG, SET_MSG_WRITE, GET_MSG] {
            let result = ioctl(&file, command, address);
            assert_eq!(result, Err(Errno::EFAULT), "{command:#x} {address:#x}");
        }
        assert_eq!(file.stream_position().unwrap(), 0);
        assert_message(&file, b"stays");
    }
}

#[test]
fn half_a_buffer_returns_efault_and_the_message_stays() {
    let _module = load();
    let mut file = open();
    file.write_all(b"stays").unwrap();
    let mut edge = Edge::unmapped();
    edge.last(PAGE).fill(b'x');
    for there in [1, 40, 79] {
        let write = user::write(file.as_fd(), edge.address(there), 80);
        assert_eq!(write, Err(Errno::EFAULT));
        for command in SETTERS {
            let result = ioctl(&file, command, edge.address(there));
            assert_eq!(result, Err(Errno::EFAULT));
        }
        assert_message(&file, b"stays");
    }
    for there in 1..=5 {
        // Five bytes and a NUL do not fit.
        assert_eq!(
            ioctl(&file, GET_MSG, edge.address(there)),
            Err(Errno::EFAULT)
        );
    }
    assert_message(&file, b"stays");

    // And what just fits, works.
    assert_eq!(ioctl(&file, GET_MSG, edge.address(6)), Ok(0));
    assert_eq!(edge.last(6), b"stays\0");
    for command in SETTERS {
        for length in [0, 1, 7, 79, 80] {
            let text = [&text(length)[..], b"\0"].concat();
            edge.last(length + 1).copy_from_slice(&text);
            assert_eq!(ioctl(&file, command, edge.address(length + 1)), Ok(0));
            assert_message(&file, &text[..length]);
        }
    }
    // A longer write needs no more than the 80 bytes it takes.
    edge.last(80).fill(b'y');
    assert_eq!(user::write(file.as_fd(), edge.address(80), 4096), Ok(80));
    assert_message(&file, &[b'y'; 80]);
}

#[test]
fn memory_that_cannot_be_written_returns_efault() {
    let _module = load();
    let mut file = open();
    file.write_all(b"stays").unwrap();
    let edge = Edge::new(ProtFlags::PROT_READ, None);
    // SAFETY: The memory is that of `edge`, which nobody borrows.
    let read = unsafe { user::read(file.as_fd(), edge.address(0), 80) };
    assert_eq!(read, Err(Errno::EFAULT));
    assert_eq!(ioctl(&file, GET_MSG, edge.address(0)), Err(Errno::EFAULT));
    // To read from, it will do: it begins with a NUL.
    assert_message(&file, b"stays");
    assert_eq!(ioctl(&file, SET_MSG, edge.address(0)), Ok(0));
    assert_message(&file, b"");
}

#[test]
fn reads_come_in_blocks_of_any_size() {
    let _module = load();
    let mut file = open();
    let message = text(80);
    file.write_all(&message).unwrap();
    for chunk in [1, 2, 7, 79, 80, 81, 4096] {
        file.rewind().unwrap();
        let mut rest = &message[..];
        let mut buffer = vec![0xaa; chunk];
        while !rest.is_empty() {
            let read = file.read(&mut buffer).unwrap();
            assert_eq!(read, chunk.min(rest.len()), "chunks of {chunk}");
            assert_eq!(buffer[..read], rest[..read]);
            rest = &rest[read..];
        }
        for _ in 0..2 {
            assert_eq!(file.read(&mut buffer).unwrap(), 0);
        }
    }
}

#[test]
fn offsets_are_those_of_a_file() {
    let _module = load();
    let mut file = open();
    let message = text(80);
    file.write_all(&message).unwrap();
    let mut buffer = [0; 100];
    for offset in 0..=81 {
        let read = pread(&file, &mut buffer, offset as i64).unwrap();
        assert_eq!(buffer[..read], *message.get(offset..).unwrap_or_default());
    }
    assert_eq!(pread(&file, &mut buffer, i64::MAX - 100), Ok(0));
    assert_eq!(pread(&file, &mut buffer, -1), Err(Errno::EINVAL));
    assert_eq!(file.stream_position().unwrap(), 0);

    assert_eq!(file.seek(SeekFrom::Start(70)).unwrap(), 70);
    assert_eq!(file.read(&mut buffer).unwrap(), 10);
    assert_eq!(buffer[..10], message[70..]);
    assert_eq!(file.seek(SeekFrom::End(-80)).unwrap(), 0);
    assert_eq!(file.seek(SeekFrom::Current(80)).unwrap(), 80);
    assert_eq!(errno(file.seek(SeekFrom::Current(1))), Errno::EINVAL);
    assert_eq!(errno(file.seek(SeekFrom::Start(81))), Errno::EINVAL);
    assert_eq!(errno(file.seek(SeekFrom::End(-81))), Errno::EINVAL);
    assert_eq!(file.stream_position().unwrap(), 80);
}

#[test]
fn new_message_is_read_from_its_beginning() {
    let _module = load();
    let mut file = open();
    let mut whole = String::new();
    file.write_all(b"written").unwrap();
    file.read_to_string(&mut whole).unwrap();
    assert_eq!(whole, "written");
    for command in SETTERS {
        set(&file, command, b"set\0").unwrap();
        whole.clear();
        file.read_to_string(&mut whole).unwrap();
        assert_eq!(whole, "set");
    }
    // A command that fails leaves the position.
    assert_eq!(ioctl(&file, SET_MSG, 0), Err(Errno::EFAULT));
    assert_eq!(file.read(&mut [0]).unwrap(), 0);
}

#[test]
fn write_replaces_the_message_wherever_it_goes() {
    let _module = load();
    let mut file = open();
    file.write_all(b"a long message").unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    file.write_all(b"second").unwrap();
    assert_message(&file, b"second");
    assert_eq!(pwrite(&file, b"third", 1000), Ok(5));
    assert_message(&file, b"third");
    let parts = [
        IoSlice::new(b"fou"),
        IoSlice::new(b""),
        IoSlice::new(b"rth"),
    ];
    assert_eq!(file.write_vectored(&parts).unwrap(), 6);
    assert_message(&file, b"fourth");
    drop(file);

    let mut file = OpenOptions::new().append(true).open(DEVICE).unwrap();
    file.write_all(b"fifth").unwrap();
    drop(file);
    assert_message(&open(), b"fifth");
}

#[test]
fn open_is_exclusive_and_pins_the_module() {
    let module = load();
    assert_eq!(module.use_count(), 0);
    let file = open();
    // One for the `struct cdev`, one for the file operations: as for any C driver.
    assert_eq!(module.use_count(), 2);
    assert_eq!(errno(File::open(DEVICE)), Errno::EBUSY);
    let output = std::process::Command::new("cat")
        .arg(DEVICE)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("Device or resource busy"), "{error}");
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    set(&file, SET_MSG, b"still here\0").unwrap();
    assert_message(&file, b"still here");
    drop(file);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    nothing_left();
}

#[test]
fn user_may_not_open_it() {
    let _module = load();
    fs::write(DEVICE, "root's").unwrap();
    for command in ["cat /dev/char_dev", "echo x >/dev/char_dev"] {
        let output = su_nobody(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("Permission denied"), "{error}");
        assert!(!output.status.success());
    }
    assert_message(&open(), b"root's");
}

#[test]
fn contested_open_has_one_winner_each_time() {
    let module = load();
    race::exclusive_open(DEVICE, 4000);
    assert_eq!(module.use_count(), 0);
    assert_message(&open(), b"");
}

/// Sets a long and a short message in turns.
fn set_in_turns(file: &File, rounds: usize) -> bool {
    (0..rounds).all(|round| match round % 4 {
        0 => set(file, SET_MSG, &[&[b'A'; 80][..], b"\0"].concat()) == Ok(0),
        1 => pwrite(file, &[b'b'; 10], 0) == Ok(10),
        2 => set(file, SET_MSG_WRITE, b"cccccccccccccccccccc\0") == Ok(0),
        _ => pwrite(file, &[b'D'; 79], 0) == Ok(79),
    })
}

/// Gets the message in each way in turns; whether it was always one that was set.
fn get_in_turns(file: &File, rounds: usize) -> bool {
    (0..rounds).all(|round| {
        let mut buffer = [0; 100];
        let length = if round % 2 == 0 {
            pread(file, &mut buffer, 0).unwrap_or(99)
        } else {
            let address = buffer.as_mut_ptr() as usize;
            if ioctl(file, GET_MSG, address) != Ok(0) {
                return false;
            }
            buffer.iter().position(|&byte| byte == 0).unwrap_or(99)
        };
        let expected = match length {
            80 => b'A',
            10 => b'b',
            20 => b'c',
            79 => b'D',
            _ => return false,
        };
        buffer[..length].iter().all(|&byte| byte == expected)
    })
}

#[test]
fn set_and_get_of_threads_are_atomic() {
    let _module = load();
    let file = open();
    assert!(set_in_turns(&file, 1));
    let (barrier, done) = (Barrier::new(3), AtomicBool::new(false));
    thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                barrier.wait();
                while !done.load(Relaxed) {
                    assert!(get_in_turns(&file, 10), "a mixed message");
                }
            })
        });
        barrier.wait();
        let set = set_in_turns(&file, 20_000);
        done.store(true, Relaxed);
        assert!(set);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// A page may take its time to come: from a disk, say.
#[test]
fn nobody_waits_for_the_memory_of_another() {
    let _module = load();
    let file = open();
    let other = || assert_eq!(ioctl(&file, GET_NTH_BYTE, 81), Err(Errno::EINVAL));

    set(&file, SET_MSG, b"a message\0").unwrap();
    let get_message = |page| ioctl(&file, GET_MSG, page).map(drop);
    stall::runs_beside(libc::SYS_ioctl, get_message, other);
    stall::runs_beside_read(&file, other);
    let set_message = |page| ioctl(&file, SET_MSG, page).map(drop);
    stall::runs_beside(libc::SYS_ioctl, set_message, other);
    stall::runs_beside_write(&file, other);
}

#[test]
fn set_and_get_of_processes_are_atomic() {
    let _module = load();
    let file = open();
    assert!(set_in_turns(&file, 1));
    // Two that set, two that get, through one open file.
    race::processes(4, |n| match n {
        0 | 1 => (0..5000)
            .all(|round| pwrite(&file, [&[b'b'; 10][..], &[b'D'; 79]][round % 2], 0).is_ok()),
        _ => get_in_turns(&file, 10_000),
    });
}

/// `ioctl(2)` of a 32-bit process, with any argument.
fn ioctl_32(file: &File, command: u32, argument: u32) -> nix::Result<i32> {
    // SAFETY: The callers see to it that what is at the argument may be overwritten.
    unsafe { user::ioctl_32(file.as_fd(), command, argument) }
}

#[test]
fn compat_ioctl_serves_a_32_bit_caller() {
    let _module = load();
    let file = open();
    let mut edge = Edge::unmapped_32();
    let address = |edge: &Edge, n| u32::try_from(edge.address(n)).unwrap();

    for (command, text) in [(SET_MSG_32, b"first\0"), (SET_MSG_WRITE_32, b"other\0")] {
        edge.last(6).copy_from_slice(text);
        assert_eq!(ioctl_32(&file, command, address(&edge, 6)), Ok(0));
        assert_message(&file, &text[..5]);

        edge.last(10).fill(0xaa);
        assert_eq!(ioctl_32(&file, GET_MSG_32, address(&edge, 10)), Ok(0));
        assert_eq!(edge.last(10), [&text[..], &[0xaa; 4]].concat());

        for (n, byte) in text.iter().enumerate() {
            let result = ioctl_32(&file, GET_NTH_BYTE, n as u32);
            assert_eq!(result, Ok((*byte).into()));
        }
    }

    for index in [6, i32::MAX as u32, -1_i32 as u32] {
        assert_eq!(ioctl_32(&file, GET_NTH_BYTE, index), Err(Errno::EINVAL));
    }
    for command in [SET_MSG_32, SET_MSG_WRITE_32, GET_MSG_32] {
        edge.last(3).fill(b'x');
        for bad in [0, address(&edge, 0), address(&edge, 3), u32::MAX] {
            assert_eq!(ioctl_32(&file, command, bad), Err(Errno::EFAULT));
        }
    }
    for unknown in [0x6400, 0x8004_6403, 0xc004_6400, u32::MAX] {
        let result = ioctl_32(&file, unknown, address(&edge, 6));
        assert_eq!(result, Err(Errno::ENOTTY));
    }
    assert_message(&file, b"other");
}
