// SPDX-License-Identifier: GPL-2.0

//! Probes on functions of the kernel.
//!
//! In the book: [The world outside](../../../book/outside.html).
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)
//!
//! Unloading *waits*: dropping a [`Probe`] or a [`ReturnProbe`] returns after its last
//! run has ended, on every CPU. It does not wait for calls of the function that have
//! yet to return: these return unnoticed.
//!
//! Upstream would refuse a module that rests on probes: a function of the kernel is no
//! interface, and the next version may rename it, inline it or call it in another way.
//! Probes are for looking, and that can be done without a module: `kprobe_events` of
//! tracefs, perf, BPF. For what must be reliable there are tracepoints, notifiers and
//! security hooks.
//!
//! Not supported: probes in the middle of functions, data that goes from a function's
//! entry to its return, changing registers, architectures other than x86-64.

use super::bindings;
use kernel::{
    container_of,
    error::to_result,
    prelude::*,
    time::Delta,
    types::Opaque, //
};

/// The registers at the entry of a function, or at its return.
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

    /// Returns what the function returns (`regs_return_value()`).
    pub(crate) fn return_value(&self) -> usize {
        self.0.ax
    }
}

/// Returns the time since some point in the past.
///
/// Any context, NMIs included. `Instant::now()` is not for probes: where one has
/// interrupted the clock's update it would wait for that for ever.
///
/// C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)
pub(crate) fn now() -> Delta {
    // SAFETY: Without preconditions, in any context.
    let nanoseconds = unsafe { bindings::ktime_get_mono_fast_ns() };
    // 292 years are enough.
    Delta::from_nanos(nanoseconds as i64)
}

/// What happens at a probe.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Called at the entry of the function, on its caller's stack, by several CPUs at
    /// once: with preemption off, and interrupts too where the probe is a breakpoint,
    /// which to lockdep is an NMI. Must not sleep, nor take locks; for the time there is
    /// [`now`].
    fn hit(&self, registers: &Registers);
}

/// A probe at the entry of a function, removed on drop: a
/// [registration](super#registrations).
///
/// # Invariants
///
/// `self` is pinned; `probe` is registered until drop, and its handler is `callback`.
///
/// # Examples
///
/// ```
/// use abstractions::kprobe::{
///     Handler,
///     Probe,
///     Registers, //
/// };
///
/// struct Log;
///
/// impl Handler for Log {
///     fn hit(&self, registers: &Registers) {
///         // `int ksys_fallocate(int fd, int mode, loff_t offset, loff_t len)`
///         let fd = registers.first_argument();
///         let mode = registers.second_argument();
///         pr_info!("fallocate of file {fd} in mode {mode}\n");
///     }
/// }
///
/// fn watch() -> Result<Pin<KBox<Probe<Log>>>> {
///     KBox::pin_init(Probe::new(c"ksys_fallocate", Log), GFP_KERNEL)
/// }
/// ```
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
                // - The struct is what `register_kprobe()` asks for: a name and no address,
                //   a handler, and else zeroes; and it is not registered yet.
                // - The name is valid as long as the module is.
                // - The struct is pinned, and nobody else touches it, until drop
                //   unregisters it.
                // - The handler takes it for the `probe` of a `Self`, which it is, with
                //   all fields initialised. It returns 0, for it does not change where
                //   the CPU goes on; that it must not sleep is its `T`'s contract.
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
        // changes before this returns; `Registers` is a transparent wrapper.
        this.handler.hit(unsafe { &*registers.cast::<Registers>() });
        0
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Probe<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants the probe is registered, by us, and this is done
        // once. Afterwards no CPU is in the callback any more (`synchronize_rcu()`; the
        // handler runs with preemption off), and the kernel does not know the struct.
        unsafe { bindings::unregister_kprobe(self.probe.get()) };
    }
}

/// What happens at the return of a function.
pub(crate) trait ReturnHandler: Send + Sync + 'static {
    /// Called when the function has returned `registers.return_value()`, in the process
    /// that called it, by several CPUs at once: with preemption off. Must not sleep, and
    /// take no lock that the function may be called with.
    fn returned(&self, registers: &Registers);
}

/// A probe at the return of a function, removed on drop: a
/// [registration](super#registrations).
///
/// # Invariants
///
/// `self` is pinned; `probe` is registered until drop, and its handler is `callback`.
///
/// # Examples
///
/// ```
/// use abstractions::kprobe::{
///     self,
///     Registers,
///     ReturnHandler,
///     ReturnProbe, //
/// };
///
/// struct Log;
///
/// impl ReturnHandler for Log {
///     fn returned(&self, registers: &Registers) {
///         let (value, time) = (registers.return_value(), kprobe::now().as_millis());
///         pr_info!("{value} after {time} ms\n");
///     }
/// }
///
/// fn watch() -> Result<Pin<KBox<ReturnProbe<Log>>>> {
///     let probe = KBox::pin_init(ReturnProbe::new(c"f_dupfd", 16, Log), GFP_KERNEL)?;
///     pr_info!("{} returns missed so far\n", probe.missed());
///     Ok(probe)
/// }
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct ReturnProbe<T: ReturnHandler> {
    #[pin]
    probe: Opaque<bindings::kretprobe>,
    #[pin]
    handler: T,
}

// SAFETY: A probe may be unregistered by any thread; `T` is `Send`.
unsafe impl<T: ReturnHandler> Send for ReturnProbe<T> {}
// SAFETY: All that can be done with a reference is reading a count.
unsafe impl<T: ReturnHandler> Sync for ReturnProbe<T> {}

impl<T: ReturnHandler> ReturnProbe<T> {
    /// Puts a probe on the return of the function named `symbol`, for up to `active`
    /// calls that have not returned yet, 1 to 4096; the returns of more are missed.
    ///
    /// Process context; may sleep. Fails with ENOENT when the kernel has no such
    /// symbol, with EINVAL when it may not be probed, with ENOMEM.
    pub(crate) fn new(symbol: &'static CStr, active: u16, handler: T) -> impl PinInit<Self, Error> {
        // INVARIANT: Where this succeeds, the probe has just been registered.
        try_pin_init!(&this in Self {
            probe: Opaque::new(bindings::kretprobe {
                kp: bindings::kprobe {
                    symbol_name: symbol.as_char_ptr(),
                    ..Default::default()
                },
                handler: Some(Self::callback),
                maxactive: active.into(),
                ..Default::default()
            }),
            handler,
            _: {
                // SAFETY: `this` points to the value that is being initialised.
                let probe = unsafe { (*this.as_ptr()).probe.get() };
                // SAFETY:
                // - The struct is what `register_kretprobe()` asks for: a name and no
                //   address, a handler, a number of instances, which it checks, and else
                //   zeroes; and it is not registered yet.
                // - The name is valid as long as the module is.
                // - The struct is pinned, and nobody else touches it, until drop
                //   unregisters it.
                // - The handler takes it for the `probe` of a `Self`, which it is, with
                //   all fields initialised; that it must not sleep is its `T`'s contract.
                to_result(unsafe { bindings::register_kretprobe(probe) })?
            },
        })
    }

    /// Returns how many returns were missed, because too many calls were active.
    pub(crate) fn missed(&self) -> c_int {
        // SAFETY: By the type invariants the probe is valid. The kernel counts this
        // beside us; a volatile read takes one value or the other, as in C.
        unsafe { (&raw const (*self.probe.get()).nmissed).read_volatile() }
    }

    /// # Safety
    ///
    /// To be called by the kernel for an instance of a probe that is the `probe` of a
    /// `Self`.
    unsafe extern "C" fn callback(
        instance: *mut bindings::kretprobe_instance,
        registers: *mut bindings::pt_regs,
    ) -> c_int {
        // SAFETY: The kernel passes a valid instance; where returns are hooked by
        // `rethook`, as on x86, the probe is its `data`, which never changes
        // (`get_kretprobe()`).
        let probe: *mut bindings::kretprobe = unsafe { (*(*instance).node.rethook).data.cast() };
        // SAFETY: The caller promises that this is the `probe` of a `Self`; that one is
        // valid, for drop waits for this callback.
        let this = unsafe { &*container_of!(Opaque::cast_from(probe), Self, probe) };
        // SAFETY: The kernel passes the registers that it has saved, which nobody
        // changes before this returns; `Registers` is a transparent wrapper.
        let registers = unsafe { &*registers.cast::<Registers>() };
        this.handler.returned(registers);
        0
    }
}

#[pinned_drop]
impl<T: ReturnHandler> PinnedDrop for ReturnProbe<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants the probe is registered, by us, and this is done
        // once. It takes the handler away from calls that have yet to return, which keep
        // the instances, not the struct. Afterwards no CPU is in the handler any more
        // (`synchronize_rcu()`; the handler runs with preemption off).
        unsafe { bindings::unregister_kretprobe(self.probe.get()) };
    }
}
