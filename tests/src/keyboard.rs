// SPDX-License-Identifier: GPL-2.0

//! The guest's keyboard, as the kernel's own driver sees it.

use nix::libc::{self, input_event};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    time::Duration,
};

const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_LED: u16 = 0x11;
const SYN_DROPPED: u16 = 3;

/// The value of a key that repeats; one that is pressed has 1.
const REPEAT: i32 = 2;

/// What the kernel made of a key: its number in `linux/input-event-codes.h`, and
/// whether it was pressed or released.
pub type Key = (u16, bool);

/// A light of a keyboard, by its number in `linux/input-event-codes.h`: Num Lock.
pub const NUM: u16 = 0;
/// Caps Lock.
pub const CAPS: u16 = 1;
/// Scroll Lock.
pub const SCROLL: u16 = 2;

/// A light that was switched on or off, and when.
pub type Light = (u16, bool, Duration);

/// The keyboard's events since it was opened.
#[derive(Debug)]
pub struct Events {
    file: File,
    keys: Vec<Key>,
    repeats: usize,
    lights: Vec<Light>,
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
            keys: Vec::new(),
            repeats: 0,
            lights: Vec::new(),
        }
    }

    /// The event device.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Has the driver switch the light of Caps Lock: a command to the keyboard, of two
    /// bytes, to each of which the keyboard answers. Does not wait for that.
    pub fn set_caps_light(&mut self, on: bool) {
        // Behind the time, which the kernel does not look at.
        let mut event = [0; size_of::<input_event>()];
        let (_, data) = event
            .split_last_chunk_mut::<8>()
            .expect("the size of an event");
        data[..2].copy_from_slice(&EV_LED.to_ne_bytes());
        data[2..4].copy_from_slice(&CAPS.to_ne_bytes());
        data[4..].copy_from_slice(&i32::from(on).to_ne_bytes());
        self.file.write_all(&event).expect("the keyboard's events");
    }

    /// Returns all keys so far, as they were pressed and released.
    ///
    /// # Panics
    ///
    /// When the kernel dropped events, as nobody had read them in time.
    pub fn keys(&mut self) -> &[Key] {
        self.read();
        &self.keys
    }

    /// Returns how often a key repeated so far: one that is held does, after a quarter of a
    /// second, and so may any on a slow machine.
    ///
    /// # Panics
    ///
    /// As [`Events::keys`].
    pub fn repeats(&mut self) -> usize {
        self.read();
        self.repeats
    }

    /// Returns all changes of the lights so far.
    ///
    /// # Panics
    ///
    /// As [`Events::keys`].
    pub fn lights(&mut self) -> &[Light] {
        self.read();
        &self.lights
    }

    fn read(&mut self) {
        let mut buffer = [0; size_of::<input_event>() * 64];
        while let Ok(n) = self.file.read(&mut buffer) {
            for event in buffer[..n].chunks_exact(size_of::<input_event>()) {
                // SAFETY: It is one, of numbers only, and need not be aligned.
                let event = unsafe { event.as_ptr().cast::<input_event>().read_unaligned() };
                let on = event.value != 0;
                match event.type_ {
                    EV_KEY if event.value == REPEAT => self.repeats += 1,
                    EV_KEY => self.keys.push((event.code, on)),
                    EV_LED => {
                        let seconds = Duration::from_secs(event.time.tv_sec as u64);
                        let time = seconds + Duration::from_micros(event.time.tv_usec as u64);
                        self.lights.push((event.code, on, time));
                    }
                    EV_SYN if event.code == SYN_DROPPED => {
                        panic!("events lost after {:?}, {:?}", self.keys, self.lights);
                    }
                    _ => {}
                }
            }
        }
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
