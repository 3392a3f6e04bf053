// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 2.

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
    fn set(value: i32) -> Result {
        if value % 2 != 0 {
            return Err(EINVAL);
        }
        Ok(())
    }
}

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
