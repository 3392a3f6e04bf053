// SPDX-License-Identifier: GPL-2.0

//! Folders in configfs with as many files as one can have, whose subsystem can go before they
//! do: what `vinput_rs` does not use of `abstractions/configfs.rs`. Never installed.

use abstractions::{
    attribute::{
        parse_int,
        Attribute, //
    },
    configfs::{
        Item,
        Subsystem, //
    },
    input::Keyboard,
    kthread::Thread,
    param::string_parameters,
    series::param_value, //
};
use core::fmt::{
    self,
    Write, //
};
use hold::hold_init;
use kernel::{
    prelude::*,
    str::CString,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

mod abstractions;
mod hold;

module! {
    type: Fixture,
    name: "configfs_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Has folders in configfs",
    license: "GPL",
    params: {
        hold: u32 {
            default: 0,
            description: "Stay in init until a signal comes, then fail with ENODEV",
        },
        drop_after_ms: u32 {
            default: 0,
            description: "Drop the subsystem after so many milliseconds, with all that is in it",
        },
    },
}

string_parameters! {
    module: "configfs_fixture",
    subsystem: "The name of the subsystem",
}

struct Fixture {
    _subsystem: Option<Subsystem<Numbers>>,
    _thread: Option<Thread>,
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = string_parameters::subsystem.value().unwrap_or(c"fixture");
        let subsystem = Subsystem::new(name)?;
        hold_init(param_value(module_parameters::hold.value()))?;
        let ms: u32 = param_value(module_parameters::drop_after_ms.value());
        if ms == 0 {
            return Ok(Self {
                _subsystem: Some(subsystem),
                _thread: None,
            });
        }
        let thread = Thread::new(c"configfs_fixture", move |_stop| {
            fsleep(Delta::from_millis(ms.into()));
            drop(subsystem);
            pr_info!("subsystem dropped\n");
        })?;
        thread.start();
        Ok(Self {
            _subsystem: None,
            _thread: Some(thread),
        })
    }
}

/// Four numbers; the fourth is told, not set. A name that begins with `no` makes none; one with
/// `keys` tries to make a keyboard of that many keys first.
struct Numbers {
    name: CString,
    numbers: [Atomic<i32>; 3],
}

impl Numbers {
    fn show<const N: usize>(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "{N}: {}", self.numbers[N].load(Relaxed))
    }

    fn store<const N: usize>(&self, text: &CStr) -> Result {
        self.numbers[N].store(parse_int(text)?, Relaxed);
        Ok(())
    }

    fn show_sum(&self, to: &mut dyn Write) -> fmt::Result {
        let sum: i32 = self.numbers.iter().map(|number| number.load(Relaxed)).sum();
        writeln!(to, "{sum}")
    }
}

impl Item for Numbers {
    const FILES: &'static [Attribute<Self>] = &[
        Attribute::read_write(c"a", Self::show::<0>, Self::store::<0>),
        Attribute::private(c"b", Self::show::<1>, Self::store::<1>),
        Attribute::read_write(c"c", Self::show::<2>, Self::store::<2>),
        Attribute::read_only(c"sum", Self::show_sum),
    ];

    fn make(name: &CStr) -> Result<Self> {
        if name.to_bytes().starts_with(b"no") {
            return Err(EDOM);
        }
        if name.to_bytes().starts_with(b"keys") {
            let count = CStr::from_bytes_with_nul(&name.to_bytes_with_nul()[4..]);
            let last = parse_int(count.map_err(|_| EINVAL)?)?;
            Keyboard::new(name.try_into()?, 1..=last.try_into()?)?;
        }
        pr_info!("{} made\n", name.to_str().unwrap_or("?"));
        Ok(Self {
            name: name.try_into()?,
            numbers: [Atomic::new(1), Atomic::new(2), Atomic::new(3)],
        })
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        pr_info!("{} dropped\n", self.name.to_str().unwrap_or("?"));
    }
}
