// SPDX-License-Identifier: GPL-2.0

//! A function that is exported with another type than the one that is declared for those
//! who import it.

use abstractions::{
    export::export_symbol_gpl,
    export_server, //
};
use kernel::prelude::*;

mod abstractions;

#[cfg(not(misuse))]
type Number = c_int;
#[cfg(misuse)]
type Number = c_long;

/// Returns the sum.
#[no_mangle]
pub extern "C" fn yohda_add(n: Number) -> Number {
    n
}
export_symbol_gpl!(fn export_server::yohda_add); //~ ERROR incompatible types [E0308]
