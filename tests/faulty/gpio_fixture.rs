// SPDX-License-Identifier: GPL-2.0

//! A line of the chip `fixture`, read and set, and its interrupts, whose thread takes a
//! while: what `gpio_rs` does not use of `abstractions/gpio.rs`. Never installed.

use abstractions::{
    gpio::{
        Direction,
        Edges,
        Line,
        Trigger, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
    series::{
        faux_device,
        param_value, //
    }, //
};
use kernel::{
    faux,
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

mod abstractions;

module! {
    type: Fixture,
    name: "gpio_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Has a line of a GPIO chip",
    license: "GPL",
    params: {
        out: u8 {
            default: 0,
            description: "1: it is set, and begins low; 2: high",
        },
        trigger: u8 {
            default: 0,
            description: "It interrupts when it rises, 1: falls, 2: does either",
        },
    },
}

struct Fixture {
    _edges: Pin<KBox<Edges<Slow>>>,
    _device: faux::Registration,
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let device = faux::Registration::new(c"gpio_fixture", None)?;
        let direction = match param_value(module_parameters::out.value()) {
            0_u8 => Direction::In,
            1 => Direction::Out(false),
            _ => Direction::Out(true),
        };
        let trigger = match param_value(module_parameters::trigger.value()) {
            0_u8 => Trigger::Rising,
            1 => Trigger::Falling,
            _ => Trigger::Both,
        };
        let line = Line::get(faux_device(&device), c"fixture", 0, c"probe", direction)?;
        let before = line.value()?;
        let set = line.set(!before).map_or_else(Error::to_errno, |()| 0);
        pr_info!("{before}, set: {set}, {}\n", line.value()?);
        Ok(Self {
            _edges: KBox::pin_init(Edges::new(line, trigger, c"fixture", Slow), GFP_KERNEL)?,
            _device: device,
        })
    }
}

struct Slow;

impl Handler for Slow {
    fn handle(&self) -> IrqReturn {
        IrqReturn::WakeThread
    }

    fn thread(&self) {
        pr_info!("begin\n");
        fsleep(Delta::from_millis(100));
        pr_info!("end\n");
    }
}
