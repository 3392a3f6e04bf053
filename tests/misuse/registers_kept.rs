// SPDX-License-Identifier: GPL-2.0

//! The registers at a probe, kept when the function that was probed goes on.

use abstractions::kprobe::{
    Handler,
    Registers, //
};

mod abstractions;

struct Last;

fn use_later(_registers: &'static Registers) {}

impl Handler for Last {
    fn hit(&self, registers: &Registers) {
        #[cfg(misuse)]
        use_later(registers); //~ ERROR borrowed data escapes outside of method [E0521]
        #[cfg(not(misuse))]
        registers.first_argument();
    }
}
