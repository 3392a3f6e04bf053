// SPDX-License-Identifier: GPL-2.0

//! A module that uses what another one exports: it reads the number `yohda` of
//! `export_server_rs`, and increases it.
//!
//! The kernel binds the two when this module is loaded. Without the server there
//! is nothing to bind to: the load fails with ENOENT, and the kernel logs
//! `Unknown symbol yohda`. `modprobe export_client_rs` loads the server first.
//!
//! ```sh
//! modprobe export_client_rs
//! dmesg | tail -n 2            # export_client_rs: yohda is 42
//!                              # export_client_rs: yohda is 43 now
//! cat /sys/module/export_client_rs/refcnt
//! ls /sys/module/export_server_rs/holders
//! ```
//!
//! Source: "Loadable Kernel Module", `client.c`.

use abstractions::export_server::{
    yohda,
    yohda_add, //
};
use core::sync::atomic::Ordering::Relaxed;
use kernel::prelude::*;

mod abstractions;

module! {
    type: Client,
    name: "export_client_rs",
    authors: ["lkmpg-rs authors"],
    description: "Uses what export_server_rs exports",
    license: "GPL",
}

struct Client;

// ANCHOR: use
impl kernel::Module for Client {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("yohda is {}\n", yohda.load(Relaxed));
        pr_info!("yohda is {} now\n", yohda_add(1));
        Ok(Self)
    }
}
// ANCHOR_END: use
