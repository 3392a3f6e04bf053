// SPDX-License-Identifier: GPL-2.0

//! The memory of a request to a disk, kept when the request has ended.

use abstractions::{
    block::Disk,
    iov::Dest, //
};
use kernel::{
    iov::IovIterSource,
    prelude::*, //
};

mod abstractions;

struct Zeros;

fn fill_later(_to: &'static mut Dest<'_>) {}

impl Disk for Zeros {
    fn read(&self, _position: u64, to: &mut Dest<'_>) -> Result {
        #[cfg(misuse)]
        fill_later(to); //~ ERROR borrowed data escapes outside of method [E0521]
        #[cfg(not(misuse))]
        while !to.is_empty() {
            to.copy_to_iter(&[0; 512]);
        }
        Ok(())
    }

    fn write(&self, _position: u64, _from: &mut IovIterSource<'_>) -> Result {
        Err(ENOSPC)
    }
}
