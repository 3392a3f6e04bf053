// SPDX-License-Identifier: GPL-2.0

//! The guest's keyboard, as the kernel's own driver sees it.

use nix::libc::{self, input_event};
use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
};

/// What the kernel made of a key: its number in `linux/input-event-codes.h`, and
/// whether it was pressed or released.
pub type Key = (u16, bool);

/// The keyboard's events since it was opened.
#[derive(Debug)]
pub struct Events {
    file: File,
    seen: Vec<Key>,
}

impl Events {
    /// Opens the keyboard's event device.
    pub fn open() -> Self {
        let devices = fs::read_to_string("/proc/bus/input/devices").expect("input devices");
        let event = devices
            .split("\n\n")
            .find(|device| device.contains("keyboard"))
            .and_then(|device| {
                device
                    .split_whitespace()
                    .find(|word| word.starts_with("event"))
            })
            .expect("a keyboard");
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/dev/input/{event}"))
            .expect("the keyboard's events");
        Self {
            file,
            seen: Vec::new(),
        }
    }

    /// Returns all keys so far.
    ///
    /// # Panics
    ///
    /// When the kernel dropped events, as nobody had read them in time.
    pub fn keys(&mut self) -> &[Key] {
        let mut buffer = [0; size_of::<input_event>() * 64];
        while let Ok(n) = self.file.read(&mut buffer) {
            for event in buffer[..n].chunks_exact(size_of::<input_event>()) {
                let [.., t0, t1, c0, c1, value, _, _, _] = event else {
                    unreachable!("the size of an event");
                };
                match u16::from_ne_bytes([*t0, *t1]) {
                    1 => self
                        .seen
                        .push((u16::from_ne_bytes([*c0, *c1]), *value != 0)),
                    0 if *c0 == 3 => panic!("SYN_DROPPED after {:?}", self.seen),
                    _ => {}
                }
            }
        }
        &self.seen
    }
}
