// SPDX-License-Identifier: GPL-2.0

//! A network interface that returns its own frames: what is sent on it is received on it.
//!
//! ```sh
//! insmod netloop_rs.ko
//! ip link set netloop0 up
//! # A frame: who has this address?
//! arping -q -D -c 1 -w 1 -I netloop0 192.0.2.1
//! cd /sys/class/net/netloop0/statistics
//! cat tx_packets tx_bytes   # 1, 42
//! cat rx_packets rx_bytes   # 1, 42
//! rmmod netloop_rs
//! ```
//!
//! A kernel with IPv6 sends frames of its own when the interface comes up, and counts them.
//!
//! The kernel gives the frame away with the call: whoever has it frees it, or passes it on. Here it
//! is the same one that is received, and nothing is copied. As long as it is on its way, it takes
//! room in the send buffer of the socket that has sent it, which waits when that is full.
//!
//! The original copies each frame. It says that it computes checksums, and passes on those that the
//! kernel has left to it as right ones. A frame that it cannot copy is counted as transmitted and
//! nowhere as dropped, and one that the kernel drops as received as well; and its received bytes
//! are 14 too few for each frame.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `vnetloop.c`.

use abstractions::net::{
    Device,
    Frame,
    Interface,
    Stats, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

mod abstractions;

module! {
    type: Netloop,
    name: "netloop_rs",
    authors: ["lkmpg-rs authors"],
    description: "A network interface that returns its own frames",
    license: "GPL",
}

struct Netloop {
    _device: Device<Loop>,
}

impl kernel::Module for Netloop {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let data = Loop {
            transmitted: Count::new(),
            received: Count::new(),
        };
        Ok(Self {
            _device: Device::register(c"netloop%d", data)?,
        })
    }
}

// ANCHOR: transmit
struct Loop {
    transmitted: Count,
    received: Count,
}

impl Interface for Loop {
    fn transmit(&self, frame: Frame<'_>) {
        let bytes = frame.len();
        self.transmitted.add(bytes);
        if frame.receive() {
            self.received.add(bytes);
        }
    }
    // ANCHOR_END: transmit

    fn stats(&self) -> Stats {
        Stats {
            rx_packets: self.received.packets.load(Relaxed),
            rx_bytes: self.received.bytes.load(Relaxed),
            tx_packets: self.transmitted.packets.load(Relaxed),
            tx_bytes: self.transmitted.bytes.load(Relaxed),
        }
    }
}

struct Count {
    packets: Atomic<u64>,
    bytes: Atomic<u64>,
}

impl Count {
    fn new() -> Self {
        Self {
            packets: Atomic::new(0),
            bytes: Atomic::new(0),
        }
    }

    fn add(&self, bytes: usize) {
        self.packets.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }
}
