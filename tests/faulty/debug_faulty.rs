// SPDX-License-Identifier: GPL-2.0

//! A module with a bug of choice that a plain kernel lets pass, to prove that the
//! debug guest would notice. Never installed.

use abstractions::{
    irq::{
        Handler,
        IrqReturn,
        SharedLine, //
    },
    series, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

mod abstractions;

module! {
    type: DebugFaulty,
    name: "debug_faulty",
    authors: ["lkmpg-rs authors"],
    description: "Has a bug of choice",
    license: "GPL",
    params: {
        leak: u32 {
            default: 0,
            description: "Forget an allocation",
        },
        lock_order: u32 {
            default: 0,
            description: "Take two locks in either order",
        },
        sleep_in_irq: u32 {
            default: 0,
            description: "Sleep in the handler of the keyboard's interrupt",
        },
        keep_irq: u32 {
            default: 0,
            description: "Stay on the keyboard's line after the unload",
        },
    },
}

#[pin_data]
struct Locks {
    #[pin]
    first: Mutex<u32>,
    #[pin]
    second: Mutex<u32>,
}

/// What the handler of the keyboard's line does.
struct Keyboard {
    sleeps: bool,
}

impl Handler for Keyboard {
    fn handle(&self) -> IrqReturn {
        if self.sleeps {
            // An allocation that may sleep.
            drop(KBox::new(0_u8, GFP_KERNEL));
        }
        IrqReturn::None
    }
}

struct DebugFaulty {
    _line: Option<Pin<KBox<SharedLine<Keyboard>>>>,
}

fn given(value: impl core::borrow::Borrow<u32>) -> bool {
    series::param_value::<u32>(value) != 0
}

impl kernel::Module for DebugFaulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        if given(module_parameters::leak.value()) {
            core::mem::forget(KBox::new([0_u8; 64], GFP_KERNEL)?);
        }
        if given(module_parameters::lock_order.value()) {
            let locks = KBox::pin_init(
                pin_init!(Locks {
                    first <- new_mutex!(0),
                    second <- new_mutex!(0),
                }),
                GFP_KERNEL,
            )?;
            {
                let mut first = locks.first.lock();
                *first += *locks.second.lock();
            }
            let mut second = locks.second.lock();
            *second += *locks.first.lock();
        }
        let sleeps = given(module_parameters::sleep_in_irq.value());
        let keep = given(module_parameters::keep_irq.value());
        let line = || {
            KBox::pin_init(
                SharedLine::new(1, c"debug_faulty", Keyboard { sleeps }),
                GFP_KERNEL,
            )
        };
        if keep {
            core::mem::forget(line()?);
        }
        Ok(Self {
            _line: sleeps.then(line).transpose()?,
        })
    }
}
