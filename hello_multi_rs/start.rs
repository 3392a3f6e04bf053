// SPDX-License-Identifier: GPL-2.0

//! The load half of `hello_multi_rs`.

use crate::HelloMulti;
use kernel::prelude::*;

impl kernel::Module for HelloMulti {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("Hello, world - this is the kernel speaking\n");
        Ok(Self)
    }
}
