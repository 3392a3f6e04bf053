// SPDX-License-Identifier: GPL-2.0

// What makes a file a module: `#[vtable]` wants one.

module! {
    type: Minimal,
    name: "minimal",
    authors: ["lkmpg-rs authors"],
    description: "Does nothing",
    license: "GPL",
}

struct Minimal;

impl kernel::Module for Minimal {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
