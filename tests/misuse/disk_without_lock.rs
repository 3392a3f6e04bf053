// SPDX-License-Identifier: GPL-2.0

//! The memory of a disk that several processors use, without a lock.

use abstractions::{
    block::Disk,
    iov::Dest, //
};
use core::cell::RefCell;
use kernel::{
    iov::IovIterSource,
    prelude::*,
    sync::SpinLock, //
};

mod abstractions;

#[cfg(misuse)]
struct Sector {
    bytes: RefCell<[u8; 512]>,
}

#[cfg(not(misuse))]
struct Sector {
    bytes: SpinLock<[u8; 512]>,
}

#[cfg(misuse)]
impl Disk for Sector {
    //~^ ERROR `RefCell<[u8; 512]>` cannot be shared between threads safely [E0277]
    fn read(&self, _position: u64, to: &mut Dest<'_>) -> Result {
        to.copy_to_iter(&*self.bytes.borrow());
        Ok(())
    }

    fn write(&self, _position: u64, from: &mut IovIterSource<'_>) -> Result {
        from.copy_from_iter(&mut *self.bytes.borrow_mut());
        Ok(())
    }
}

#[cfg(not(misuse))]
impl Disk for Sector {
    fn read(&self, _position: u64, to: &mut Dest<'_>) -> Result {
        to.copy_to_iter(&*self.bytes.lock());
        Ok(())
    }

    fn write(&self, _position: u64, from: &mut IovIterSource<'_>) -> Result {
        from.copy_from_iter(&mut *self.bytes.lock());
        Ok(())
    }
}
