// SPDX-License-Identifier: GPL-2.0

//! A property with a text that has gone when the device is made of it.

use abstractions::platform::{
    Device,
    Property, //
};
use kernel::{
    prelude::*,
    str::CString, //
};

mod abstractions;

fn make(label: CString) -> Result<Device> {
    let property = Property::Str(c"label", &label);
    #[cfg(misuse)]
    drop(label); //~ ERROR cannot move out of `label` because it is borrowed [E0505]
    Device::new(c"lamp", 0, &[property])
}
