// SPDX-License-Identifier: GPL-2.0

//! The keyboard controller's ports, used after the filter has returned.

use abstractions::i8042::{
    Listener,
    Ports, //
};

mod abstractions;

struct Keyboard;

fn use_later(_ports: &'static Ports<'_>) {}

impl Listener for Keyboard {
    fn byte(&self, _byte: u8, ports: &Ports<'_>) {
        #[cfg(misuse)]
        use_later(ports); //~ ERROR borrowed data escapes outside of method [E0521]
        #[cfg(not(misuse))]
        ports.last_byte();
    }
}
