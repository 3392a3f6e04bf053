// SPDX-License-Identifier: GPL-2.0

//! A cache of objects of one size, with a name of its own.
//!
//! ```sh
//! insmod slab_rs.ko objects=3
//! dmesg | tail -n 3                           # slab_rs: Object 1 begins at byte 960 of its page
//!                                             # slab_rs: Object 2 begins at byte 640 of its page
//!                                             # slab_rs: Object 3 begins at byte 320 of its page
//! cat /sys/kernel/slab/slab_rs/object_size    # 284
//! cat /sys/kernel/slab/slab_rs/slab_size      # 320
//! rmmod slab_rs
//! dmesg | tail -n 3                           # slab_rs: Object 1 goes: its numbers make 2485
//!                                             # ...
//! ```
//!
//! `kmalloc()`, which is behind [`KBox`], has a cache for each of a few sizes. Behind the one of 256
//! bytes comes that of 512, so an object of 284 bytes would take 512. In a cache of its own it
//! takes 320: each object begins a line of 64 bytes of the processor's cache, so that two
//! processors which use two objects do not contend for one line.
//!
//! In Rust an object is a value with an owner. Dropping the owner frees it, after the value's own
//! destructor, and the cache goes with the last of them.
//!
//! The original prints addresses that the log hides, and never sets the name in its objects. The
//! kernel may merge its cache with another one, whose name it has then.
//!
//! Source: today's LKMPG, chapter "Memory Management", `kmem_cache.c`.

use abstractions::{
    series,
    slab::{
        Cache,
        Object, //
    },
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

mod abstractions;

module! {
    type: Slab,
    name: "slab_rs",
    authors: ["lkmpg-rs authors"],
    description: "Keeps objects in a cache of their own",
    license: "GPL",
    params: {
        objects: u32 {
            default: 2,
            description: "How many objects there are, 1 to 1000",
        },
    },
}

const MAX_OBJECTS: u32 = 1000;

struct Slab {
    _records: KVec<Object<Record>>,
}

impl kernel::Module for Slab {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let objects: u32 = series::param_value(module_parameters::objects.value());
        if !(1..=MAX_OBJECTS).contains(&objects) {
            pr_err!("objects are 1 to {MAX_OBJECTS}\n");
            return Err(EINVAL);
        }
        // ANCHOR: objects
        let cache = Cache::new(c"slab_rs")?;
        let mut records = KVec::with_capacity(objects as usize, GFP_KERNEL)?;
        for number in 1..=objects {
            records.push(cache.alloc(Record::new(number))?, GFP_KERNEL)?;
        }
        // ANCHOR_END: objects
        for record in &records {
            let number = record.number;
            let start = (&raw const **record).addr() % PAGE_SIZE;
            pr_info!("Object {number} begins at byte {start} of its page\n");
        }
        Ok(Self { _records: records })
    }
}

/// What an object holds.
struct Record {
    number: u32,
    multiples: [u32; 70],
}

impl Record {
    fn new(number: u32) -> Self {
        let multiples = core::array::from_fn(|i| number * (i as u32 + 1));
        Self { number, multiples }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let sum: u32 = self.multiples.iter().sum();
        pr_info!("Object {} goes: its numbers make {sum}\n", self.number);
    }
}
