// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 13.

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

#[cfg(lkmpg_7_2)]
const SERIES: i32 = 2;
#[cfg(not(lkmpg_7_2))]
const SERIES: i32 = 3;

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
