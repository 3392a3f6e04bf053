// SPDX-License-Identifier: GPL-2.0

//! The guest's keyboard, as the kernel's own driver sees it.

use nix::libc::{self, input_event};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
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
    /// Opens the event device of the guest's keyboard.
    pub fn open() -> Self {
        Self::of("keyboard")
    }

    /// Opens the event device of an input device, by its name or a part of that.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn of(name: &str) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(event_device(name).expect("an input device"))
            .expect("its events");
        Self {
            file,
            seen: Vec::new(),
        }
    }

    /// The event device.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Has the driver switch the light of Caps Lock: a command to the keyboard, of two
    /// bytes, to each of which the keyboard answers. Does not wait for that.
    pub fn set_caps_light(&mut self, on: bool) {
        // `EV_LED`, `LED_CAPSL`, behind the time, which the kernel does not look at.
        let mut event = [0; size_of::<input_event>()];
        let (_, data) = event
            .split_last_chunk_mut::<8>()
            .expect("the size of an event");
        data[..2].copy_from_slice(&0x11_u16.to_ne_bytes());
        data[2..4].copy_from_slice(&1_u16.to_ne_bytes());
        data[4..].copy_from_slice(&i32::from(on).to_ne_bytes());
        self.file.write_all(&event).expect("the keyboard's events");
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

/// Returns the path of the event device of an input device, by its name or a part of that.
pub fn event_device(name: &str) -> Option<String> {
    let devices = fs::read_to_string("/proc/bus/input/devices").expect("input devices");
    let device = devices.split("\n\n").find(|device| {
        let names = device
            .lines()
            .filter_map(|line| line.strip_prefix("N: Name="));
        names.into_iter().any(|found| found.contains(name))
    })?;
    let mut words = device.split([' ', '=', '\n']);
    Some(format!(
        "/dev/input/{}",
        words.find(|word| word.starts_with("event"))?
    ))
}
