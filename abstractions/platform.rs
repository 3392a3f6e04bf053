// SPDX-License-Identifier: GPL-2.0

//! Devices on the platform bus, with properties.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C headers: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h),
//! [`include/linux/property.h`](srctree/include/linux/property.h)
//!
//! The `kernel` crate has the drivers, `kernel::platform`, and no way to make a device.
//!
//! Unloading neither waits for a device nor is held up by one: the kernel copies all that it is
//! made of, and calls nothing of it. The drop of a device waits until its driver has let go of it.
//!
//! Not supported: resources (memory, interrupts), parents, references to other devices.

use super::bindings;
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// A property of a [`Device`], and its name, as a driver gets it by
/// `kernel::device::property::FwNode`.
#[derive(Clone, Copy)]
pub(crate) enum Property<'a> {
    /// A string.
    Str(&'a CStr, &'a CStr),
    /// A number.
    U32(&'a CStr, u32),
    /// One that is there, where others lack it.
    Flag(&'a CStr),
}

impl Property<'_> {
    /// Returns what C's `PROPERTY_ENTRY_STRING()`, `_U32()` and `_BOOL()` make, which has the
    /// pointers in it.
    fn entry(self) -> bindings::property_entry {
        let mut entry = bindings::property_entry {
            is_inline: true,
            ..Default::default()
        };
        let name = match self {
            Self::Str(name, text) => {
                entry.type_ = bindings::dev_prop_type_DEV_PROP_STRING;
                entry.length = size_of::<*const c_char>();
                entry.__bindgen_anon_1.value.str_ = [text.as_char_ptr()];
                name
            }
            Self::U32(name, number) => {
                entry.type_ = bindings::dev_prop_type_DEV_PROP_U32;
                entry.length = size_of::<u32>();
                entry.__bindgen_anon_1.value.u32_data = [number, 0];
                name
            }
            Self::Flag(name) => name,
        };
        entry.name = name.as_char_ptr();
        entry
    }
}

/// A device on the platform bus, with a software node that has its properties. Unregistered on
/// drop, which sleeps, and must not come from its driver's `probe` or `unbind`.
///
/// A driver of the same name probes it: at once if it is there already, or when it comes.
///
/// # Invariants
///
/// Points to a registered device, which is ours.
///
/// # Examples
///
/// ```
/// use abstractions::platform::{
///     Device,
///     Property, //
/// };
///
/// fn make() -> Result<Device> {
///     let properties = [
///         Property::Str(c"label", c"kitchen"),
///         Property::U32(c"brightness", 7),
///         Property::Flag(c"dimmable"),
///     ];
///     // /sys/devices/platform/lamp.0
///     Device::new(c"lamp", 0, &properties)
/// }
/// ```
pub(crate) struct Device(NonNull<bindings::platform_device>);

// SAFETY: A device belongs to no thread.
unsafe impl Send for Device {}
// SAFETY: Nothing can be done with a reference.
unsafe impl Sync for Device {}

impl Device {
    /// Makes `name.id`. Process context, may sleep, and calls the driver's `probe` if there is
    /// one; what that returns does not matter here.
    ///
    /// # Errors
    ///
    /// ENOMEM, or EINVAL where the kernel has no memory for the device's name; EEXIST when there is
    /// such a device already, of which the kernel warns.
    pub(crate) fn new(name: &CStr, id: u16, properties: &[Property<'_>]) -> Result<Self> {
        let mut entries = KVec::with_capacity(properties.len() + 1, GFP_KERNEL)?;
        for property in properties {
            entries.push(property.entry(), GFP_KERNEL)?;
        }
        // It has no name, which ends the list.
        entries.push(bindings::property_entry::default(), GFP_KERNEL)?;
        let info = bindings::platform_device_info {
            name: name.as_char_ptr(),
            id: id.into(),
            properties: entries.as_ptr(),
            ..Default::default()
        };
        // SAFETY: All that it points to is there, as `Property` borrows it, and is copied.
        let device = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })?;
        // INVARIANT: It is fresh.
        NonNull::new(device).map(Self).ok_or(ENOMEM)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is registered, and ours. Nothing of the module is
        // called but its driver, if that is its; and that has unbound when this returns.
        unsafe { bindings::platform_device_unregister(self.0.as_ptr()) };
    }
}
