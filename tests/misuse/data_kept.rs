// SPDX-License-Identifier: GPL-2.0

//! What a registration owns, borrowed for longer than `open` runs: the file may live
//! longer than the registration.

use abstractions::file::{
    OpenFile,
    Operations, //
};
use kernel::{
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    }, //
};

mod abstractions;
include!("common/module.rs");

struct Device;

#[cfg(misuse)]
fn use_later(_device: ArcBorrow<'static, Device>) {}
#[cfg(not(misuse))]
fn use_later(_device: Arc<Device>) {}

#[vtable]
impl Operations for Device {
    type Data = Arc<Self>;
    type Ptr = ();

    fn open(device: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result {
        #[cfg(misuse)]
        use_later(device); //~ ERROR borrowed data escapes outside of associated function [E0521]
        #[cfg(not(misuse))]
        use_later(device.into());
        Ok(())
    }
}
