// SPDX-License-Identifier: GPL-2.0

//! A watcher of opens that borrows: where the probe is leaked, it is called when what it
//! borrows has gone.

use abstractions::namei::Watcher;
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

impl<T: Shared> Watcher for Count<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn opening(&self, _uid: u32, _path: &CStr) {
        self.0.as_ref().fetch_add(1, Relaxed);
    }

    fn opened(&self, _uid: u32, _result: Result) {}
}
