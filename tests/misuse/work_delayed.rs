// SPDX-License-Identifier: GPL-2.0

//! A delayed item as one that is not: what ends the one spins for ever at the other, until
//! its timer has run.

use abstractions::work::{
    Handle,
    Item,
    Run, //
};
#[cfg(misuse)]
use kernel::new_delayed_work as new_work;
#[cfg(not(misuse))]
use kernel::new_work;
use kernel::prelude::*;

mod abstractions;

struct Count;

impl Run for Count {
    fn run(_count: &Handle<Self>) {}
}

fn item() -> Result<Item<Count>> {
    Item::new(new_work!("count"), Count) //~ ERROR is not satisfied [E0277]
}
