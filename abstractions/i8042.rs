// SPDX-License-Identifier: GPL-2.0

//! The PC's keyboard controller: its interrupt line, its ports, and the filter that
//! its driver runs each byte through.
//!
//! C header: [`include/linux/i8042.h`](srctree/include/linux/i8042.h)
//!
//! Unloading *waits*: dropping a [`Filter`] returns after its last run has ended.
//! The ports neither wait nor pin.
//!
//! Not supported: swallowing bytes, the mouse's bytes, commands to the controller.

use super::bindings;
use core::{
    arch::asm,
    marker::PhantomPinned, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// The keyboard's interrupt line.
pub(crate) const KEYBOARD_IRQ: c_uint = 1;

/// Receives the keyboard's bytes.
pub(crate) trait Listener: Send + Sync {
    /// Called for each byte from the keyboard, scan codes as well as answers to
    /// commands, in order and one at a time: in interrupt context, with the
    /// controller's lock held, so it must be short and must not sleep.
    fn byte(&self, byte: u8);
}

/// Hears every byte that the keyboard's driver reads, and takes none; removed on drop.
///
/// # Invariants
///
/// `self` is pinned, and the context of the driver's filter, which is `callback`,
/// until drop.
#[pin_data(PinnedDrop)]
pub(crate) struct Filter<T: Listener> {
    // The very pointer that was installed: two of one function may differ.
    callback: bindings::i8042_filter_t,
    #[pin]
    listener: T,
    #[pin]
    _pin: PhantomPinned,
}

impl<T: Listener> Filter<T> {
    /// Installs the filter; there can be one in the system.
    ///
    /// Any context. Fails with EBUSY when there is one.
    pub(crate) fn new(listener: T) -> impl PinInit<Self, Error> {
        // INVARIANT: Where this succeeds, `self` has just become the filter's context.
        try_pin_init!(&this in Self {
            callback: Some(Self::callback),
            listener,
            _pin: PhantomPinned,
            _: {
                // SAFETY: The callback takes its context for a `Self`, which it is,
                // with all fields initialised, from now on until drop.
                to_result(unsafe {
                    bindings::i8042_install_filter(Some(Self::callback), this.as_ptr().cast())
                })?
            },
        })
    }

    /// # Safety
    ///
    /// To be called by the i8042 driver as a filter whose context is a `Self`.
    unsafe extern "C" fn callback(
        data: c_uchar,
        status: c_uchar,
        _serio: *mut bindings::serio,
        context: *mut c_void,
    ) -> bool {
        // SAFETY: The caller promises that this is a `Self`; it is valid, for drop
        // waits for this callback.
        let this = unsafe { &*context.cast::<Self>() };
        if u32::from(status) & bindings::I8042_STR_AUXDATA == 0 {
            this.listener.byte(data);
        }
        false
    }
}

#[pinned_drop]
impl<T: Listener> PinnedDrop for Filter<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants this is the installed filter. The driver
        // calls it with the lock held that this function takes, so afterwards it has
        // returned and is not called again.
        unsafe { bindings::i8042_remove_filter(self.callback) };
    }
}

/// Reads the last byte from the keyboard once more, after the driver's handler has
/// had it: `None` when another one waits already, which is the driver's.
///
/// For a handler on [`KEYBOARD_IRQ`] that runs after the driver's own. The two ports
/// cannot be read at once and the driver's lock is its own, so a byte that comes
/// between the two reads, some hundred nanoseconds, is taken from the driver.
pub(crate) fn last_byte() -> Option<u8> {
    const DATA: u16 = 0x60;
    const STATUS: u16 = 0x64;

    // SAFETY: Reading the status has no side effects.
    let status = unsafe { inb(STATUS) };
    if u32::from(status) & bindings::I8042_STR_OBF != 0 {
        return None;
    }
    // SAFETY: With an empty buffer the port gives the last byte again and changes
    // nothing; at worst this takes a byte from the keyboard's driver, see above.
    Some(unsafe { inb(DATA) })
}

/// Reads a port. (C's `inb` is inline.)
///
/// # Safety
///
/// Reading the port must not do anything that memory safety depends on.
unsafe fn inb(port: u16) -> u8 {
    let value: u8;
    // SAFETY: `in` touches no memory; for the rest, see the caller's promise.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags));
    }
    value
}
