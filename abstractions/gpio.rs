// SPDX-License-Identifier: GPL-2.0

//! Lines of a GPIO chip (general purpose input and output): read, set, and their interrupts.
//!
//! In the book: [Time, and later](../../../book/time.html).
//!
//! C headers: [`include/linux/gpio/consumer.h`](srctree/include/linux/gpio/consumer.h),
//! [`include/linux/gpio/machine.h`](srctree/include/linux/gpio/machine.h)
//!
//! A driver of a device gets its lines by what the device tree or ACPI says. Here the caller
//! says it: which line of which chip.
//!
//! Unloading *waits* for a handler of [`Edges`] that is running. A [`Line`] needs no care; it
//! holds the chip's driver.
//!
//! A chip can go while its lines are used: what is done with them fails with ENODEV then, and
//! there are no more interrupts.
//!
//! Not supported: lines that are active low, pull resistors, debouncing, several lines at once.

use super::{
    bindings,
    irq::{
        Action,
        Handler, //
    }, //
};
use core::{
    mem::offset_of,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    device::Device,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
};

/// Which way a [`Line`] goes.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    /// It is read.
    In,
    /// It is set, and begins with this value.
    Out(bool),
}

/// A line of a chip, which nobody else has: given back on drop.
///
/// All methods are for process context, and may sleep: some chips are behind a slow bus.
///
/// # Invariants
///
/// Points to a line that was requested, and is ours.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     gpio::{
///         Direction,
///         Line, //
///     },
///     series::faux_device, //
/// };
/// use kernel::faux;
///
/// fn copy(input: u16, output: u16) -> Result {
///     let device = faux::Registration::new(c"copier", None)?;
///     let device = faux_device(&device);
///     let from = Line::get(device, c"gpio-sim", input, c"from", Direction::In)?;
///     let to = Line::get(device, c"gpio-sim", output, c"to", Direction::Out(false))?;
///     to.set(from.value()?)
/// }
/// ```
pub(crate) struct Line(NonNull<bindings::gpio_desc>);

// SAFETY: A line belongs to no thread.
unsafe impl Send for Line {}
// SAFETY: The kernel has locks of its own.
unsafe impl Sync for Line {}

/// A table that assigns one line, and the empty entry that ends it.
#[repr(C)]
struct Table {
    head: bindings::gpiod_lookup_table,
    entries: [bindings::gpiod_lookup; 2],
}

const _: () =
    assert!(offset_of!(Table, entries) == offset_of!(bindings::gpiod_lookup_table, table));

impl Line {
    /// Takes line `offset` of the chip whose label is `chip` for `device`; `name` says what it
    /// is, there and in `/sys/kernel/debug/gpio`.
    ///
    /// # Errors
    ///
    /// EPROBE_DEFER: there is no such chip, or not yet. EINVAL: it has no such line. EBUSY: somebody
    /// else has it. What the chip's driver says.
    pub(crate) fn get(
        device: &Device,
        chip: &CStr,
        offset: u16,
        name: &CStr,
        direction: Direction,
    ) -> Result<Self> {
        // It would make a line's name of `chip`.
        if offset == u16::MAX {
            return Err(EINVAL);
        }
        let flags = match direction {
            Direction::In => bindings::gpiod_flags_GPIOD_IN,
            Direction::Out(false) => bindings::gpiod_flags_GPIOD_OUT_LOW,
            Direction::Out(true) => bindings::gpiod_flags_GPIOD_OUT_HIGH,
        };
        let mut table = Table {
            head: bindings::gpiod_lookup_table {
                dev_id: device.name().as_char_ptr(),
                ..Default::default()
            },
            entries: [
                bindings::gpiod_lookup {
                    key: chip.as_char_ptr(),
                    chip_hwnum: offset,
                    con_id: name.as_char_ptr(),
                    ..Default::default()
                },
                bindings::gpiod_lookup::default(),
            ],
        };
        let head: *mut bindings::gpiod_lookup_table = (&raw mut table).cast();
        // CAST: `Device` is a transparent wrapper.
        let device = ptr::from_ref(device).cast_mut().cast();
        // SAFETY: The table ends with an empty entry, and it, and what it points to, are there
        // until it is removed, below; nobody but the kernel uses it meanwhile.
        unsafe { bindings::gpiod_add_lookup_table(head) };
        // SAFETY: The device is valid, and so is the string, which is copied.
        let line = unsafe { bindings::gpiod_get(device, name.as_char_ptr(), flags) };
        // SAFETY: It was added above.
        unsafe { bindings::gpiod_remove_lookup_table(head) };
        // INVARIANT: It was just requested.
        NonNull::new(from_err_ptr(line)?).map(Self).ok_or(ENODEV)
    }

    /// Reads the line. Fails with ENODEV when the chip has gone.
    pub(crate) fn value(&self) -> Result<bool> {
        // SAFETY: By the type invariants.
        let value = unsafe { bindings::gpiod_get_value_cansleep(self.0.as_ptr()) };
        to_result(value)?;
        Ok(value != 0)
    }

    /// Sets the line. Fails with EPERM for one that is read, with ENODEV when the chip has gone.
    pub(crate) fn set(&self, value: bool) -> Result {
        // SAFETY: By the type invariants.
        to_result(unsafe { bindings::gpiod_set_value_cansleep(self.0.as_ptr(), value.into()) })
    }

    /// Returns the number of the line's interrupt.
    fn irq(&self) -> Result<c_uint> {
        // SAFETY: By the type invariants.
        let irq = unsafe { bindings::gpiod_to_irq(self.0.as_ptr()) };
        to_result(irq)?;
        // CAST: It is not negative.
        Ok(irq as c_uint)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Where the chip has gone, `gpiod_put()` leaves the line's name allocated.
        // SAFETY: By the type invariants it is ours; it need have no name.
        unsafe { bindings::gpiod_set_consumer_name(self.0.as_ptr(), ptr::null()) };
        // SAFETY: As above, and nobody uses it after this.
        unsafe { bindings::gpiod_put(self.0.as_ptr()) };
    }
}

/// The changes of a line that interrupt.
#[derive(Clone, Copy)]
pub(crate) enum Trigger {
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
    /// Both.
    Both,
}

/// A handler of the interrupts of a line, and its thread; taken off on drop: a
/// [registration](super#registrations).
///
/// # Examples
///
/// ```
/// use abstractions::{
///     gpio::{
///         Edges,
///         Line,
///         Trigger, //
///     },
///     irq::{
///         Handler,
///         IrqReturn, //
///     },
/// };
///
/// struct Bell;
///
/// impl Handler for Bell {
///     fn handle(&self) -> IrqReturn {
///         IrqReturn::WakeThread
///     }
///
///     fn thread(&self) {
///         pr_info!("Somebody is at the door.\n");
///     }
/// }
///
/// fn listen(button: Line) -> Result<Pin<KBox<Edges<Bell>>>> {
///     KBox::pin_init(Edges::new(button, Trigger::Rising, c"bell", Bell), GFP_KERNEL)
/// }
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct Edges<T: Handler> {
    // Dropped in this order.
    #[pin]
    action: Action<T>,
    line: Line,
}

impl<T: Handler> Edges<T> {
    /// Has `handler` called when the line changes, and its thread when that asks for it. `name`
    /// is shown in `/proc/interrupts`. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// ENXIO: the line has no interrupt, or has threads alone, as its chip is behind a slow bus.
    /// ENODEV: the chip has gone. ENOMEM. What the chip's driver says, of a line that is set for one.
    pub(crate) fn new(
        line: Line,
        trigger: Trigger,
        name: &'static CStr,
        handler: T,
    ) -> impl PinInit<Self, Error> {
        let flags = match trigger {
            Trigger::Rising => bindings::IRQF_TRIGGER_RISING,
            Trigger::Falling => bindings::IRQF_TRIGGER_FALLING,
            Trigger::Both => bindings::IRQF_TRIGGER_RISING | bindings::IRQF_TRIGGER_FALLING,
        };
        pin_init::pin_init_scope(move || {
            let irq = line.irq()?;
            // SAFETY: It only looks.
            if unsafe { bindings::irq_check_status_bit(irq, bindings::IRQ_NESTED_THREAD) } {
                return Err(ENXIO);
            }
            Ok(try_pin_init!(Self {
                action <- Action::new(irq, flags, name, handler, true),
                line,
            }))
        })
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Edges<T> {
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        // The kernel takes the handlers off the lines of a chip that goes, and may have given
        // the number to another. (Where it goes just now, it warns of a handler that it has
        // taken off already, and does no more.)
        if this.line.irq().is_err() {
            this.action.set_gone();
        }
    }
}
