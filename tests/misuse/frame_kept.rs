// SPDX-License-Identifier: GPL-2.0

//! A frame that is kept for later, when its interface may be gone.

use abstractions::net::{
    Frame,
    Interface,
    Stats, //
};
use kernel::prelude::*;

mod abstractions;

struct Keeper;

fn keep(_frame: Frame<'static>) {}

impl Interface for Keeper {
    fn transmit(&self, frame: Frame<'_>) {
        #[cfg(misuse)]
        keep(frame); //~ ERROR borrowed data escapes outside of method [E0521]
        #[cfg(not(misuse))]
        drop(frame);
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}
