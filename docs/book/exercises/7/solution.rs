// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 7.

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
    new_mutex,
    prelude::*,
    sync::Mutex,
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
        let total = pin_init!(Total {
            total <- new_mutex!(0),
        });
        Ok(Self {
            _folder: Folder::new(c"exercise", Total::FILES, total)?,
        })
    }
}

#[pin_data]
struct Total {
    // Held while one sleeps, so it is no spin lock.
    #[pin]
    total: Mutex<i32>,
}

impl Total {
    const FILES: &'static [Attribute<Self>] =
        &[Attribute::read_write(c"total", Self::show, Self::add)];

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "{}", *self.total.lock())
    }

    fn add(&self, text: &CStr) -> Result {
        let number = parse_int(text)?;
        let mut total = self.total.lock();
        fsleep(Delta::from_millis(20));
        *total = total.wrapping_add(number);
        Ok(())
    }
}
