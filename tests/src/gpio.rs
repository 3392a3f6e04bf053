// SPDX-License-Identifier: GPL-2.0

//! Simulated GPIO chips (`Documentation/admin-guide/gpio/gpio-sim.rst`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const CONFIG: &str = "/sys/kernel/config/gpio-sim";

/// A chip, whose lines can be looked at and pulled from outside.
#[derive(Debug)]
pub struct Chip {
    config: PathBuf,
    lines: PathBuf,
}

impl Chip {
    /// Makes a chip with a label.
    ///
    /// # Panics
    ///
    /// When the kernel cannot.
    pub fn make(label: &str, lines: u16) -> Made {
        let config = Path::new(CONFIG).join(label);
        let bank = config.join("bank");
        fs::create_dir_all(&bank).expect("a bank");
        fs::write(bank.join("num_lines"), lines.to_string()).expect("lines");
        fs::write(bank.join("label"), label).expect("label");
        fs::write(config.join("live"), "1").expect("live");
        Made(Self::at(config).expect("a chip"))
    }

    /// The chip that the guest has (`qemu/init`).
    ///
    /// # Errors
    ///
    /// The errno with which it is looked at: ENOENT where the kernel has no GPIO.
    pub fn board() -> io::Result<Self> {
        Self::at(Path::new(CONFIG).join("board"))
    }

    fn at(config: PathBuf) -> io::Result<Self> {
        let name = |file| fs::read_to_string(config.join(file)).map(|name| name.trim().to_owned());
        let lines = Path::new("/sys/devices/platform")
            .join(name("dev_name")?)
            .join(name("bank/chip_name")?);
        Ok(Self { config, lines })
    }

    fn file(&self, line: u16, name: &str) -> PathBuf {
        self.lines.join(format!("sim_gpio{line}/{name}"))
    }

    /// Returns the value of a line.
    ///
    /// # Panics
    ///
    /// When it has none.
    pub fn value(&self, line: u16) -> bool {
        let value = fs::read_to_string(self.file(line, "value")).expect("value");
        match value.as_str() {
            "0\n" => false,
            "1\n" => true,
            _ => panic!("{value:?}"),
        }
    }

    /// Pulls a line up or down: the value of one that nobody sets.
    ///
    /// # Errors
    ///
    /// The errno of `open(2)` or `write(2)`.
    pub fn pull(&self, line: u16, up: bool) -> io::Result<()> {
        let how = if up { "pull-up" } else { "pull-down" };
        fs::write(self.file(line, "pull"), how)
    }

    /// Takes the chip away, whoever uses it.
    ///
    /// # Panics
    ///
    /// When the kernel refuses.
    pub fn unplug(&self) {
        fs::write(self.config.join("live"), "0").expect("live");
    }
}

/// A chip that is taken away on drop.
#[derive(Debug)]
pub struct Made(Chip);

impl std::ops::Deref for Made {
    type Target = Chip;

    fn deref(&self) -> &Chip {
        &self.0
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let live = self.config.join("live");
        if fs::read_to_string(live).expect("live") == "1\n" {
            self.unplug();
        }
        for folder in [self.config.join("bank"), self.config.clone()] {
            fs::remove_dir(folder).expect("remove_dir");
        }
    }
}
