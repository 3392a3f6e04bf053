// SPDX-License-Identifier: GPL-2.0

//! Keyboards of `vinput_rs`, which has to be loaded.

use crate::process::wait_until;
use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
};

/// The folder in which a folder is a keyboard.
pub const FOLDER: &str = "/sys/kernel/config/vinput";

/// A keyboard, whose folder is removed on drop.
#[derive(Debug)]
pub struct Keyboard(PathBuf);

impl Keyboard {
    /// Makes a keyboard.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn make(name: impl AsRef<OsStr>) -> Self {
        Self::try_make(name).expect("a keyboard")
    }

    /// Makes a keyboard.
    ///
    /// # Errors
    ///
    /// That of `mkdir(2)`.
    pub fn try_make(name: impl AsRef<OsStr>) -> io::Result<Self> {
        let folder = Path::new(FOLDER).join(name.as_ref());
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The path of a file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes to the file that takes keys.
    ///
    /// # Errors
    ///
    /// That of `open(2)` or of `write(2)`.
    pub fn write(&self, text: impl AsRef<[u8]>) -> io::Result<usize> {
        let mut file = OpenOptions::new().write(true).open(self.file("event"))?;
        file.write(text.as_ref())
    }

    /// Presses keys one after the other, and releases each.
    ///
    /// # Panics
    ///
    /// When one is refused.
    pub fn hit(&self, keys: &[u16]) {
        for key in keys {
            self.write(format!("+{key}\n")).expect("a press");
            self.write(format!("-{key}\n")).expect("a release");
        }
    }

    /// Returns what was written last, as its file shows it.
    ///
    /// # Panics
    ///
    /// When that cannot be read.
    pub fn event(&self) -> String {
        fs::read_to_string(self.file("event")).expect("the last event")
    }

    /// Waits until these lights are on, and no others: the console switches them later.
    ///
    /// # Panics
    ///
    /// When they do not come.
    #[track_caller]
    pub fn wait_for_leds(&self, leds: &str) {
        wait_until(&format!("{leds:?}"), || {
            fs::read_to_string(self.file("leds")).expect("the lights") == leds
        });
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        match fs::remove_dir(&self.0) {
            Err(error) if !thread::panicking() => panic!("{error}"),
            _ => {}
        }
    }
}
