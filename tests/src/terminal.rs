// SPDX-License-Identifier: GPL-2.0

//! Running programs on a terminal of their own.

use crate::PATIENCE;
use nix::{
    fcntl::{fcntl, FcntlArg, FdFlag},
    poll::{poll, PollFd, PollFlags, PollTimeout},
    pty::openpty,
    sys::termios::{cfmakeraw, tcgetattr, tcsetattr, SetArg},
};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    process::{Command, Stdio},
    time::Duration,
};

/// A pseudo terminal: what a window or an ssh session is.
#[derive(Debug)]
pub struct Pty {
    /// The side of the person: what is typed, and what is shown.
    pub master: File,
    /// The side of the programs.
    pub slave: File,
}

impl Pty {
    /// Makes a new one, in the settings of a login.
    pub fn open() -> Self {
        let pty = openpty(None, None).expect("a pty");
        // A program that inherits the master would keep the terminal alive.
        for side in [&pty.master, &pty.slave] {
            fcntl(side, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("close-on-exec");
        }
        Self {
            master: pty.master.into(),
            slave: pty.slave.into(),
        }
    }

    /// Returns the next `n` bytes that are shown.
    pub fn read_exact(&mut self, n: usize) -> Vec<u8> {
        read_until(&mut self.master, |bytes| bytes.len() >= n)
    }

    /// Returns whether there is anything to be read.
    pub fn has_output(&self) -> bool {
        is_readable(&self.master, Duration::ZERO)
    }

    /// Types some bytes.
    pub fn type_in(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).expect("the pty");
    }
}

/// Returns a command that runs a program in a session of its own, with `terminal`
/// as its controlling terminal.
pub fn on_terminal(terminal: &File, program: &str) -> Command {
    let mut command = Command::new("setsid");
    command
        .args(["-c", program])
        .stdin(Stdio::from(terminal.try_clone().expect("the terminal")));
    command
}

/// Returns a command that runs a program in a session without a terminal.
pub fn without_terminal(program: &str) -> Command {
    let mut command = Command::new("setsid");
    command.arg(program).stdin(Stdio::null());
    command
}

/// Puts a terminal into raw mode: bytes come and go as they are.
pub fn make_raw(terminal: &File) {
    let mut termios = tcgetattr(terminal).expect("a terminal");
    cfmakeraw(&mut termios);
    tcsetattr(terminal, SetArg::TCSANOW, &termios).expect("raw mode");
}

/// Reads from `file` until `done` says so of all that came.
///
/// # Panics
///
/// When nothing comes for [`PATIENCE`] before.
pub fn read_until(file: &mut File, done: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !done(&bytes) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(is_readable(file, PATIENCE), "only {text:?}");
        let mut buffer = [0; 4096];
        let n = file.read(&mut buffer).expect("the terminal");
        assert!(n > 0, "hung up after {text:?}");
        bytes.extend_from_slice(&buffer[..n]);
    }
    bytes
}

/// Returns whether a file has something to read within some time.
pub fn is_readable(file: &File, time: Duration) -> bool {
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(time).expect("a time that poll can wait");
    poll(&mut fds, timeout).expect("poll") > 0
}
