// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 10.

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

/// The speed of a device that tells none.
const DEFAULT_SPEED: u32 = 9_600;

struct Driver;

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    fn probe<'bound>(
        device: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        let dev = device.as_ref();
        // A device without any property has no node.
        let speed = dev.fwnode().map_or(DEFAULT_SPEED, |node| {
            node.property_read(c"speed").or(DEFAULT_SPEED)
        });
        if !(1..=115_200).contains(&speed) {
            dev_err!(dev, "speed {speed} is none of 1 to 115200\n");
            return Err(ERANGE);
        }
        dev_info!(dev, "speed {speed}\n");
        Ok(Self)
    }
}
