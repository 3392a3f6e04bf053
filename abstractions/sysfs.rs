// SPDX-License-Identifier: GPL-2.0

//! Folders below `/sys/kernel`, with a file for each value.
//!
//! In the book: [Files of the kernel](../../../book/files.html).
//!
//! C headers: [`include/linux/kobject.h`](srctree/include/linux/kobject.h),
//! [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! Unloading *waits*: the drop of a [`Folder`] returns after the last call on one of its files.
//! A file that is open then stays open, and reading or writing it fails with ENODEV.
//!
//! Not supported: folders elsewhere, files of bytes, `poll`, events for user space.

pub(crate) use super::attribute::{
    parse_int,
    Attribute, //
};
use super::{
    bindings,
    series, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    static_lock_class, //
};

/// A folder in `/sys/kernel`, and the data of its files: a [registration](super#registrations).
/// Removed on drop, which sleeps, and must not come from a function of one of its files.
///
/// # Invariants
///
/// `kobject` is ours, and in sysfs until drop. Each of `files` is known to it, and points to
/// `data`.
///
/// # Examples
///
/// ```
/// use abstractions::sysfs::{
///     parse_int,
///     Attribute,
///     Folder, //
/// };
/// use core::fmt::{
///     self,
///     Write, //
/// };
/// use kernel::sync::atomic::{
///     Atomic,
///     Relaxed, //
/// };
///
/// struct Volume(Atomic<i32>);
///
/// impl Volume {
///     const FILES: &'static [Attribute<Self>] = &[
///         Attribute::read_write(c"volume", Self::show, Self::store),
///         Attribute::read_only(c"largest", Self::show_largest),
///     ];
///
///     fn show(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", self.0.load(Relaxed))
///     }
///
///     fn store(&self, text: &CStr) -> Result {
///         self.0.store(parse_int(text)?, Relaxed);
///         Ok(())
///     }
///
///     fn show_largest(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", i32::MAX)
///     }
/// }
///
/// fn make() -> Result<Folder<Volume>> {
///     let folder = Folder::new(c"example", Volume::FILES, Volume(Atomic::new(5)))?;
///     pr_info!("The volume is {}\n", folder.0.load(Relaxed));
///     Ok(folder)
/// }
/// ```
pub(crate) struct Folder<T: 'static> {
    kobject: NonNull<bindings::kobject>,
    files: KVec<File<T>>,
    data: Pin<KBox<T>>,
}

// SAFETY: A kobject belongs to no thread, and the data can be sent.
unsafe impl<T: Send + Sync> Send for Folder<T> {}
// SAFETY: A reference gives access to the data only, which may be shared.
unsafe impl<T: Send + Sync> Sync for Folder<T> {}

impl<T: Send + Sync + 'static> Folder<T> {
    /// Makes a folder with files. Process context, may sleep. The functions may be called
    /// before this returns.
    ///
    /// # Errors
    ///
    /// ENOMEM, also when there is a folder of that name already, or EEXIST when two files have
    /// one name: of these two the kernel warns. And those of `data`.
    pub(crate) fn new<E>(
        name: &'static CStr,
        attributes: &'static [Attribute<T>],
        data: impl PinInit<T, E>,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        let data = KBox::pin_init(data, GFP_KERNEL)?;
        let mut files = KVec::with_capacity(attributes.len(), GFP_KERNEL)?;
        for attribute in attributes {
            files.push(File::new(attribute, &data), GFP_KERNEL)?;
        }
        // SAFETY: The name is a string, and the parent is there from boot on, for ever.
        let kobject =
            unsafe { bindings::kobject_create_and_add(name.as_char_ptr(), bindings::kernel_kobj) };
        // INVARIANT: It is null, or fresh, and has none of the files yet.
        let mut folder = Self {
            kobject: NonNull::new(kobject).ok_or(ENOMEM)?,
            files,
            data,
        };
        for file in &mut folder.files {
            // SAFETY: The kobject is in sysfs. The file stays where it is until that is not so
            // any more, for a `KVec` that does not grow does not move what is in it.
            to_result(unsafe {
                bindings::sysfs_create_file_ns(
                    kobject,
                    &raw const file.kernel.attr,
                    core::ptr::null(),
                )
            })?;
        }
        Ok(folder)
    }
}

impl<T> Deref for Folder<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T> Drop for Folder<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is in sysfs. When this returns the folder has gone,
        // with its files, and no function is running (`kernfs_remove()`).
        unsafe { bindings::kobject_del(self.kobject.as_ptr()) };
        // SAFETY: The reference is ours. The kernel itself frees it, when it likes.
        unsafe { bindings::kobject_put(self.kobject.as_ptr()) };
    }
}

/// A file as the kernel knows it, which gives us `kernel` back for each call.
#[repr(C)]
struct File<T: 'static> {
    kernel: bindings::kobj_attribute,
    ours: &'static Attribute<T>,
    data: NonNull<T>,
}

impl<T: Send + Sync + 'static> File<T> {
    fn new(ours: &'static Attribute<T>, data: &T) -> Self {
        let mut attribute: bindings::attribute = pin_init::zeroed();
        attribute.name = ours.name().as_char_ptr();
        attribute.mode = ours.mode();
        // Lockdep wants a static for a key, which the attribute's own is not.
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        {
            attribute.key = static_lock_class!().as_ptr();
        }
        let store = ours.is_writable().then_some(Self::store as series::Store);
        Self {
            kernel: series::kobj_attribute(attribute, Some(Self::show), store),
            ours,
            data: NonNull::from(data),
        }
    }

    /// # Safety
    ///
    /// `attribute` must be that of a file of a [`Folder`], which is not dropped meanwhile.
    unsafe fn of<'a>(attribute: *mut bindings::kobj_attribute) -> (&'a Attribute<T>, &'a T) {
        // SAFETY: The caller promises it: it is the first field of a `File`, which the folder
        // owns.
        let file = unsafe { &*attribute.cast::<Self>() };
        // SAFETY: So it does the data, which nobody has a mutable reference to.
        (file.ours, unsafe { file.data.as_ref() })
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `show` of a file of a [`Folder`], with a page.
    unsafe extern "C" fn show(
        _kobject: *mut bindings::kobject,
        attribute: *mut bindings::kobj_attribute,
        page: *mut c_char,
    ) -> isize {
        // SAFETY: The caller promises it. The drop of the folder waits for this call.
        let (ours, data) = unsafe { Self::of(attribute) };
        // SAFETY: The kernel passes a zeroed page, which is ours until we return.
        unsafe { ours.show(data, page) }
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `store` of a file of a [`Folder`], with `count` bytes of
    /// text and a NUL behind it.
    unsafe extern "C" fn store(
        _kobject: *mut bindings::kobject,
        attribute: *mut bindings::kobj_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: The caller promises it. The drop of the folder waits for this call.
        let (ours, data) = unsafe { Self::of(attribute) };
        // SAFETY: The caller promises it.
        unsafe { ours.store(data, text, count) }
    }
}
