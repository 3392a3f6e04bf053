// SPDX-License-Identifier: GPL-2.0

//! All that differs between the kernel series which are supported, 7.2 and 7.3.
//!
//! In the book: [Two series from one source](../../../book/series.html).
//!
//! Where one piece of code cannot serve both, `Makefile.generated` tells by `lkmpg_7_2`.

use super::bindings;
use core::borrow::Borrow;
use kernel::{
    device::Device,
    faux,
    prelude::*, //
};

/// Returns the value of a parameter declared in `module!`'s `params`:
/// `param_value(module_parameters::count.value())`.
///
/// `ModuleParamAccess::value` returns a reference in 7.2 and a copy in 7.3.
///
/// # Examples
///
/// ```
/// use abstractions::series::param_value;
///
/// module! {
///     type: Example,
///     name: "example",
///     authors: ["lkmpg-rs authors"],
///     description: "Has a parameter",
///     license: "GPL",
///     params: {
///         count: u32 {
///             default: 1,
///             description: "How often to greet",
///         },
///     },
/// }
///
/// struct Example;
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         let count: u32 = param_value(module_parameters::count.value());
///         for _ in 0..count {
///             pr_info!("Hello\n");
///         }
///         Ok(Self)
///     }
/// }
/// ```
// ANCHOR: one_for_both
pub(crate) fn param_value<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}
// ANCHOR_END: one_for_both

/// Returns the `struct module` that this code is part of, C's `THIS_MODULE`: null
/// when it is built into the kernel, which `try_module_get` and `module_put` take.
///
/// The Rust names for it differ: `crate::THIS_MODULE` in 7.2,
/// `kernel::module::this_module` in 7.3. The symbol that modpost adds does not.
pub(super) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    return (&raw const bindings::__this_module).cast_mut();
    #[cfg(not(MODULE))]
    return core::ptr::null_mut();
}

/// Returns what a C interrupt handler returns, from its value in `enum irqreturn`.
///
/// `irqreturn_t` is an integer in 7.2 and a struct around one in 7.3.
// Hidden, not `pub(super)`: a module of the tests has a C handler of its own.
#[doc(hidden)]
pub(crate) fn irq_return(value: c_uint) -> bindings::irqreturn_t {
    // SAFETY: Either type is a transparent wrapper of, or is, an `unsigned int`, of
    // which each value is valid.
    unsafe { core::mem::transmute::<c_uint, bindings::irqreturn_t>(value) }
}

/// Returns the device that a faux device is.
///
/// Its registration is an `AsRef` of it in 7.2, and of a `faux::Device` in 7.3.
///
/// # Examples
///
/// ```
/// use abstractions::series::faux_device;
/// use kernel::faux;
///
/// fn greet(registration: &faux::Registration) {
///     dev_info!(faux_device(registration), "Hello\n");
/// }
/// ```
pub(crate) fn faux_device(registration: &faux::Registration) -> &Device {
    #[cfg(lkmpg_7_2)]
    return registration.as_ref();
    #[cfg(not(lkmpg_7_2))]
    return registration.as_ref().as_ref();
}

/// What `probe` of a PCI driver gets of its table's information: always some in 7.2; in 7.3 none
/// for a device that is not in the table, which root has given to the driver (`driver_override`).
///
/// The table is made by `pci_device_table!(TABLE, MODULE_TABLE, Info, [(id, INFO)])`, as by that of
/// the `kernel` crate. The second name is that of the table for modpost, which has none in 7.3.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     pci::device_id,
///     series::{
///         pci_device_table,
///         PciInfo, //
///     },
/// };
/// use kernel::{
///     device::Core,
///     pci, //
/// };
///
/// struct Driver;
///
/// pci_device_table!(TABLE, MODULE_TABLE, (), [(device_id(0x1234, 0x11e8), ())]);
///
/// impl pci::Driver for Driver {
///     type IdInfo = ();
///     type Data<'bound> = Self;
///
///     const ID_TABLE: pci::IdTable<()> = &TABLE;
///
///     fn probe<'bound>(
///         device: &'bound pci::Device<Core<'_>>,
///         _info: PciInfo<'bound, ()>,
///     ) -> impl PinInit<Self, Error> + 'bound {
///         dev_info!(device, "Hello\n");
///         Ok(Self)
///     }
/// }
/// ```
#[cfg(CONFIG_PCI_MSI)]
pub(crate) type PciInfo<'a, T> = pci_types::Info<'a, T>;

#[cfg(CONFIG_PCI_MSI)]
#[doc(hidden)]
macro_rules! pci_device_table {
    ($table:ident, $module_table:ident, $info:ty, $ids:tt) => {
        #[cfg(lkmpg_7_2)]
        ::kernel::pci_device_table!($table, $module_table, $info, $ids);
        #[cfg(not(lkmpg_7_2))]
        ::kernel::pci_device_table!($table, $info, $ids);
    };
}
#[cfg(CONFIG_PCI_MSI)]
pub(crate) use pci_device_table;

/// The registers of a PCI device, until it is unbound: what `kernel::pci::Bar::into_devres`
/// returns, a `Devres` in 7.2 and a type of its own in 7.3.
///
/// # Examples
///
/// ```
/// use abstractions::series::DevresBar;
/// use kernel::{
///     device::Bound,
///     io::Io,
///     pci, //
/// };
///
/// fn map(device: &pci::Device<Bound>) -> Result<DevresBar<4>> {
///     device.iomap_region_sized(0, c"example")?.into_devres()
/// }
///
/// fn first(registers: &DevresBar<4>) -> Result<u32> {
///     Ok(registers.try_access().ok_or(ENODEV)?.read32(0))
/// }
/// ```
#[cfg(CONFIG_PCI_MSI)]
pub(crate) type DevresBar<const SIZE: usize> = pci_types::DevresBar<SIZE>;

#[cfg(all(CONFIG_PCI_MSI, lkmpg_7_2))]
mod pci_types {
    use kernel::{
        devres::Devres,
        pci::Bar, //
    };

    pub(super) type Info<'a, T> = &'a T;
    pub(super) type DevresBar<const SIZE: usize> = Devres<Bar<'static, SIZE>>;
}

#[cfg(all(CONFIG_PCI_MSI, not(lkmpg_7_2)))]
mod pci_types {
    pub(super) type Info<'a, T> = Option<&'a T>;
    pub(super) use kernel::pci::DevresBar;
}

/// Returns the address by which a device knows memory.
///
/// `Coherent` calls it a handle in 7.2.
#[cfg(CONFIG_PCI_MSI)]
pub(super) fn dma_address(memory: &kernel::dma::Coherent<[u8]>) -> u64 {
    #[cfg(lkmpg_7_2)]
    return memory.dma_handle();
    #[cfg(not(lkmpg_7_2))]
    return memory.dma_address();
}

/// Returns how many bytes of the vector in which a bio's rest begins are done.
///
/// In 7.2 the field has another name.
#[cfg(CONFIG_BLOCK)]
pub(super) fn bytes_done(rest: &bindings::bvec_iter) -> c_uint {
    #[cfg(lkmpg_7_2)]
    return rest.bi_bvec_done;
    #[cfg(not(lkmpg_7_2))]
    return rest.bi_offset;
}

/// A function of `struct kobj_attribute` that shows a file's value.
pub(super) type Show = unsafe extern "C" fn(
    *mut bindings::kobject,
    *mut bindings::kobj_attribute,
    *mut c_char,
) -> isize;

/// A function of `struct kobj_attribute` that takes what was written to a file.
pub(super) type Store = unsafe extern "C" fn(
    *mut bindings::kobject,
    *mut bindings::kobj_attribute,
    *const c_char,
    usize,
) -> isize;

/// Returns what C's `__ATTR(name, mode, show, store)` makes.
///
/// In 7.3 each function lies in a union, or with kCFI a struct, with its variant for constant
/// attributes.
pub(super) fn kobj_attribute(
    attr: bindings::attribute,
    show: Option<Show>,
    store: Option<Store>,
) -> bindings::kobj_attribute {
    let mut attribute = bindings::kobj_attribute {
        attr,
        ..Default::default()
    };
    #[cfg(lkmpg_7_2)]
    {
        attribute.show = show;
        attribute.store = store;
    }
    #[cfg(not(lkmpg_7_2))]
    {
        attribute.__bindgen_anon_1.show = show;
        attribute.__bindgen_anon_2.store = store;
    }
    attribute
}

/// A spin lock that keeps interrupts from this CPU while it is held, for data that an interrupt
/// uses as well: C's `spin_lock_irqsave()`. Made by [`new_spinlock_irq!`].
///
/// That of the kernel crate from 7.3 on. In 7.2 it has no `try_lock`, and where two of them are
/// held, the one that was taken last has to be given back first: the other one may turn
/// interrupts on again.
///
/// # Examples
///
/// ```
/// use abstractions::series::{
///     new_spinlock_irq,
///     SpinLockIrq, //
/// };
///
/// fn count(ticks: &SpinLockIrq<u64>) -> u64 {
///     let mut ticks = ticks.lock();
///     *ticks += 1;
///     *ticks
/// }
///
/// fn make() -> Result<Pin<KBox<SpinLockIrq<u64>>>> {
///     KBox::pin_init(new_spinlock_irq!(0), GFP_KERNEL)
/// }
/// ```
pub(crate) type SpinLockIrq<T> = irq_lock::SpinLockIrq<T>;

#[cfg(not(lkmpg_7_2))]
use kernel::sync as irq_lock;

#[cfg(lkmpg_7_2)]
pub(crate) use irq_lock::new_spinlock_irq;
#[cfg(not(lkmpg_7_2))]
pub(crate) use kernel::new_spinlock_irq;

/// What the kernel crate of 7.2 lacks.
#[cfg(lkmpg_7_2)]
mod irq_lock {
    use super::bindings;
    use kernel::{
        prelude::*,
        sync::lock::{
            Backend,
            Lock, //
        },
    };

    #[doc(hidden)]
    pub(crate) type SpinLockIrq<T> = Lock<T, SpinLockIrqBackend>;

    #[doc(hidden)]
    pub(crate) struct SpinLockIrqBackend;

    // SAFETY: The kernel's `spinlock_t` lets one in at a time. `relock` is that of the trait, which
    // calls the same `lock`.
    unsafe impl Backend for SpinLockIrqBackend {
        type State = bindings::spinlock_t;

        /// The processor's flags as they were before: whether interrupts were on.
        type GuardState = c_ulong;

        unsafe fn init(
            lock: *mut Self::State,
            name: *const c_char,
            key: *mut bindings::lock_class_key,
        ) {
            // SAFETY: The caller promises that there is room for a lock, and that the others are
            // there for ever.
            unsafe { bindings::__spin_lock_init(lock, name, key) }
        }

        unsafe fn lock(lock: *mut Self::State) -> c_ulong {
            // In a realtime kernel it sleeps, and interrupts stay on, as those that take such a
            // lock are threads.
            #[cfg(CONFIG_PREEMPT_RT)]
            // SAFETY: The caller promises that it was initialised.
            unsafe {
                bindings::spin_lock(lock);
                0
            }
            // CAST: The lock is all that is in a `spinlock_t` (`spinlock_check()`).
            #[cfg(not(CONFIG_PREEMPT_RT))]
            // SAFETY: As above.
            unsafe {
                bindings::_raw_spin_lock_irqsave(lock.cast())
            }
        }

        unsafe fn unlock(lock: *mut Self::State, flags: &c_ulong) {
            #[cfg(CONFIG_PREEMPT_RT)]
            // SAFETY: The caller promises that it holds the lock.
            unsafe {
                bindings::spin_unlock(lock)
            }
            // CAST: As in `lock`.
            #[cfg(not(CONFIG_PREEMPT_RT))]
            // SAFETY: As above; the flags are those that `lock` returned for this guard.
            unsafe {
                bindings::_raw_spin_unlock_irqrestore(lock.cast(), *flags)
            }
        }

        unsafe fn try_lock(_lock: *mut Self::State) -> Option<c_ulong> {
            build_error!("C has no function for that")
        }

        unsafe fn assert_is_held(lock: *mut Self::State) {
            // SAFETY: The caller promises that it was initialised.
            unsafe { bindings::spin_assert_is_held(lock) }
        }
    }

    #[doc(hidden)]
    macro_rules! new_spinlock_irq {
        ($data:expr $(,)?) => {
            $crate::abstractions::series::SpinLockIrq::new(
                $data,
                ::kernel::optional_name!(),
                ::kernel::static_lock_class!(),
            )
        };
    }
    pub(crate) use new_spinlock_irq;
}
