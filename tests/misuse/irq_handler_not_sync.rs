// SPDX-License-Identifier: GPL-2.0

//! The two halves of an interrupt handler run at the same time; what they share must allow
//! that.

use abstractions::irq::{
    Handler,
    IrqReturn, //
};
#[cfg(misuse)]
use core::cell::Cell as Count;
#[cfg(not(misuse))]
use kernel::sync::atomic::Atomic as Count;

mod abstractions;

struct Keyboard {
    interrupts: Count<u32>,
}

impl Handler for Keyboard {
    //~^ ERROR `Cell<u32>` cannot be shared between threads safely [E0277]
    fn handle(&self) -> IrqReturn {
        IrqReturn::None
    }
}
