// SPDX-License-Identifier: GPL-2.0

//! The reach of a device, told to the kernel outside of the callbacks of its driver, when others
//! may be allocating memory for it.

use abstractions::dma::set_address_bits;
#[cfg(misuse)]
use kernel::device::Bound as Context;
use kernel::{
    pci,
    prelude::*, //
};
#[cfg(not(misuse))]
type Context = kernel::device::Core<'static>;

mod abstractions;

fn reach(device: &pci::Device<Context>) -> Result {
    set_address_bits(device, 28)
    //~^ ERROR mismatched types [E0308]
}
