// SPDX-License-Identifier: GPL-2.0

//! What the kernel makes of a file whose driver claims more than it has done.

use crate::{
    errno,
    module::{Loading, Module},
    process::Child,
};
use nix::{errno::Errno, libc, unistd::pipe, Result};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsRawFd,
    path::Path,
};

fn open(path: &Path) -> File {
    let mut options = File::options();
    options.read(true).write(true).open(path).expect("open")
}

/// Shows that the driver's file can be read from and written to.
///
/// # Panics
///
/// When it cannot.
#[track_caller]
pub fn moves_what_it_says(path: &Path, content: &[u8]) {
    let mut file = open(path);
    let mut buffer = vec![0; content.len() + 1];
    assert_eq!(file.read(&mut buffer).expect("read"), content.len());
    assert_eq!(&buffer[..content.len()], content);
    // What has no room is not moved.
    let room = content.len() / 2;
    let mut buffer = vec![0; room];
    assert_eq!(open(path).read(&mut buffer).expect("short read"), room);
    assert_eq!(buffer, content[..room]);
    assert_eq!(file.write(b"hello").expect("write"), 5);
}

/// Shows that the driver's claims make its calls fail with EIO.
///
/// # Panics
///
/// When they do not.
#[track_caller]
pub fn is_refused(path: &Path) {
    let mut file = open(path);
    for length in [1, 100, 4096, 8192] {
        assert_eq!(errno(file.read(&mut vec![0; length])), Errno::EIO);
        assert_eq!(errno(file.write(&vec![0; length])), Errno::EIO);
    }
}

/// Lets many try to open the device of a module whose `init` runs and is going to fail: none
/// of them gets in, and the load ends with ENODEV.
///
/// # Panics
///
/// When one gets in, or the load ends in another way.
#[track_caller]
pub fn nobody_opens_while_it_loads(load: Loading, path: &Path, refused: Errno) {
    let openers: Vec<_> = (0..4)
        .map(|_| {
            Child::spawn(move || loop {
                // Whatever it says when the device goes: it is not opened.
                if File::open(path).is_ok() {
                    break 0;
                }
            })
        })
        .collect();
    // Another one that has been loaded changes nothing.
    let other = Module::load("hello_rs", "").expect("load of another");
    assert_eq!(errno(File::open(path)), refused);
    other.unload().expect("unload of another");
    assert_eq!(load.interrupt(), Errno::ENODEV);
    assert!(openers.iter().all(|opener| !opener.ended()));
}

/// Moves what a file holds to a pipe, by `splice(2)`, and returns what came out of that.
///
/// # Errors
///
/// The errno; nothing has come out then.
///
/// # Panics
///
/// When something has.
pub fn splice_from(path: &Path, length: usize) -> Result<Vec<u8>> {
    let file = open(path);
    let (output, input) = pipe().expect("pipe");
    let (from, to, null) = (file.as_raw_fd(), input.as_raw_fd(), std::ptr::null_mut());
    // SAFETY: Both are open, and the offsets are theirs.
    let moved = unsafe { libc::splice(from, null, to, null, length, libc::SPLICE_F_NONBLOCK) };
    let moved = Errno::result(moved);
    drop(input);
    let mut piped = Vec::new();
    let mut output = File::from(output);
    output.read_to_end(&mut piped).expect("read of a pipe");
    assert_eq!(piped.len(), moved.map_or(0, |moved| moved as usize));
    moved.map(|_| piped)
}
