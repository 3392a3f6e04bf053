// SPDX-License-Identifier: GPL-2.0

//! A module whose struct cannot be shared: any CPU may use it.

#[cfg(misuse)]
use core::cell::Cell;
use kernel::prelude::*;

struct Example {
    #[cfg(misuse)]
    count: Cell<u32>,
}

impl kernel::Module for Example {
    //~^ ERROR `Cell<u32>` cannot be shared between threads safely [E0277]
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            #[cfg(misuse)]
            count: Cell::new(0),
        })
    }
}
