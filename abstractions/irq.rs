// SPDX-License-Identifier: GPL-2.0

//! Interrupt handlers: on lines that are shared with other drivers, and for
//! [`gpio`](super::gpio).
//!
//! In the book: [Time, and later](../../../book/time.html).
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)
//!
//! The `kernel` crate's `irq::Registration` wants a line of a bound device; a module
//! that listens on another driver's line has no device. A driver of a device uses that one.
//!
//! Unloading *waits*: dropping a [`SharedLine`] returns after the last run of the
//! handler, and of its thread, has ended.
//!
//! Not supported: affinity, lines of one's own other than those of GPIO.

use super::{
    bindings,
    series, //
};
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// What a handler did; the values are those of C's `enum irqreturn`
/// ([`include/linux/irqreturn.h`](srctree/include/linux/irqreturn.h)).
#[repr(u32)]
pub(crate) enum IrqReturn {
    /// The interrupt was another's.
    None = 0,
    /// The interrupt was for this handler, which is done with it.
    Handled = 1,
    /// As `Handled`, and [`Handler::thread`] is to run.
    WakeThread = 2,
}

/// An interrupt handler: the top half, and its thread.
///
/// The top half does not run twice at once, and neither does the thread; but one
/// runs beside the other.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Called in interrupt context for each interrupt on the line, whoever's it is;
    /// must not sleep.
    fn handle(&self) -> IrqReturn;

    /// The bottom half of a [`SharedLine::new_threaded`] and of
    /// [`gpio::Edges`](super::gpio::Edges): called in a kernel thread of its own, where it
    /// may sleep, once after one or more `WakeThread`.
    fn thread(&self) {}
}

/// A handler on a shared interrupt line, taken off it on drop: a
/// [registration](super#registrations).
///
/// # Examples
///
/// ```
/// use abstractions::irq::{
///     Handler,
///     IrqReturn,
///     SharedLine, //
/// };
/// use kernel::sync::atomic::{
///     Atomic,
///     Relaxed, //
/// };
///
/// struct Counter(Atomic<u32>);
///
/// impl Handler for Counter {
///     fn handle(&self) -> IrqReturn {
///         self.0.fetch_add(1, Relaxed);
///         IrqReturn::None
///     }
/// }
///
/// fn count(irq: c_uint) -> Result<Pin<KBox<SharedLine<Counter>>>> {
///     let counter = Counter(Atomic::new(0));
///     KBox::pin_init(SharedLine::new(irq, c"counter", counter), GFP_KERNEL)
/// }
///
/// struct Listener;
///
/// impl Handler for Listener {
///     fn handle(&self) -> IrqReturn {
///         IrqReturn::WakeThread
///     }
///
///     fn thread(&self) {
///         pr_info!("There was an interrupt.\n");
///     }
/// }
///
/// fn listen(irq: c_uint) -> Result<Pin<KBox<SharedLine<Listener>>>> {
///     KBox::pin_init(SharedLine::new_threaded(irq, c"listener", Listener), GFP_KERNEL)
/// }
/// ```
#[pin_data]
pub(crate) struct SharedLine<T: Handler> {
    #[pin]
    action: Action<T>,
}

impl<T: Handler> SharedLine<T> {
    /// Puts `handler` on line `irq`; `name` is shown in `/proc/interrupts`. The top
    /// half must not ask for its thread.
    ///
    /// Process context; may sleep. Fails with EBUSY when the line is used by one that
    /// does not share it, with EINVAL when there is no such line.
    pub(crate) fn new(irq: c_uint, name: &'static CStr, handler: T) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            action <- Action::new(irq, bindings::IRQF_SHARED, name, handler, false),
        })
    }

    /// As [`SharedLine::new`], with a thread named `irq/<irq>-<name>`.
    pub(crate) fn new_threaded(
        irq: c_uint,
        name: &'static CStr,
        handler: T,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            action <- Action::new(irq, bindings::IRQF_SHARED, name, handler, true),
        })
    }
}

/// C's `struct irqaction`: a handler on a line.
///
/// # Invariants
///
/// `self` is pinned. Unless `gone`, it is the cookie of a handler on line `irq`, registered
/// with the callbacks of the same `T` until drop.
#[pin_data(PinnedDrop)]
pub(super) struct Action<T: Handler> {
    // Not zero-sized: no two of them have one address, so each is a unique cookie.
    irq: c_uint,
    gone: bool,
    #[pin]
    handler: T,
    #[pin]
    _pin: PhantomPinned,
}

impl<T: Handler> Action<T> {
    /// Puts `handler` on line `irq`, with `IRQF_*`, and with its thread where it is `threaded`.
    pub(super) fn new(
        irq: c_uint,
        flags: u32,
        name: &'static CStr,
        handler: T,
        threaded: bool,
    ) -> impl PinInit<Self, Error> {
        let thread: bindings::irq_handler_t = if threaded {
            Some(Self::thread_callback)
        } else {
            None
        };
        // INVARIANT: Where this succeeds, `self` has just become the cookie.
        try_pin_init!(&this in Self {
            irq,
            gone: false,
            handler,
            _pin: PhantomPinned,
            _: {
                // SAFETY:
                // - The callbacks take what the cookie points to for a `Self`, which it
                //   is, with all fields initialised, from now on until drop. They may be
                //   called at once.
                // - The cookie is not null, which a shared line wants, and no other one on
                //   the line is the same: it is the address of a pinned value that is not
                //   zero-sized.
                // - `name`, to which the kernel keeps a pointer, lives as long as the
                //   module, which drops `self` before.
                to_result(unsafe {
                    bindings::request_threaded_irq(
                        *irq,
                        Some(Self::callback),
                        thread,
                        flags as c_ulong,
                        name.as_char_ptr(),
                        this.as_ptr().cast(),
                    )
                })?
            },
        })
    }

    /// Notes that the kernel has taken the handler off its line itself, as it does when the
    /// line goes.
    pub(super) fn set_gone(self: Pin<&mut Self>) {
        *self.project().gone = true;
    }

    /// # Safety
    ///
    /// To be called by the kernel as the handler of a line whose cookie is a `Self`.
    unsafe extern "C" fn callback(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: The caller promises that this is a `Self`; it is valid, for drop
        // waits for this callback.
        let this = unsafe { &*cookie.cast::<Self>() };
        series::irq_return(this.handler.handle() as u32)
    }

    /// # Safety
    ///
    /// As for `callback`, for the handler's thread.
    unsafe extern "C" fn thread_callback(
        _irq: c_int,
        cookie: *mut c_void,
    ) -> bindings::irqreturn_t {
        // SAFETY: As in `callback`.
        let this = unsafe { &*cookie.cast::<Self>() };
        this.handler.thread();
        series::irq_return(IrqReturn::Handled as u32)
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Action<T> {
    fn drop(self: Pin<&mut Self>) {
        if self.gone {
            return;
        }
        let irq = self.irq;
        let cookie = core::ptr::from_ref::<Self>(&self).cast_mut().cast();
        // SAFETY: By the type invariants this is the cookie of a handler on the line, and
        // this is done once. There is no device of ours whose interrupts would have to be
        // switched off first. Both callbacks have returned when this does (`__free_irq()`
        // synchronises with the line and stops the thread), so the fields may go.
        unsafe { bindings::free_irq(irq, cookie) };
    }
}
