// SPDX-License-Identifier: GPL-2.0

//! `abstractions/block.rs`: what `ramdisk_rs` cannot show by itself, with the help of a disk that
//! does what it should not (`tests/faulty/block_fixture.rs`).

use guest::{
    careless, errno,
    kmsg::Log,
    module::{Loading, Module},
    process::wait_until,
    state::{assert_unchanged, state},
    user::{Pages, PAGE},
};
use nix::{errno::Errno, libc::O_DIRECT};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

const FIXTURE: &str = "faulty/block_fixture";
const NAME: &str = "block_fixture";
const DISK: &str = "/dev/block_fixture";

fn open(flags: i32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags);
    options.open(DISK)
}

#[test]
fn disk_serves_each_piece_of_a_request() {
    let mut log = Log::bookmark();
    let module = Module::load(FIXTURE, "").unwrap();
    let file = open(O_DIRECT).unwrap();
    let mut page = Pages::new(PAGE);
    file.read_exact_at(&mut page, 512).unwrap();
    assert!(page.iter().all(|byte| *byte == b'x'));
    file.write_all_at(&page[512..1536], 1024).unwrap();
    drop(file);
    module.unload().unwrap();
    assert_eq!(log.lines_of(NAME), ["1024 bytes to 1024", "data dropped"]);
}

/// A write of this size becomes several requests, which are cut anywhere in a page.
#[test]
fn large_write_is_served_once() {
    const SIZE: usize = 128 * PAGE;
    let mut log = Log::bookmark();
    let _module = Module::load(FIXTURE, "sectors=2048").unwrap();
    let file = open(O_DIRECT).unwrap();
    file.write_all_at(&Pages::with(&[1; SIZE]), 0).unwrap();
    let mut pieces: Vec<(usize, usize)> = log
        .lines_of(NAME)
        .iter()
        .map(|line| {
            let (length, place) = line.split_once(" bytes to ").unwrap();
            (place.parse().unwrap(), length.parse().unwrap())
        })
        .collect();
    pieces.sort_unstable();
    let mut end = 0;
    for (place, length) in pieces {
        assert_eq!(place, end);
        end += length;
    }
    assert_eq!(end, SIZE);
}

/// The memory that it leaves out may have been another process's.
#[test]
fn read_that_leaves_something_out_is_an_error() {
    for missing in [1, 511, 512, 4095] {
        let _module = Module::load(FIXTURE, &format!("missing={missing}")).unwrap();
        for flags in [0, O_DIRECT] {
            let mut page = Pages::with(&[b'-'; PAGE]);
            let read = open(flags).unwrap().read_at(&mut page, 0);
            assert_eq!(errno(read), Errno::EIO, "{missing}");
            let seen = page.iter().all(|byte| [b'-', b'x'].contains(byte));
            assert!(seen, "{missing}");
        }
    }
}

#[test]
fn error_of_the_disk_is_the_callers() {
    let mut page = Pages::new(PAGE);
    // What the kernel knows of disks; what it does not know is EIO.
    for error in [
        Errno::EIO,
        Errno::ENOSPC,
        Errno::ENOMEM,
        Errno::EOPNOTSUPP,
        Errno::EDOM,
    ] {
        let expected = if error == Errno::EDOM {
            Errno::EIO
        } else {
            error
        };
        let _module = Module::load(FIXTURE, &format!("error={}", error as i32)).unwrap();
        let file = open(O_DIRECT).unwrap();
        assert_eq!(errno(file.read_at(&mut page, 0)), expected);
        assert_eq!(errno(file.write_at(&page, 0)), expected);
        // Through the cache, a write has not come to the disk yet.
        let file = open(0).unwrap();
        assert_eq!(errno(file.read_at(&mut page, 0)), Errno::EIO);
        file.write_all_at(&page, 0).unwrap();
        let synced = errno(file.sync_all());
        assert!([expected, Errno::EIO].contains(&synced), "{synced}");
    }
}

#[test]
fn names_and_sizes_that_no_disk_has_are_refused() {
    let before = state();
    let long = "a".repeat(32);
    for params in [
        "disk=",
        &format!("disk={long}"),
        "sectors=18014398509481984",
        "sectors=18446744073709551615",
    ] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(FIXTURE, params).unwrap_err(), Errno::EINVAL);
        assert_eq!(log.lines_of(NAME), ["data dropped"], "{params}");
        assert_unchanged(&before, params);
    }
    for name in [&long[1..], "a!b"] {
        let module = Module::load(FIXTURE, &format!("disk={name}")).unwrap();
        assert!(Path::new("/sys/block").join(name).exists());
        module.unload().unwrap();
        assert_unchanged(&before, name);
    }
}

#[test]
fn disk_can_have_no_sectors_or_as_many_as_there_are() {
    for sectors in [0, i64::MAX / 512] {
        let module = Module::load(FIXTURE, &format!("sectors={sectors}")).unwrap();
        let size = fs::read_to_string("/sys/block/block_fixture/size").unwrap();
        assert_eq!(size.trim_end(), sectors.to_string());
        let read = open(O_DIRECT).unwrap().read_at(&mut Pages::new(PAGE), 0);
        assert_eq!(read.unwrap(), if sectors == 0 { 0 } else { PAGE });
        module.unload().unwrap();
    }
}

/// Nobody gets in before `init` has returned, so one that fails has nobody to wait for, not even
/// with many at the door.
#[test]
fn disk_of_a_module_that_still_loads_cannot_be_opened() {
    let mut log = Log::bookmark();
    let before = state();
    let load = Loading::begin(FIXTURE, "hold=1");
    wait_until("the node", || Path::new(DISK).exists());
    careless::nobody_opens_while_it_loads(load, Path::new(DISK), Errno::ENXIO);
    assert_eq!(log.lines_of(NAME), ["data dropped"]);
    assert_unchanged(&before, "a load that failed");
    // A file that waits to be opened is opened once the module has been loaded.
    let module = Module::load(FIXTURE, "").unwrap();
    drop(open(0).unwrap());
    module.unload().unwrap();
}
