// SPDX-License-Identifier: GPL-2.0

//! Keyboards that are made by `mkdir`, and typed on by writing to a file.
//!
//! ```sh
//! insmod vinput_rs.ko
//! cd /sys/kernel/config/vinput
//! mkdir k                  # a keyboard named k
//! dmesg | tail -n 1        # input: k as /devices/virtual/input/input3
//! echo +34 >k/event        # presses G (see input-event-codes.h)
//! echo -34 >k/event        # releases it
//! cat k/event              # -34
//! echo +58 >k/event        # Caps Lock
//! echo -58 >k/event
//! cat k/leds               # caps
//! rmmod vinput_rs          # Resource temporarily unavailable
//! rmdir k; rmmod vinput_rs
//! ```
//!
//! The kernel passes on what the keyboard reports: to the programs that have its event device
//! open (`/dev/input/event*`), and to the console, which makes characters of keys, and switches
//! the lights of all keyboards. A key that is held repeats.
//!
//! configfs is for things that a program makes, where sysfs shows those that the kernel has. A
//! folder is a reference to the module. Removing it unregisters the keyboard, which releases
//! the keys that are pressed.
//!
//! The original has two modules, a file by which a number is given to a device, and another to
//! take it back. Nothing keeps a device while its file is open: the next write to it uses freed
//! memory. When there are too many, it returns with its lock held. Text that is no number presses
//! key 0, and its list of devices is walked past its end.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `vinput.c`, `vkbd.c`.

use abstractions::{
    attribute::{
        parse_int,
        Attribute, //
    },
    configfs::{
        Item,
        Subsystem, //
    },
    input::{
        Keyboard,
        Led, //
    },
};
use core::{
    fmt::{
        self,
        Write, //
    },
    ops::RangeInclusive,
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
    type: Vinput,
    name: "vinput_rs",
    authors: ["lkmpg-rs authors"],
    description: "Makes keyboards that are typed on by writing to a file",
    license: "GPL",
}

/// All keys of keyboards, from `KEY_ESC` to `KEY_MICMUTE`; the codes above are for other devices.
const KEYS: RangeInclusive<u16> = 1..=248;

struct Vinput {
    _keyboards: Subsystem<Virtual>,
}

impl kernel::Module for Vinput {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let keyboards = Subsystem::new(c"vinput").inspect_err(|error| {
            pr_err!(
                "cannot make /sys/kernel/config/vinput: {}\n",
                error.to_errno()
            );
        })?;
        Ok(Self {
            _keyboards: keyboards,
        })
    }
}

/// The keyboard that a folder stands for.
struct Virtual {
    keyboard: Keyboard,
    /// What was written last: a key's code, below 0 when it was released; 0 before.
    last: Atomic<i32>,
}

// ANCHOR: item
impl Item for Virtual {
    const FILES: &'static [Attribute<Self>] = &[
        Attribute::private(c"event", Self::show_event, Self::store_event),
        Attribute::read_only(c"leds", Self::show_leds),
    ];

    fn make(name: &CStr) -> Result<Self> {
        Ok(Self {
            keyboard: Keyboard::new(name.try_into()?, KEYS)?,
            last: Atomic::new(0),
        })
    }
}

impl Virtual {
    fn store_event(&self, text: &CStr) -> Result {
        let event = parse_int(text)?;
        let key = u16::try_from(event.unsigned_abs()).map_err(|_| EINVAL)?;
        if !KEYS.contains(&key) {
            return Err(EINVAL);
        }
        self.keyboard.report(key, event > 0);
        self.last.store(event, Relaxed);
        Ok(())
    }
    // ANCHOR_END: item

    fn show_event(&self, to: &mut dyn Write) -> fmt::Result {
        match self.last.load(Relaxed) {
            0 => Ok(()),
            event => writeln!(to, "{event:+}"),
        }
    }

    fn show_leds(&self, to: &mut dyn Write) -> fmt::Result {
        for (led, name) in [
            (Led::Num, "num"),
            (Led::Caps, "caps"),
            (Led::Scroll, "scroll"),
        ] {
            if self.keyboard.is_lit(led) {
                writeln!(to, "{name}")?;
            }
        }
        Ok(())
    }
}
