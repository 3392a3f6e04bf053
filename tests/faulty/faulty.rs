// SPDX-License-Identifier: GPL-2.0

//! A module that misbehaves on request, to prove that the tests would notice.
//! Never installed.

use kernel::prelude::*;

module! {
    type: Faulty,
    name: "faulty",
    authors: ["lkmpg-rs authors"],
    description: "Misbehaves on request",
    license: "GPL",
    params: {
        warn: u32 {
            default: 0,
            description: "Provoke a WARNING",
        },
        bug: u32 {
            default: 0,
            description: "Provoke a BUG, and with it an Oops",
        },
        hang: u32 {
            default: 0,
            description: "Never return from init",
        },
        leak: u32 {
            default: 0,
            description: "Leak so many bytes",
        },
    },
}

struct Faulty;

/// Returns a parameter's value, which is a reference in 7.2, a copy in 7.3.
fn copied(value: impl core::borrow::Borrow<u32>) -> u32 {
    *value.borrow()
}

/// Whether a parameter was given.
fn given(value: impl core::borrow::Borrow<u32>) -> bool {
    copied(value) != 0
}

impl kernel::Module for Faulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let warn = given(module_parameters::warn.value());
        kernel::warn_on!(warn);
        if given(module_parameters::bug.value()) {
            panic!("on request");
        }
        while given(module_parameters::hang.value()) {
            core::hint::spin_loop();
        }
        let leaked = copied(module_parameters::leak.value());
        core::mem::forget(KVec::<u8>::with_capacity(leaked as usize, GFP_KERNEL)?);
        Ok(Self)
    }
}
