// SPDX-License-Identifier: GPL-2.0

//! Data that must not be shared behind a lock that lets several readers in at once.

use abstractions::rwsem::RwSem;
use core::cell::Cell;
use kernel::prelude::*;

mod abstractions;

#[cfg(misuse)]
type Number = Cell<u32>;
#[cfg(not(misuse))]
type Number = u32;

struct Example {
    number: Pin<KBox<RwSem<Number>>>,
}

fn shared<T: Sync>(_example: &T) {}

fn share(example: &Example) {
    shared(example); //~ ERROR `Cell<u32>` cannot be shared between threads safely [E0277]
}
