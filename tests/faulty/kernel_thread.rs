// SPDX-License-Identifier: GPL-2.0

//! Wrappers of what a process has, used by a kernel thread, which has none of it. For
//! `tests/tests/usercopy_test_rs.rs` and `tests/tests/print_string_rs.rs`; never installed.

use abstractions::{
    tty::Tty,
    usercopy::UserMemory,
    work::{
        self,
        Handle,
        Item,
        Run, //
    }, //
};
use kernel::{
    new_delayed_work,
    page::PAGE_SIZE,
    prelude::*, //
};

mod abstractions;

module! {
    type: KernelThread,
    name: "kernel_thread",
    authors: ["lkmpg-rs authors"],
    description: "Asks in a kernel thread for what a process has",
    license: "GPL",
}

struct KernelThread {
    _item: Item<Ask>,
}

impl kernel::Module for KernelThread {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // In a process as yet. None, and too many:
        for pages in [0, usize::MAX, usize::MAX / PAGE_SIZE] {
            let error = UserMemory::new(pages).err().map_or(0, Error::to_errno);
            pr_info!("{pages} pages: error {error}\n");
        }
        let item = Item::new(new_delayed_work!("kernel_thread"), Ask)?;
        item.handle().enqueue(work::system_percpu());
        Ok(Self { _item: item })
    }
}

struct Ask;

impl Run for Ask {
    fn run(_ask: &Handle<Self>) {
        let terminal = if Tty::current().is_some() {
            "one"
        } else {
            "none"
        };
        pr_info!("terminal: {terminal}\n");
        match UserMemory::new(1) {
            Ok(memory) => pr_info!("user memory: {} bytes\n", memory.len()),
            Err(error) => pr_info!("user memory: error {}\n", error.to_errno()),
        }
    }
}
