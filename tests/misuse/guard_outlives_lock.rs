// SPDX-License-Identifier: GPL-2.0

//! A lock that goes away while it is held.

use kernel::{
    new_mutex,
    prelude::*, //
};

fn read() -> Result<u32> {
    let lock = KBox::pin_init(new_mutex!(7), GFP_KERNEL)?;
    let guard = lock.lock();
    #[cfg(misuse)]
    drop(lock); //~ ERROR cannot move out of `lock` because it is borrowed [E0505]
    Ok(*guard)
}
