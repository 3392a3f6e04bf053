// SPDX-License-Identifier: GPL-2.0

//! Work for later: on a queue of the module's own, in a softirq, or after some time.
//!
//! ```sh
//! insmod workqueue_rs.ko                  # a queue of its own
//! dmesg | tail -n 3                       # workqueue_rs: Item 1 runs in a kernel thread
//!                                         # ...
//! rmmod workqueue_rs
//! insmod workqueue_rs.ko bh=1             # workqueue_rs: Item 1 runs in a softirq
//! rmmod workqueue_rs
//! insmod workqueue_rs.ko delay_ms=2000    # one every two seconds
//! rmmod workqueue_rs
//! dmesg | tail -n 1                       # workqueue_rs: 1 of 3 items ran
//! ```
//!
//! An item is a function and its data. It is queued, and runs soon:
//!
//! - in a kernel thread, where it may sleep. The module's queue is an ordered one: it runs one
//!   item after the other, in the order in which they were queued.
//! - with `bh=1` in a softirq, on the kernel's queue for that, which does in a *bottom half* what
//!   tasklets did. It runs sooner, and must not sleep.
//! - with `delay_ms` when a timer has expired. The queue must still exist then, so it is one of
//!   the kernel's; with a queue of the module's own the code does not compile.
//!
//! Unloading drops the fields of the module's struct in their order. First the queue: all that is
//! on it runs. Then the items: one that still waits for its timer is cancelled, and one that runs
//! is waited for.
//!
//! The original's `init` returns before its only item has run. Its tasklet stays in the softirq
//! for five seconds, and holds up all other work of that CPU.
//!
//! Source: today's LKMPG, chapter "Scheduling Tasks", `sched.c`, `example_tasklet.c`.

use abstractions::{
    series,
    work::{
        self,
        Handle,
        Item,
        OwnedQueue, //
    },
};
use kernel::{
    new_delayed_work,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    time::msecs_to_jiffies,
    workqueue, //
};

mod abstractions;

module! {
    type: Workqueue,
    name: "workqueue_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has work done in a kernel thread, in a softirq, or later",
    license: "GPL",
    params: {
        items: u32 {
            default: 3,
            description: "How many items there are, 1 to 1000",
        },
        bh: u8 {
            default: 0,
            description: "1: the items run in a softirq",
        },
        delay_ms: u32 {
            default: 0,
            description: "How long each item waits after the one before, 0 to 60000 ms",
        },
    },
}

const MAX_ITEMS: u32 = 1000;

const MAX_DELAY_MS: u32 = 60_000;

// ANCHOR: fields
struct Workqueue {
    // Dropped in this order: what is on the queue runs, what is elsewhere is taken off, and then
    // the count is right.
    _queue: OwnedQueue,
    _items: KVec<Item<Greeting>>,
    _count: LogCountOnDrop,
}
// ANCHOR_END: fields

impl kernel::Module for Workqueue {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let count: u32 = series::param_value(module_parameters::items.value());
        let bh: u8 = series::param_value(module_parameters::bh.value());
        let delay_ms: u32 = series::param_value(module_parameters::delay_ms.value());
        if !(1..=MAX_ITEMS).contains(&count) || bh > 1 || delay_ms > MAX_DELAY_MS {
            pr_err!("items are 1 to {MAX_ITEMS}, bh is 0 or 1, delay_ms at most {MAX_DELAY_MS}\n");
            return Err(EINVAL);
        }

        let queue = OwnedQueue::ordered(c"workqueue_rs")?;
        let ran = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let mut items = KVec::with_capacity(count as usize, GFP_KERNEL)?;
        for number in 1..=count {
            let ran = ran.clone();
            let item = Item::new(new_delayed_work!("workqueue_rs"), Greeting { number, ran })?;
            items.push(item, GFP_KERNEL)?;
        }
        // Nothing fails any more, so all of them run, or none.
        let shared = if bh == 1 {
            workqueue::system_bh()
        } else {
            work::system_percpu()
        };
        for item in &items {
            let handle = item.handle();
            if delay_ms > 0 {
                handle.enqueue_after(shared, msecs_to_jiffies(item.number * delay_ms));
            } else if bh == 1 {
                handle.enqueue(shared);
            } else {
                queue.enqueue(&handle);
            }
        }
        Ok(Self {
            _queue: queue,
            _items: items,
            _count: LogCountOnDrop { ran, count },
        })
    }
}

/// The data of an item.
struct Greeting {
    number: u32,
    /// How many have run, of all.
    ran: Arc<Atomic<u32>>,
}

impl work::Run for Greeting {
    fn run(greeting: &Handle<Self>) {
        let place = if work::in_thread() {
            "a kernel thread"
        } else {
            "a softirq"
        };
        pr_info!("Item {} runs in {place}\n", greeting.number);
        greeting.ran.fetch_add(1, Relaxed);
    }
}

struct LogCountOnDrop {
    ran: Arc<Atomic<u32>>,
    count: u32,
}

impl Drop for LogCountOnDrop {
    fn drop(&mut self) {
        pr_info!("{} of {} items ran\n", self.ran.load(Relaxed), self.count);
    }
}
