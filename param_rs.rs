// SPDX-License-Identifier: GPL-2.0

//! Parameters given on the command line of `insmod`: strings, a number, an array of numbers.
//!
//! The number goes through `module!`'s own `params`, which knows integers only (and, from 7.3
//! on, `bool`) and does not show them; the strings go through [`string_parameters!`], the
//! array through [`array_parameters!`]. The kernel checks the types: `str1=7up` is a string
//! although it starts with a digit, and `count=seven` fails the load with EINVAL, and so does
//! a fifth number. Of a parameter that the module does not have, the kernel only warns.
//!
//! ```sh
//! insmod param_rs.ko str1=Hello str2=world numbers=2,3,5
//! dmesg | tail -n 2    # param_rs: Strings:Hello and world
//!                      # param_rs: Numbers: 3 given, [2, 3, 5]
//! cat /sys/module/param_rs/parameters/str1
//! cat /sys/module/param_rs/parameters/numbers
//! ```
//!
//! In the original root can change a number while the module reads it, and a group can change
//! `myshort`. Here all are read-only; `param_watch_rs` has one that changes.
//!
//! Source: LKMPG, chapter 6, `param.c`; today's LKMPG, `hello-5.c`.

use abstractions::{
    param::{
        array_parameters,
        string_parameters, //
    },
    series, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: Param,
    name: "param_rs",
    authors: ["lkmpg-rs authors"],
    description: "Logs the strings it is given when loaded",
    license: "GPL",
    // ANCHOR: number
    params: {
        count: u32 {
            default: 1,
            description: "How often to log the strings, 1 to 100",
        },
    },
    // ANCHOR_END: number
}

// ANCHOR: parameters
string_parameters! {
    module: "param_rs",
    str1: "The first string to log",
    str2: "The second string to log",
    title: "What is before the numbers" = c"Numbers",
}

array_parameters! {
    module: "param_rs",
    numbers: [i32; 4] {
        description: "Numbers to log, at most four",
    },
}
// ANCHOR_END: parameters

/// The largest `count`: enough to see it work, too few to flood the log.
const MAX_COUNT: u32 = 100;

struct Param;

impl kernel::Module for Param {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // ANCHOR: check
        let count = series::param_value(module_parameters::count.value());
        if !(1..=MAX_COUNT).contains(&count) {
            pr_err!("count={count} is not between 1 and {MAX_COUNT}\n");
            return Err(EINVAL);
        }
        // ANCHOR_END: check

        match (
            string_parameters::str1.value(),
            string_parameters::str2.value(),
        ) {
            (Some(str1), Some(str2)) => {
                for _ in 0..count {
                    pr_info!("Strings:{str1} and {str2}\n");
                }
            }
            _ => pr_info!("Next time, do insmod param_rs.ko str1=<something> str2=<something>\n"),
        }

        let numbers = array_parameters::numbers.given();
        if let (Some(title), false) = (string_parameters::title.value(), numbers.is_empty()) {
            pr_info!("{title}: {} given, {numbers:?}\n", numbers.len());
        }
        Ok(Self)
    }
}
