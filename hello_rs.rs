// SPDX-License-Identifier: GPL-2.0

//! The smallest module: it says one line when it is loaded and one when it is
//! unloaded.
//!
//! What C calls `init_module` is [`kernel::Module::init`] here; what it calls
//! `cleanup_module` is the `Drop` of the module's type, which runs on unload.
//!
//! ```sh
//! insmod hello_rs.ko
//! dmesg | tail -n 1    # hello_rs: Hello, world - this is the kernel speaking
//! rmmod hello_rs
//! dmesg | tail -n 1    # hello_rs: Short is the life of a kernel module
//! ```
//!
//! Source: LKMPG, chapter 1, `hello.c`.

// ANCHOR: module
use kernel::prelude::*;

module! {
    type: Hello,
    name: "hello_rs",
    authors: ["lkmpg-rs authors"],
    description: "Says hello when loaded and goodbye when unloaded",
    license: "GPL",
}

struct Hello;

impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("Hello, world - this is the kernel speaking\n");
        // An error here instead would refuse the load: `Err(EINVAL)`, say.
        Ok(Self)
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        pr_info!("Short is the life of a kernel module\n");
    }
}
// ANCHOR_END: module
