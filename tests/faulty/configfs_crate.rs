// SPDX-License-Identifier: GPL-2.0

//! A subsystem of `kernel::configfs`, of a name that another one has: see
//! `docs/known-issues.md`. Never installed.

use kernel::{
    configfs::{
        self,
        AttributeOperations,
        Subsystem, //
    },
    configfs_attrs,
    page::PAGE_SIZE,
    prelude::*, //
};

module! {
    type: Crate,
    name: "configfs_crate",
    authors: ["lkmpg-rs authors"],
    description: "Takes a name in configfs that is taken",
    license: "GPL",
}

struct Crate {
    _subsystem: Pin<KBox<Subsystem<Nothing>>>,
}

impl kernel::Module for Crate {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let files = configfs_attrs! {
            container: configfs::Subsystem<Nothing>,
            data: Nothing,
            attributes: [
                nothing: 0,
            ],
        };
        let subsystem = Subsystem::new(c"gpio-sim", files, try_pin_init!(Nothing {}? Error));
        Ok(Self {
            _subsystem: KBox::pin_init(subsystem, GFP_KERNEL)?,
        })
    }
}

#[pin_data]
struct Nothing {}

#[vtable]
impl AttributeOperations<0> for Nothing {
    type Data = Self;

    fn show(_data: &Self, _page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        Ok(0)
    }
}
