// SPDX-License-Identifier: GPL-2.0

//! A file of `kernel::debugfs`, `/sys/kernel/debug/fixture/number`. It does not pin the
//! module: `docs/known-issues.md`. For `tests/debug/caught.bats`; never installed.

use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    prelude::*, //
};

module! {
    type: Fixture,
    name: "debugfs_fixture",
    authors: ["lkmpg-rs authors"],
    description: "A file in debugfs that does not pin the module",
    license: "GPL",
}

struct Fixture {
    _number: Pin<KBox<File<u32>>>,
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let folder = Dir::new(c"fixture");
        Ok(Self {
            _number: KBox::pin_init(folder.read_only_file(c"number", 7), GFP_KERNEL)?,
        })
    }
}
