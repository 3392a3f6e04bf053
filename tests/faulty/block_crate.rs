// SPDX-License-Identifier: GPL-2.0

//! A disk of `kernel::block::mq`, `/dev/fixture`, of which each read gives what was in
//! memory, and which forgets what is written. It does not pin the module:
//! `docs/known-issues.md`. For `tests/debug/caught.bats`; never installed.

use kernel::{
    block::mq::{
        gen_disk::{
            GenDisk,
            GenDiskBuilder, //
        },
        Operations,
        Request,
        TagSet, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

module! {
    type: Fixture,
    name: "block_crate",
    authors: ["lkmpg-rs authors"],
    description: "A disk that does not pin the module",
    license: "GPL",
}

struct Fixture {
    _disk: GenDisk<Disk>,
}

// SAFETY: `GenDisk` lacks this because of pointers in it. All that is done with it is to
// drop it, and what that calls in C any thread may call.
unsafe impl Send for Fixture {}
// SAFETY: A reference to it gives access to nothing.
unsafe impl Sync for Fixture {}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let tags = Arc::pin_init(TagSet::new(1, 8, 1), GFP_KERNEL)?;
        let disk = GenDiskBuilder::new()
            .capacity_sectors(8)
            .build(fmt!("fixture"), tags, ())?;
        Ok(Self { _disk: disk })
    }
}

/// Ends each request at once.
struct Disk;

#[vtable]
impl Operations for Disk {
    type QueueData = ();

    fn queue_rq(_data: (), request: ARef<Request<Self>>, _is_last: bool) -> Result {
        // The only reference to it.
        Request::end_ok(request).map_err(|_| EIO)
    }

    fn commit_rqs(_data: ()) {}

    fn complete(_request: ARef<Request<Self>>) {}
}
