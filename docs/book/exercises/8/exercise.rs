// SPDX-License-Identifier: GPL-2.0

//! Exercise 8: an alarm clock.
//!
//! `insmod exercise.ko delay_ms=2000` returns at once. Two seconds later the log has the line
//! `exercise: ding`. If the module is removed before that, `rmmod` does not wait either, and
//! there is no line.
//!
//! The line comes in time already, but `insmod` waits for it. A work item can be run later, by
//! a thread of the kernel: `Item` and `Run` in `abstractions/work.rs`, `new_delayed_work!` and
//! `msecs_to_jiffies` in the crate `kernel`. `workqueue_rs` uses all of these. Who owns the
//! item?

use abstractions::series;
use kernel::{
    prelude::*,
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
    description: "An alarm clock",
    license: "GPL",
    params: {
        delay_ms: u32 {
            default: 1000,
            description: "When it rings, in milliseconds from now",
        },
    },
}

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let delay_ms: u32 = series::param_value(module_parameters::delay_ms.value());
        // Your code.
        fsleep(Delta::from_millis(delay_ms.into()));
        pr_info!("ding\n");
        Ok(Self)
    }
}
