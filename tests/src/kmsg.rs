// SPDX-License-Identifier: GPL-2.0

//! Reading the kernel log from a bookmark on, through `/dev/kmsg`.

use crate::PATIENCE;
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    time::{Duration, Instant},
};

/// Keeps information off the console until drop, for a serial line takes its time. The log
/// has it nevertheless.
#[derive(Debug)]
pub struct QuietConsole(String);

impl QuietConsole {
    const LEVELS: &str = "/proc/sys/kernel/printk";

    /// Leaves what is worse on the console.
    pub fn begin() -> Self {
        let before = fs::read_to_string(Self::LEVELS).expect(Self::LEVELS);
        fs::write(Self::LEVELS, "5").expect(Self::LEVELS);
        Self(before)
    }
}

impl Drop for QuietConsole {
    fn drop(&mut self) {
        fs::write(Self::LEVELS, &self.0).expect(Self::LEVELS);
    }
}

/// What the kernel says of a module that taints it.
const TAINTS: [&str; 2] = [
    "loading out-of-tree module taints kernel",
    "module verification failed: ",
];

/// A place in the kernel log; reads what comes after it.
#[derive(Debug)]
pub struct Log {
    kmsg: File,
}

impl Log {
    /// Puts a bookmark at the log's present end.
    pub fn bookmark() -> Self {
        // A message that was cut lacks its newline, and the kernel holds it back
        // until the next one: push it out, or it would count as a later one.
        fs::write("/dev/kmsg", "bookmark\n").expect("a line in /dev/kmsg");
        let mut kmsg = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .expect("/dev/kmsg");
        kmsg.seek(SeekFrom::End(0)).expect("the end of /dev/kmsg");
        Self { kmsg }
    }

    /// Returns the messages since the bookmark, and moves it behind them. What is
    /// not printable stays escaped, as the kernel does it: `\x0a`.
    ///
    /// # Panics
    ///
    /// When messages were overwritten before they could be read.
    pub fn lines(&mut self) -> Vec<String> {
        self.records().into_iter().map(|(_, line)| line).collect()
    }

    /// Returns the same with the level of each: 3 is an error, 6 information.
    fn records(&mut self) -> Vec<(u8, String)> {
        let mut records = Vec::new();
        let mut record = [0; 8192];
        loop {
            match self.kmsg.read(&mut record) {
                Ok(n) => records.push(message(&record[..n])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return records,
                Err(error) => panic!("/dev/kmsg: {error} (EPIPE: the log overflowed)"),
            }
        }
    }

    /// Returns the messages of one module since the bookmark, without its prefix.
    pub fn lines_of(&mut self, module: &str) -> Vec<String> {
        let records = self.records_of(module).into_iter();
        records.map(|(_, line)| line).collect()
    }

    /// Returns the same with the level of each: 3 is an error, 6 information. Without what the
    /// kernel says in the module's name of the first one that taints it.
    pub fn records_of(&mut self, module: &str) -> Vec<(u8, String)> {
        let prefix = format!("{module}: ");
        self.records()
            .iter()
            .filter_map(|(level, line)| Some((*level, line.strip_prefix(&prefix)?.to_string())))
            .filter(|(_, line)| !TAINTS.iter().any(|taint| line.starts_with(taint)))
            .collect()
    }

    /// Waits until a message holds `text`, and returns it; what came before it is
    /// passed over.
    ///
    /// # Panics
    ///
    /// When it does not come within [`PATIENCE`].
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            for line in self.lines() {
                if line.contains(text) {
                    return line;
                }
                seen.push(line);
            }
            assert!(Instant::now() < deadline, "no {text:?} in {seen:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Takes level and message out of a record of `/dev/kmsg`:
/// `<priority>,<sequence>,<time>,<flags>;<message>\n <KEY>=<value>\n`.
fn message(record: &[u8]) -> (u8, String) {
    let record = String::from_utf8_lossy(record);
    let line = record.lines().next().unwrap_or_default();
    let (head, text) = line.split_once(';').expect("a record");
    let priority = head.split(',').next().and_then(|word| word.parse().ok());
    // The facility is in the higher bits.
    let priority: u32 = priority.expect("a priority");
    ((priority % 8) as u8, text.into())
}
