// SPDX-License-Identifier: GPL-2.0

//! Input devices: a keyboard, whose keys programs and the console take for typed ones.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C header: [`include/linux/input.h`](srctree/include/linux/input.h)
//!
//! Unloading neither waits for a [`Keyboard`] nor is held up by one: the kernel calls nothing of
//! ours. A program that has its event device open then gets ENODEV.
//!
//! Not supported: mice, joysticks and the like, key maps that are changed, sounds.

use super::bindings;
use core::{
    ops::RangeInclusive,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CString, //
};

/// A light of a keyboard.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Led {
    /// Num Lock.
    Num = bindings::LED_NUML as isize,
    /// Caps Lock.
    Caps = bindings::LED_CAPSL as isize,
    /// Scroll Lock.
    Scroll = bindings::LED_SCROLLL as isize,
}

impl Led {
    /// The lights that keyboards have.
    pub(crate) const ALL: [Self; 3] = [Self::Num, Self::Caps, Self::Scroll];
}

/// A keyboard with the usual three lights, whose keys repeat when they are held. Unregistered on
/// drop, which sleeps; keys that are pressed are released first.
///
/// # Invariants
///
/// `device` is registered, and ours; `name` is its name.
///
/// # Examples
///
/// ```
/// use abstractions::input::{
///     Keyboard,
///     Led, //
/// };
/// use kernel::str::CString;
///
/// fn type_g() -> Result {
///     let keyboard = Keyboard::new(CString::try_from(c"example")?, 1..=127)?;
///     keyboard.report(34, true);
///     keyboard.report(34, false);
///     let lit = Led::ALL.iter().filter(|led| keyboard.is_lit(**led)).count();
///     pr_info!("{lit} lights are on, Caps Lock: {}\n", keyboard.is_lit(Led::Caps));
///     Ok(())
/// }
/// ```
pub(crate) struct Keyboard {
    device: NonNull<bindings::input_dev>,
    _name: CString,
}

// SAFETY: An input device belongs to no thread.
unsafe impl Send for Keyboard {}
// SAFETY: The kernel locks what it does for us.
unsafe impl Sync for Keyboard {}

impl Keyboard {
    /// Registers a keyboard that has the keys with these codes (`KEY_*` in
    /// `input-event-codes.h`). Process context, may sleep.
    ///
    /// # Errors
    ///
    /// EINVAL for a code above 767, the largest one there is, or where the kernel has no memory
    /// for the device's number; ENOMEM.
    pub(crate) fn new(name: CString, keys: RangeInclusive<u16>) -> Result<Self> {
        if u32::from(*keys.end()) > bindings::KEY_MAX {
            return Err(EINVAL);
        }
        // SAFETY: It may be called in process context.
        let device = NonNull::new(unsafe { bindings::input_allocate_device() }).ok_or(ENOMEM)?;
        let raw = device.as_ptr();
        // SAFETY: It is ours until it is registered. The name stays until it is not any more.
        unsafe {
            (*raw).name = name.as_char_ptr();
            (*raw).id.bustype = bindings::BUS_VIRTUAL as u16;
            (*raw).evbit[0] |= 1 << bindings::EV_REP;
        }
        for key in keys {
            // SAFETY: It is ours, and the code was checked.
            unsafe { bindings::input_set_capability(raw, bindings::EV_KEY, key.into()) };
        }
        for led in Led::ALL {
            // SAFETY: It is ours, and has such a light.
            unsafe { bindings::input_set_capability(raw, bindings::EV_LED, led as c_uint) };
        }
        // SAFETY: It has been allocated and set up.
        to_result(unsafe { bindings::input_register_device(raw) }).inspect_err(|_| {
            // SAFETY: It is not registered, and we do not use it any more.
            unsafe { bindings::input_free_device(raw) };
        })?;
        // INVARIANT: It has been registered just now.
        Ok(Self {
            device,
            _name: name,
        })
    }

    /// Reports that a key is pressed, or not any more. Nothing happens when that is known, or when
    /// the keyboard has no such key. Any context.
    pub(crate) fn report(&self, key: u16, pressed: bool) {
        let device = self.device.as_ptr();
        // SAFETY: By the type invariants it is registered; the kernel checks the code.
        unsafe {
            bindings::input_event(device, bindings::EV_KEY, key.into(), pressed.into());
            bindings::input_event(device, bindings::EV_SYN, bindings::SYN_REPORT, 0);
        }
    }

    /// Returns whether a light is on. Any context.
    pub(crate) fn is_lit(&self, led: Led) -> bool {
        // SAFETY: By the type invariants it is there. The kernel may change it meanwhile: a
        // volatile read, C's `READ_ONCE()`, takes the old or the new state.
        let leds = unsafe { (&raw const (*self.device.as_ptr()).led[0]).read_volatile() };
        leds & (1 << led as u32) != 0
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is registered, and ours. Who still has a reference to
        // it does not use its name any more, as in `uinput_destroy_device()`.
        unsafe { bindings::input_unregister_device(self.device.as_ptr()) };
    }
}
