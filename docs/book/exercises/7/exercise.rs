// SPDX-License-Identifier: GPL-2.0

//! Exercise 7: a sum that loses nothing.
//!
//! What is written to `/sys/kernel/exercise/total` is added to what is there:
//!
//! ```sh
//! echo 40 >/sys/kernel/exercise/total
//! echo 2 >/sys/kernel/exercise/total
//! cat /sys/kernel/exercise/total    # 42
//! ```
//!
//! If two processes write at the same time, one of the two numbers is lost, for adding takes
//! long here. That stands for work on more than a number: it has to stay where it is, between
//! the look at the old total and the new one. Which kind of lock may be held meanwhile?
//!
//! `Folder::new` takes an initializer as well, such as that of `pin_init!`.

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
    time::{
        delay::fsleep,
        Delta, //
    },
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Adds what is written",
    license: "GPL",
}

struct Exercise {
    _folder: Folder<Total>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let total = Total(Atomic::new(0));
        Ok(Self {
            _folder: Folder::new(c"exercise", Total::FILES, total)?,
        })
    }
}

struct Total(Atomic<i32>);

impl Total {
    const FILES: &'static [Attribute<Self>] =
        &[Attribute::read_write(c"total", Self::show, Self::add)];

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "{}", self.0.load(Relaxed))
    }

    fn add(&self, text: &CStr) -> Result {
        let number = parse_int(text)?;
        let total = self.0.load(Relaxed);
        fsleep(Delta::from_millis(20));
        self.0.store(total.wrapping_add(number), Relaxed);
        Ok(())
    }
}
