// SPDX-License-Identifier: GPL-2.0

//! A load that takes as long as a test likes: `guest::module::Loading`.

use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    },
};

/// Stays in `init` until a signal comes, and fails with ENODEV then; returns at once if `hold`, the
/// module's parameter, is 0.
pub(crate) fn hold_init(hold: u32) -> Result {
    if hold == 0 {
        return Ok(());
    }
    while !current!().signal_pending() {
        fsleep(Delta::from_millis(1));
    }
    Err(ENODEV)
}
