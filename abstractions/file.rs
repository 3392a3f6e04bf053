// SPDX-License-Identifier: GPL-2.0

//! What a file of a module does, wherever it appears: as a character device
//! ([`cdev`](super::cdev), [`misc`](super::misc)) or below `/proc`
//! ([`procfs`](super::procfs)).
//!
//! In the book: [Character devices](../../../book/chardev.html).
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//! (`struct file_operations`),
//! [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)
//!
//! A module implements [`Operations`] for a type and registers that type. The
//! registration says what unloading waits for; it is the same for all kinds: an open
//! file *pins* the module, so `rmmod` fails with EAGAIN while one is open or being
//! opened, and no callback can be running when the module goes. Before the
//! module's `init` has returned, `open(2)` fails as if there were no file (ENXIO for a
//! device, ENODEV for a misc device, ENOENT in `/proc`): an `init` that fails has no open
//! file to wait for.
//!
//! Memory safety does not depend on what a callback returns: a count of bytes is checked
//! against what was really moved.
//!
//! Not supported: `mmap`, `fasync`, `splice` other than by `read_iter`, asynchronous
//! completion (EIOCBQUEUED).

use super::{
    iov::{
        source_from_raw,
        Dest, //
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
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fs::{
        file::flags,
        File,
        LocalFile, //
    },
    iov::IovIterSource,
    prelude::*,
    seq_file::SeqFile,
    sync::poll::PollCondVar,
    types::{
        ForeignOwnable,
        Opaque, //
    },
};

/// The callbacks of a file.
///
/// All run in process context and may sleep. Several may run at once, on different open
/// files and on the same one: what the threads and processes that share an open file
/// can reach is `Sync`.
///
/// # Examples
///
/// ```
/// use abstractions::file::{
///     OpenFile,
///     Operations, //
/// };
/// use kernel::{
///     seq_file::SeqFile,
///     seq_print,
///     sync::{
///         atomic::{
///             Atomic,
///             Relaxed, //
///         },
///         Arc,
///         ArcBorrow, //
///     }, //
/// };
///
/// struct Visitors {
///     count: Atomic<u64>,
/// }
///
/// #[vtable]
/// impl Operations for Visitors {
///     type Data = Arc<Self>;
///     type Ptr = Arc<Self>;
///
///     fn open(visitors: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
///         visitors.count.fetch_add(1, Relaxed);
///         Ok(visitors.into())
///     }
///
///     fn show(visitors: ArcBorrow<'_, Self>, _record: u64, seq: &SeqFile) -> Result {
///         let count = visitors.count.load(Relaxed);
///         seq_print!(seq, "{count}\n");
///         Ok(())
///     }
/// }
/// ```
#[vtable]
pub(crate) trait Operations: Sized {
    /// What the registration owns and lends to each `open`: an `Arc`, usually, or `()`.
    type Data: ForeignOwnable + Send + Sync + 'static;

    /// What an open file owns.
    type Ptr: ForeignOwnable + Send + Sync + 'static;

    /// Called when the file is opened, after the kernel has checked its mode.
    ///
    /// An error is what `open(2)` fails with; `release` is not called then.
    fn open(
        data: <Self::Data as ForeignOwnable>::Borrowed<'_>,
        file: &OpenFile,
    ) -> Result<Self::Ptr>;

    /// Called once for each successful `open`, when the last descriptor is closed; for
    /// a file in `/proc` also when the registration is dropped while the file is open.
    // Without the file: the last reference to it is gone, or it may be another task's.
    fn release(ptr: Self::Ptr) {
        drop(ptr);
    }

    /// Writes record `record` of the content to `seq`, or nothing if there is no
    /// such record any more.
    ///
    /// With this method the content is a `seq_file`: the kernel buffers it and
    /// handles offsets, `pread(2)`, `lseek(2)` (not from the end) and any size of
    /// buffer, and calls this again whenever a reader goes back. Calls for one open
    /// file exclude each other. `read_iter` and `llseek` are not called then.
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

    /// Reads from the file at `position`, and advances that: `read(2)` and its kin.
    /// [`Dest::read_from_buffer`] does the work for a buffer. Without it they fail with
    /// EINVAL.
    ///
    /// Returns how many bytes were copied to `iov`; 0 is the end of the file. Who claims
    /// more than was copied makes the call fail with EIO.
    fn read_iter(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _position: &mut i64,
        _iov: &mut Dest<'_>,
    ) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Writes to the file: `write(2)` and its kin. Without it they fail with EINVAL, in
    /// `/proc` with EIO. `position` is the callee's to advance or to leave.
    ///
    /// Returns how many bytes were taken. Who claims more than there were makes the
    /// call fail with EIO.
    fn write_iter(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _position: &mut i64,
        _iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `lseek(2)`; [`OpenFile::seek_in_buffer`] does the work for a buffer. Returns the
    /// new position. Without it a character device fails with ESPIPE, and a file in
    /// `/proc` can be put anywhere.
    fn llseek(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &OpenFile,
        _offset: i64,
        _whence: i32,
    ) -> Result<i64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl(2)`. Without it, it fails with ENOTTY, which is also what an unknown
    /// `cmd` is to be answered with.
    ///
    /// A 32-bit process gets here too: `arg` is then what `compat_ptr()` makes of its
    /// argument.
    fn ioctl(
        _ptr: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &OpenFile,
        _cmd: u32,
        _arg: usize,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// What [`Operations::ioctl`] is called with for the `cmd` of a 32-bit process,
    /// whose numbers differ where the size of what `arg` points to does. Without it,
    /// `cmd` is the same for both.
    fn compat_cmd(_cmd: u32) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `poll(2)`, `select(2)`, `epoll(7)`: registers with `table` what will wake the
    /// caller, and returns the events ([`READABLE`], [`WRITABLE`]) that are there.
    /// Without it the file is always ready.
    ///
    /// Not for `/proc`, see [`procfs::Registration`](super::procfs::Registration).
    fn poll<'p>(
        _ptr: &'p <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _table: &PollTable<'p>,
    ) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// [`Operations::poll`]: there is something to read.
pub(crate) const READABLE: u32 = bindings::POLLIN | bindings::POLLRDNORM;

/// [`Operations::poll`]: something can be written.
pub(crate) const WRITABLE: u32 = bindings::POLLOUT | bindings::POLLWRNORM;

/// The open file that a callback is called for, and no other one.
///
/// Not the `kernel` crate's [`File`] or [`LocalFile`]: these promise that no other thread
/// uses the file's position without a lock, and for a character device the kernel has
/// no such lock.
///
/// # Invariants
///
/// The file is valid, with a reference count that is not zero, and one of an
/// [`Operations`].
///
/// # Examples
///
/// ```
/// use abstractions::{
///     file::{
///         only_root_writes,
///         OpenFile,
///         Operations, //
///     },
///     iov::Dest, //
/// };
/// use kernel::{
///     fs::file::flags,
///     ioctl::_IO, //
/// };
///
/// const TEXT: &[u8] = b"Hello, world\n";
///
/// const REWIND: u32 = _IO(b'x' as u32, 0);
///
/// struct Greeting;
///
/// #[vtable]
/// impl Operations for Greeting {
///     type Data = ();
///     type Ptr = ();
///
///     fn open(_data: (), file: &OpenFile) -> Result {
///         if file.flags() & flags::O_APPEND != 0 {
///             return Err(EINVAL);
///         }
///         if !file.is_nonblocking() {
///             pr_info!("May have to wait.\n");
///         }
///         only_root_writes(file)
///     }
///
///     fn read_iter(_ptr: (), position: &mut i64, iov: &mut Dest<'_>) -> Result<usize> {
///         iov.read_from_buffer(position, TEXT)
///     }
///
///     fn llseek(_ptr: (), file: &OpenFile, offset: i64, whence: i32) -> Result<i64> {
///         file.seek_in_buffer(offset, whence, TEXT.len())
///     }
///
///     fn ioctl(_ptr: (), file: &OpenFile, cmd: u32, _arg: usize) -> Result<isize> {
///         match cmd {
///             REWIND => file.rewind(),
///             _ => return Err(ENOTTY),
///         }
///         Ok(0)
///     }
/// }
/// ```
#[repr(transparent)]
pub(crate) struct OpenFile(Opaque<bindings::file>);

impl OpenFile {
    /// Wraps a file for a callback.
    ///
    /// # Safety
    ///
    /// For `'a`, `file` must be valid, with a reference count that is not zero, and one
    /// of an [`Operations`].
    unsafe fn from_raw<'a>(file: *mut bindings::file) -> &'a Self {
        // INVARIANT: By this function's contract.
        // SAFETY: It is valid; this is a transparent wrapper.
        unsafe { &*file.cast() }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::file {
        self.0.get()
    }

    /// Returns the file for a look at what has nothing to do with its position.
    fn local(&self) -> &LocalFile {
        // SAFETY:
        // - The file is valid and its reference count positive, by the type invariants.
        // - Another thread may be in an `fdget_pos()` without the lock. That is about the
        //   position, which the callers of this function leave alone.
        unsafe { LocalFile::from_raw_file(self.as_ptr()) }
    }

    /// Returns the flags of `open(2)` and `fcntl(2)`; see [`flags`].
    pub(crate) fn flags(&self) -> u32 {
        self.local().flags()
    }

    /// Returns whether calls must not wait (`O_NONBLOCK`).
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.flags() & flags::O_NONBLOCK != 0
    }

    /// Implements [`Operations::llseek`] for a file of `size` bytes: `SEEK_SET`,
    /// `SEEK_CUR` and `SEEK_END` to a place from 0 to `size`.
    ///
    /// # Errors
    ///
    /// EINVAL for another place or `whence`.
    pub(crate) fn seek_in_buffer(&self, offset: i64, whence: i32, size: usize) -> Result<i64> {
        // SAFETY: `self` is a valid file, by its type. The position which is written is
        // the one that the C code of every file operation reads and writes without a
        // lock, and it is a place in our own file.
        let position =
            unsafe { bindings::fixed_size_llseek(self.as_ptr(), offset, whence, size as i64) };
        if position < 0 {
            return Err(Error::from_errno(position as c_int));
        }
        Ok(position)
    }

    /// Puts the file's position to the beginning.
    pub(crate) fn rewind(&self) {
        // Cannot fail: this place is in a buffer of any size.
        let _ = self.seek_in_buffer(0, bindings::SEEK_SET as i32, 0);
    }
}

/// Refuses, with EACCES, a file that is opened for writing by another effective
/// user than root (of the initial user namespace). For use in [`Operations::open`],
/// where the mode does not say enough: `chmod` changes it.
pub(crate) fn only_root_writes(file: &OpenFile) -> Result {
    let reads = file.flags() & flags::O_ACCMODE == flags::O_RDONLY;
    if reads || file.local().cred().euid().into_raw().val == 0 {
        Ok(())
    } else {
        Err(EACCES)
    }
}

/// Where a callback registers what will wake the caller of `poll(2)`.
///
/// # Invariants
///
/// `file` is the file that is polled, `table` null or its table, both valid during the
/// callback.
///
/// # Examples
///
/// ```
/// use abstractions::file::{
///     OpenFile,
///     Operations,
///     PollTable,
///     READABLE,
///     WRITABLE, //
/// };
/// use kernel::sync::{
///     atomic::{
///         Acquire,
///         AtomicFlag,
///         Release, //
///     },
///     poll::PollCondVar,
///     Arc,
///     ArcBorrow, //
/// };
///
/// #[pin_data]
/// struct Mailbox {
///     full: AtomicFlag,
///     #[pin]
///     changed: PollCondVar,
/// }
///
/// impl Mailbox {
///     fn fill(&self) {
///         self.full.store(true, Release);
///         self.changed.notify_all();
///     }
/// }
///
/// #[vtable]
/// impl Operations for Mailbox {
///     type Data = Arc<Self>;
///     type Ptr = Arc<Self>;
///
///     fn open(mailbox: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
///         Ok(mailbox.into())
///     }
///
///     fn poll<'p>(mailbox: &'p ArcBorrow<'_, Self>, table: &PollTable<'p>) -> u32 {
///         // First, so that what changes after the look at it wakes the caller.
///         table.register(&mailbox.changed);
///         match mailbox.full.load(Acquire) {
///             true => READABLE,
///             false => WRITABLE,
///         }
///     }
/// }
/// ```
pub(crate) struct PollTable<'p> {
    file: *mut bindings::file,
    table: *mut bindings::poll_table,
    // Invariant: neither longer nor shorter.
    _lifetime: PhantomData<fn(&'p ()) -> &'p ()>,
}

impl<'p> PollTable<'p> {
    /// Has the caller of `poll(2)` woken by `condvar`.
    ///
    /// A `poll(2)` that waits stays in the list of `condvar`, also when that is dropped
    /// (only `epoll` leaves it then). So it has to live as long as the open file, which
    /// `'p` says: no callback can make it up, and what lives so long is a field of
    /// [`Operations::Ptr`], or a static.
    pub(crate) fn register(&self, condvar: &'p PollCondVar) {
        // SAFETY:
        // - Both are valid during the call, by the type invariants.
        // - `register_wait` only hands the file on to `poll_wait()`, which takes a
        //   reference to it and leaves its position alone: that another thread may be
        //   using it does not matter.
        let (file, table) = unsafe {
            (
                File::from_raw_file(self.file),
                kernel::sync::poll::PollTable::from_raw(self.table),
            )
        };
        table.register_wait(file, condvar);
    }
}

/// Shows bytes, as they are: `seq_write()`. `seq_print!` is for what has to be formatted, and takes
/// some hundred instructions more. If they do not fit into the kernel's buffer, it makes a larger
/// one, and calls [`Operations::show`] again.
///
/// For use in `show`, in process context. Does not sleep.
///
/// # Examples
///
/// ```
/// use abstractions::file::seq_write;
/// use kernel::seq_file::SeqFile;
///
/// fn show_line(seq: &SeqFile, line: &[u8]) {
///     seq_write(seq, line);
///     seq_write(seq, b"\n");
/// }
/// ```
pub(crate) fn seq_write(seq: &SeqFile, bytes: &[u8]) {
    let seq = ptr::from_ref(seq).cast_mut().cast();
    // SAFETY: `SeqFile` is a transparent wrapper of an `Opaque<seq_file>`, which may be written
    // through a shared reference; it is neither `Send` nor `Sync`, so no other thread has one. The
    // bytes may be read, and are copied. What is returned, that they do not fit, is kept in the
    // `seq_file` as well.
    unsafe { bindings::seq_write(seq, bytes.as_ptr().cast(), bytes.len()) };
}

/// The C side of [`Operations`], for the tables of the registrations.
///
/// The private data of an open file is what `T::Ptr::into_foreign` gave, or, with
/// `show`, a `struct seq_file` whose private data is that.
pub(super) struct Callbacks<T: Operations>(PhantomData<T>);

impl<T: Operations> Callbacks<T> {
    pub(super) const READ_ITER: Option<
        unsafe extern "C" fn(*mut bindings::kiocb, *mut bindings::iov_iter) -> isize,
    > = if T::HAS_SHOW {
        Some(bindings::seq_read_iter)
    } else if T::HAS_READ_ITER {
        Some(Self::read_iter)
    } else {
        None
    };

    pub(super) const LLSEEK: Option<
        unsafe extern "C" fn(*mut bindings::file, bindings::loff_t, c_int) -> bindings::loff_t,
    > = if T::HAS_SHOW {
        Some(bindings::seq_lseek)
    } else if T::HAS_LLSEEK {
        Some(Self::llseek)
    } else {
        None
    };

    pub(super) const IOCTL: Option<
        unsafe extern "C" fn(*mut bindings::file, c_uint, c_ulong) -> c_long,
    > = if T::HAS_IOCTL {
        Some(Self::ioctl)
    } else {
        None
    };

    pub(super) const COMPAT_IOCTL: Option<
        unsafe extern "C" fn(*mut bindings::file, c_uint, c_ulong) -> c_long,
    > = if T::HAS_IOCTL {
        Some(Self::compat_ioctl)
    } else {
        None
    };

    /// Returns the operations of a device of this module. `open` has to call
    /// [`Self::open`] and to return what that does.
    pub(super) const fn file_operations(
        open: unsafe extern "C" fn(*mut bindings::inode, *mut bindings::file) -> c_int,
    ) -> bindings::file_operations {
        bindings::file_operations {
            owner: this_module(),
            open: Some(open),
            release: Some(Self::release_device),
            read_iter: Self::READ_ITER,
            write_iter: if T::HAS_WRITE_ITER {
                Some(Self::write_iter)
            } else {
                None
            },
            llseek: Self::LLSEEK,
            unlocked_ioctl: Self::IOCTL,
            #[cfg(CONFIG_COMPAT)]
            compat_ioctl: Self::COMPAT_IOCTL,
            poll: if T::HAS_POLL { Some(Self::poll) } else { None },
            ..pin_init::zeroed()
        }
    }

    /// # Safety
    ///
    /// `file` must be a file that [`Self::open`] has opened, and is now closed.
    unsafe extern "C" fn release_device(
        inode: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> c_int {
        // SAFETY: The kernel calls this once for such a file, last.
        unsafe { Self::release(inode, file) };
        0
    }

    /// Opens a file: on success its private data is set.
    ///
    /// # Safety
    ///
    /// `file` must be one that is being opened, and `data` from `T::Data::into_foreign`
    /// and not given back during the call.
    pub(super) unsafe fn open(data: *mut c_void, file: *mut bindings::file) -> Result {
        // SAFETY: By this function's contract.
        let data = unsafe { T::Data::borrow(data) };
        // SAFETY: The file is valid during the call, and its opener has a reference.
        let opened = unsafe { OpenFile::from_raw(file) };
        let ptr = T::open(data, opened)?.into_foreign();

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

    /// Ends what `open` began.
    ///
    /// # Safety
    ///
    /// Once for each file that `open` has opened, after all other callbacks.
    pub(super) unsafe fn release(inode: *mut bindings::inode, file: *mut bindings::file) {
        // SAFETY: The file is open, by this function's contract.
        let ptr = unsafe { Self::private(file) };
        if T::HAS_SHOW {
            // SAFETY: The file was opened by `seq_open`, and no other call uses it.
            unsafe { bindings::seq_release(inode, file) };
        }
        // SAFETY: The pointer comes from `into_foreign` in `open`, and is taken out here
        // only, once, after the last borrow, by this function's contract.
        T::release(unsafe { T::Ptr::from_foreign(ptr) });
    }

    /// Returns what `open` has put into a file.
    ///
    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released.
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

    /// Returns what an open file owns.
    ///
    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during `'a`.
    unsafe fn ptr<'a>(file: *mut bindings::file) -> <T::Ptr as ForeignOwnable>::Borrowed<'a> {
        // SAFETY: The pointer comes from `into_foreign` in `open`, and is not given back
        // before `release`, which comes after `'a`.
        unsafe { T::Ptr::borrow(Self::private(file)) }
    }

    /// # Safety
    ///
    /// `kiocb` must be valid and this call's alone, and for a file that is opened by
    /// `open` and not released during the call; `iter` must be valid, one to write to,
    /// and this call's alone.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: `kiocb` is valid, and nobody else uses its position meanwhile; its file
        // stays open.
        let (file, position) = unsafe { ((*kiocb).ki_filp, &mut (*kiocb).ki_pos) };
        // SAFETY: It is opened by `open`, and not released before this returns.
        let (ptr, open_file) = unsafe { (Self::ptr(file), OpenFile::from_raw(file)) };
        // SAFETY: `iter` is valid, to write to, and nobody else's during the call.
        let mut iov = unsafe { Dest::from_raw(iter, Some(open_file)) };
        let room = iov.len();
        let result = T::read_iter(ptr, position, &mut iov);
        count(result, room - iov.len())
    }

    /// # Safety
    ///
    /// As for `read_iter`, but for `iter`, which must be one to read from.
    pub(super) unsafe extern "C" fn write_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: As in `read_iter`; `iter` is one to read from.
        unsafe { Self::write((*kiocb).ki_filp, &mut (*kiocb).ki_pos, iter) }
    }

    /// Writes to an open file.
    ///
    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during the call; `iter` must be
    /// valid, one to read from, and this call's alone.
    pub(super) unsafe fn write(
        file: *mut bindings::file,
        position: &mut i64,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The file stays open during the call.
        let ptr = unsafe { Self::ptr(file) };
        // SAFETY: `iter` is valid, to read from, and nobody else's during the call.
        let iov = unsafe { source_from_raw(iter) };
        let offered = iov.len();
        count(T::write_iter(ptr, position, iov), offered)
    }

    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during the call.
    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        // SAFETY: The file stays open during the call.
        let ptr = unsafe { Self::ptr(file) };
        // SAFETY: As above.
        let file = unsafe { OpenFile::from_raw(file) };
        from_result(|| T::llseek(ptr, file, offset, whence))
    }

    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during the call.
    // Else it becomes a part of `compat_ioctl` too, and `T::ioctl` a call from both.
    #[inline(never)]
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file stays open during the call.
        let ptr = unsafe { Self::ptr(file) };
        // SAFETY: As above.
        let file = unsafe { OpenFile::from_raw(file) };
        from_result(|| T::ioctl(ptr, file, cmd, arg))
    }

    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during the call.
    unsafe extern "C" fn compat_ioctl(
        file: *mut bindings::file,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_long {
        let cmd = if T::HAS_COMPAT_CMD {
            T::compat_cmd(cmd)
        } else {
            cmd
        };
        // CAST: `compat_ptr()`, which is inline in C: the lower 32 bits.
        let arg = arg as u32 as c_ulong;
        // SAFETY: The caller's promise is the same.
        unsafe { Self::ioctl(file, cmd, arg) }
    }

    /// # Safety
    ///
    /// `file` must be opened by `open`, and not released during the call, nor as long as
    /// `table` keeps a reference to it; `table` must be null or valid during the call.
    pub(super) unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) -> bindings::__poll_t {
        // SAFETY: The file stays open during the call.
        let ptr = unsafe { Self::ptr(file) };
        // INVARIANT: Both are valid during the call.
        let table = PollTable {
            file,
            table,
            _lifetime: PhantomData,
        };
        T::poll(&ptr, &table)
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
        // CAST: 0 or an errno.
        count(T::show(ptr, token as u64 - 1, seq).map(|()| 0), 0) as c_int
    }

    const SEQ_OPS: bindings::seq_operations = bindings::seq_operations {
        start: Some(Self::start),
        stop: Some(Self::stop),
        next: Some(Self::next),
        show: Some(Self::show),
    };
}

/// Returns what the kernel is told of a callback that has moved at most `limit` bytes.
///
/// Who claims more would make it walk over pages that were never filled
/// (`copy_splice_read()` in `fs/splice.c`) or buffers that were never taken
/// (`iter_file_splice_write()`); who announces a completion that nobody will send
/// (EIOCBQUEUED) would hit a BUG. Both become EIO.
fn count(result: Result<usize>, limit: usize) -> isize {
    match result {
        // CAST: No buffer is larger.
        Ok(n) if n <= limit => n as isize,
        Ok(_) | Err(EIOCBQUEUED) => EIO.to_errno() as isize,
        Err(error) => error.to_errno() as isize,
    }
}
