// SPDX-License-Identifier: GPL-2.0

//! A folder in sysfs with two files: a number, and its square.
//!
//! ```sh
//! insmod sysfs_rs.ko
//! cd /sys/kernel/sysfs_rs
//! echo 12 >value
//! cat value            # 12
//! cat squared          # 144
//! echo 12abc >value    # Invalid argument
//! ```
//!
//! Each file has one value and a newline, as all files in sysfs should. The number is an
//! atomic: several processes may read and write it at once.
//!
//! An open file does not hold the module. Unloading waits for a call that is under way; later
//! ones fail with ENODEV.
//!
//! The original takes anything for a number, as it does not look whether `sscanf` has found
//! one; it reads and writes an `int` without a lock, and lets a group write it.
//!
//! Source: today's LKMPG, chapter "sysfs", `hello-sysfs.c`.

use abstractions::sysfs::{
    parse_int,
    Attribute,
    Folder, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

mod abstractions;

module! {
    type: Sysfs,
    name: "sysfs_rs",
    authors: ["lkmpg-rs authors"],
    description: "Keeps a number in /sys/kernel/sysfs_rs",
    license: "GPL",
}

struct Sysfs {
    _folder: Folder<Number>,
}

impl kernel::Module for Sysfs {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let number = Number(Atomic::new(0));
        let folder = Folder::new(c"sysfs_rs", Number::FILES, number).inspect_err(|error| {
            pr_err!("cannot make /sys/kernel/sysfs_rs: {}\n", error.to_errno());
        })?;
        Ok(Self { _folder: folder })
    }
}

struct Number(Atomic<i32>);

// ANCHOR: files
impl Number {
    const FILES: &'static [Attribute<Self>] = &[
        Attribute::read_write(c"value", Self::show_value, Self::store_value),
        Attribute::read_only(c"squared", Self::show_squared),
    ];

    fn show_value(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "{}", self.0.load(Relaxed))
    }

    fn store_value(&self, text: &CStr) -> Result {
        self.0.store(parse_int(text)?, Relaxed);
        Ok(())
    }

    fn show_squared(&self, to: &mut dyn Write) -> fmt::Result {
        let value = i64::from(self.0.load(Relaxed));
        writeln!(to, "{}", value * value)
    }
}
// ANCHOR_END: files
