// SPDX-License-Identifier: GPL-2.0

//! User memory that goes to another thread, which may be another process's.

use abstractions::usercopy::UserMemory;
use kernel::prelude::*;

mod abstractions;

fn to_another_thread<T: Send>(_value: T) {}

fn map() -> Result {
    let memory = UserMemory::new(1)?;
    #[cfg(misuse)]
    to_another_thread(memory); //~ ERROR cannot be sent between threads safely [E0277]
    #[cfg(not(misuse))]
    to_another_thread(memory.len());
    Ok(())
}
