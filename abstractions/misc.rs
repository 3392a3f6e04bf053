// SPDX-License-Identifier: GPL-2.0

//! Misc devices: character devices without a major number of their own. They share one, and
//! the kernel gives each a minor number and a node.
//!
//! In the book: [Character devices](../../../book/chardev.html).
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)
//!
//! Unloading: an open file *pins* the module. Nobody gets in before the module has been loaded,
//! for the reason that [`cdev`](super::cdev) gives: until then the device has no operations,
//! and an `open(2)` fails with ENODEV.
//!
//! A registration has to be owned by the module's struct: one that is leaked
//! (`mem::forget`) outlives the module's text.
//!
//! The `kernel` crate has `MiscDevice`, which upstream would take. In 7.2 its files do not pin
//! the module, which goes while they are open. In 7.2 and 7.3 they can be opened while `init`
//! may still fail.

use super::{
    file::{
        Callbacks,
        Operations, //
    },
    module::{
        Loaded,
        WhenLoaded, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    bindings,
    container_of,
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    str::CStrExt as _,
    types::{
        ForeignOwnable,
        Opaque, //
    }, //
};

/// A registered misc device, with a node `/dev/<name>`. It can be opened once the module's
/// `init` has returned.
///
/// Dropping it takes the node back, and waits for an open that is under way: an
/// [`Operations::open`] must not do it. Files that are open stay so.
///
/// While `open` runs, nobody else can open any misc device of the machine.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     file::{
///         OpenFile,
///         Operations, //
///     },
///     misc::Registration, //
/// };
///
/// struct Example {
///     _device: Registration<Doorbell>,
/// }
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         Ok(Self {
///             _device: Registration::new(c"doorbell", 0o600, ())?,
///         })
///     }
/// }
///
/// struct Doorbell;
///
/// #[vtable]
/// impl Operations for Doorbell {
///     type Data = ();
///     type Ptr = ();
///
///     fn open(_data: (), _file: &OpenFile) -> Result {
///         pr_info!("Somebody is at the door.\n");
///         Ok(())
///     }
/// }
/// ```
pub(crate) struct Registration<T: Operations + 'static> {
    // Dropped in this order.
    _publish: Pin<KBox<WhenLoaded<Publish<T>>>>,
    _device: Pin<KBox<Device<T>>>,
}

impl<T: Operations + 'static> Registration<T> {
    /// Registers a device whose node has these permissions, 0o600 usually. Process context;
    /// may sleep.
    ///
    /// # Errors
    ///
    /// With each, nothing stays behind:
    /// - EEXIST: there is a misc device of this name. (The kernel makes EBUSY of it where it is
    ///   what a module's `init` fails with.)
    /// - EBUSY: there are too many misc devices.
    /// - ENOMEM.
    pub(crate) fn new(name: &'static CStr, mode: u16, data: T::Data) -> Result<Self> {
        let device = KBox::pin_init(Device::<T>::new(name, mode, data), GFP_KERNEL)?;
        // INVARIANT: The device is dropped after this.
        let publish = Publish::<T>(device.misc.get(), PhantomData);
        Ok(Self {
            _publish: KBox::pin_init(WhenLoaded::new(publish), GFP_KERNEL)?,
            _device: device,
        })
    }
}

/// A misc device, and what its opens share. It has no operations until [`Publish`] gives it
/// some.
///
/// # Invariants
///
/// `misc` is registered; `data` is what `T::Data::into_foreign` returned.
#[pin_data(PinnedDrop)]
struct Device<T: Operations> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    data: *mut c_void,
    _t: PhantomData<T::Data>,
}

// SAFETY: `misc_deregister()` may be called from any thread, and the data is `Send`.
unsafe impl<T: Operations> Send for Device<T> {}
// SAFETY: The kernel has locks of its own, and the data is `Sync`.
unsafe impl<T: Operations> Sync for Device<T> {}

impl<T: Operations> Device<T> {
    fn new(name: &'static CStr, mode: u16, data: T::Data) -> impl PinInit<Self, Error> {
        // INVARIANT: Where this succeeds, the device has just been registered.
        try_pin_init!(Self {
            misc <- Opaque::try_ffi_init(move |misc: *mut bindings::miscdevice| {
                let device = bindings::miscdevice {
                    // CAST: It is 255.
                    minor: bindings::MISC_DYNAMIC_MINOR as c_int,
                    name: name.as_char_ptr(),
                    mode,
                    ..pin_init::zeroed()
                };
                // SAFETY: The place is ours to write.
                unsafe { misc.write(device) };
                // SAFETY: The device is initialised, and stays where it is until drop takes it
                // back; its name lives as long as the module.
                to_result(unsafe { bindings::misc_register(misc) })
            }),
            // Nobody opens it yet.
            data: data.into_foreign(),
            _t: PhantomData,
        })
    }
}

#[pinned_drop]
impl<T: Operations> PinnedDrop for Device<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants it is registered. This has a lock that is held while
        // the device is opened.
        unsafe { bindings::misc_deregister(self.misc.get()) };
        // SAFETY: By the type invariants; no `open` has borrowed it any more.
        drop(unsafe { T::Data::from_foreign(self.data) });
    }
}

/// Gives a device its operations when the module has been loaded.
///
/// # Invariants
///
/// The pointer is to the `misc` of a `Device<T>`.
struct Publish<T: Operations>(*mut bindings::miscdevice, PhantomData<fn() -> T>);

// SAFETY: The pointer to the operations is written in one piece, from any thread.
unsafe impl<T: Operations> Send for Publish<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Publish<T> {}

impl<T: Operations + 'static> Loaded for Publish<T> {
    fn loaded(&self) {
        // SAFETY: By the type invariants the device is valid, and suits these operations,
        // which are constant and lie, as their owner says, in this module. `misc_open()` reads
        // the pointer once.
        unsafe { (&raw mut (*self.0).fops).write_volatile(&VTable::<T>::OPS) };
    }
}

/// The file operations of a misc device.
struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const OPS: bindings::file_operations = Callbacks::<T>::file_operations(Self::open);

    /// # Safety
    ///
    /// Called by `misc_open()` in `drivers/char/misc.c`: `file` must be one that is being
    /// opened, through a `Device<T>`.
    unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The file is being opened. `misc_open()` has put the device there, which is
            // registered as long as this runs.
            let data = unsafe {
                let misc = (*file).private_data.cast::<bindings::miscdevice>();
                (*container_of!(Opaque::cast_from(misc), Device<T>, misc)).data
            };
            // `seq_open()` wants it so.
            // SAFETY: The private data of a file is its `open`'s to set.
            unsafe { (*file).private_data = ptr::null_mut() };
            // SAFETY: The file is being opened; the data comes from `into_foreign`, by the
            // invariants of `Device`, whose drop waits until this has returned.
            unsafe { Callbacks::<T>::open(data, file) }?;
            Ok(0)
        })
    }
}
