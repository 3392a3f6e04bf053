// SPDX-License-Identifier: GPL-2.0

//! Registrations that are moved: the kernel has their address.

use abstractions::{
    i8042,
    irq,
    kprobe,
    module, //
};
use kernel::prelude::*;

mod abstractions;

struct Callback;

impl i8042::Listener for Callback {
    fn byte(&self, _byte: u8, _ports: &i8042::Ports<'_>) {}
}

impl irq::Handler for Callback {
    fn handle(&self) -> irq::IrqReturn {
        irq::IrqReturn::None
    }
}

impl kprobe::Handler for Callback {
    fn hit(&self, _registers: &kprobe::Registers) {}
}

impl kprobe::ReturnHandler for Callback {
    fn returned(&self, _registers: &kprobe::Registers) {}
}

impl module::Loaded for Callback {
    fn loaded(&self) {}
}

#[cfg(misuse)]
fn take_out<T: Unpin>(registration: Pin<KBox<T>>) {
    drop(Pin::into_inner(registration));
}

#[cfg(not(misuse))]
fn take_out<T>(registration: Pin<KBox<T>>) {
    drop(registration);
}

fn end(
    filter: Pin<KBox<i8042::Filter<Callback>>>,
    line: Pin<KBox<irq::SharedLine<Callback>>>,
    probe: Pin<KBox<kprobe::Probe<Callback>>>,
    return_probe: Pin<KBox<kprobe::ReturnProbe<Callback>>>,
    notifier: Pin<KBox<module::WhenLoaded<Callback>>>,
) {
    take_out(filter); //~ ERROR cannot be unpinned [E0277]
    take_out(line); //~ ERROR cannot be unpinned [E0277]
    take_out(probe); //~ ERROR cannot be unpinned [E0277]
    take_out(return_probe); //~ ERROR cannot be unpinned [E0277]
    take_out(notifier); //~ ERROR cannot be unpinned [E0277]
}
