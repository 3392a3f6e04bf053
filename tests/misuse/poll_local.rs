// SPDX-License-Identifier: GPL-2.0

//! What wakes the caller of `poll(2)`, in a local variable: the caller waits in it when the
//! callback has returned.

use abstractions::file::{
    OpenFile,
    Operations,
    PollTable, //
};
use kernel::{
    new_poll_condvar,
    prelude::*,
    sync::{
        poll::PollCondVar,
        Arc,
        ArcBorrow, //
    }, //
};

mod abstractions;
include!("common/module.rs");

#[pin_data]
struct Device {
    #[pin]
    changed: PollCondVar,
}

#[vtable]
impl Operations for Device {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(device: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        Ok(device.into())
    }

    fn poll<'p>(device: &'p ArcBorrow<'_, Self>, table: &PollTable<'p>) -> u32 {
        let Ok(local) = KBox::pin_init(new_poll_condvar!(), GFP_KERNEL) else {
            return 0;
        };
        #[cfg(misuse)]
        table.register(&local); //~ ERROR `local` does not live long enough [E0597]
        #[cfg(not(misuse))]
        table.register(&device.changed);
        0
    }
}
