// SPDX-License-Identifier: GPL-2.0

//! The handler that takes the arguments of `do_file_open` for what they are, put on
//! another function.

use abstractions::{
    kprobe::Probe,
    namei::{
        watch,
        Adapter,
        Function,
        OpenProbe,
        Watcher, //
    }, //
};
use kernel::prelude::*;

mod abstractions;

fn probe<T: Watcher>(watcher: T) -> impl PinInit<OpenProbe<T>, Error> {
    #[cfg(misuse)]
    return Probe::new(c"vfs_read", Adapter(watcher)); //~ ERROR which contains private fields [E0423]
    #[cfg(not(misuse))]
    watch(Function::DoFileOpen, watcher)
}
