// SPDX-License-Identifier: GPL-2.0

//! An object of a cache whose value belongs to one thread: the struct of a module may be
//! dropped by another one than that which made it.

use abstractions::slab::Object;
use kernel::prelude::*;

mod abstractions;

#[cfg(misuse)]
type Count = *mut u32;
#[cfg(not(misuse))]
type Count = u32;

fn sent_elsewhere(object: Object<Count>) -> impl Send {
    //~^ ERROR `*mut u32` cannot be sent between threads safely [E0277]
    object
}
