// SPDX-License-Identifier: GPL-2.0

//! A frame that is given to the kernel twice.

use abstractions::net::{
    Frame,
    Interface,
    Stats, //
};
use kernel::prelude::*;

mod abstractions;

struct Twice;

impl Interface for Twice {
    fn transmit(&self, frame: Frame<'_>) {
        frame.receive();
        #[cfg(misuse)]
        frame.receive(); //~ ERROR use of moved value: `frame` [E0382]
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}
