// SPDX-License-Identifier: GPL-2.0

//! The lights of all keyboards: of those that are there, and of those that come.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C headers: [`include/linux/input.h`](srctree/include/linux/input.h),
//! [`include/linux/vt_kern.h`](srctree/include/linux/vt_kern.h)
//!
//! Unloading *waits*: when the drop of a [`Lights`] returns, the kernel has let go of it.
//!
//! Upstream would ask for a trigger of the LED subsystem (`led_trigger_register()`), where each
//! light has a folder below `/sys/class/leds`.
//!
//! Not supported: the lights of one keyboard, keys, giving back lights that a program has switched
//! on by itself (through evdev, or by the ioctl `KDSETLED`).

use super::{
    bindings,
    input::Led, //
};
use core::ptr::from_ref;
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
};

/// The lights of all keyboards, as one: a [registration](super#registrations). On drop, which
/// sleeps, they show again what the console wants.
///
/// # Invariants
///
/// `handler` is registered, and its handles are ours.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     input::Led,
///     leds::Lights, //
/// };
///
/// fn light_all() -> Result<Pin<KBox<Lights>>> {
///     let lights = KBox::pin_init(Lights::new(c"example"), GFP_KERNEL)?;
///     lights.show(&Led::ALL);
///     Ok(lights)
/// }
///
/// fn as_before(lights: &Lights) {
///     lights.show_console();
/// }
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct Lights {
    #[pin]
    handler: Opaque<bindings::input_handler>,
}

// SAFETY: A handler belongs to no thread.
unsafe impl Send for Lights {}
// SAFETY: The kernel locks what it does for us.
unsafe impl Sync for Lights {}

impl Lights {
    /// Devices with keys and lights.
    const IDS: [bindings::input_device_id; 2] = {
        let mut keyboards: bindings::input_device_id = pin_init::zeroed();
        keyboards.flags = bindings::INPUT_DEVICE_ID_MATCH_EVBIT as bindings::kernel_ulong_t;
        keyboards.evbit[0] = 1 << bindings::EV_KEY | 1 << bindings::EV_LED;
        // One without flags ends the list.
        [keyboards, pin_init::zeroed()]
    };

    /// Attaches to all keyboards; the name is shown in `/proc/bus/input/handlers`. Process context,
    /// may sleep. A keyboard for which memory lacks is left alone, and the kernel says so.
    ///
    /// # Errors
    ///
    /// EINTR when a signal has come.
    pub(crate) fn new(name: &'static CStr) -> impl PinInit<Self, Error> {
        let handler = bindings::input_handler {
            connect: Some(Self::connect),
            disconnect: Some(Self::disconnect),
            name: name.as_char_ptr(),
            id_table: from_ref(&Self::IDS).cast(),
            ..pin_init::zeroed()
        };
        // INVARIANT: It is registered, and what `connect` attaches to it is ours.
        try_pin_init!(Self {
            handler <- Opaque::try_ffi_init(move |slot: *mut bindings::input_handler| {
                // SAFETY: The memory is ours.
                unsafe { slot.write(handler) };
                // SAFETY: It is initialised, pinned, and its name and list are statics.
                to_result(unsafe { bindings::input_register_handler(slot) })
            }),
        }? Error)
    }

    /// Switches these lights on, and the others off. Any context but NMI.
    pub(crate) fn show(&self, lit: &[Led]) {
        self.switch(Led::ALL.map(|led| lit.contains(&led)));
    }

    /// Switches on what the console in front wants, and the others off. Any context but NMI.
    pub(crate) fn show_console(&self) {
        let mut lit = of_console();
        loop {
            self.switch(lit);
            // It may have switched one itself meanwhile, which this has undone.
            let now = of_console();
            if now == lit {
                break;
            }
            lit = now;
        }
    }

    fn switch(&self, lit: Lit) {
        // SAFETY: By the type invariants it is registered, and the handles are its own. `lit` lives
        // until this returns.
        unsafe {
            bindings::input_handler_for_each_handle(
                self.handler.get(),
                from_ref(&lit).cast_mut().cast(),
                Some(Self::switch_one),
            )
        };
    }

    /// # Safety
    ///
    /// `handle` must be one of ours, and `lit` point to a [`Lit`].
    unsafe extern "C" fn switch_one(
        handle: *mut bindings::input_handle,
        lit: *mut c_void,
    ) -> c_int {
        // SAFETY: The caller promises it.
        let lit = unsafe { &*lit.cast::<Lit>() };
        for (led, &lit) in Led::ALL.iter().zip(lit) {
            // SAFETY: The caller promises it; the kernel checks whether there is such a light.
            unsafe {
                bindings::input_inject_event(handle, bindings::EV_LED, *led as c_uint, lit.into())
            };
        }
        // SAFETY: As above.
        unsafe { bindings::input_inject_event(handle, bindings::EV_SYN, bindings::SYN_REPORT, 0) };
        0
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `connect` of a registered handler, with a device.
    unsafe extern "C" fn connect(
        handler: *mut bindings::input_handler,
        device: *mut bindings::input_dev,
        _id: *const bindings::input_device_id,
    ) -> c_int {
        from_result(|| {
            let handle = KBox::new(
                bindings::input_handle {
                    dev: device,
                    handler,
                    // SAFETY: The caller promises it.
                    name: unsafe { (*handler).name },
                    ..pin_init::zeroed()
                },
                GFP_KERNEL,
            )?;
            let raw = KBox::into_raw(handle);
            // SAFETY: Nobody has it if the kernel has not taken it.
            let free = |_: &Error| drop(unsafe { KBox::from_raw(raw) });
            // SAFETY: It is initialised, and stays until `disconnect`.
            to_result(unsafe { bindings::input_register_handle(raw) }).inspect_err(free)?;
            // SAFETY: It is registered.
            to_result(unsafe { bindings::input_open_device(raw) })
                .inspect_err(|_| {
                    // SAFETY: It is registered, and not open.
                    unsafe { bindings::input_unregister_handle(raw) };
                })
                .inspect_err(free)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `disconnect`, with a handle of [`Self::connect`].
    unsafe extern "C" fn disconnect(handle: *mut bindings::input_handle) {
        // SAFETY: The caller promises it: it is open and registered, and the kernel does not use it
        // when these have returned.
        unsafe {
            bindings::input_close_device(handle);
            bindings::input_unregister_handle(handle);
        }
        // SAFETY: `connect` has given it away.
        drop(unsafe { KBox::from_raw(handle) });
    }
}

#[pinned_drop]
impl PinnedDrop for Lights {
    fn drop(self: Pin<&mut Self>) {
        self.show_console();
        // SAFETY: By the type invariants it is registered. When this returns, all handles have been
        // disconnected.
        unsafe { bindings::input_unregister_handler(self.handler.get()) };
    }
}

/// Which lights are on, as [`Led::ALL`] has them.
type Lit = [bool; Led::ALL.len()];

/// Returns which lights the console in front wants.
fn of_console() -> Lit {
    // SAFETY: It is a number that may change meanwhile: a volatile read, C's `READ_ONCE()`, takes
    // the old or the new one.
    let console = unsafe { (&raw const bindings::fg_console).read_volatile() };
    Led::ALL.map(|led| {
        let flag = match led {
            Led::Num => bindings::VC_NUMLOCK,
            Led::Caps => bindings::VC_CAPSLOCK,
            Led::Scroll => bindings::VC_SCROLLOCK,
        };
        // CAST: It is a number from 0 to 62, and the flag from 0 to 2.
        // SAFETY: There is such a console.
        unsafe { bindings::vt_get_leds(console as c_uint, flag as c_int) != 0 }
    })
}
