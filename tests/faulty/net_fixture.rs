// SPDX-License-Identifier: GPL-2.0

//! A network interface of any name that returns nothing, and whose data tells when it is dropped:
//! what `netloop_rs` does not use of `abstractions/net.rs`. Never installed.

use abstractions::{
    net::{
        Device,
        Frame,
        Interface,
        Stats, //
    },
    param::string_parameters,
    series::param_value, //
};
use hold::hold_init;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

mod abstractions;
mod hold;

module! {
    type: Fixture,
    name: "net_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Has a network interface",
    license: "GPL",
    params: {
        hold: u32 {
            default: 0,
            description: "Stay in init until a signal comes, then fail with ENODEV",
        },
    },
}

string_parameters! {
    module: "net_fixture",
    interface: "The name of the interface",
}

struct Fixture {
    _device: Device<Sink>,
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = string_parameters::interface.value().unwrap_or(c"sink%d");
        let device = Device::register(name, Sink(Atomic::new(0)))?;
        hold_init(param_value(module_parameters::hold.value()))?;
        Ok(Self { _device: device })
    }
}

/// How many frames it has taken.
struct Sink(Atomic<u64>);

impl Interface for Sink {
    fn transmit(&self, _frame: Frame<'_>) {
        self.0.fetch_add(1, Relaxed);
    }

    fn stats(&self) -> Stats {
        Stats {
            tx_packets: self.0.load(Relaxed),
            tx_bytes: u64::MAX,
            ..Stats::default()
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        pr_info!("dropped after {} frames\n", self.0.load(Relaxed));
    }
}
