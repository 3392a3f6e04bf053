// SPDX-License-Identifier: GPL-2.0

//! Logs the calls of functions of the kernel that write to a pseudo terminal, and that lock
//! a terminal: who is in between the two has it locked. For `tests/tests/probed.rs`; never
//! installed.

use abstractions::kprobe::{
    Handler,
    Probe,
    Registers, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: TtyProbes,
    name: "tty_probes",
    authors: ["lkmpg-rs authors"],
    description: "Logs what is done to terminals",
    license: "GPL",
}

/// The functions.
const SYMBOLS: [&CStr; 3] = [c"tty_lock", c"pty_write", c"tty_unlock"];

struct TtyProbes {
    _probes: KVec<Pin<KBox<Probe<Log>>>>,
}

impl kernel::Module for TtyProbes {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut probes = KVec::new();
        for symbol in SYMBOLS {
            let probe = KBox::pin_init(Probe::new(symbol, Log(symbol)), GFP_KERNEL)?;
            probes.push(probe, GFP_KERNEL)?;
        }
        Ok(Self { _probes: probes })
    }
}

/// Logs the calls of a function.
struct Log(&'static CStr);

impl Handler for Log {
    fn hit(&self, _registers: &Registers) {
        pr_info!("{} by {}\n", self.0, current!().pid());
    }
}
