// SPDX-License-Identifier: GPL-2.0

//! Memory that a PCI device reads and writes itself (DMA), and that lives no longer than it may.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C headers: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h),
//! [`include/linux/pci.h`](srctree/include/linux/pci.h)
//!
//! What `kernel::dma::Coherent` leaves to its user: it outlives the device's driver, it can be
//! freed while the device still writes to it, and its bytes are for `unsafe` code.
//!
//! Nothing is registered, so unloading needs no care.
//!
//! Not supported: streaming mappings, scatterlists, other buses.

use super::{
    pci::as_raw,
    series, //
};
use core::ptr;
use kernel::{
    alloc::flags::__GFP_NOWARN,
    bindings,
    device::{
        Bound,
        Core, //
    },
    devres::Devres,
    dma::{
        Coherent,
        Device,
        DmaMask, //
    },
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// Says that a device knows addresses of so many bits, 1 to 64, and no longer ones; a PCI device
/// has 32 without this. To be called in `probe`, before anything is made for the device.
///
/// Process context.
///
/// # Errors
///
/// EBUSY: something has been made for the device. EINVAL: no such number of bits. EIO: the machine
/// has no memory with such addresses.
///
/// # Examples
///
/// ```
/// use abstractions::dma::{
///     set_address_bits,
///     Buffer, //
/// };
/// use kernel::{
///     device::Core,
///     pci, //
/// };
///
/// fn make(device: &pci::Device<Core<'_>>) -> Result<Buffer> {
///     set_address_bits(device, 28)?;
///     let mut buffer = Buffer::new(device, 512)?;
///     buffer.copy_from(b"Hello")?;
///     let mut text = [0; 5];
///     buffer.copy_to(&mut text)?;
///     let (address, size) = (buffer.address(), buffer.size());
///     dev_info!(device, "{text:?}: {size} bytes at {address:#x}\n");
///     Ok(buffer)
/// }
/// ```
pub(crate) fn set_address_bits(device: &pci::Device<Core<'_>>, bits: u32) -> Result {
    if bits == 0 {
        return Err(EINVAL);
    }
    let mask = DmaMask::try_new(bits)?;
    // SAFETY: The device is valid. A `Core` is there in the callbacks of its driver alone, one of
    // which runs at a time.
    let untouched = unsafe {
        let dev = &raw mut (*as_raw(device)).dev;
        let resources = &raw mut (*dev).devres_head;
        (*dev).driver_data.is_null() && ptr::eq((*resources).next, resources)
    };
    if !untouched {
        return Err(EBUSY);
    }
    // SAFETY: Nobody else allocates or maps memory for the device. This is `probe`, as there is no
    // data of a driver, and only what has the device as a bound one can do it. That is a caller of
    // ours, which is in this function, and what the device's resources call, such as a handler of
    // its interrupts; there is none.
    unsafe { device.dma_set_mask_and_coherent(mask) }
}

/// Memory that a device uses as well, until it is unbound.
///
/// Dropping one, or unbinding the device, takes the device off its bus before the memory is freed:
/// it neither reads nor writes any memory after that, and sends no interrupts. So all of a
/// device's buffers are dropped together, in the end.
///
/// The next `set_master()` puts it on the bus again, that of another driver as well, and it goes on
/// with what it was told. So a driver calls that when the device has come to rest.
///
/// # Invariants
///
/// There are `size` bytes of memory. On this side they are read with a `&`, and written with a
/// `&mut` alone.
pub(crate) struct Buffer {
    memory: Devres<Memory>,
    address: u64,
    size: usize,
}

struct Memory {
    device: ARef<pci::Device>,
    coherent: Coherent<[u8]>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        // The fields come after it.
        // SAFETY: The device is valid.
        unsafe { bindings::pci_clear_master(as_raw(&*self.device)) };
    }
}

impl Buffer {
    /// Allocates `size` bytes, all of them 0. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM, also where no memory has an address that the device knows. EINVAL: no bytes.
    pub(crate) fn new(device: &pci::Device<Bound>, size: usize) -> Result<Self> {
        // The kernel would warn of a size that no memory has.
        let flags = GFP_KERNEL | __GFP_NOWARN;
        let coherent = Coherent::zeroed_slice(device.as_ref(), size, flags)?;
        let address = series::dma_address(&coherent);
        let memory = Memory {
            device: device.into(),
            coherent,
        };
        Ok(Self {
            memory: Devres::new(device.as_ref(), memory)?,
            address,
            size,
        })
    }

    /// Returns the address by which the device knows the memory.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// Returns the number of bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Copies the first bytes of the memory. Any context.
    ///
    /// # Errors
    ///
    /// EINVAL: there are not so many. ENODEV: the device was unbound.
    pub(crate) fn copy_to(&self, to: &mut [u8]) -> Result {
        self.with_first(to.len(), |memory| {
            for (i, byte) in to.iter_mut().enumerate() {
                // SAFETY: So many bytes are there. Nobody on this side writes to them, by the type
                // invariants; the device may, which a volatile access can stand.
                *byte = unsafe { memory.add(i).read_volatile() };
            }
        })
    }

    /// Copies `from` to the beginning of the memory. Any context.
    ///
    /// # Errors
    ///
    /// As for [`Buffer::copy_to`].
    pub(crate) fn copy_from(&mut self, from: &[u8]) -> Result {
        self.with_first(from.len(), |memory| {
            for (i, &byte) in from.iter().enumerate() {
                // SAFETY: As in `copy_to`. Nobody else on this side uses them.
                unsafe { memory.add(i).write_volatile(byte) };
            }
        })
    }

    /// Calls `copy` with the address of the memory, of which `length` bytes are there meanwhile.
    fn with_first(&self, length: usize, copy: impl FnOnce(*mut u8)) -> Result {
        if length > self.size {
            return Err(EINVAL);
        }
        let memory = self.memory.try_access().ok_or(ENODEV)?;
        copy(memory.coherent.as_mut_ptr().cast());
        Ok(())
    }
}
