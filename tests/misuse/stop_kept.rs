// SPDX-License-Identifier: GPL-2.0

//! What tells a kernel thread to end, kept when the thread is over.

use abstractions::kthread::{
    Stop,
    Thread, //
};
use kernel::prelude::*;

mod abstractions;

fn use_later(_stop: &'static Stop) {}

fn thread() -> Result<Thread> {
    Thread::new(c"thread", |stop| {
        #[cfg(misuse)]
        use_later(stop); //~ ERROR borrowed data escapes outside of closure [E0521]
        #[cfg(not(misuse))]
        let _ = stop.requested();
    })
}
