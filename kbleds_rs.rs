// SPDX-License-Identifier: GPL-2.0

//! Blinks the lights of all keyboards.
//!
//! ```sh
//! insmod kbleds_rs.ko
//! insmod vinput_rs.ko; cd /sys/kernel/config/vinput; mkdir k
//! cat k/leds          # num, caps and scroll, or nothing
//! cat k/leds
//! rmmod kbleds_rs
//! cat k/leds          # what the console wants
//! ```
//!
//! A keyboard that comes later blinks, too. Every `interval_ms` (200) all lights go on, and every
//! other time they show what the console wants: Caps Lock, say. So they do after unloading, whatever
//! keys were pressed meanwhile.
//!
//! The module is an *input handler*: the kernel tells it of each device that has keys and lights,
//! and when one goes. It does not listen; it puts events in, as the console does to switch the
//! lights. What blinks is a work item that queues itself again.
//!
//! Unloading ends the work item, then the lights are given back, and the keyboards are let go.
//!
//! The original takes the terminal that is in front when it is loaded, without a lock or a
//! reference, and calls its driver's `ioctl` from a timer, where that must not sleep. It may change
//! another terminal's lights in the end.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `kbleds.c`.

use abstractions::{
    input::Led,
    leds::Lights,
    series,
    work::{
        self,
        Handle,
        Item, //
    }, //
};
use kernel::{
    new_delayed_work,
    prelude::*,
    sync::atomic::{
        AtomicFlag,
        Relaxed, //
    },
    time::{
        msecs_to_jiffies,
        Jiffies, //
    },
};

mod abstractions;

module! {
    type: Kbleds,
    name: "kbleds_rs",
    authors: ["lkmpg-rs authors"],
    description: "Blinks the lights of all keyboards",
    license: "GPL",
    params: {
        interval_ms: u32 {
            default: 200,
            description: "How long the lights stay as they are, 10 to 60000 ms",
        },
    },
}

struct Kbleds {
    _blink: Item<Blink>,
}

impl kernel::Module for Kbleds {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let ms: u32 = series::param_value(module_parameters::interval_ms.value());
        if !(10..=60_000).contains(&ms) {
            pr_err!("interval_ms={ms} is not between 10 and 60000\n");
            return Err(EINVAL);
        }
        let lights = Lights::new(c"kbleds_rs");
        let blink = Item::new(
            new_delayed_work!("kbleds_rs"),
            try_pin_init!(Blink {
                lights <- lights,
                lit: AtomicFlag::new(false),
                interval: msecs_to_jiffies(ms),
            }? Error),
        )?;
        blink.handle().enqueue(work::system_percpu());
        Ok(Self { _blink: blink })
    }
}

// ANCHOR: blink
#[pin_data]
struct Blink {
    #[pin]
    lights: Lights,
    /// Whether all are on.
    lit: AtomicFlag,
    interval: Jiffies,
}

impl work::Run for Blink {
    fn run(blink: &Handle<Self>) {
        let lit = !blink.lit.load(Relaxed);
        if lit {
            blink.lights.show(&Led::ALL);
        } else {
            blink.lights.show_console();
        }
        blink.lit.store(lit, Relaxed);
        blink.enqueue_after(work::system_percpu(), blink.interval);
    }
}
// ANCHOR_END: blink
