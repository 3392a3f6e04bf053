// SPDX-License-Identifier: GPL-2.0

//! A module that is in the way of `irq_kbd_rs`: it has the keyboard's filter, or the
//! keyboard's interrupt for itself. For `tests/tests/irq_kbd_rs.rs`; never installed.

use abstractions::{
    i8042,
    series, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

mod abstractions;

module! {
    type: Taken,
    name: "keyboard_taken",
    authors: ["lkmpg-rs authors"],
    description: "Takes what there is once",
    license: "GPL",
    params: {
        line: u8 {
            default: 0,
            description: "1: take the interrupt, which nobody may have; 0: the filter",
        },
    },
}

enum Taken {
    Filter(#[allow(dead_code)] Pin<KBox<i8042::Filter<Deaf>>>),
    Line,
}

impl kernel::Module for Taken {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let line: u8 = series::param_value(module_parameters::line.value());
        if line == 0 {
            let filter = KBox::pin_init(i8042::Filter::new(Deaf), GFP_KERNEL)?;
            return Ok(Self::Filter(filter));
        }
        // SAFETY: The handler needs no cookie, and is there until drop; the name is
        // the module's.
        to_result(unsafe {
            bindings::request_threaded_irq(
                i8042::KEYBOARD_IRQ,
                Some(ignore),
                None,
                0,
                c"keyboard_taken".as_char_ptr(),
                core::ptr::null_mut(),
            )
        })?;
        Ok(Self::Line)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if matches!(self, Self::Line) {
            // SAFETY: It was taken with this cookie.
            unsafe { bindings::free_irq(i8042::KEYBOARD_IRQ, core::ptr::null_mut()) };
        }
    }
}

/// # Safety
///
/// None; the kernel calls it.
unsafe extern "C" fn ignore(_irq: c_int, _cookie: *mut c_void) -> bindings::irqreturn_t {
    series::irq_return(abstractions::irq::IrqReturn::Handled as u32)
}

struct Deaf;

impl i8042::Listener for Deaf {
    fn byte(&self, _byte: u8, _ports: &i8042::Ports<'_>) {}
}
