// SPDX-License-Identifier: GPL-2.0

//! Exercise 13: a module that knows for which series it was built.
//!
//! ```sh
//! insmod exercise.ko          # built for Linux 7.3
//! insmod exercise.ko want=2   # Invalid argument
//! ```
//!
//! `want=` is the second number of the version. Where it is another one than that of the series
//! for which the module was built, the load is refused with EINVAL; without it, it is not. Try it
//! with `SERIES=7.2 make exercise 13` as well.
//!
//! In this repository `abstractions/series.rs` alone may do such a thing: look at how it does.
//! The number must come from the compiler, not from the kernel that runs.

use abstractions::series;
use kernel::prelude::*;

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Tells for which series it was built",
    license: "GPL",
    params: {
        want: i32 {
            default: -1,
            description: "The series to be refused if it is another",
        },
    },
}

// Your code.
const SERIES: i32 = 0;

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let want: i32 = series::param_value(module_parameters::want.value());
        if want != -1 && want != SERIES {
            return Err(EINVAL);
        }
        pr_info!("built for Linux 7.{SERIES}\n");
        Ok(Self)
    }
}
