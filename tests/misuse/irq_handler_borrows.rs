// SPDX-License-Identifier: GPL-2.0

//! An interrupt handler that borrows: where its registration is leaked, it is called when
//! what it borrows has gone.

use abstractions::irq::{
    Handler,
    IrqReturn, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

mod abstractions;

// What is not `'static` may borrow.
#[cfg(misuse)]
trait Shared: AsRef<Atomic<u32>> + Send + Sync {}
#[cfg(not(misuse))]
trait Shared: AsRef<Atomic<u32>> + Send + Sync + 'static {}

struct Count<T>(T);

impl<T: Shared> Handler for Count<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn handle(&self) -> IrqReturn {
        self.0.as_ref().fetch_add(1, Relaxed);
        IrqReturn::None
    }
}
