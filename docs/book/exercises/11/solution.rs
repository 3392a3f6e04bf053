// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 11.

use abstractions::{
    export_server::yohda_add,
    series, //
};
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

struct Exercise {
    added: i32,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let add: i32 = series::param_value(module_parameters::add.value());
        if add == 0 {
            return Err(EINVAL);
        }
        yohda_add(add);
        Ok(Self { added: add })
    }
}

impl Drop for Exercise {
    fn drop(&mut self) {
        // Not `-`, of which the least number has no result. The sum wraps around as well.
        yohda_add(self.added.wrapping_neg());
    }
}
