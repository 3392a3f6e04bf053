// SPDX-License-Identifier: GPL-2.0

//! QEMU's monitor, which `qemu/boot.sh` connects to the guest's ttyS2: the guest
//! can ask its own machine to do something, such as to press a key.

use crate::terminal::{make_raw, read_until};
use std::{
    fs::{File, OpenOptions},
    io::Write,
};

const PROMPT: &[u8] = b"(qemu) ";

/// The monitor, ready for a command.
#[derive(Debug)]
pub struct Monitor {
    serial: File,
}

impl Monitor {
    /// Opens the monitor and waits until it answers.
    pub fn open() -> Self {
        let serial = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/ttyS2")
            .expect("the monitor");
        make_raw(&serial);
        let mut monitor = Self { serial };
        // Any command, for the first prompt may have been read before.
        monitor.run("info version");
        monitor
    }

    /// Runs a command, and returns what it said: its echo first, one character a
    /// time, between the sequences that move the cursor.
    pub fn run(&mut self, command: &str) -> String {
        writeln!(self.serial, "{command}").expect("the monitor");
        self.read(|text| text.contains(command))
    }

    /// Reads up to a prompt at which `done` says so of all that came, and returns that.
    pub fn read(&mut self, done: impl Fn(&str) -> bool) -> String {
        let answer = read_until(&mut self.serial, |bytes| {
            bytes.ends_with(PROMPT) && done(&String::from_utf8_lossy(bytes))
        });
        String::from_utf8_lossy(&answer).into()
    }

    /// Presses keys together for a millisecond, and lets them go: `a`, `up`,
    /// `shift-a`. The machine does it after the keys before; this does not wait.
    pub fn send_key(&mut self, keys: &str) {
        self.start_keys(&[keys]);
        self.finish_keys(1);
    }

    /// Gives the commands of [`Monitor::send_key`] for each of `keys`, in one go, and
    /// does not wait until they are obeyed.
    pub fn start_keys(&mut self, keys: &[&str]) {
        let commands: String = keys
            .iter()
            .map(|keys| format!("sendkey {keys} 1\n"))
            .collect();
        let bytes = commands.as_bytes();
        self.serial.write_all(bytes).expect("the monitor");
    }

    /// Waits until the monitor has obeyed `n` commands.
    pub fn finish_keys(&mut self, n: usize) {
        let answer = self.read(|text| text.matches("\n(qemu) ").count() >= n);
        assert!(!answer.contains("invalid"), "{answer}");
    }
}
