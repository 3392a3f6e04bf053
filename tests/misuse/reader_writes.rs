// SPDX-License-Identifier: GPL-2.0

//! A reader that writes, while others may read.

use abstractions::rwsem::RwSem;

mod abstractions;

fn count(number: &RwSem<u32>) {
    #[cfg(misuse)]
    let mut guard = number.read();
    #[cfg(not(misuse))]
    let mut guard = number.write();
    *guard += 1; //~ ERROR cannot assign to data in dereference of `ReadGuard<'_, u32>` [E0594]
}
