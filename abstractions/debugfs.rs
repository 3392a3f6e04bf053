// SPDX-License-Identifier: GPL-2.0

//! Folders in debugfs, with files of text and of bytes.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! Unloading *waits*: the drop of a [`Folder`] returns after the last call on one of its files.
//! A file that is open then stays open, and reading or writing it fails with EIO.
//!
//! The files of `kernel::debugfs` neither wait nor pin the module. They have a `struct
//! file_operations` without an owner, whose `release` the kernel calls in the module when a file
//! is closed (`full_proxy_release()` in `fs/debugfs/file.c`; `docs/known-issues.md`). The files
//! here have a `struct debugfs_short_fops` instead. It has neither an `open` nor a `release`, so
//! only a read or a write ever enters the module, and the kernel waits for these.
//!
//! The kernel itself has a hole here, which no module can close: a file that was opened with
//! `O_PATH` (`docs/known-issues.md`).
//!
//! Not supported: folders in folders, `poll`, `ioctl`, values that stay the same from one read
//! of an open file to the next.

use super::bindings;
use core::{
    fmt::{
        self,
        Write, //
    },
    marker::PhantomData,
    ops::Deref, //
};
use kernel::{
    error::{
        from_err_ptr,
        from_result, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// Writes what a file shows of the data.
type Show<T> = fn(&T, &mut dyn Write) -> fmt::Result;

/// Takes what was written to a file, into the data.
type Store<T> = fn(&T, &str) -> Result;

/// The longest text that is read or written at once.
const MAX_TEXT: usize = PAGE_SIZE - 1;

/// A file of a [`Folder`].
///
/// Its functions are called in process context, may sleep, and run at the same time as others.
pub(crate) struct File<T: 'static> {
    name: &'static CStr,
    content: Content<T>,
    store: Option<Store<T>>,
}

enum Content<T: 'static> {
    Text(Show<T>),
    Bytes(fn(&T) -> &[u8]),
}

impl<T> File<T> {
    /// A file of text that root reads (mode 0400).
    ///
    /// What `show` writes is 4095 bytes at most; with more, the read fails with EFBIG. It is
    /// called for each read: who reads a byte at a time, while the value changes, sees a part of
    /// each.
    pub(crate) const fn text(name: &'static CStr, show: Show<T>) -> Self {
        Self {
            name,
            content: Content::Text(show),
            store: None,
        }
    }

    /// The same, for root to write as well (mode 0600).
    ///
    /// `store` gets what one `write(2)` has written, at whatever offset, with the newline that
    /// `echo` adds. Its error is that of the write. What is more than 4095 bytes does not get
    /// there (EFBIG), nor what is not UTF-8 (EINVAL).
    pub(crate) const fn writable(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self {
            name,
            content: Content::Text(show),
            store: Some(store),
        }
    }

    /// A file of bytes, as many as there are, that root reads (mode 0400).
    pub(crate) const fn bytes(name: &'static CStr, bytes: fn(&T) -> &[u8]) -> Self {
        Self {
            name,
            content: Content::Bytes(bytes),
            store: None,
        }
    }

    const fn mode(&self) -> bindings::umode_t {
        if self.store.is_some() {
            0o600
        } else {
            0o400
        }
    }
}

/// A folder in `/sys/kernel/debug`, and the data of its files: a
/// [registration](super#registrations). Removed on drop, which sleeps, and must not come from a
/// function of one of its files.
///
/// # Invariants
///
/// `folder` is ours, and in debugfs until drop. Each file in it has `FOPS`, the data for its
/// private data, and a [`File`] beside that.
///
/// # Examples
///
/// ```
/// use abstractions::debugfs::{
///     File,
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
/// struct Volume(Atomic<u32>);
///
/// impl Volume {
///     const FILES: &'static [File<Self>] = &[
///         File::writable(c"volume", Self::show, Self::store),
///         File::text(c"largest", Self::show_largest),
///         File::bytes(c"sound", Self::sound),
///     ];
///
///     fn show(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", self.0.load(Relaxed))
///     }
///
///     fn store(&self, text: &str) -> Result {
///         self.0.store(text.trim().parse().map_err(|_| EINVAL)?, Relaxed);
///         Ok(())
///     }
///
///     fn show_largest(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", u32::MAX)
///     }
///
///     fn sound(&self) -> &[u8] {
///         &[0, 127, 0, 128]
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
    folder: *mut bindings::dentry,
    data: Pin<KBox<T>>,
}

// SAFETY: A folder belongs to no thread, and the data can be sent.
unsafe impl<T: Send + Sync> Send for Folder<T> {}
// SAFETY: A reference gives access to the data only, which may be shared.
unsafe impl<T: Send + Sync> Sync for Folder<T> {}

impl<T: Send + Sync + 'static> Folder<T> {
    /// Makes a folder with files. Process context, may sleep. The functions may be called
    /// before this returns.
    ///
    /// # Errors
    ///
    /// ENOMEM; EEXIST when there is one of that name already, of which the kernel warns; EPERM
    /// when it was booted with `debugfs=off`. And those of `data`.
    pub(crate) fn new<E>(
        name: &'static CStr,
        files: &'static [File<T>],
        data: impl PinInit<T, E>,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        let data = KBox::pin_init(data, GFP_KERNEL)?;
        // SAFETY: The name is a string, of which the kernel makes a copy, and null stands for
        // debugfs itself.
        let folder = from_err_ptr(unsafe {
            bindings::debugfs_create_dir(name.as_char_ptr(), core::ptr::null_mut())
        })?;
        // INVARIANT: It is fresh, and has none of the files yet.
        let this = Self { folder, data };
        for file in files {
            // SAFETY: The name is a string, of which the kernel makes a copy. The folder is there,
            // and does not go before the data, nor the statics: its drop removes the file.
            from_err_ptr(unsafe {
                bindings::debugfs_create_file_short(
                    file.name.as_char_ptr(),
                    file.mode(),
                    folder,
                    (&raw const *this.data).cast_mut().cast(),
                    core::ptr::from_ref(file).cast(),
                    &Calls::<T>::FOPS,
                )
            })?;
        }
        Ok(this)
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
        // SAFETY: By the type invariants it is ours. When this returns the folder has gone, with
        // its files, no function is running, and none will be called
        // (`__debugfs_file_removed()`). The data is dropped after it.
        unsafe { bindings::debugfs_remove(self.folder) };
    }
}

/// The functions that the kernel calls.
struct Calls<T>(PhantomData<T>);

impl<T: Send + Sync + 'static> Calls<T> {
    const FOPS: bindings::debugfs_short_fops = bindings::debugfs_short_fops {
        read: Some(Self::read),
        write: Some(Self::write),
        llseek: Some(bindings::default_llseek),
    };

    /// # Safety
    ///
    /// `file` must be one of a [`Folder`], for which the kernel calls one of `FOPS`.
    unsafe fn of<'a>(file: *mut bindings::file) -> (&'a File<T>, &'a T) {
        // SAFETY: The caller promises it, and the drop of the folder waits for this call: both
        // are there, and nobody has a mutable reference to either.
        unsafe {
            (
                &*bindings::debugfs_get_aux(file).cast::<File<T>>(),
                &*(*file).private_data.cast::<T>(),
            )
        }
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `read` of a file of a [`Folder`].
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        to: *mut c_char,
        count: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The caller promises it.
        let (file, data) = unsafe { Self::of(file) };
        // SAFETY: The caller lends the position to this call alone.
        let position = unsafe { &mut *position };
        let mut to = UserSlice::new(UserPtr::from_ptr(to.cast()), count).writer();
        from_result(|| {
            let read = match file.content {
                Content::Text(show) => {
                    let mut text = KVec::from_elem(0, MAX_TEXT, GFP_KERNEL)?;
                    let mut formatter = Formatter::new(&mut text);
                    show(data, &mut formatter).map_err(|fmt::Error| EFBIG)?;
                    let written = formatter.bytes_written();
                    text.truncate(written);
                    to.write_slice_file(&text, position)?
                }
                Content::Bytes(bytes) => to.write_slice_file(bytes(data), position)?,
            };
            // CAST: No slice is longer.
            Ok(read as isize)
        })
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `write` of a file of a [`Folder`].
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The caller promises it.
        let (file, data) = unsafe { Self::of(file) };
        from_result(|| {
            // Root may change the mode.
            let store = file.store.ok_or(EINVAL)?;
            if count > MAX_TEXT {
                return Err(EFBIG);
            }
            let mut text = KVec::new();
            UserSlice::new(UserPtr::from_ptr(from.cast_mut().cast()), count)
                .read_all(&mut text, GFP_KERNEL)?;
            store(data, core::str::from_utf8(&text).map_err(|_| EINVAL)?)?;
            // CAST: It is less than a page.
            Ok(count as isize)
        })
    }
}
