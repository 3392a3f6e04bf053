// SPDX-License-Identifier: GPL-2.0

//! Exercise 10: a driver that looks at its devices.
//!
//! The module makes three devices, `exercise.0` to `exercise.2`, and a driver that is bound to
//! each of them, whatever it is like. Let the driver read the property `speed`:
//!
//! - a speed of 1 to 115,200 is taken;
//! - a device without the property has the speed 9,600;
//! - a device with any other speed is refused, with ERANGE.
//!
//! The driver says `speed 9600` in the kernel log for each device that it takes, by `dev_info!`.
//! `platform_rs` shows how properties are read.

use abstractions::platform::{
    Device,
    Property, //
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*, //
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "A driver, and three devices",
    license: "GPL",
}

struct Exercise {
    // Dropped in this order.
    _driver: Pin<KBox<driver::Registration<platform::Adapter<Driver>>>>,
    _devices: [Device; 3],
}

impl kernel::Module for Exercise {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let device = |id, properties: &[Property<'_>]| Device::new(c"exercise", id, properties);
        let devices = [
            device(0, &[Property::U32(c"speed", 300)])?,
            device(1, &[])?,
            device(2, &[Property::U32(c"speed", 1_000_000)])?,
        ];
        Ok(Self {
            _driver: KBox::pin_init(driver::Registration::new(c"exercise", module), GFP_KERNEL)?,
            _devices: devices,
        })
    }
}

struct Driver;

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    fn probe<'bound>(
        device: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        // Your code.
        dev_info!(device, "I take them all\n");
        Ok(Self)
    }
}
