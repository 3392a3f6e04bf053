// SPDX-License-Identifier: GPL-2.0

//! Interrupts of a PCI device that come as messages (MSI), and identifiers of any vendor.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)
//!
//! The rest is in `kernel::pci`. In Linux 7.3 that leaves the handler to `unsafe` code: whoever
//! registers one promises not to leak the registration. Here it belongs to the device, which no
//! safe code keeps from being unbound.
//!
//! Unloading *waits*: a driver that is unregistered lets go of its devices, and that returns after
//! the last run of a handler.
//!
//! Not supported: several messages a device, INTx.

use super::irq::{
    Action,
    Handler, //
};
use core::{
    mem::transmute,
    ptr, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        DeviceContext, //
    },
    devres,
    error::to_result,
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// Returns the C side of a device.
pub(super) fn as_raw<C: DeviceContext>(device: &pci::Device<C>) -> *mut bindings::pci_dev {
    // CAST: It is a transparent wrapper.
    ptr::from_ref(device).cast_mut().cast()
}

/// Returns the identifier of a device, by the numbers of its vendor and of its kind: C's
/// `PCI_DEVICE()`. That of the `kernel` crate knows the vendors of `pci_ids.h` alone.
///
/// # Examples
///
/// ```
/// use abstractions::pci::device_id;
/// use kernel::pci;
///
/// /// QEMU's device for teaching; [`PciInfo`](abstractions::series::PciInfo) shows its table.
/// const EDU: pci::DeviceId = device_id(0x1234, 0x11e8);
/// ```
pub(crate) const fn device_id(vendor: u16, device: u16) -> pci::DeviceId {
    let any = bindings::PCI_ANY_ID as u32;
    let id = bindings::pci_device_id {
        vendor: vendor as u32,
        device: device as u32,
        subvendor: any,
        subdevice: any,
        class: 0,
        class_mask: 0,
        driver_data: 0,
        override_only: 0,
    };
    // SAFETY: `DeviceId` is a transparent wrapper without invariants, and this is what its
    // `from_id` makes.
    unsafe { transmute::<bindings::pci_device_id, pci::DeviceId>(id) }
}

/// The message of a device that interrupts.
///
/// # Invariants
///
/// The device has one message, which is ours.
struct Message(ARef<pci::Device>);

impl Message {
    /// Gives `device` a message.
    fn new(device: &pci::Device<Bound>) -> Result<Self> {
        // SAFETY: The device is valid, and bound to our driver.
        let count =
            unsafe { bindings::pci_alloc_irq_vectors(as_raw(device), 1, 1, bindings::PCI_IRQ_MSI) };
        to_result(count)?;
        // INVARIANT: It had none, else this fails.
        Ok(Self(device.into()))
    }

    /// Returns the number of the interrupt.
    fn irq(&self) -> Result<c_uint> {
        // SAFETY: The device is valid.
        let irq = unsafe { bindings::pci_irq_vector(as_raw(&*self.0), 0) };
        to_result(irq)?;
        // CAST: It is not negative.
        Ok(irq as c_uint)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is ours. Its owner has dropped the handler before.
        unsafe { bindings::pci_free_irq_vectors(as_raw(&*self.0)) };
    }
}

/// A handler of a device's message.
#[pin_data]
struct Msi<T: Handler> {
    // Dropped in this order.
    #[pin]
    action: Action<T>,
    message: Message,
}

/// Has `handler` called when `device` interrupts by a message, until it is unbound; `name` is
/// shown in `/proc/interrupts`. The top half must not ask for its thread.
///
/// Process context; may sleep. The device sends nothing before it is made master of its bus
/// (`set_master`).
///
/// # Errors
///
/// EINVAL: the device has no such messages; or it has a handler already, of which the kernel warns.
/// ENOSPC: the machine has none left. ENOMEM.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     irq::{
///         Handler,
///         IrqReturn, //
///     },
///     pci::handle_msi, //
/// };
/// use kernel::{
///     device::Bound,
///     pci,
///     sync::{
///         atomic::{
///             Atomic,
///             Relaxed, //
///         },
///         Arc, //
///     },
/// };
///
/// struct Counter(Arc<Atomic<u32>>);
///
/// impl Handler for Counter {
///     fn handle(&self) -> IrqReturn {
///         self.0.fetch_add(1, Relaxed);
///         IrqReturn::Handled
///     }
/// }
///
/// fn count(device: &pci::Device<Bound>, counter: Arc<Atomic<u32>>) -> Result {
///     handle_msi(device, c"counter", Counter(counter))
/// }
/// ```
pub(crate) fn handle_msi<T: Handler>(
    device: &pci::Device<Bound>,
    name: &'static CStr,
    handler: T,
) -> Result {
    let message = Message::new(device)?;
    let irq = message.irq()?;
    let msi = try_pin_init!(Msi {
        action <- Action::new(irq, 0, name, handler, false),
        message,
    });
    devres::register(device.as_ref(), msi, GFP_KERNEL)
}
