// SPDX-License-Identifier: GPL-2.0

//! The open file, kept when the callback has returned: it may be closed then.

use abstractions::file::{
    OpenFile,
    Operations, //
};
use kernel::prelude::*;

mod abstractions;
include!("common/module.rs");

struct Example;

// ANCHOR: misuse
fn use_later(_file: &'static OpenFile) {}

#[vtable]
impl Operations for Example {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), file: &OpenFile) -> Result {
        #[cfg(misuse)]
        use_later(file); //~ ERROR borrowed data escapes outside of associated function [E0521]
        #[cfg(not(misuse))]
        pr_info!("{}\n", file.is_nonblocking());
        Ok(())
    }
}
// ANCHOR_END: misuse
