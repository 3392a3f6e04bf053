// SPDX-License-Identifier: GPL-2.0

//! Exercise 2: a parameter that is even, whenever it is set.
//!
//! It is 2 at first. `insmod exercise.ko even=4`, and `echo 6` to
//! `/sys/module/exercise/parameters/even`, set it to another even number. What is not even is
//! refused with `EINVAL`, and the value stays as it was. A negative number may be even, too.

use abstractions::param::{
    live_parameters,
    Watch, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Has a parameter that is even",
    license: "GPL",
}

live_parameters! {
    module: "exercise",
    even: Even {
        default: 2,
        description: "An even number",
    },
}

struct Even;

impl Watch for Even {
    fn set(_value: i32) -> Result {
        // Your code.
        Ok(())
    }
}

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
