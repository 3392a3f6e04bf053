// SPDX-License-Identifier: GPL-2.0

//! A driver on the platform bus, and devices for it, with properties.
//!
//! ```sh
//! insmod platform_rs.ko broken=2
//! dmesg | tail -n 4     # platform_rs platform_rs.0: label zero, value 0 of 100, enabled
//!                       # platform_rs platform_rs.1: label one, value 10 of 50, disabled
//!                       # platform_rs platform_rs.2: nodeN: property 'value' is missing
//!                       # platform_rs platform_rs.2: probe with driver platform_rs failed ...
//! cd /sys/bus/platform/drivers/platform_rs
//! echo platform_rs.1 >unbind
//! echo platform_rs.1 >bind
//! echo platform_rs.2 >bind      # Invalid argument
//! ```
//!
//! A bus brings devices and drivers together: those of the same name, whichever is there first.
//! It calls the driver's `probe`, which may refuse the device. What `probe` returns belongs to
//! the device until it is unbound, and is dropped then.
//!
//! A driver reads what a device tree or ACPI says of a device as properties, and does not see
//! where they come from. Here they come from a software node, which the module makes with each
//! device: a label and a value, which are required; a limit, for which there is a default; and a
//! flag. The device that `broken=` names has no value.
//!
//! Unloading drops the fields of the module's struct in their order. First the driver, which
//! leaves all devices, and then these.
//!
//! Neither of the originals makes a device, so neither ever probes one. When a device is bound by
//! hand, the first reads platform data that is not there, and the second the node of a device
//! tree.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `devicemodel.c`, `devicetree.c`.

use abstractions::{
    platform::{
        Device,
        Property, //
    },
    series, //
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*,
    str::CString,
    sync::aref::ARef, //
};

mod abstractions;

module! {
    type: Platform,
    name: "platform_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has a platform driver and devices for it",
    license: "GPL",
    params: {
        devices: u16 {
            default: 3,
            description: "How many devices there are, 1 to 5",
        },
        broken: i32 {
            default: -1,
            description: "The device without a value, 0 to 4; -1: none",
        },
    },
}

const LABELS: [&CStr; 5] = [c"zero", c"one", c"two", c"three", c"four"];

/// The limit of a device that tells none.
const DEFAULT_LIMIT: u32 = 100;

struct Platform {
    // Dropped in this order.
    _driver: Pin<KBox<driver::Registration<platform::Adapter<Driver>>>>,
    _devices: KVec<Device>,
}

impl kernel::Module for Platform {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let count: u16 = series::param_value(module_parameters::devices.value());
        let broken: i32 = series::param_value(module_parameters::broken.value());
        if !(1..=LABELS.len()).contains(&count.into())
            || !(-1..LABELS.len() as i32).contains(&broken)
        {
            pr_err!("devices are 1 to 5, broken is -1 to 4\n");
            return Err(EINVAL);
        }
        let mut devices = KVec::new();
        for (id, label) in (0..count).zip(LABELS) {
            devices.push(make(id, label, i32::from(id) == broken)?, GFP_KERNEL)?;
        }
        // This probes them.
        let driver = KBox::pin_init(
            driver::Registration::new(c"platform_rs", module),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _driver: driver,
            _devices: devices,
        })
    }
}

/// Makes a device. Those with an even number are enabled, the others have a limit.
fn make(id: u16, label: &CStr, broken: bool) -> Result<Device> {
    let mut properties = KVec::new();
    properties.push(Property::Str(c"label", label), GFP_KERNEL)?;
    if !broken {
        properties.push(Property::U32(c"value", u32::from(id) * 10), GFP_KERNEL)?;
    }
    let last = if id % 2 == 0 {
        Property::Flag(c"enabled")
    } else {
        Property::U32(c"limit", 50)
    };
    properties.push(last, GFP_KERNEL)?;
    Device::new(c"platform_rs", id, &properties)
        .inspect_err(|error| pr_err!("cannot make platform_rs.{id}: {}\n", error.to_errno()))
}

/// What the driver keeps of a device that it is bound to.
struct Driver {
    device: ARef<platform::Device>,
    label: CString,
}

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    // ANCHOR: probe
    fn probe<'bound>(
        device: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        let dev = device.as_ref();
        let node = dev.fwnode().ok_or(ENODEV)?;
        // These tell of the one that is missing.
        let label: CString = node.property_read(c"label").required_by(dev)?;
        let value: u32 = node.property_read(c"value").required_by(dev)?;
        let limit = node.property_read(c"limit").or(DEFAULT_LIMIT);
        let enabled = if node.property_read_bool(c"enabled") {
            "enabled"
        } else {
            "disabled"
        };
        let text = label.to_str()?;
        dev_info!(dev, "label {text}, value {value} of {limit}, {enabled}\n");
        Ok(Self {
            device: device.into(),
            label,
        })
    }
    // ANCHOR_END: probe
}

impl Drop for Driver {
    fn drop(&mut self) {
        let text = self.label.to_str().unwrap_or_default();
        dev_info!(self.device, "label {text} is unbound\n");
    }
}
