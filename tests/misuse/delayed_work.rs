// SPDX-License-Identifier: GPL-2.0

//! A work item that cannot be delayed, ended as if it could: C would look for its timer beyond
//! its end.

use abstractions::work::{
    Handle,
    Item,
    Run, //
};
#[cfg(not(misuse))]
use kernel::new_delayed_work;
#[cfg(misuse)]
use kernel::new_work as new_delayed_work;
use kernel::prelude::*;

mod abstractions;

struct Count;

impl Run for Count {
    fn run(_count: &Handle<Self>) {}
}

fn item() -> Result<Item<Count>> {
    Item::new(new_delayed_work!("count"), Count) //~ ERROR is not satisfied [E0277]
}
