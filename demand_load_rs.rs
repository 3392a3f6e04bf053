// SPDX-License-Identifier: GPL-2.0

//! Asks the kernel for another module when it is loaded: `name=`.
//!
//! The kernel runs `modprobe`, which finds the module by its name or an alias and loads
//! it with all that it depends on. The module logs the exit status of `modprobe`, which
//! is all that the kernel learns.
//!
//! ```sh
//! insmod demand_load_rs.ko name=export_client_rs
//! dmesg | tail -n 1     # demand_load_rs: export_client_rs: modprobe exited with 0
//! lsmod                 # export_client_rs and export_server_rs are there
//! ```
//!
//! Two ways need no code at all. A device node that nobody serves: opening
//! `/dev/char_dev` (major 100) makes the kernel ask for `char-major-100-0`, an alias of
//! `chardev_ioctl_rs`. And the start of the system: each line of
//! `/etc/modules-load.d/*.conf` is a module to load, with arguments from
//! `/etc/modprobe.d/*.conf`.
//!
//! The original's daemon `kerneld`, which loaded modules and unloaded those out of
//! use, is gone: the kernel runs `modprobe` itself, and unloads nothing by itself.
//!
//! Source: "The Linux Kernel", chapter 12.1.

use abstractions::{
    kmod::request_module,
    param::string_parameters, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: DemandLoad,
    name: "demand_load_rs",
    authors: ["lkmpg-rs authors"],
    description: "Asks the kernel for another module when loaded",
    license: "GPL",
}

string_parameters! {
    module: "demand_load_rs",
    name: "The module to ask for, or an alias of it",
}

struct DemandLoad;

impl kernel::Module for DemandLoad {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let Some(name) = string_parameters::name.value() else {
            pr_info!("Next time, do insmod demand_load_rs.ko name=<module>\n");
            return Ok(Self);
        };
        // modprobe takes - for _ in a name.
        let same = |byte: u8| if byte == b'-' { b'_' } else { byte };
        if name
            .to_bytes()
            .iter()
            .copied()
            .map(same)
            .eq(*b"demand_load_rs")
        {
            pr_err!("{name}: is waiting for itself\n");
            return Err(EINVAL);
        }
        // ANCHOR: ask
        match request_module(name) {
            Ok(status) => pr_info!("{name}: modprobe {status}\n"),
            Err(error) => {
                pr_err!("{name}: cannot be asked for (err {})\n", error.to_errno());
                return Err(error);
            }
        }
        // ANCHOR_END: ask
        Ok(Self)
    }
}
