// SPDX-License-Identifier: GPL-2.0

//! What tells a kernel thread to end, asked by another one: that may be no kernel thread at
//! all, and has nothing to ask then.

use abstractions::kthread::{
    Stop,
    Thread, //
};
use kernel::prelude::*;

mod abstractions;

fn outer(stop: &Stop) {
    let inner = move |of_inner: &Stop| {
        #[cfg(misuse)]
        while !stop.requested() {}
        #[cfg(not(misuse))]
        while !of_inner.requested() {}
    };
    let _ = Thread::new(c"inner", inner);
    //~^ ERROR cannot be shared between threads safely [E0277]
}
