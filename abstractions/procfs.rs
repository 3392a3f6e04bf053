// SPDX-License-Identifier: GPL-2.0

//! Files below `/proc`.
//!
//! In the book: [Files of the kernel](../../../book/files.html).
//!
//! C headers: [`include/linux/proc_fs.h`](srctree/include/linux/proc_fs.h),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)
//!
//! # Unloading
//!
//! `proc_remove` waits, in state D, for every callback that runs, and ends every
//! open file by calling its `release`. A callback that sleeps for long, an `open`
//! that waits for its turn say, would hold up `rmmod` that long, and nothing could
//! interrupt it. Therefore every open file *pins* the module, from before
//! [`Operations::open`] runs until after [`Operations::release`]: `rmmod` fails
//! with EAGAIN at once while a file is open or being opened. All other callbacks
//! run on an open file.
//!
//! `struct proc_ops` has no `owner`, so the module takes and puts its own count,
//! by code that lies in the module itself. In general that is a mistake: whoever
//! puts the last count still executes code that `rmmod` may free. Here it is not,
//! for dropping a [`Registration`] waits for that code as well:
//!
//! - *get*: `proc_reg_open()` holds the entry's `in_use` count around the call.
//!   `proc_remove` waits for it (`proc_entry_rundown()`), and fails all later
//!   calls without entering the module. So the code is there while
//!   `try_module_get` decides; when it refuses, `rmmod` has already begun, and the
//!   callback returns at once without sleeping, so the wait is short.
//! - *put after a failed open*: the same `in_use` count covers it, until
//!   `proc_reg_open()` has got the callback's result.
//! - *put at the end of `release`*: not covered by `in_use`, but by the list of
//!   openers: `close_pdeo()` takes the file off that list, or completes the waiting
//!   `proc_remove`, strictly after the callback has returned.
//!
//! All this in `fs/proc/inode.c`. While a module still loads, its count keeps nothing:
//! if `init` fails, the kernel frees it all the same. So an open then fails with ENOENT
//! before it reaches [`Operations::open`], and dropping the registration waits for no
//! longer than that takes.
//!
//! # Not supported
//!
//! `mmap`, `poll`, symbolic links, files per network namespace, and permission checks
//! other than the mode and [`Operations::open`]: `access(2)` knows the mode only.

use super::{
    bindings,
    file::{
        Callbacks,
        Operations, //
    },
    module::is_loading,
    series::this_module, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    sync::Arc,
    types::ForeignOwnable, //
};

/// How a file is to appear.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    mode: u16,
    owner: Option<(u32, u32)>,
    size: i64,
}

impl Options {
    /// The mode's permission bits, 0o001 to 0o777; the kernel takes 0 for 0o444.
    /// The owner is that of the folder, root in `/proc`; the size is 0.
    pub(crate) const fn new(mode: u16) -> Self {
        Self {
            mode: mode & 0o777,
            owner: None,
            size: 0,
        }
    }

    /// Sets the owner, by the numbers that the initial user namespace has for them.
    ///
    /// Who looks the file up while it is being registered may see the folder's
    /// owner for as long as the kernel caches it, as with `proc_set_user` in C.
    pub(crate) const fn owner(self, uid: u32, gid: u32) -> Self {
        Self {
            owner: Some((uid, gid)),
            ..self
        }
    }

    /// Sets the size in bytes that `stat(2)` tells, which limits nothing.
    pub(crate) const fn size(self, size: u32) -> Self {
        Self {
            size: size as i64,
            ..self
        }
    }
}

/// Returns the name if `/proc` takes it. The kernel refuses others with a WARN.
fn checked_name<'a>(name: &'a CStr, parent: Option<&Arc<Directory>>) -> Result<&'a CStr> {
    let bytes = name.to_bytes();
    let refused = matches!(bytes, b"" | b"." | b"..")
        || bytes.len() > 255
        || bytes.contains(&b'/')
        // Below /proc itself, numbers are processes.
        || (parent.is_none() && bytes.iter().all(u8::is_ascii_digit));
    if refused {
        return Err(EINVAL);
    }
    Ok(name)
}

/// Returns the C entry of a folder; null stands for `/proc`.
fn parent_entry(parent: Option<&Arc<Directory>>) -> *mut bindings::proc_dir_entry {
    parent.map_or(core::ptr::null_mut(), |parent| parent.entry.as_ptr())
}

/// A folder in `/proc`, removed on drop, which is after all that is in it.
///
/// Unloading neither waits for it nor is held up by it: it has no callbacks.
///
/// # Invariants
///
/// `entry` is a registered directory of which only this type's Drop disposes.
pub(crate) struct Directory {
    entry: NonNull<bindings::proc_dir_entry>,
    _parent: Option<Arc<Directory>>,
}

// SAFETY: `proc_remove` may be called from any thread.
unsafe impl Send for Directory {}
// SAFETY: Through a reference one gets at `entry` only, which is not changed, to
// pass it as a parent to functions that take the lock of `/proc`.
unsafe impl Sync for Directory {}

impl Directory {
    /// Makes a folder of mode 0555, in `/proc` or in another folder of the module.
    ///
    /// # Errors
    ///
    /// - EINVAL: a name that `/proc` cannot have.
    /// - ENOMEM: out of memory, or the name is taken (the kernel WARNs of that).
    ///
    /// Process context; may sleep.
    pub(crate) fn new(name: &CStr, parent: Option<&Arc<Directory>>) -> Result<Arc<Self>> {
        let name = checked_name(name, parent)?;
        // SAFETY:
        // - `name` is NUL-terminated; the kernel makes a copy.
        // - The parent is null or, by the type invariants, a registered directory.
        let entry = unsafe { bindings::proc_mkdir(name.as_char_ptr(), parent_entry(parent)) };
        // INVARIANT: An entry that is not null was just registered, and nobody else
        // knows of it.
        let directory = Self {
            entry: NonNull::new(entry).ok_or(ENOMEM)?,
            _parent: parent.cloned(),
        };
        Ok(Arc::new(directory, GFP_KERNEL)?)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the directory is registered and ours. It is
        // empty, for whatever is put into it holds an `Arc` of it: no entry of
        // another owner is removed along.
        unsafe { bindings::proc_remove(self.entry.as_ptr()) };
    }
}

/// A registered `/proc` file, removed on drop.
///
/// Must be owned by the module's struct: a registration that is leaked
/// (`mem::forget`) stays behind when the module is gone.
///
/// An open file pins the module. Dropping waits for callbacks that run and
/// releases files that are open, see the documentation of this file.
///
/// Files in `/proc` have no [`Operations::poll`], which does not compile: who waits in
/// `poll(2)` stays in the list of what would wake it, and when dropping the registration
/// has released the file, nothing tells when it has left.
///
/// # Invariants
///
/// - `entry` is a registered file with the operations `VTable::<T>::OPS`, of which
///   only this type's Drop disposes.
/// - `data` is what `T::Data::into_foreign` returned; the entry's data is the same.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     file::{
///         OpenFile,
///         Operations, //
///     },
///     procfs::{
///         Directory,
///         Options,
///         Registration, //
///     }, //
/// };
/// use kernel::{
///     seq_file::SeqFile,
///     seq_print, //
/// };
///
/// struct Example {
///     _squares: Registration<Squares>,
/// }
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         let folder = Directory::new(c"numbers", None)?;
///         // Read by root and by group 4, `adm` on Debian.
///         let options = Options::new(0o440).owner(0, 4).size(4096);
///         let squares = Registration::new(c"squares", options, Some(&folder), ())?;
///         Ok(Self { _squares: squares })
///     }
/// }
///
/// struct Squares;
///
/// #[vtable]
/// impl Operations for Squares {
///     type Data = ();
///     type Ptr = ();
///
///     fn open(_data: (), _file: &OpenFile) -> Result {
///         Ok(())
///     }
///
///     fn records(_ptr: ()) -> u64 {
///         100
///     }
///
///     fn show(_ptr: (), record: u64, seq: &SeqFile) -> Result {
///         let square = record * record;
///         seq_print!(seq, "{square}\n");
///         Ok(())
///     }
/// }
/// ```
pub(crate) struct Registration<T: Operations> {
    entry: NonNull<bindings::proc_dir_entry>,
    data: NonNull<c_void>,
    _parent: Option<Arc<Directory>>,
    _t: PhantomData<T::Data>,
}

// SAFETY: `proc_remove` may be called from any thread, and `T::Data` is `Send`.
unsafe impl<T: Operations> Send for Registration<T> {}
// SAFETY: Nothing can be done with a reference.
unsafe impl<T: Operations> Sync for Registration<T> {}

impl<T: Operations> Registration<T> {
    /// Registers a file in `/proc` or in one of the module's own folders. It can be
    /// opened before this returns; what can fail in `init` comes before it.
    ///
    /// # Errors
    ///
    /// - EINVAL: a name that `/proc` cannot have.
    /// - ENOMEM: out of memory, or the name is taken (the kernel WARNs of that).
    ///
    /// Process context; may sleep.
    pub(crate) fn new(
        name: &CStr,
        options: Options,
        parent: Option<&Arc<Directory>>,
        data: T::Data,
    ) -> Result<Self> {
        const { assert!(!T::HAS_POLL, "a file in /proc cannot have `poll`") };
        let name = checked_name(name, parent)?;
        let data = data.into_foreign();
        // SAFETY:
        // - `name` is NUL-terminated; the kernel makes a copy.
        // - The parent is null or, by the type invariants, a registered directory.
        // - The operations are constant and, being in the module, there until the
        //   module's exit has returned; they suit the data, which the functions of
        //   `VTable<T>` expect. Both outlive the entry by the type invariants.
        let entry = unsafe {
            bindings::proc_create_data(
                name.as_char_ptr(),
                options.mode,
                parent_entry(parent),
                &VTable::<T>::OPS,
                data,
            )
        };
        let Some(entry) = NonNull::new(entry) else {
            // SAFETY: The data comes from `into_foreign` above, and no entry has it.
            drop(unsafe { T::Data::from_foreign(data) });
            return Err(ENOMEM);
        };
        // INVARIANT: The entry was just registered with this data, and nobody else
        // knows of it.
        let registration = Self {
            entry,
            // SAFETY: `into_foreign` never returns null.
            data: unsafe { NonNull::new_unchecked(data) },
            _parent: parent.cloned(),
            _t: PhantomData,
        };

        // SAFETY: The entry is registered, as the functions demand.
        unsafe {
            if let Some((uid, gid)) = options.owner {
                let (uid, gid) = (bindings::kuid_t { val: uid }, bindings::kgid_t { val: gid });
                bindings::proc_set_user(entry.as_ptr(), uid, gid);
            }
            bindings::proc_set_size(entry.as_ptr(), options.size);
        }
        Ok(registration)
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the file is registered and ours.
        unsafe { bindings::proc_remove(self.entry.as_ptr()) };
        // SAFETY: By the type invariants the data comes from `into_foreign`. Nobody
        // borrows it any more: only `open` does, and `proc_remove` has waited for
        // those that ran and lets no other begin.
        drop(unsafe { T::Data::from_foreign(self.data.as_ptr()) });
    }
}

/// The operations of a file.
struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const OPS: bindings::proc_ops = bindings::proc_ops {
        proc_open: Some(Self::open),
        proc_release: Some(Self::release),
        proc_read_iter: Callbacks::<T>::READ_ITER,
        proc_write: if T::HAS_WRITE_ITER {
            Some(Self::write)
        } else {
            None
        },
        proc_lseek: match Callbacks::<T>::LLSEEK {
            None => Some(bindings::default_llseek),
            llseek => llseek,
        },
        proc_ioctl: Callbacks::<T>::IOCTL,
        #[cfg(CONFIG_COMPAT)]
        proc_compat_ioctl: Callbacks::<T>::COMPAT_IOCTL,
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// Only for `proc_reg_open()`, on an entry of a `Registration<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The pointer is null or the module that this code belongs to, which
        // is there: see the documentation of this file.
        if is_loading() || !unsafe { bindings::try_module_get(this_module()) } {
            // As if there were no entry: not yet, or, while unloading, no more.
            return ENOENT.to_errno();
        }
        from_result(|| {
            // SAFETY: The inode is valid during the call, and its private data is that of
            // the entry (`proc_get_inode()`).
            let data = unsafe { (*inode).i_private };
            // SAFETY: The file is being opened. By the type invariants of `Registration`
            // the entry's data comes from `into_foreign`, and is given back after
            // `proc_remove` has waited for us.
            unsafe { Callbacks::<T>::open(data, file) }.inspect_err(|_| {
                // SAFETY: Gives back the count taken above; the module stays until
                // `proc_reg_open()` goes on, see the documentation of this file.
                unsafe { bindings::module_put(this_module()) };
            })?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// Only for `close_pdeo()`, on a file opened by `open`.
    unsafe extern "C" fn release(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `close_pdeo()` is called once for each file, after or instead of all
        // other callbacks.
        unsafe { Callbacks::<T>::release(inode, file) };
        // SAFETY: Gives back the count taken in `open`; the module stays until
        // `close_pdeo()` goes on, see the documentation of this file.
        unsafe { bindings::module_put(this_module()) };
        0
    }

    /// # Safety
    ///
    /// Only for `proc_reg_write()`, on a file opened by `open`.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buffer: *const c_char,
        len: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        let mut iter = bindings::iov_iter::default();
        // SAFETY: `iter` may be written; the function checks the caller's address.
        let result = to_result(unsafe {
            bindings::import_ubuf(
                bindings::ITER_SOURCE as c_int,
                buffer.cast_mut().cast(),
                len,
                &mut iter,
            )
        });
        if let Err(error) = result {
            return error.to_errno() as isize;
        }
        // SAFETY: The file is open during the call, and `iter` is one to read from, and
        // ours; the caller lends the position to this call alone.
        unsafe { Callbacks::<T>::write(file, &mut *position, &mut iter) }
    }
}
