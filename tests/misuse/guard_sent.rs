// SPDX-License-Identifier: GPL-2.0

//! A guard of a lock that goes to another thread, which would unlock what it has not
//! locked.

use kernel::{
    new_mutex,
    prelude::*, //
};

fn to_another_thread<T: Send>(_value: T) {}

fn read() -> Result {
    let lock = KBox::pin_init(new_mutex!(7), GFP_KERNEL)?;
    let guard = lock.lock();
    #[cfg(misuse)]
    to_another_thread(guard); //~ ERROR cannot be sent between threads safely [E0277]
    #[cfg(not(misuse))]
    to_another_thread(*guard);
    Ok(())
}
