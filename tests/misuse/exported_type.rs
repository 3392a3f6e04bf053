// SPDX-License-Identifier: GPL-2.0

//! A static that is exported with another type than the one that is declared for those
//! who import it.

use abstractions::{
    export::export_symbol_gpl,
    export_server, //
};
#[cfg(not(misuse))]
use core::sync::atomic::AtomicI32 as Number;
#[cfg(misuse)]
use core::sync::atomic::AtomicI64 as Number;

mod abstractions;

/// The number.
#[allow(non_upper_case_globals)]
#[no_mangle]
pub static yohda: Number = Number::new(0);
export_symbol_gpl!(static export_server::yohda); //~ ERROR incompatible types [E0308]
