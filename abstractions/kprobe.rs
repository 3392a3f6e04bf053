// SPDX-License-Identifier: GPL-2.0

//! Probes on functions of the kernel.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)
//!
//! Unloading *waits*: dropping a [`Probe`] returns after its last run has ended, on
//! every CPU.
//!
//! Not supported: probes on returns (kretprobes) and in the middle of functions,
//! changing registers, architectures other than x86-64.

use super::bindings;
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// The registers at the entry of a function.
#[repr(transparent)]
pub(crate) struct Registers(bindings::pt_regs);

impl Registers {
    /// Returns the function's first argument, as it lies in the register.
    pub(crate) fn first_argument(&self) -> usize {
        self.0.di
    }

    /// Returns the function's second argument, as it lies in the register.
    pub(crate) fn second_argument(&self) -> usize {
        self.0.si
    }
}

/// What happens at a probe.
pub(crate) trait Handler: Send + Sync {
    /// Called at the entry of the function, on its caller's stack, by several CPUs at
    /// once: with preemption off, and interrupts too where the probe is a breakpoint.
    /// Must not sleep, and take no lock that the function may be called with.
    fn hit(&self, registers: &Registers);
}

/// A probe at the entry of a function, removed on drop.
///
/// # Invariants
///
/// `self` is pinned; `probe` is registered until drop, and its handler is `callback`.
#[pin_data(PinnedDrop)]
pub(crate) struct Probe<T: Handler> {
    #[pin]
    probe: Opaque<bindings::kprobe>,
    #[pin]
    handler: T,
}

// SAFETY: A probe may be unregistered by any thread; `T` is `Send`.
unsafe impl<T: Handler> Send for Probe<T> {}
// SAFETY: There is nothing that can be done with a reference.
unsafe impl<T: Handler> Sync for Probe<T> {}

impl<T: Handler> Probe<T> {
    /// Puts a probe on the function named `symbol`.
    ///
    /// Process context; may sleep. Fails with ENOENT when the kernel has no such
    /// symbol, with EINVAL when it may not be probed.
    pub(crate) fn new(symbol: &'static CStr, handler: T) -> impl PinInit<Self, Error> {
        // INVARIANT: Where this succeeds, the probe has just been registered.
        try_pin_init!(&this in Self {
            probe: Opaque::new(bindings::kprobe {
                symbol_name: symbol.as_char_ptr(),
                pre_handler: Some(Self::callback),
                ..Default::default()
            }),
            handler,
            _: {
                // SAFETY: `this` points to the value that is being initialised.
                let probe = unsafe { (*this.as_ptr()).probe.get() };
                // SAFETY:
                // - The struct is what the header asks for: a name, which is valid as
                //   long as the module is, a handler, and else zeroes.
                // - It stays where it is until drop unregisters it.
                // - The handler takes it for the `probe` of a `Self`, which it is, with
                //   all fields initialised.
                to_result(unsafe { bindings::register_kprobe(probe) })?
            },
        })
    }

    /// # Safety
    ///
    /// To be called by the kernel for a probe that is the `probe` of a `Self`.
    unsafe extern "C" fn callback(
        probe: *mut bindings::kprobe,
        registers: *mut bindings::pt_regs,
    ) -> c_int {
        // SAFETY: The caller promises that this is the `probe` of a `Self`; that one is
        // valid, for drop waits for this callback.
        let this = unsafe { &*container_of!(Opaque::cast_from(probe), Self, probe) };
        // SAFETY: The kernel passes the registers that it has saved, which nobody
        // else uses meanwhile; `Registers` is a transparent wrapper.
        this.handler.hit(unsafe { &*registers.cast::<Registers>() });
        0
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Probe<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants the probe is registered. This waits until no
        // CPU is in the callback any more (`synchronize_rcu()`).
        unsafe { bindings::unregister_kprobe(self.probe.get()) };
    }
}
