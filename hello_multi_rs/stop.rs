// SPDX-License-Identifier: GPL-2.0

//! The unload half of `hello_multi_rs`.

use crate::HelloMulti;
use kernel::prelude::*;

impl Drop for HelloMulti {
    fn drop(&mut self) {
        pr_info!("Short is the life of a kernel module\n");
    }
}
