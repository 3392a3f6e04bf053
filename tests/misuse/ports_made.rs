// SPDX-License-Identifier: GPL-2.0

//! The keyboard controller's ports, used outside of the filter: nothing makes them but
//! that.

use abstractions::i8042::Ports;

mod abstractions;

fn last_byte(_lent: &Ports<'_>) -> Option<u8> {
    #[cfg(misuse)]
    let ports = &Ports(core::marker::PhantomData); //~ ERROR which contains private fields [E0423]
    #[cfg(not(misuse))]
    let ports = _lent;
    ports.last_byte()
}
