// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 8.

use abstractions::{
    series,
    work::{
        self,
        Handle,
        Item,
        Run, //
    }, //
};
use kernel::{
    new_delayed_work,
    prelude::*,
    time::msecs_to_jiffies, //
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "An alarm clock",
    license: "GPL",
    params: {
        delay_ms: u32 {
            default: 1000,
            description: "When it rings, in milliseconds from now",
        },
    },
}

struct Exercise {
    // Dropping it takes the item off, or waits until it has run.
    _item: Item<Alarm>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let delay_ms: u32 = series::param_value(module_parameters::delay_ms.value());
        let item = Item::new(new_delayed_work!("exercise"), Alarm)?;
        item.handle()
            .enqueue_after(work::system_percpu(), msecs_to_jiffies(delay_ms));
        Ok(Self { _item: item })
    }
}

struct Alarm;

impl Run for Alarm {
    fn run(_alarm: &Handle<Self>) {
        pr_info!("ding\n");
    }
}
