// SPDX-License-Identifier: GPL-2.0

//! A delayed work item, ended as if it were a plain one: that would wait for a timer for
//! ever.

use abstractions::work::{
    Handle,
    Item,
    Run, //
};
#[cfg(misuse)]
use kernel::new_delayed_work;
use kernel::{
    new_work,
    prelude::*, //
};

mod abstractions;

struct Tick;

impl Run for Tick {
    fn run(_item: &Handle<Self>) {}
}

fn item() -> Result<Item<Tick>> {
    #[cfg(misuse)]
    let work = new_delayed_work!("tick");
    #[cfg(not(misuse))]
    let work = new_work!("tick");
    Item::new::<core::convert::Infallible>(work, Tick) //~ ERROR DelayedWork [E0277]
}
