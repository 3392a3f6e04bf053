// SPDX-License-Identifier: GPL-2.0

//! `misc_rs`: values of open files, and a number of all, by `ioctl(2)`.

use guest::{
    errno,
    module::Module,
    process::as_nobody,
    race, stall,
    user::{self, Edge, BAD_ADDRESSES, PAGE},
};
use nix::{
    errno::Errno::{self, EACCES, EAGAIN, EFAULT, EINVAL, ENOTTY},
    libc,
    sys::{
        stat::{major, minor},
        uio::pread,
    },
    unistd::dup,
};
use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileTypeExt, MetadataExt},
    },
    process::{Command, Output},
};

const PATH: &str = "/dev/misc_rs";

const VALSET: u32 = 0x4008_6600;
const VALGET: u32 = 0x8008_6601;
const VALGET_NUM: u32 = 0x8004_6602;
const VALSET_NUM: u32 = 0x4004_6603;

fn load() -> Module {
    Module::load("misc_rs", "").unwrap()
}

fn open() -> File {
    File::open(PATH).unwrap()
}

fn ioctl(file: &File, command: u32, argument: usize) -> nix::Result<i32> {
    // SAFETY: The callers see to it that what is at the argument may be overwritten.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command.into(), argument) })
}

fn set(file: &File, val: u32, flags: u32) -> nix::Result<i32> {
    ioctl(file, VALSET, [val, flags].as_ptr() as usize)
}

fn get(file: &File) -> u32 {
    let mut now = [u32::MAX; 3];
    assert_eq!(ioctl(file, VALGET, now.as_mut_ptr() as usize), Ok(0));
    // Nothing beyond the struct, in which no flag is set.
    assert_eq!(now[1..], [0, u32::MAX]);
    now[0]
}

fn number(file: &File) -> i32 {
    let mut now = [-1; 2];
    assert_eq!(ioctl(file, VALGET_NUM, now.as_mut_ptr() as usize), Ok(0));
    assert_eq!(now[1], -1);
    now[0]
}

fn text(file: &File) -> String {
    let mut bytes = [0; 100];
    let length = pread(file, &mut bytes, 0).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[test]
fn node_is_root_s_and_listed() {
    let _module = load();
    let node = fs::metadata(PATH).unwrap();
    assert!(node.file_type().is_char_device());
    assert_eq!(node.mode() & 0o7777, 0o600);
    assert_eq!((node.uid(), node.gid()), (0, 0));
    assert_eq!(major(node.rdev()), 10);
    let listed = fs::read_to_string("/proc/misc").unwrap();
    let line = format!("{:3} misc_rs", minor(node.rdev()));
    assert!(listed.lines().any(|listed| listed == line), "{listed}");
    assert_eq!(as_nobody(|| File::open(PATH)), Err(EACCES));
}

#[test]
fn each_open_file_has_a_value() {
    let _module = load();
    let (one, two) = (open(), open());
    assert_eq!((get(&one), get(&two)), (0, 0));
    for value in [1, 255, 256, 0x8000_0000, u32::MAX, 7] {
        assert_eq!(set(&one, value, 0), Ok(0));
        assert_eq!((get(&one), get(&two)), (value, 0));
        assert_eq!(text(&one), format!("{value}\n"));
        assert_eq!(text(&two), "0\n");
    }
    // Of the same open file.
    let same = File::from(dup(&one).unwrap());
    assert_eq!(get(&same), 7);
    assert_eq!(set(&same, 8, 0), Ok(0));
    assert_eq!(get(&one), 8);
    drop((one, same));
    assert_eq!(get(&open()), 0);
}

#[test]
fn all_files_share_a_number() {
    let _module = load();
    let (one, two) = (open(), open());
    for value in [1, -1, i32::MIN, i32::MAX, 0x1234_5678] {
        assert_eq!(ioctl(&one, VALSET_NUM, value as usize), Ok(0));
        assert_eq!((number(&one), number(&two)), (value, value));
        assert_eq!(get(&one), 0);
    }
    drop((one, two));
    // It stays as long as the module.
    assert_eq!(number(&open()), 0x1234_5678);
    // The argument is an int: what is above its bits does not count.
    assert_eq!(ioctl(&open(), VALSET_NUM, 0xffff_ffff_0000_0005), Ok(0));
    assert_eq!(number(&open()), 5);
}

#[test]
fn number_begins_at_zero_with_each_load() {
    for _ in 0..2 {
        let module = load();
        assert_eq!(number(&open()), 0);
        assert_eq!(ioctl(&open(), VALSET_NUM, 9), Ok(0));
        module.unload().unwrap();
    }
}

#[test]
fn unknown_flags_are_refused_and_change_nothing() {
    let _module = load();
    let file = open();
    assert_eq!(set(&file, 5, 0), Ok(0));
    for bit in 0..32 {
        assert_eq!(set(&file, 6, 1 << bit), Err(EINVAL));
    }
    assert_eq!(get(&file), 5);
}

#[test]
fn unknown_commands_return_enotty() {
    let _module = load();
    let file = open();
    // The last is the original's, whose struct is one `int`.
    for command in [
        0,
        0x6600,
        0x8008_6600,
        0x4008_6601,
        0xc008_6601,
        0x8004_6603,
        0x4004_6600,
    ] {
        assert_eq!(ioctl(&file, command, 0), Err(ENOTTY), "{command:x}");
        // SAFETY: There is nothing at the argument.
        let compat = unsafe { user::ioctl_32(file.as_fd(), command, 0) };
        assert_eq!(compat, Err(ENOTTY), "{command:x}");
    }
}

#[test]
fn bad_pointers_return_efault_and_change_nothing() {
    let _module = load();
    let file = open();
    assert_eq!(set(&file, 5, 0), Ok(0));
    let mut edge = Edge::unmapped();
    edge.last(8).fill(0xaa);
    let partly = (1..8).map(|n| edge.address(n));
    for address in BAD_ADDRESSES.into_iter().chain(partly) {
        assert_eq!(ioctl(&file, VALSET, address), Err(EFAULT), "{address:x}");
        assert_eq!(ioctl(&file, VALGET, address), Err(EFAULT), "{address:x}");
    }
    for address in BAD_ADDRESSES
        .into_iter()
        .chain((1..4).map(|n| edge.address(n)))
    {
        assert_eq!(
            ioctl(&file, VALGET_NUM, address),
            Err(EFAULT),
            "{address:x}"
        );
    }
    assert_eq!(get(&file), 5);
    // Just before the edge both have room.
    let address = edge.address(8);
    assert_eq!(ioctl(&file, VALGET, address), Ok(0));
    assert_eq!(edge.last(8), [5, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(ioctl(&file, VALGET_NUM, edge.address(4)), Ok(0));
}

/// The struct is the same there, and so are the commands.
#[test]
fn a_32_bit_caller_needs_no_other_commands() {
    let _module = load();
    let file = open();
    let mut edge = Edge::unmapped_32();
    let address = u32::try_from(edge.address(8)).unwrap();
    // SAFETY: The memory is ours.
    let ioctl_32 = |command, argument| unsafe { user::ioctl_32(file.as_fd(), command, argument) };

    edge.last(8)
        .copy_from_slice(&[0x78, 0x56, 0x34, 0x92, 0, 0, 0, 0]);
    assert_eq!(ioctl_32(VALSET, address), Ok(0));
    assert_eq!(get(&file), 0x9234_5678);
    edge.last(8).fill(0xaa);
    assert_eq!(ioctl_32(VALGET, address), Ok(0));
    assert_eq!(edge.last(8), [0x78, 0x56, 0x34, 0x92, 0, 0, 0, 0]);
    assert_eq!(ioctl_32(VALSET_NUM, -3_i32 as u32), Ok(0));
    assert_eq!(number(&file), -3);
    assert_eq!(ioctl_32(VALGET_NUM, address), Ok(0));
    assert_eq!(edge.last(8)[..4], [0xfd, 0xff, 0xff, 0xff]);
    for bad in [0, address + 1, u32::MAX] {
        assert_eq!(ioctl_32(VALSET, bad), Err(EFAULT));
        assert_eq!(ioctl_32(VALGET, bad), Err(EFAULT));
    }
    assert_eq!(get(&file), 0x9234_5678);
}

#[test]
fn a_read_comes_to_its_end() {
    let _module = load();
    let mut file = open();
    assert_eq!(set(&file, 123_456, 0), Ok(0));
    let mut all = String::new();
    file.read_to_string(&mut all).unwrap();
    assert_eq!(all, "123456\n");
    assert_eq!(file.read(&mut [0; 10]).unwrap(), 0);
    assert_eq!(file.seek(SeekFrom::Start(4)).unwrap(), 4);
    let mut byte = [0];
    for expected in *b"56\n" {
        assert_eq!(file.read(&mut byte).unwrap(), 1);
        assert_eq!(byte[0], expected);
    }
    assert_eq!(file.read(&mut byte).unwrap(), 0);
}

#[test]
fn nothing_can_be_written() {
    let _module = load();
    let mut file = File::options().write(true).open(PATH).unwrap();
    assert_eq!(errno(file.write(b"5")), EINVAL);
    assert_eq!(get(&file), 0);
}

#[test]
fn open_files_keep_the_module() {
    let module = load();
    assert_eq!(module.use_count(), 0);
    let (one, two) = (open(), open());
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(EAGAIN));
    assert_eq!(get(&one), 0);
    drop(one);
    assert_eq!(module.try_unload(), Err(EAGAIN));
    drop(two);
    module.unload().unwrap();
    assert!(!fs::exists(PATH).unwrap());
    assert!(!fs::read_to_string("/proc/misc")
        .unwrap()
        .contains("misc_rs"));
}

#[test]
fn nobody_waits_for_the_memory_of_another() {
    let _module = load();
    let file = open();
    let other = || assert_eq!(set(&file, 5, 0), Ok(0));
    stall::runs_beside(
        libc::SYS_ioctl,
        |page| ioctl(&file, VALSET, page).map(drop),
        other,
    );
    stall::runs_beside(
        libc::SYS_ioctl,
        |page| ioctl(&file, VALGET, page).map(drop),
        other,
    );
    stall::runs_beside(
        libc::SYS_ioctl,
        |page| ioctl(&file, VALGET_NUM, page).map(drop),
        other,
    );
}

/// A value is set as a whole, by processes that share the file and others.
#[test]
fn values_are_never_mixed() {
    let _module = load();
    let file = open();
    assert!(set(&file, 0x1111_1111, 0).is_ok());
    race::processes(4, |n| match n {
        0 => (0..5000).all(|_| set(&file, 0x1111_1111, 0).is_ok()),
        1 => (0..5000).all(|_| set(&file, 0xeeee_eeee, 0).is_ok()),
        2 => (0..5000).all(|_| [0x1111_1111, 0xeeee_eeee].contains(&get(&file))),
        _ => (0..5000).all(|_| get(&open()) == 0),
    });
}

fn misc(arguments: &[&str]) -> Output {
    Command::new("misc").args(arguments).output().unwrap()
}

#[test]
fn program_sets_and_prints_both() {
    let _module = load();
    for (arguments, value, number) in [
        (&[][..], 0, 0),
        (&["5"], 5, 0),
        (&["--number", "7"], 0, 7),
        (&["--number", "-1", "4294967295"], u32::MAX, -1),
        (&["--device", PATH], 0, -1),
    ] {
        let output = misc(arguments);
        let text = format!("value of this file: {value}\nnumber of all files: {number}\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn program_tells_what_failed() {
    let output = misc(&[]);
    let text = "misc: /dev/misc_rs: open: ENOENT: No such file or directory\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), text);
    assert_eq!(output.status.code(), Some(1));
    let output = misc(&["--device", "/dev/null"]);
    let text = "misc: /dev/null: IOCTL_VALGET: ENOTTY: Not a typewriter\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), text);
    assert_eq!(output.status.code(), Some(1));
    for wrong in [
        &["x"][..],
        &["-1"],
        &["4294967296"],
        &["--number", "2147483648"],
        &["1", "2"],
    ] {
        assert_eq!(misc(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// A page that a struct of 8 bytes crosses the end of.
#[test]
fn struct_may_lie_across_pages() {
    let _module = load();
    let file = open();
    let mut pages = vec![0_u8; 3 * PAGE];
    let start = pages.as_mut_ptr() as usize;
    let across = (start + PAGE) / PAGE * PAGE - 3;
    pages[across - start..][..4].copy_from_slice(&0x0403_0201_u32.to_le_bytes());
    assert_eq!(ioctl(&file, VALSET, across), Ok(0));
    assert_eq!(get(&file), 0x0403_0201);
}
