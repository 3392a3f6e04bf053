// SPDX-License-Identifier: GPL-2.0

//! What a probe of a return calls, and borrows: where the probe is leaked, it is called when
//! what it borrows has gone.

use abstractions::kprobe::{
    Registers,
    ReturnHandler, //
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

impl<T: Shared> ReturnHandler for Count<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn returned(&self, _registers: &Registers) {
        self.0.as_ref().fetch_add(1, Relaxed);
    }
}
