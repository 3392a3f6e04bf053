// SPDX-License-Identifier: GPL-2.0

//! A folder in configfs whose data belongs to one thread: `mkdir` and `rmdir` may come from
//! different processes.

use abstractions::{
    attribute::Attribute,
    configfs::Item, //
};
use kernel::prelude::*;

mod abstractions;

#[cfg(misuse)]
type Count = core::cell::Cell<u32>;
#[cfg(not(misuse))]
type Count = kernel::sync::atomic::Atomic<u32>;

struct Counter(Count);

impl Item for Counter {
    //~^ ERROR `Cell<u32>` cannot be shared between threads safely [E0277]
    const FILES: &'static [Attribute<Self>] = &[];

    fn make(_name: &CStr) -> Result<Self> {
        Ok(Self(Count::new(0)))
    }
}
