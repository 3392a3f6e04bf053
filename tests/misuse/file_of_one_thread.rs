// SPDX-License-Identifier: GPL-2.0

//! Files whose data belongs to one thread: other threads and processes may have the same
//! file open, use it at the same time, and close it.

use abstractions::file::{
    OpenFile,
    Operations, //
};
use kernel::prelude::*;

mod abstractions;
include!("common/module.rs");

#[cfg(misuse)]
type Pointer = *mut u8;
#[cfg(not(misuse))]
type Pointer = usize;

struct Device(Pointer);

#[vtable]
impl Operations for Device {
    type Data = KBox<Self>;
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    type Ptr = KBox<Self>;
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]

    fn open(device: &Self, _file: &OpenFile) -> Result<KBox<Self>> {
        Ok(KBox::new(Self(device.0), GFP_KERNEL)?)
    }
}
