// SPDX-License-Identifier: GPL-2.0

//! A parameter that can be changed while the module is loaded; the module checks each new
//! value.
//!
//! ```sh
//! insmod param_watch_rs.ko watched=5
//! cd /sys/module/param_watch_rs/parameters
//! echo 7 >watched
//! cat watched          # 7
//! echo 101 >watched    # Invalid argument
//! dmesg | tail -n 5    # param_watch_rs: watched becomes 5
//!                      # param_watch_rs: Loaded, watched is 5
//!                      # param_watch_rs: watched becomes 7
//!                      # param_watch_rs: watched is read: 7
//!                      # param_watch_rs: watched=101 is not between 0 and 100
//! ```
//!
//! The kernel calls [`Watch::set`] for each new value: also for the one on `insmod`'s command
//! line, before `init`. A value that is refused, or is no number, changes nothing. The value
//! itself is an atomic, because `init` or a timer may read it while root writes.
//!
//! The original stores the value, a plain `int` that others may be reading, before it looks at
//! it. So it cannot refuse one. For text that is no number it returns -1, which is EPERM.
//!
//! Source: today's LKMPG, section "Passing Command Line Arguments to a Module", `hello-6.c`.

use abstractions::param::{
    live_parameters,
    Watch, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: ParamWatch,
    name: "param_watch_rs",
    authors: ["lkmpg-rs authors"],
    description: "Watches a parameter that root changes",
    license: "GPL",
}

live_parameters! {
    module: "param_watch_rs",
    watched: Watched {
        default: 50,
        description: "A number from 0 to 100",
    },
}

struct Watched;

// ANCHOR: watch
impl Watch for Watched {
    fn set(value: i32) -> Result {
        if !(0..=100).contains(&value) {
            pr_err!("watched={value} is not between 0 and 100\n");
            return Err(EINVAL);
        }
        pr_info!("watched becomes {value}\n");
        Ok(())
    }

    fn read(value: i32) {
        pr_info!("watched is read: {value}\n");
    }
}
// ANCHOR_END: watch

struct ParamWatch;

impl kernel::Module for ParamWatch {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("Loaded, watched is {}\n", live_parameters::watched.value());
        Ok(Self)
    }
}
