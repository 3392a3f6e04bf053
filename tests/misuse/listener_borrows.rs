// SPDX-License-Identifier: GPL-2.0

//! A listener to the keyboard that borrows: where its filter is leaked, it is called when
//! what it borrows has gone.

use abstractions::i8042::{
    Listener,
    Ports, //
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

impl<T: Shared> Listener for Count<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn byte(&self, _byte: u8, _ports: &Ports<'_>) {
        self.0.as_ref().fetch_add(1, Relaxed);
    }
}
