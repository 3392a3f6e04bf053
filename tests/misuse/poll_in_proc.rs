// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` with `poll`: dropping the registration would free what a process may
//! be waiting in.

//@ build-fail

#[cfg(misuse)]
use abstractions::file::PollTable;
use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    procfs::{
        Options,
        Registration, //
    },
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: Example,
    name: "example",
    authors: ["lkmpg-rs authors"],
    description: "A file in /proc",
    license: "GPL",
}

struct Example {
    _file: Registration<Device>,
}

impl kernel::Module for Example {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _file: Registration::new(c"example", Options::new(0o444), None, ())?,
            //~? ERROR a file in /proc cannot have `poll` [E0080]
        })
    }
}

struct Device;

#[vtable]
impl Operations for Device {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &OpenFile) -> Result {
        Ok(())
    }

    #[cfg(misuse)]
    fn poll<'p>(_ptr: &'p (), _table: &PollTable<'p>) -> u32 {
        0
    }
}
