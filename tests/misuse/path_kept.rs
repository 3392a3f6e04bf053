// SPDX-License-Identifier: GPL-2.0

//! The path of a file that is being opened, kept when the open is over and the kernel has
//! freed it.

use abstractions::namei::Watcher;
use kernel::{
    prelude::*,
    sync::SpinLock, //
};

mod abstractions;

struct Log {
    last: Pin<KBox<SpinLock<Option<&'static CStr>>>>,
}

impl Watcher for Log {
    fn opening(&self, _uid: u32, path: &CStr) {
        #[cfg(misuse)]
        let known: &'static CStr = path; //~ ERROR lifetime may not live long enough
        #[cfg(not(misuse))]
        let known = c"a file";
        *self.last.lock() = (!path.is_empty()).then_some(known);
    }

    fn opened(&self, _uid: u32, _result: Result) {}
}
