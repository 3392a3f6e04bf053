// SPDX-License-Identifier: GPL-2.0

//! An interrupt handler that is moved: the kernel has its address.

use abstractions::irq::{
    Handler,
    SharedLine, //
};
use kernel::prelude::*;

mod abstractions;

fn take_off<T: Handler>(line: Pin<KBox<SharedLine<T>>>) {
    #[cfg(misuse)]
    let line = *line; //~ ERROR cannot move out of dereference of [E0507]
    drop(line);
}
