// SPDX-License-Identifier: GPL-2.0

//! Exercise 5: the light is on while the door is open.
//!
//! Loading the module switches a light on, and then opens a door. Removing it shuts the door
//! first. The log has these lines then:
//!
//! ```text
//! exercise: light on
//! exercise: door open
//! exercise: door shut
//! exercise: light off
//! ```
//!
//! With `stuck=1` the door does not open. The load fails with `EBUSY`, and the light must not
//! stay on: the lines are `light on` and `light off`. (You see them twice: when a load fails,
//! the guest's `insmod` tries once more, with an older system call.)
//!
//! All that is needed is here, in the wrong order. There are two orders: that in which the
//! values are made, and that in which they are dropped. Do not change `Light` and `Door`.

use abstractions::series;
use kernel::prelude::*;

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Has a light on while a door is open",
    license: "GPL",
    params: {
        stuck: u8 {
            default: 0,
            description: "1: the door does not open",
        },
    },
}

struct Exercise {
    _light: Light,
    _door: Door,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let stuck: u8 = series::param_value(module_parameters::stuck.value());
        Ok(Self {
            _door: Door::open(stuck == 1)?,
            _light: Light::on(),
        })
    }
}

struct Light;

impl Light {
    fn on() -> Self {
        pr_info!("light on\n");
        Self
    }
}

impl Drop for Light {
    fn drop(&mut self) {
        pr_info!("light off\n");
    }
}

struct Door;

impl Door {
    fn open(stuck: bool) -> Result<Self> {
        if stuck {
            return Err(EBUSY);
        }
        pr_info!("door open\n");
        Ok(Self)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        pr_info!("door shut\n");
    }
}
