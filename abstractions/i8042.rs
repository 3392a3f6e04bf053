// SPDX-License-Identifier: GPL-2.0

//! The PC's keyboard controller: its interrupt line, its ports, and the filter that
//! its driver runs each byte through.
//!
//! In the book: [Time, and later](../../../book/time.html).
//!
//! C header: [`include/linux/i8042.h`](srctree/include/linux/i8042.h)
//!
//! Unloading *waits*: dropping a [`Filter`] returns after its last run has ended.
//!
//! Upstream would refuse this for a driver: the ports are those of the i8042 driver. Code
//! that talks to a device behind the controller is a serio driver
//! (`serio_register_driver()`). Code that wants to know of keys is an input handler
//! (`input_register_handler()`), or a program that reads `/dev/input/event*`.
//!
//! Not supported: swallowing bytes, the mouse's bytes, the ports outside of a filter.

use super::bindings;
use core::{
    arch::asm,
    marker::{
        PhantomData,
        PhantomPinned, //
    }, //
};
use kernel::{
    error::to_result,
    prelude::*,
    time::{
        delay::udelay,
        Delta, //
    },
    warn_on, //
};

/// The keyboard's interrupt line.
pub(crate) const KEYBOARD_IRQ: c_uint = 1;

/// Receives the keyboard's bytes.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Called for each byte from the keyboard, scan codes as well as answers to
    /// commands, in order and one at a time: in interrupt context, with the
    /// controller's lock held, so it must be short and must not sleep.
    fn byte(&self, byte: u8, ports: &Ports<'_>);
}

/// Hears every byte that the keyboard's driver reads, and takes none; removed on drop: a
/// [registration](super#registrations).
///
/// # Invariants
///
/// `self` is pinned, and the context of the driver's filter, which is the pointer in
/// `callback`, until drop.
///
/// # Examples
///
/// ```
/// use abstractions::i8042::{
///     Filter,
///     Listener,
///     Ports,
///     KEYBOARD_IRQ, //
/// };
///
/// struct Log;
///
/// impl Listener for Log {
///     fn byte(&self, byte: u8, ports: &Ports<'_>) {
///         let again = ports.last_byte();
///         pr_info!("interrupt {KEYBOARD_IRQ}: {byte:x}, read again: {again:x?}\n");
///     }
/// }
///
/// fn listen() -> Result<Pin<KBox<Filter<Log>>>> {
///     KBox::pin_init(Filter::new(Log), GFP_KERNEL)
/// }
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct Filter<T: Listener> {
    // The driver compares pointers, and two of one function may differ: this very one is
    // installed and removed.
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
                // with all fields initialised, from now on until drop. It does not sleep,
                // as far as its listener keeps its own contract.
                to_result(unsafe {
                    bindings::i8042_install_filter(*callback, this.as_ptr().cast())
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
            // INVARIANT: The driver calls its filter with the lock held, just after it
            // has read the byte (`i8042_handle_data()`), until this returns.
            this.listener.byte(data, &Ports(PhantomData));
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
        let result = unsafe { bindings::i8042_remove_filter(self.callback) };
        // EINVAL says that the driver has another filter, or none. That cannot be: nobody
        // else has this pointer, to remove it, and the driver takes no second filter. If it
        // were, ours would not be called either, and may go.
        warn_on!(result != 0);
    }
}

/// The controller's ports, which are the driver's: to be had in its filter only, where
/// nobody else uses them.
///
/// # Invariants
///
/// The driver's lock is held, and the driver has just read a byte of the keyboard.
// The pointer keeps it from being sent to another thread.
pub(crate) struct Ports<'a>(PhantomData<(&'a (), *mut ())>);

impl Ports<'_> {
    const DATA: u16 = 0x60;
    /// The status when read, commands when written.
    const STATUS: u16 = 0x64;

    /// Reads the byte that the driver has just read once more from the data port, or
    /// returns `None` when it is not there any more: the next one waits already, which
    /// is the driver's; or when the controller does not take a command in time.
    ///
    /// The keyboard is disabled meanwhile, as the PC's BIOS did it, so that no byte of
    /// it can come between the look at the status and the reading, and be taken from
    /// the driver; the keyboard keeps it, or sends it again. Takes 3 ms at most, and a
    /// few microseconds where the controller works.
    ///
    /// The mouse is not disabled, for nobody here knows whether it may be enabled
    /// afterwards: a byte of it that comes between the two would be taken from its
    /// driver, and some controllers abort its commands when they get another one. So
    /// leave the mouse alone, or this.
    pub(crate) fn last_byte(&self) -> Option<u8> {
        if !self.wait_for_input() {
            return None;
        }
        self.command(bindings::I8042_CMD_KBD_DISABLE);
        let disabled = self.wait_for_input();
        // SAFETY: Reading the status has no side effects.
        let status = u32::from(unsafe { inb(Self::STATUS) });
        let empty = status & bindings::I8042_STR_OBF == 0;
        // SAFETY: With an empty buffer the port gives the last byte again.
        let byte = (disabled && empty).then(|| unsafe { inb(Self::DATA) });
        // Even if it takes too long: a keyboard that stays disabled is worse.
        self.wait_for_input();
        self.command(bindings::I8042_CMD_KBD_ENABLE);
        byte
    }

    /// Waits until the controller has taken what was written before, for 1 ms at most,
    /// and returns whether it has.
    fn wait_for_input(&self) -> bool {
        for _ in 0..20 {
            // SAFETY: Reading the status has no side effects.
            if u32::from(unsafe { inb(Self::STATUS) }) & bindings::I8042_STR_IBF == 0 {
                return true;
            }
            udelay(Delta::from_micros(50));
        }
        false
    }

    fn command(&self, command: u32) {
        // SAFETY: The keyboard's commands touch no memory, and by the type invariants
        // come between no two bytes of another one.
        unsafe { outb(Self::STATUS, command as u8) };
    }
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

/// Writes a port. (C's `outb` is inline.)
///
/// # Safety
///
/// Writing the value must not do anything that memory safety depends on.
unsafe fn outb(port: u16, value: u8) {
    // SAFETY: `out` touches no memory; for the rest, see the caller's promise.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags));
    }
}
