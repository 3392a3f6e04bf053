// SPDX-License-Identifier: GPL-2.0

//! A user's pointer that is followed as if it were the kernel's.

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

// ANCHOR: misuse
fn first_byte(pointer: UserPtr) -> Result<u8> {
    #[cfg(misuse)]
    let byte = *pointer; //~ ERROR type `UserPtr` cannot be dereferenced [E0614]
    #[cfg(not(misuse))]
    let byte = UserSlice::new(pointer, 1).reader().read::<u8>()?;
    Ok(byte)
}
// ANCHOR_END: misuse
