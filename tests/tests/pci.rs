// SPDX-License-Identifier: GPL-2.0

//! `abstractions/pci.rs` and `abstractions/dma.rs`: what `edu_rs` cannot show by itself, with the
//! help of a driver for another device.

use guest::{
    kmsg::Log,
    module::Module,
    state::{assert_unchanged, state},
};

const NAME: &str = "pci_fixture";
const FIXTURE: &str = "faulty/pci_fixture";

const BOUND: [&str; 14] = [
    "0 bits: -22",
    "65 bits: -22",
    "1 bit: -5",
    "64 bits: 0",
    "32 bits: 0",
    "no bytes: -22",
    "all bytes: -12",
    "bits after another: -16",
    "5000 bytes",
    "read too much: -22",
    "write too much: -22",
    "sum at first 0",
    "as written true",
    "no messages: -22",
];

const UNBOUND: [&str; 6] = [
    "read: 0",
    "write: 0",
    "in unbind",
    "read: -19",
    "write: -19",
    "after it",
];

#[test]
fn memory_of_a_device_ends_with_its_driver() {
    let before = state();
    for _ in 0..3 {
        let mut log = Log::bookmark();
        let module = Module::load(FIXTURE, "").unwrap();
        assert_eq!(log.lines_of(NAME), BOUND);
        module.unload().unwrap();
        assert_eq!(log.lines_of(NAME), UNBOUND);
    }
    assert_unchanged(&before, "a driver");
}
