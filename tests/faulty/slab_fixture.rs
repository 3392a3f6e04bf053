// SPDX-License-Identifier: GPL-2.0

//! Objects of other sizes, alignments and lives than those of `slab_rs`. Never installed.

use abstractions::slab::{
    Cache,
    Object, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

mod abstractions;

module! {
    type: Fixture,
    name: "slab_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Keeps one object of many",
    license: "GPL",
}

/// Many more than one slab has.
const OBJECTS: u64 = 3000;

/// How many values were dropped.
static DROPPED: Atomic<u64> = Atomic::new(0);

struct Fixture {
    _last: Object<Wide>,
    _pages: Cache<[u8; 2 * PAGE_SIZE]>,
}

#[repr(align(256))]
struct Wide {
    number: u64,
}

impl Drop for Wide {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Relaxed);
    }
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let wide = Cache::new(c"slab_fixture")?;
        let mut objects = KVVec::new();
        for number in 0..OBJECTS {
            objects.push(wide.clone().alloc(Wide { number })?, GFP_KERNEL)?;
        }
        for object in &mut objects {
            object.number *= 2;
        }
        let right = (0..)
            .zip(&objects)
            .filter(|(i, object)| object.number == 2 * i && (&raw const ***object).is_aligned());
        pr_info!("{} of {OBJECTS} are right\n", right.count());
        let last = objects.pop().ok_or(EINVAL)?;
        drop(objects);
        pr_info!("{} dropped\n", DROPPED.load(Relaxed));

        let byte = Cache::new(c"slab_fixture_byte")?.alloc(7_u8)?;
        pr_info!("a byte: {}\n", *byte);
        // Its cache goes with it, that of the last one stays.
        drop(byte);
        Ok(Self {
            _last: last,
            _pages: Cache::new(c"slab_fixture_pages")?,
        })
    }
}
