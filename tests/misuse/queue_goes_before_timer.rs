// SPDX-License-Identifier: GPL-2.0

//! A delayed item for a queue that may be gone when the timer ends, and puts the item there.

use abstractions::work::{
    self,
    Handle,
    OwnedQueue,
    Run, //
};
use kernel::prelude::*;

mod abstractions;

struct Count;

impl Run for Count {
    fn run(_count: &Handle<Self>) {}
}

fn delay(item: &Handle<Count>, queue: &OwnedQueue) -> bool {
    #[cfg(misuse)]
    return item.enqueue_after(queue, 10); //~ ERROR mismatched types [E0308]
    #[cfg(not(misuse))]
    return queue.enqueue(item) && item.enqueue_after(work::system_percpu(), 10);
}
