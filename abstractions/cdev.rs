// SPDX-License-Identifier: GPL-2.0

//! Character devices: numbers, `struct cdev`, class and device node, as one
//! registration.
//!
//! In the book: [Character devices](../../../book/chardev.html).
//!
//! C headers: [`include/linux/cdev.h`](srctree/include/linux/cdev.h),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/device/class.h`](srctree/include/linux/device/class.h).
//!
//! Unloading: an open file *pins* the module (`owner` is set, on every series), so
//! `rmmod` is refused with EAGAIN while there is one. While the module is still
//! being loaded a pin does not help: the kernel frees a module whose `init` fails
//! whatever its use count. So nobody gets in before: until the module has been loaded,
//! the `struct cdev` has no operations, and the kernel itself answers an `open(2)` with
//! ENXIO.
//!
//! A registration has to be owned by the module's struct: one that is leaked
//! (`mem::forget`) outlives the module's text.
//!
//! Not supported: several nodes for one registration (every minor number works,
//! but only the first one gets a node), sysfs attributes.

use super::{
    file::{
        Callbacks,
        OpenFile,
        Operations, //
    },
    module::{
        Loaded,
        WhenLoaded, //
    },
    series::this_module, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    prelude::*,
    str::CStrExt as _,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        rcu,
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// How many minor numbers a registration has: 0 to 255, as with C's
/// `register_chrdev()`.
const MINORS: u32 = 256;

/// The number of bits of a `dev_t` that hold the minor number
/// ([`include/linux/kdev_t.h`](srctree/include/linux/kdev_t.h)).
const MINORBITS: u32 = 20;

/// How many major numbers there are (`CHRDEV_MAJOR_MAX`).
const MAJORS: usize = 512;

/// The number of a device: `dev_t`.
#[derive(Clone, Copy)]
pub(crate) struct Number(bindings::dev_t);

impl Number {
    /// Returns the number of the device that was opened; 0:0 for a file that is none.
    pub(crate) fn of(file: &OpenFile) -> Self {
        // SAFETY: The file is valid by its type; its inode, and the number of that, were
        // there before it was opened and do not change.
        Self(unsafe { (*(*file.as_ptr()).f_inode).i_rdev })
    }

    /// Returns the major number, which names the driver.
    pub(crate) fn major(self) -> u32 {
        self.0 >> MINORBITS
    }

    /// Returns the minor number, which names one of the driver's devices.
    pub(crate) fn minor(self) -> u32 {
        self.0 & ((1 << MINORBITS) - 1)
    }
}

/// What to register.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// The name in `/proc/devices`, of the class in `/sys/class`, and of the node in
    /// `/dev`, there with folders where it has slashes. At most 63 bytes of it appear
    /// in `/proc/devices`.
    pub(crate) name: &'static CStr,
    /// The major number, from 1 to 511; `None` takes a free one.
    pub(crate) major: Option<u32>,
    /// The permissions of the device node, 0o600 usually.
    pub(crate) mode: u16,
}

/// A registered character device, with the minor numbers 0 to 255 and a node
/// `/dev/<name>` for minor 0. It can be opened once the module's `init` has returned.
///
/// Dropping it takes all back, the node first; files that are open stay so, see the
/// [module's documentation](self).
///
/// # Examples
///
/// ```
/// use abstractions::{
///     cdev::{
///         Number,
///         Options,
///         Registration, //
///     },
///     file::{
///         OpenFile,
///         Operations, //
///     }, //
/// };
///
/// struct Example {
///     _device: Registration<Doorbell>,
/// }
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         let options = Options {
///             name: c"doorbell",
///             major: None,
///             mode: 0o444,
///         };
///         let device = Registration::new(options, ())?;
///         pr_info!("mknod /tmp/back c {} 1\n", device.number().major());
///         Ok(Self { _device: device })
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
///     fn open(_data: (), file: &OpenFile) -> Result {
///         let door = Number::of(file).minor();
///         pr_info!("Somebody is at door {door}.\n");
///         Ok(())
///     }
/// }
/// ```
pub(crate) struct Registration<T: Operations + 'static> {
    // Dropped in this order, and made in the opposite one.
    _node: Node,
    _publish: Pin<KBox<WhenLoaded<Publish<T>>>>,
    _cdev: Cdev,
    _lent: Lent<T>,
    _class: Class,
    region: Region,
}

impl<T: Operations + 'static> Registration<T> {
    /// Registers a device. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// With each, nothing stays behind:
    /// - EBUSY: the major number is taken, or no dynamic one is left.
    /// - EINVAL: the major number is 0, or above 511.
    /// - EEXIST: there is a class of this name. (The kernel makes EBUSY of it where it
    ///   is what a module's `init` fails with.)
    /// - ENOMEM.
    pub(crate) fn new(options: Options, data: T::Data) -> Result<Self> {
        let region = Region::new(options)?;
        let class = Class::new(options.name)?;
        let cdev = Cdev::new(&region)?;
        let lent = Lent::new(&region, &cdev, data)?;
        // INVARIANT: The cdev is dropped after this.
        let publish = Publish::<T>(cdev.0, PhantomData);
        let publish = KBox::pin_init(WhenLoaded::new(publish), GFP_KERNEL)?;
        let node = Node::new(&class, &region, options)?;
        Ok(Self {
            _node: node,
            _publish: publish,
            _cdev: cdev,
            _lent: lent,
            _class: class,
            region,
        })
    }

    /// Returns the number of the first device.
    pub(crate) fn number(&self) -> Number {
        Number(self.region.0)
    }
}

/// A range of [`MINORS`] device numbers.
///
/// # Invariants
///
/// The range from this number on is ours until the value is dropped.
struct Region(bindings::dev_t);

impl Region {
    fn new(options: Options) -> Result<Self> {
        let name = options.name.as_char_ptr();
        let mut first = 0;
        match options.major {
            // To C, 0 asks for a free one, which it would not tell us.
            Some(0) => return Err(EINVAL),
            Some(major) => {
                first = major.checked_mul(1 << MINORBITS).ok_or(EINVAL)?;
                // SAFETY: `name` is NUL-terminated, and copied.
                to_result(unsafe { bindings::register_chrdev_region(first, MINORS, name) })?;
            }
            None => {
                // SAFETY: `first` can be written, `name` is NUL-terminated, and copied.
                to_result(unsafe { bindings::alloc_chrdev_region(&mut first, 0, MINORS, name) })?;
            }
        }
        // INVARIANT: The range was just given to us.
        Ok(Self(first))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the range is ours to give back, once.
        unsafe { bindings::unregister_chrdev_region(self.0, MINORS) };
    }
}

/// A class: where sysfs and `devtmpfs` find the device.
///
/// # Invariants
///
/// The pointer is what `class_create()` returned, not yet destroyed.
struct Class(*mut bindings::class);

// SAFETY: A class may be used and destroyed from any thread.
unsafe impl Send for Class {}
// SAFETY: There is no method that takes `&self`.
unsafe impl Sync for Class {}

impl Class {
    fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: The class keeps the pointer; the string is NUL-terminated and lives
        // as long as the module, which owns the class.
        let class = from_err_ptr(unsafe { bindings::class_create(name.as_char_ptr()) })?;
        // SAFETY: The class is valid and has no device yet that could ask for a name.
        unsafe { (*class).devnode = Some(devnode) };
        // INVARIANT: `class_create()` succeeded.
        Ok(Self(class))
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; the class has no device any more, since a
        // `Registration` drops its `Node` before.
        unsafe { bindings::class_destroy(self.0) };
    }
}

/// Tells `devtmpfs` the mode of a node.
///
/// # Safety
///
/// `device` must be one that [`Node::new`] has made, `mode` null or point to a mode that
/// can be written.
unsafe extern "C" fn devnode(
    device: *const bindings::device,
    mode: *mut bindings::umode_t,
) -> *mut c_char {
    if !mode.is_null() {
        // SAFETY: Both are valid, by this function's contract.
        // CAST: The driver's data of this device is its mode, and no pointer.
        unsafe { *mode = (*device).driver_data as bindings::umode_t };
    }
    // The name is the device's.
    ptr::null_mut()
}

/// A device of a class, which has a node in `/dev`.
///
/// # Invariants
///
/// `class` is valid, and has a device `number` that `device_create()` made.
struct Node {
    class: *const bindings::class,
    number: bindings::dev_t,
}

// SAFETY: `device_destroy()` may be called from any thread.
unsafe impl Send for Node {}
// SAFETY: There is no method that takes `&self`.
unsafe impl Sync for Node {}

impl Node {
    fn new(class: &Class, region: &Region, options: Options) -> Result<Self> {
        // SAFETY: The class is valid by its type invariants; there is no parent; the data
        // is for `devnode` alone, which takes it for a number; the format takes one
        // string, which is NUL-terminated, and copied.
        from_err_ptr(unsafe {
            bindings::device_create(
                class.0,
                ptr::null_mut(),
                region.0,
                ptr::without_provenance_mut(options.mode.into()),
                c"%s".as_char_ptr(),
                options.name.as_char_ptr(),
            )
        })?;
        // INVARIANT: `device_create()` succeeded; a `Registration` keeps the class
        // longer than this value.
        Ok(Self {
            class: class.0,
            number: region.0,
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::device_destroy(self.class, self.number) };
    }
}

/// What the opens of each major number of this module share: the address of a
/// [`Shared`], or 0.
///
/// `chrdev_open()` knows the `struct cdev`, in which is no room for data. To count it by
/// the cdev's parent, a kobject, takes a release function in the module, which the kernel
/// may call when the module has gone.
static SHARED: [Atomic<usize>; MAJORS] = [const { Atomic::new(0) }; MAJORS];

/// What the opens of a device share; counted, for an open may begin before the
/// registration is dropped and end afterwards.
///
/// # Invariants
///
/// `data` is what `T::Data::into_foreign` returned.
#[repr(C)]
struct Shared<T: Operations> {
    // First, for an open that does not know whether it has found the right one.
    cdev: *mut bindings::cdev,
    data: *mut c_void,
    _t: PhantomData<T::Data>,
}

// SAFETY: The cdev is only compared; the data is `Send`.
unsafe impl<T: Operations> Send for Shared<T> {}
// SAFETY: As above; the data is `Sync`.
unsafe impl<T: Operations> Sync for Shared<T> {}

impl<T: Operations> Shared<T> {
    /// Returns what the opens of `cdev` share, which has the number `number`, if that is
    /// still registered.
    ///
    /// # Safety
    ///
    /// `cdev` must be valid, and from a [`Cdev<T>`].
    unsafe fn find(number: Number, cdev: *mut bindings::cdev) -> Option<Arc<Self>> {
        let place = SHARED.get(number.major() as usize)?;
        let _guard = rcu::read_lock();
        let shared = place.load(Acquire) as *const Self;
        // SAFETY: What is not null is a `Shared` of some type, which all begin with the
        // cdev; it is not freed before the guard is dropped (`Lent::drop`).
        if shared.is_null() || unsafe { (*shared).cdev } != cdev {
            return None;
        }
        // SAFETY: The cdev is valid, so it is no later one at the same place: this is the
        // one from `Lent::new` for it, from `Arc::into_raw`, and of this type. Its count
        // is not zero before the guard is dropped.
        Some(unsafe { ArcBorrow::from_raw(shared) }.into())
    }
}

impl<T: Operations> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; the last reference is gone, so nobody borrows it.
        drop(unsafe { T::Data::from_foreign(self.data) });
    }
}

/// A [`Shared`] that opens can find, until drop.
///
/// # Invariants
///
/// The place of `number` in [`SHARED`] holds what `Arc::into_raw` made of an
/// `Arc<Shared<T>>`.
struct Lent<T: Operations>(Number, PhantomData<Arc<Shared<T>>>);

impl<T: Operations> Lent<T> {
    fn new(region: &Region, cdev: &Cdev, data: T::Data) -> Result<Self> {
        let number = Number(region.0);
        let place = SHARED.get(number.major() as usize).ok_or(EINVAL)?;
        let shared = Shared::<T> {
            cdev: cdev.0,
            data: data.into_foreign(),
            _t: PhantomData,
        };
        let shared = Arc::new(shared, GFP_KERNEL)?;
        // INVARIANT: The major number is this region's, so nobody else uses the place.
        place.store(Arc::into_raw(shared) as usize, Release);
        Ok(Self(number, PhantomData))
    }
}

impl<T: Operations> Drop for Lent<T> {
    fn drop(&mut self) {
        // BOUNDS: `new` has found it.
        let place = &SHARED[self.0.major() as usize];
        let shared = place.load(Acquire) as *const Shared<T>;
        place.store(0, Release);
        // SAFETY: We are in process context, as for all that a registration does. An open
        // that has found it before counts it before this returns.
        unsafe { bindings::synchronize_rcu() };
        // SAFETY: By the type invariants; nobody finds it any more.
        drop(unsafe { Arc::from_raw(shared) });
    }
}

/// A `struct cdev`, by which the kernel finds the device of a number. It has no
/// operations until [`Publish`] gives it some: an `open(2)` fails with ENXIO.
///
/// # Invariants
///
/// The pointer is to a cdev from `cdev_alloc()`, added.
struct Cdev(*mut bindings::cdev);

// SAFETY: `cdev_del()` may be called from any thread.
unsafe impl Send for Cdev {}
// SAFETY: There is no method that takes `&self`.
unsafe impl Sync for Cdev {}

impl Cdev {
    fn new(region: &Region) -> Result<Self> {
        // SAFETY: The function has no requirements.
        let cdev = unsafe { bindings::cdev_alloc() };
        if cdev.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: The cdev is valid, and nobody else knows it yet.
        unsafe { (*cdev).owner = this_module() };
        // SAFETY: The cdev is initialised, and its owner is this module.
        let result = to_result(unsafe { bindings::cdev_add(cdev, region.0, MINORS) });
        if result.is_err() {
            // SAFETY: The cdev was not added, so the only reference is ours.
            unsafe { bindings::kobject_put(&mut (*cdev).kobj) };
        }
        // INVARIANT: `cdev_add()` succeeded.
        result.map(|()| Self(cdev))
    }
}

impl Drop for Cdev {
    fn drop(&mut self) {
        // An inode keeps the cdev as long as a file is open through it: no new opens.
        // SAFETY: By the type invariants the cdev is valid. `chrdev_open()` reads this
        // once, and takes null for an answer.
        unsafe { (&raw mut (*self.0).ops).write_volatile(ptr::null()) };
        // SAFETY: By the type invariants; this puts our reference.
        unsafe { bindings::cdev_del(self.0) };
    }
}

/// Gives a cdev its operations when the module has been loaded.
///
/// # Invariants
///
/// The pointer is to a valid cdev, whose opens find a `Shared<T>`.
struct Publish<T: Operations>(*mut bindings::cdev, PhantomData<fn() -> T>);

// SAFETY: The pointer to the operations is written in one piece, from any thread.
unsafe impl<T: Operations> Send for Publish<T> {}
// SAFETY: As above.
unsafe impl<T: Operations> Sync for Publish<T> {}

impl<T: Operations + 'static> Loaded for Publish<T> {
    fn loaded(&self) {
        // SAFETY: By the type invariants the cdev is valid, and suits these operations,
        // which are constant and lie, as its owner, in this module. `chrdev_open()` reads
        // the pointer once.
        unsafe { (&raw mut (*self.0).ops).write_volatile(&VTable::<T>::OPS) };
    }
}

/// The file operations of a device.
struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const OPS: bindings::file_operations = Callbacks::<T>::file_operations(Self::open);

    /// # Safety
    ///
    /// Called by `chrdev_open()` in `fs/char_dev.c`: `inode` and `file` must be those
    /// of a file that is being opened, through a cdev of a `Registration<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The inode is valid, and `chrdev_open()` holds a reference of its
            // cdev, so that it stays the same.
            let (number, cdev) =
                unsafe { (Number((*inode).i_rdev), (*inode).__bindgen_anon_5.i_cdev) };
            // SAFETY: The cdev is valid, and has these operations, those of `T`.
            let shared = unsafe { Shared::<T>::find(number, cdev) }.ok_or(ENXIO)?;
            // SAFETY: The file is being opened; the data comes from `into_foreign`, by the
            // invariants of `Shared`, and is given back when `shared` is dropped.
            unsafe { Callbacks::<T>::open(shared.data, file) }?;
            Ok(0)
        })
    }
}
