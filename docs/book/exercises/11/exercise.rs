// SPDX-License-Identifier: GPL-2.0

//! Exercise 11: a guest that leaves things as they were.
//!
//! `export_server_rs` exports a number, `yohda`, and a function that adds to it. While this
//! module is loaded, the number is to be greater by the parameter `add`:
//!
//! ```sh
//! insmod export_server_rs.ko
//! insmod exercise.ko add=8    # yohda is 50
//! rmmod exercise              # yohda is 42
//! ```
//!
//! Other modules may change the number meanwhile, and what they have added stays. If `add` is 0
//! there is nothing to do, and the load is refused with EINVAL. May
//! `export_server_rs` be removed while this module is loaded? The test looks at that, too.

use abstractions::series;
use kernel::prelude::*;

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Adds to a number of another module, for a time",
    license: "GPL",
    params: {
        add: i32 {
            default: 1,
            description: "What is added",
        },
    },
}

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let add: i32 = series::param_value(module_parameters::add.value());
        // Your code.
        pr_info!("I would add {add}\n");
        Ok(Self)
    }
}
