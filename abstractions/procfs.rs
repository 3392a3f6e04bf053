// SPDX-License-Identifier: GPL-2.0

//! Files below `/proc`.
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
//! All this in `fs/proc/inode.c`. One window remains: a module can be entered
//! while it still loads, and if `init` then fails, the kernel frees it whatever its
//! count. Dropping the registration waits then too, so that it is safe, but the
//! wait lasts as long as a callback sleeps. Register last in `init`.
//!
//! # Not supported
//!
//! `mmap`, symbolic links, files per network namespace, and permission checks other
//! than the mode and [`Operations::open`]: `access(2)` knows the mode only.

use crate::abstractions::{
    bindings,
    iov,
    series::this_module, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fs::{
        file::flags,
        File,
        Kiocb,
        LocalFile, //
    },
    iov::IovIterDest,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        poll::PollTable,
        Arc, //
    },
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    },
};

/// What a `/proc` file does, implemented by a type that stands for the file.
///
/// All callbacks run in process context and may sleep. Several may run at once,
/// on different open files and on the same one. None of them holds up unloading:
/// each runs on a file that pins the module.
#[vtable]
pub(crate) trait Operations: Sized {
    /// What the registration owns and lends to each `open`: an `Arc`, usually.
    type Data: ForeignOwnable + Send + Sync;

    /// What an open file owns.
    type Ptr: ForeignOwnable + Send + Sync;

    /// Called when the file is opened, after the kernel has checked its mode.
    ///
    /// An error is what `open(2)` fails with; `release` is not called then.
    fn open(data: <Self::Data as ForeignOwnable>::Borrowed<'_>, file: &File) -> Result<Self::Ptr>;

    /// Called once for each successful `open`, when the last descriptor is closed,
    /// or when the registration is dropped while the file is open.
    // Without the `File` that `MiscDevice::release` gets: in the latter case the
    // file is one of another task, which may be using its position.
    fn release(ptr: Self::Ptr) {
        drop(ptr);
    }

    /// Writes record `record` of the content to `seq`, or nothing if there is no
    /// such record any more.
    ///
    /// With this method the content is a `seq_file`: the kernel buffers it and
    /// handles offsets, `pread(2)`, `lseek(2)` (not from the end) and any size of
    /// buffer, and calls this again whenever a reader goes back. Calls for one open
    /// file exclude each other. `read_iter` is not called then.
    fn show(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _record: u64,
        _seq: &SeqFile,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the present number of records for `show`.
    fn records(_ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>) -> u64 {
        1
    }

    /// Reads from the file at `kiocb.ki_pos()`, and advances that.
    ///
    /// Returns how many bytes were read; 0 is the end of the file.
    fn read_iter(_kiocb: Kiocb<'_, Self::Ptr>, _iov: &mut IovIterDest<'_>) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Writes to the file. `position` is the caller's to advance or to leave.
    ///
    /// Returns how many bytes were taken, at most `input.len()`.
    fn write(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &LocalFile,
        _input: &mut UserSliceReader,
        _position: &mut i64,
    ) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Handles an ioctl; a 32-bit caller's as well, with `arg` taken for a pointer.
    fn ioctl(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &File,
        _cmd: u32,
        _arg: usize,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns what can be done without blocking, as a mask of [`READABLE`] and
    /// [`WRITABLE`].
    fn poll(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &File,
        _table: PollTable<'_>,
    ) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// [`Operations::poll`]: there is something to read.
pub(crate) const READABLE: u32 = bindings::POLLIN | bindings::POLLRDNORM;

/// [`Operations::poll`]: something can be written.
pub(crate) const WRITABLE: u32 = bindings::POLLOUT | bindings::POLLWRNORM;

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
/// # Invariants
///
/// - `entry` is a registered file with the operations `VTable::<T>::OPS`, of which
///   only this type's Drop disposes.
/// - `data` is what `T::Data::into_foreign` returned; the entry's data is the same.
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

/// The C side of [`Operations`].
struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    /// # Safety
    ///
    /// Only for `proc_reg_open()`, on an entry of a `Registration<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The pointer is null or the module that this code belongs to, which
        // is there: see the documentation of this file.
        if !unsafe { bindings::try_module_get(this_module()) } {
            // As for an entry that is gone: the module is just being unloaded.
            return ENOENT.to_errno();
        }
        from_result(|| {
            // SAFETY: The caller's promise is the same.
            unsafe { Self::open_pinned(inode, file) }.inspect_err(|_| {
                // SAFETY: Gives back the count taken above; the module stays until
                // `proc_reg_open()` goes on, see the documentation of this file.
                unsafe { bindings::module_put(this_module()) };
            })?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for `open`, with a count of the module taken.
    unsafe fn open_pinned(inode: *mut bindings::inode, file: *mut bindings::file) -> Result {
        // SAFETY: The inode is valid during the call, and its private data is that of
        // the entry (`proc_get_inode()`).
        let data = unsafe { (*inode).i_private };
        // SAFETY: By the type invariants of `Registration` the entry's data comes from
        // `into_foreign`, and is given back after `proc_remove` has waited for us.
        let data = unsafe { T::Data::borrow(data) };
        // SAFETY:
        // - The file is valid during the call.
        // - It has no descriptor yet, so nobody uses its position.
        let ptr = T::open(data, unsafe { File::from_raw_file(file) })?.into_foreign();

        if !T::HAS_SHOW {
            // SAFETY: The private data of a file is its `open`'s to set.
            unsafe { (*file).private_data = ptr };
            return Ok(());
        }
        // SAFETY: The file is being opened, its private data is still null, and the
        // operations are valid as long as the module is, which the file pins.
        to_result(unsafe { bindings::seq_open(file, &Self::SEQ_OPS) }).inspect_err(|_| {
            // SAFETY: The pointer comes from `into_foreign` above, and nobody has it.
            T::release(unsafe { T::Ptr::from_foreign(ptr) });
        })?;
        // SAFETY: `seq_open` has made the private data a `struct seq_file`, of which
        // the field `private` is the caller's.
        unsafe { (*(*file).private_data.cast::<bindings::seq_file>()).private = ptr };
        Ok(())
    }

    /// Returns what `open` has put into a file.
    ///
    /// # Safety
    ///
    /// `file` must be valid, opened by `open`, and not released.
    unsafe fn private(file: *mut bindings::file) -> *mut c_void {
        // SAFETY: The file is valid, and its private data does not change between
        // `open` and `release`.
        let private = unsafe { (*file).private_data };
        if T::HAS_SHOW {
            // SAFETY: It is the `struct seq_file` that `seq_open` has made.
            unsafe { (*private.cast::<bindings::seq_file>()).private }
        } else {
            private
        }
    }

    /// # Safety
    ///
    /// Only for `close_pdeo()`, on a file opened by `open`.
    unsafe extern "C" fn release(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The caller's promise is the same.
        let ptr = unsafe { Self::private(file) };
        if T::HAS_SHOW {
            // SAFETY: The file was opened by `seq_open`, and no other call uses it.
            unsafe { bindings::seq_release(inode, file) };
        }
        // SAFETY: The pointer comes from `into_foreign` in `open`; `release` is called
        // once for each file, after or instead of all other callbacks.
        T::release(unsafe { T::Ptr::from_foreign(ptr) });
        // SAFETY: Gives back the count taken in `open`; the module stays until
        // `close_pdeo()` goes on, see the documentation of this file.
        unsafe { bindings::module_put(this_module()) };
        0
    }

    /// # Safety
    ///
    /// Only for `proc_reg_read_iter()`, on a file opened by `open` without `show`.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The caller provides a valid `struct kiocb`, whose file has a `T::Ptr`
        // as its private data.
        let kiocb = unsafe { Kiocb::from_raw(kiocb) };
        // SAFETY: The caller provides a valid `struct iov_iter` for writing.
        let iov = unsafe { iov::dest_from_raw(iter) };
        from_result(|| Ok(T::read_iter(kiocb, iov)? as isize))
    }

    /// # Safety
    ///
    /// Only for `proc_reg_write()`, on a file opened by `open`.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buffer: *const c_char,
        count: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open, which the caller promises; its private data comes
        // from `into_foreign` and is not given back before `release`.
        let ptr = unsafe { T::Ptr::borrow(Self::private(file)) };
        // SAFETY:
        // - The file is valid during the call.
        // - Who uses its position without the lock does so in this very call.
        let file = unsafe { LocalFile::from_raw_file(file) };
        let mut input = UserSlice::new(UserPtr::from_addr(buffer as usize), count).reader();
        // SAFETY: The caller lends the position to this call alone.
        let position = unsafe { &mut *position };
        from_result(|| Ok(T::write(ptr, file, &mut input, position)? as isize))
    }

    /// # Safety
    ///
    /// Only for `proc_reg_unlocked_ioctl()`, on a file opened by `open`.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: As in `write`.
        let ptr = unsafe { T::Ptr::borrow(Self::private(file)) };
        // SAFETY:
        // - The file is valid during the call.
        // - ioctl(2) does not use its position.
        let file = unsafe { File::from_raw_file(file) };
        from_result(|| Ok(T::ioctl(ptr, file, cmd, arg)? as c_long))
    }

    /// # Safety
    ///
    /// Only for `proc_reg_poll()`, on a file opened by `open`.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: As in `write`.
        let ptr = unsafe { T::Ptr::borrow(Self::private(file)) };
        // SAFETY:
        // - The file is valid during the call.
        // - poll(2), select(2) and epoll do not use its position.
        let file = unsafe { File::from_raw_file(file) };
        // SAFETY: The table is null or valid during the call.
        T::poll(ptr, file, unsafe { PollTable::from_raw(table) })
    }

    /// Returns what stands for record `index` between the `seq_file` functions: a
    /// number, of which the kernel only asks that it is neither null nor an error.
    ///
    /// # Safety
    ///
    /// `seq` must be valid, and of a file opened by `open`.
    unsafe fn token(seq: *mut bindings::seq_file, index: i64) -> *mut c_void {
        // SAFETY: The pointer comes from `into_foreign` in `open`, and is not given
        // back before `release`.
        let ptr = unsafe { T::Ptr::borrow((*seq).private) };
        match u64::try_from(index) {
            Ok(index) if index < T::records(ptr) => (index as usize + 1) as *mut c_void,
            _ => core::ptr::null_mut(),
        }
    }

    /// # Safety
    ///
    /// Only for `seq_file`, on a file opened by `open`.
    unsafe extern "C" fn start(seq: *mut bindings::seq_file, index: *mut i64) -> *mut c_void {
        // SAFETY: The caller's promise is the same, and the index is valid.
        unsafe { Self::token(seq, *index) }
    }

    /// # Safety
    ///
    /// Only for `seq_file`, on a file opened by `open`.
    unsafe extern "C" fn next(
        seq: *mut bindings::seq_file,
        _token: *mut c_void,
        index: *mut i64,
    ) -> *mut c_void {
        // SAFETY: The caller's promise is the same, and the index is valid, and ours
        // to advance.
        unsafe {
            *index += 1;
            Self::token(seq, *index)
        }
    }

    /// Does nothing; `seq_file` has to have it.
    extern "C" fn stop(_seq: *mut bindings::seq_file, _token: *mut c_void) {}

    /// # Safety
    ///
    /// Only for `seq_file`, on a file opened by `open`.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, token: *mut c_void) -> c_int {
        // SAFETY: As in `token`.
        let ptr = unsafe { T::Ptr::borrow((*seq).private) };
        // SAFETY: `seq_file` calls this with the file's lock held.
        let seq = unsafe { SeqFile::from_raw(seq) };
        from_result(|| {
            T::show(ptr, token as u64 - 1, seq)?;
            Ok(0)
        })
    }

    const SEQ_OPS: bindings::seq_operations = bindings::seq_operations {
        start: Some(Self::start),
        stop: Some(Self::stop),
        next: Some(Self::next),
        show: Some(Self::show),
    };

    const OPS: bindings::proc_ops = bindings::proc_ops {
        proc_open: Some(Self::open),
        proc_release: Some(Self::release),
        proc_read_iter: if T::HAS_SHOW {
            Some(bindings::seq_read_iter)
        } else if T::HAS_READ_ITER {
            Some(Self::read_iter)
        } else {
            None
        },
        proc_write: if T::HAS_WRITE {
            Some(Self::write)
        } else {
            None
        },
        proc_lseek: if T::HAS_SHOW {
            Some(bindings::seq_lseek)
        } else {
            Some(bindings::default_llseek)
        },
        proc_ioctl: if T::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        #[cfg(CONFIG_COMPAT)]
        proc_compat_ioctl: if T::HAS_IOCTL {
            bindings::compat_ptr_ioctl
        } else {
            None
        },
        proc_poll: if T::HAS_POLL { Some(Self::poll) } else { None },
        ..pin_init::zeroed()
    };
}

/// Refuses, with EACCES, a file that is opened for writing by another effective
/// user than root (of the initial user namespace). For use in
/// [`Operations::open`], where the mode does not say enough: `chmod` changes it.
pub(crate) fn only_root_writes(file: &File) -> Result {
    let reads = file.flags() & flags::O_ACCMODE == flags::O_RDONLY;
    if reads || file.cred().euid().into_raw().val == 0 {
        Ok(())
    } else {
        Err(EACCES)
    }
}
