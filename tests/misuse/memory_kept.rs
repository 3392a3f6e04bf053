// SPDX-License-Identifier: GPL-2.0

//! The memory of a `read(2)`, kept when the call has returned.

use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    iov::Dest, //
};
use kernel::prelude::*;

mod abstractions;
include!("common/module.rs");

struct Example;

fn fill_later(_iov: &'static mut Dest<'_>) {}

#[vtable]
impl Operations for Example {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &OpenFile) -> Result {
        Ok(())
    }

    fn read_iter(_ptr: (), position: &mut i64, iov: &mut Dest<'_>) -> Result<usize> {
        #[cfg(misuse)]
        fill_later(iov); //~ ERROR borrowed data escapes outside of associated function [E0521]
        #[cfg(not(misuse))]
        let read = iov.read_from_buffer(position, b"Hello\n")?;
        #[cfg(misuse)]
        let read = 0;
        Ok(read)
    }
}
