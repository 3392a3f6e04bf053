// SPDX-License-Identifier: GPL-2.0

//! Files whose data borrows, that of all files or that of an open one: what it borrows may
//! go away before it.

use abstractions::file::{
    OpenFile,
    Operations, //
};
use kernel::prelude::*;

mod abstractions;
include!("common/module.rs");

// What is not `'static` may borrow.
#[cfg(misuse)]
trait Shared: Send + Sync {}
#[cfg(not(misuse))]
trait Shared: Send + Sync + 'static {}

struct Device<T>(T);

#[vtable]
impl<T: Shared> Operations for Device<T> {
    type Data = KBox<T>; //~ ERROR the parameter type `T` may not live long enough [E0310]
    type Ptr = KBox<T>; //~ ERROR the parameter type `T` may not live long enough [E0310]

    fn open(_data: &T, _file: &OpenFile) -> Result<KBox<T>> {
        Err(ENXIO)
    }
}
