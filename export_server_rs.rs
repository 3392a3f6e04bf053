// SPDX-License-Identifier: GPL-2.0

//! A module that offers something to other modules: the number `yohda` and a
//! function that adds to it. `export_client_rs` uses both.
//!
//! Other modules find the two by name in the kernel's symbol table, where
//! [`export_symbol_gpl!`] puts them; at build time they stand in `Module.symvers`.
//! `/proc/kallsyms` shows the function, and with `CONFIG_KALLSYMS_ALL` the number.
//! `abstractions/export_server.rs` tells others their types, as a header file does for
//! C. The number is an atomic: where C has a plain `int`, each reader races with each
//! writer.
//!
//! ```sh
//! insmod export_server_rs.ko
//! grep yohda /proc/kallsyms
//! insmod export_client_rs.ko
//! lsmod                        # export_server_rs  ...  1 export_client_rs
//! rmmod export_server_rs       # Resource temporarily unavailable
//! rmmod export_client_rs export_server_rs
//! dmesg | tail -n 1            # export_server_rs: yohda was 43
//! ```
//!
//! Source: "Loadable Kernel Module", `server.c`.

use abstractions::{
    export::export_symbol_gpl,
    export_server, //
};
use core::sync::atomic::{
    AtomicI32,
    Ordering::Relaxed, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: Server,
    name: "export_server_rs",
    authors: ["lkmpg-rs authors"],
    description: "Exports a number and a function to other modules",
    license: "GPL",
}

// ANCHOR: export
/// The number that is exported; see [`export_server::yohda`].
#[allow(non_upper_case_globals)]
#[no_mangle]
pub static yohda: AtomicI32 = AtomicI32::new(42);
export_symbol_gpl!(static export_server::yohda);

/// The function that is exported; see [`export_server::yohda_add`].
#[no_mangle]
pub extern "C" fn yohda_add(n: c_int) -> c_int {
    yohda.fetch_add(n, Relaxed).wrapping_add(n)
}
export_symbol_gpl!(fn export_server::yohda_add);
// ANCHOR_END: export

struct Server;

impl kernel::Module for Server {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("yohda is {}\n", yohda.load(Relaxed));
        Ok(Self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        pr_info!("yohda was {}\n", yohda.load(Relaxed));
    }
}
