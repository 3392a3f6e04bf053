// SPDX-License-Identifier: GPL-2.0

//! A file in debugfs with data that borrows: where the folder is leaked, it is read when what it
//! borrows has gone.

use abstractions::debugfs::Folder;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

mod abstractions;

struct Count<'a>(&'a Atomic<u32>);

fn folder(count: &Atomic<u32>) {
    #[cfg(misuse)]
    let folder = Folder::new(c"folder", &[], Count(count));
    //~^ ERROR borrowed data escapes outside of function [E0521]
    #[cfg(not(misuse))]
    let folder = Folder::new(c"folder", &[], Atomic::new(count.load(Relaxed)));
    let _ = folder;
}
