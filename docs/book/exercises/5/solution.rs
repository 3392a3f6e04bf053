// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 5.

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
    // Dropped in this order.
    _door: Door,
    _light: Light,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let stuck: u8 = series::param_value(module_parameters::stuck.value());
        Ok(Self {
            // Made in this order; where the door fails, the light is dropped.
            _light: Light::on(),
            _door: Door::open(stuck == 1)?,
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
