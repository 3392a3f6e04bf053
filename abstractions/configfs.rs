// SPDX-License-Identifier: GPL-2.0

//! Folders in configfs: a program makes one by `mkdir(2)`, and the module makes what it stands
//! for.
//!
//! In the book: [Devices and drivers](../../../book/drivers.html).
//!
//! C header: [`include/linux/configfs.h`](srctree/include/linux/configfs.h)
//!
//! Unloading: a folder *pins* the module until it is removed, and so does a file that is open.
//! While the module is still being loaded a pin does not help, so `mkdir` fails with ENODEV
//! until then.
//!
//! The `kernel` crate has `kernel::configfs`, which upstream would take. When the kernel cannot
//! register its `Subsystem`, that is unregistered all the same, and the kernel dereferences a null
//! pointer (`docs/known-issues.md`).
//!
//! Not supported: files in the folder of a subsystem, folders in folders, links, files of bytes.

use super::{
    attribute::Attribute,
    bindings,
    module::is_loading,
    series::this_module, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::{
        from_ref,
        NonNull, //
    },
};
use kernel::{
    container_of,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    static_lock_class,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    types::Opaque, //
};

/// How many files a folder can have.
const MAX_FILES: usize = 4;

/// What a folder stands for.
///
/// `make` and the functions of the files are called in process context, and may sleep. So may the
/// drop, which comes when the folder is removed, after the last call of a file's function.
pub(crate) trait Item: Sized + Send + Sync + 'static {
    /// The files that are in each folder, four at most: with more it does not compile.
    const FILES: &'static [Attribute<Self>];

    /// Makes what a folder of this name stands for; an error is the `mkdir(2)`'s. One folder at a
    /// time.
    fn make(name: &CStr) -> Result<Self>;
}

/// A folder below `/sys/kernel/config` in which folders can be made, each an [`Item`]: a
/// [registration](super#registrations). Removed on drop, which sleeps, and must not come from an
/// item.
///
/// Folders that are still in it then cannot be reached any more. They stay, and hold the module
/// for ever: configfs has no way to remove what a program has made.
///
/// # Invariants
///
/// `0` is registered.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     attribute::Attribute,
///     configfs::{
///         Item,
///         Subsystem, //
///     }, //
/// };
/// use core::fmt::{
///     self,
///     Write, //
/// };
///
/// // mkdir /sys/kernel/config/pets/dog; cat /sys/kernel/config/pets/dog/letters
/// struct Pet {
///     letters: usize,
/// }
///
/// impl Item for Pet {
///     const FILES: &'static [Attribute<Self>] =
///         &[Attribute::read_only(c"letters", Self::show_letters)];
///
///     fn make(name: &CStr) -> Result<Self> {
///         let letters = name.to_bytes().len();
///         Ok(Self { letters })
///     }
/// }
///
/// impl Pet {
///     fn show_letters(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", self.letters)
///     }
/// }
///
/// fn make() -> Result<Subsystem<Pet>> {
///     Subsystem::new(c"pets")
/// }
/// ```
pub(crate) struct Subsystem<T: Item>(ManuallyDrop<Pin<KBox<Folder>>>, PhantomData<fn() -> T>);

/// The folder of a subsystem, as the kernel knows it.
#[pin_data]
#[repr(C)]
struct Folder {
    #[pin]
    kernel: Opaque<bindings::configfs_subsystem>,
    /// How many items there are.
    items: Atomic<usize>,
}

// SAFETY: The kernel locks what it does with its part.
unsafe impl Send for Folder {}
// SAFETY: As above; the count is an atomic.
unsafe impl Sync for Folder {}

impl<T: Item> Subsystem<T> {
    /// Makes the folder. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// EEXIST if there is a folder of this name; ENOMEM.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        let folder = KBox::pin_init(
            pin_init!(Folder {
                kernel <- pin_init::init_zeroed(),
                items: Atomic::new(0),
            }),
            GFP_KERNEL,
        )?;
        let kernel = folder.kernel.get();
        // SAFETY: It is ours, zeroed, and stays where it is. Name and type are statics, and nobody
        // writes to the name, or frees it: the kernel frees only those of items that are released.
        unsafe {
            let group = &raw mut (*kernel).su_group;
            (*group).cg_item.ci_name = name.as_char_ptr().cast_mut();
            (*group).cg_item.ci_type = &Entry::<T>::PARENT_TYPE;
            bindings::config_group_init(group);
        }
        // SAFETY: The mutex is in it.
        unsafe {
            bindings::__mutex_init(
                &raw mut (*kernel).su_mutex,
                name.as_char_ptr(),
                static_lock_class!().as_ptr(),
            );
        }
        // SAFETY: It has been initialised, and its type is a static.
        to_result(unsafe { bindings::configfs_register_subsystem(kernel) })?;
        // INVARIANT: It has been registered just now.
        Ok(Self(ManuallyDrop::new(folder), PhantomData))
    }
}

impl<T: Item> Drop for Subsystem<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is registered. When this returns, no folder is being
        // made or removed in it, and none will be: the kernel holds the lock of the directory
        // meanwhile, and marks it as dead.
        unsafe { bindings::configfs_unregister_subsystem(self.0.kernel.get()) };
        // Acquire: the items do not use it any more.
        if self.0.items.load(Acquire) == 0 {
            // SAFETY: Nobody uses it any more, nor will we.
            unsafe { ManuallyDrop::drop(&mut self.0) };
        }
    }
}

/// An item, as the kernel knows it.
///
/// # Invariants
///
/// `parent` is there as long as this.
#[repr(C)]
struct Entry<T> {
    kernel: Opaque<bindings::config_item>,
    parent: NonNull<Folder>,
    data: T,
}

/// A function of `struct configfs_attribute` that shows a file's value.
type Show = unsafe extern "C" fn(*mut bindings::config_item, *mut c_char) -> isize;

/// A function of `struct configfs_attribute` that takes what was written to a file.
type Store = unsafe extern "C" fn(*mut bindings::config_item, *const c_char, usize) -> isize;

impl<T: Item> Entry<T> {
    /// A function for each file: the kernel does not tell which one it calls for.
    const SHOW: [Show; MAX_FILES] = [
        Self::show::<0>,
        Self::show::<1>,
        Self::show::<2>,
        Self::show::<3>,
    ];
    const STORE: [Store; MAX_FILES] = [
        Self::store::<0>,
        Self::store::<1>,
        Self::store::<2>,
        Self::store::<3>,
    ];

    const ATTRIBUTES: [bindings::configfs_attribute; MAX_FILES] = {
        assert!(T::FILES.len() <= MAX_FILES);
        let mut attributes = [pin_init::zeroed::<bindings::configfs_attribute>(); MAX_FILES];
        let mut i = 0;
        while i < T::FILES.len() {
            let file = &T::FILES[i];
            attributes[i].ca_name = file.name().to_bytes_with_nul().as_ptr();
            attributes[i].ca_owner = this_module();
            attributes[i].ca_mode = file.mode();
            attributes[i].show = Some(Self::SHOW[i]);
            if file.is_writable() {
                attributes[i].store = Some(Self::STORE[i]);
            }
            i += 1;
        }
        attributes
    };

    /// Null behind the last one.
    const ATTRIBUTE_LIST: [*mut bindings::configfs_attribute; MAX_FILES + 1] = {
        let attributes: &'static [_; MAX_FILES] = &Self::ATTRIBUTES;
        let mut list = [core::ptr::null_mut(); MAX_FILES + 1];
        let mut i = 0;
        while i < T::FILES.len() {
            list[i] = from_ref(&attributes[i]).cast_mut();
            i += 1;
        }
        list
    };

    const OPERATIONS: bindings::configfs_item_operations = bindings::configfs_item_operations {
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    const TYPE: bindings::config_item_type = bindings::config_item_type {
        ct_owner: this_module(),
        ct_item_ops: from_ref(&Self::OPERATIONS).cast_mut(),
        ct_attrs: from_ref(&Self::ATTRIBUTE_LIST).cast_mut().cast(),
        ..pin_init::zeroed()
    };

    const PARENT_OPERATIONS: bindings::configfs_group_operations =
        bindings::configfs_group_operations {
            make_item: Some(Self::make),
            ..pin_init::zeroed()
        };

    const PARENT_TYPE: bindings::config_item_type = bindings::config_item_type {
        ct_owner: this_module(),
        ct_group_ops: from_ref(&Self::PARENT_OPERATIONS).cast_mut(),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// To be called by the kernel, as `make_item` of a [`Folder`], with a string.
    unsafe extern "C" fn make(
        group: *mut bindings::config_group,
        name: *const c_char,
    ) -> *mut bindings::config_item {
        // SAFETY: The caller promises it: the group is in the first field of a `Folder`.
        let subsystem = unsafe { container_of!(group, bindings::configfs_subsystem, su_group) };
        // SAFETY: As above. The kernel does not drop it meanwhile.
        let parent = unsafe { &*subsystem.cast::<Folder>() };
        // SAFETY: The caller promises it.
        let name = unsafe { CStr::from_char_ptr(name) };
        // The item is the first field of an `Entry`.
        Self::new(parent, name).map_or_else(Error::to_ptr, |entry| KBox::into_raw(entry).cast())
    }

    fn new(parent: &Folder, name: &CStr) -> Result<KBox<Self>> {
        if is_loading() {
            return Err(ENODEV);
        }
        let entry = KBox::new(
            // INVARIANT: The drop of a `Subsystem` leaves the parent where it is as long as
            // there is an item.
            Self {
                kernel: pin_init::zeroed(),
                parent: NonNull::from(parent),
                data: T::make(name)?,
            },
            GFP_KERNEL,
        )?;
        let kernel = entry.kernel.get();
        // SAFETY: It is ours, zeroed, and does not move any more. Its type is a static.
        unsafe {
            bindings::config_item_init_type_name(kernel, name.as_char_ptr(), &Self::TYPE);
        }
        // SAFETY: It is still ours.
        if unsafe { (*kernel).ci_name }.is_null() {
            return Err(ENOMEM);
        }
        parent.items.fetch_add(1, Relaxed);
        Ok(entry)
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `release` of an item of [`Self::make`], as the last thing.
    unsafe extern "C" fn release(item: *mut bindings::config_item) {
        // SAFETY: The caller promises it: the item is the first field of an `Entry`, which
        // `make` gave away.
        let entry = unsafe { KBox::from_raw(item.cast::<Self>()) };
        let parent = entry.parent;
        drop(entry);
        // Release: we do not use it any more.
        // SAFETY: By the type invariants it is there.
        unsafe { parent.as_ref() }.items.fetch_sub(1, Release);
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `show` of file `N` of an item of [`Self::make`], with a page.
    unsafe extern "C" fn show<const N: usize>(
        item: *mut bindings::config_item,
        page: *mut c_char,
    ) -> isize {
        // SAFETY: The caller promises it: the item is the first field of an `Entry`, which it
        // does not release meanwhile.
        let entry = unsafe { &*item.cast::<Self>() };
        let Some(file) = T::FILES.get(N) else {
            return EIO.to_errno() as isize;
        };
        // After a write, it is the one that had the text: not zeroed when it was allocated.
        // SAFETY: The caller promises that it is a page, which is ours until we return.
        unsafe { page.write_bytes(0, PAGE_SIZE) };
        // SAFETY: As above, and it is zeroed.
        unsafe { file.show(&entry.data, page) }
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `store` of file `N` of an item of [`Self::make`], with
    /// `count` bytes of text, less than a page, and a NUL behind it.
    unsafe extern "C" fn store<const N: usize>(
        item: *mut bindings::config_item,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The caller promises it: the item is the first field of an `Entry`, which it
        // does not release meanwhile.
        let entry = unsafe { &*item.cast::<Self>() };
        let Some(file) = T::FILES.get(N) else {
            return EIO.to_errno() as isize;
        };
        // SAFETY: The caller promises it.
        unsafe { file.store(&entry.data, text, count) }
    }
}
