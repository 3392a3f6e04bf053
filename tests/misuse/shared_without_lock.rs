// SPDX-License-Identifier: GPL-2.0

//! A counter that open files share, and that is written without a lock.

use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

// ANCHOR: misuse
struct Device {
    count: u32,
    atomic: Atomic<u32>,
}

fn count(device: Arc<Device>) {
    #[cfg(misuse)]
    {
        device.count += 1; //~ ERROR cannot assign to data in dereference of [E0594]
    }
    #[cfg(not(misuse))]
    device.atomic.fetch_add(1, Relaxed);
}
// ANCHOR_END: misuse
