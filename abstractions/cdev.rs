// SPDX-License-Identifier: GPL-2.0

//! Character devices: numbers, `struct cdev`, class and device node, as one
//! registration.
//!
//! C headers: [`include/linux/cdev.h`](srctree/include/linux/cdev.h),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/device/class.h`](srctree/include/linux/device/class.h).
//!
//! Unloading: an open file *pins* the module (`owner` is set, on every series), so
//! `rmmod` is refused with EAGAIN while there is one. While the module is still
//! being loaded a pin does not help: the kernel frees a module whose `init` fails
//! whatever its use count. A registration that is dropped then *waits* until the
//! last file is closed; the load returns no sooner.
//!
//! A registration has to be owned by the module's struct: one that is leaked
//! (`mem::forget`) outlives the module's text.
//!
//! Not supported: several nodes for one registration (every minor number works,
//! but only the first one gets a node), `mmap`, `fasync`, `splice`, sysfs attributes.

use super::{
    iov,
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
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fs::{
        file::LocalFile,
        File,
        Kiocb, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    prelude::*,
    str::CStrExt as _,
    sync::poll::PollTable,
    time::{
        delay::fsleep,
        Delta, //
    },
    types::ForeignOwnable, //
};

/// How many minor numbers a registration has: 0 to 255, as with C's
/// `register_chrdev()`.
const MINORS: u32 = 256;

/// The number of bits of a `dev_t` that hold the minor number
/// ([`include/linux/kdev_t.h`](srctree/include/linux/kdev_t.h)).
const MINORBITS: u32 = 20;

/// The number of a device: `dev_t`.
#[derive(Clone, Copy)]
pub(crate) struct Number(bindings::dev_t);

impl Number {
    /// Returns the major number, which names the driver.
    pub(crate) fn major(self) -> u32 {
        self.0 >> MINORBITS
    }

    /// Returns the minor number, which names one of the driver's devices.
    pub(crate) fn minor(self) -> u32 {
        self.0 & ((1 << MINORBITS) - 1)
    }
}

/// The callbacks of a character device.
///
/// All run in process context, may sleep, and may run at the same time, those of
/// one open file as well: `device` is shared by all the threads and processes that
/// share the file.
#[vtable]
pub(crate) trait Device: Sized {
    /// What the open files share: handed to the registration, and dropped after
    /// the registration and the last open file are gone.
    type Data: Send + Sync + 'static;

    /// What each open file has of its own.
    type Ptr: ForeignOwnable + Send + Sync;

    /// The permissions of the device node.
    const MODE: u16 = 0o600;

    /// Called for each `open(2)`, the first time perhaps before [`Registration::new`]
    /// has returned. On an error the file is not opened.
    fn open(data: &Self::Data, file: &File, number: Number) -> Result<Self::Ptr>;

    /// Called when the last descriptor of an open file is closed.
    fn release(device: Self::Ptr, _file: &File) {
        drop(device);
    }

    /// `read(2)` and its kin; [`read_from_buffer`](super::iov::read_from_buffer) does
    /// the work for a buffer. Without it they fail with EINVAL.
    fn read_iter(_kiocb: Kiocb<'_, Self::Ptr>, _iov: &mut IovIterDest<'_>) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `write(2)` and its kin. Without it they fail with EINVAL.
    fn write_iter(_kiocb: Kiocb<'_, Self::Ptr>, _iov: &mut IovIterSource<'_>) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `lseek(2)`; [`seek_in_buffer`] does the work for a buffer. Without it
    /// `lseek` fails with ESPIPE. Returns the new position.
    fn llseek(
        _device: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &LocalFile,
        _offset: i64,
        _whence: i32,
    ) -> Result<i64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl(2)`. Without it, it fails with ENOTTY, which is also what an unknown
    /// `cmd` is to be answered with.
    fn ioctl(
        _device: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &File,
        _cmd: u32,
        _arg: usize,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// What [`Device::ioctl`] is called with for the `cmd` of a 32-bit process, whose
    /// numbers differ where the size of what `arg` points to does. Without it, `cmd` is
    /// the same for both.
    fn compat_cmd(_cmd: u32) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `poll(2)`: registers `file` with what will wake it, and returns the events
    /// (`POLLIN`, ...) that are there. Without it the file is always ready.
    fn poll(
        _device: <Self::Ptr as ForeignOwnable>::Borrowed<'_>,
        _file: &File,
        _table: PollTable<'_>,
    ) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Implements [`Device::llseek`] for a file of `size` bytes: `SEEK_SET`, `SEEK_CUR`
/// and `SEEK_END` to a place from 0 to `size`.
///
/// # Errors
///
/// EINVAL for another place or `whence`.
pub(crate) fn seek_in_buffer(
    file: &LocalFile,
    offset: i64,
    whence: i32,
    size: usize,
) -> Result<i64> {
    // SAFETY: `file` is a valid file, by its type. The position which is written is
    // the one that the C code of every file operation reads and writes without a lock.
    let position =
        unsafe { bindings::fixed_size_llseek(file.as_ptr(), offset, whence, size as i64) };
    if position < 0 {
        return Err(Error::from_errno(position as c_int));
    }
    Ok(position)
}

/// Puts the file's position to the beginning.
pub(crate) fn rewind(file: &LocalFile) {
    // Cannot fail: this place is in a buffer of any size.
    let _ = seek_in_buffer(file, 0, bindings::SEEK_SET as i32, 0);
}

/// What to register.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// The name in `/proc/devices`, of the class in `/sys/class`, and of the node in
    /// `/dev`, there with folders where it has slashes. At most 63 bytes of it appear
    /// in `/proc/devices`.
    pub(crate) name: &'static CStr,
    /// The major number, from 0 to 511; `None` takes a free one.
    pub(crate) major: Option<u32>,
}

/// A registered character device, with the minor numbers 0 to 255 and a node
/// `/dev/<name>` for minor 0.
///
/// Dropping it takes all back, the node first; files that are open stay so, see the
/// [module's documentation](self).
pub(crate) struct Registration<T: Device> {
    // Dropped in this order, and made in the opposite one.
    _node: Node,
    _cdev: Cdev<T>,
    _class: Class,
    region: Region,
}

impl<T: Device> Registration<T> {
    /// Registers a device. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// With each, nothing stays behind:
    /// - EBUSY: the major number is taken, or no dynamic one is left.
    /// - EINVAL: the major number is above 511.
    /// - EEXIST: there is a class of this name. (The kernel makes EBUSY of it where it
    ///   is what a module's `init` fails with.)
    /// - ENOMEM.
    pub(crate) fn new(options: Options, data: T::Data) -> Result<Self> {
        let region = Region::new(options)?;
        let class = Class::new::<T>(options.name)?;
        // From here on files can be opened, for there may be nodes from `mknod`; but
        // whoever waits for our node to appear finds it working.
        let cdev = Cdev::new(&region, data)?;
        let node = Node::new(&class, &region, options.name)?;
        Ok(Self {
            _node: node,
            _cdev: cdev,
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
    fn new<T: Device>(name: &'static CStr) -> Result<Self> {
        // SAFETY: The class keeps the pointer; the string is NUL-terminated and lives
        // as long as the module, which owns the class.
        let class = from_err_ptr(unsafe { bindings::class_create(name.as_char_ptr()) })?;
        // SAFETY: The class is valid and has no device yet that could ask for a name.
        unsafe { (*class).devnode = Some(devnode::<T>) };
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
/// `mode` must be null or point to a mode that can be written.
unsafe extern "C" fn devnode<T: Device>(
    _device: *const bindings::device,
    mode: *mut bindings::umode_t,
) -> *mut c_char {
    if !mode.is_null() {
        // SAFETY: It can be written, by this function's contract.
        unsafe { *mode = T::MODE };
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
    fn new(class: &Class, region: &Region, name: &'static CStr) -> Result<Self> {
        // SAFETY: The class is valid by its type invariants; there is no parent and no
        // data; the format takes one string, which is NUL-terminated, and copied.
        from_err_ptr(unsafe {
            bindings::device_create(
                class.0,
                ptr::null_mut(),
                region.0,
                ptr::null_mut(),
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
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

/// What the files of a device share, counted by a kobject: the parent of the
/// `struct cdev`, which thus lives as long as a file can be opened through that.
#[repr(C)]
struct Shared<T: Device> {
    kobj: bindings::kobject,
    data: T::Data,
}

impl<T: Device> Shared<T> {
    const KTYPE: bindings::kobj_type = bindings::kobj_type {
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// Makes one, with a reference count of one.
    fn create(data: T::Data) -> Result<*mut bindings::kobject> {
        let kobj = pin_init::zeroed();
        let shared = KBox::new(Self { kobj, data }, GFP_KERNEL)?;
        let kobj = KBox::into_raw(shared).cast();
        // SAFETY: `kobj` points to a kobject of zeroes, the first field of `Shared`,
        // which stays where it is until `release`.
        unsafe { bindings::kobject_init(kobj, &Self::KTYPE) };
        Ok(kobj)
    }

    /// # Safety
    ///
    /// `kobj` must have come from [`Shared::create`], and its last reference be gone.
    unsafe extern "C" fn release(kobj: *mut bindings::kobject) {
        // SAFETY: It is the first field of a `Shared` in a `KBox`, and nobody else has
        // a reference to it, both by this function's contract.
        drop(unsafe { KBox::from_raw(kobj.cast::<Self>()) });
    }
}

/// A `struct cdev` that files can be opened through.
///
/// # Invariants
///
/// The pointer is to a cdev from `cdev_alloc()`, added, and whose parent is a
/// `Shared<T>`.
struct Cdev<T: Device>(*mut bindings::cdev, PhantomData<T>);

// SAFETY: `cdev_del()` may be called from any thread; what it may drop, `T::Data`, is
// `Send`.
unsafe impl<T: Device> Send for Cdev<T> {}
// SAFETY: There is no method that takes `&self`.
unsafe impl<T: Device> Sync for Cdev<T> {}

impl<T: Device> Cdev<T> {
    fn new(region: &Region, data: T::Data) -> Result<Self> {
        let parent = Shared::<T>::create(data)?;
        let result = Self::add(region, parent);
        // SAFETY: This is our reference; the cdev that was added has one of its own.
        unsafe { bindings::kobject_put(parent) };
        result
    }

    fn add(region: &Region, parent: *mut bindings::kobject) -> Result<Self> {
        // SAFETY: The function has no requirements.
        let cdev = unsafe { bindings::cdev_alloc() };
        if cdev.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: The cdev is valid, and nobody else knows it yet.
        unsafe {
            (*cdev).owner = this_module();
            (*cdev).ops = &VTable::<T>::VTABLE;
            (*cdev).kobj.parent = parent;
        }
        // SAFETY: The cdev is initialised; its operations are constant and lie, as its
        // owner, in this module.
        let result = to_result(unsafe { bindings::cdev_add(cdev, region.0, MINORS) });
        if result.is_err() {
            // SAFETY: The cdev was not added: only we know it. `cdev_add()` takes a
            // reference to the parent only on success, so none may be put.
            unsafe {
                (*cdev).kobj.parent = ptr::null_mut();
                bindings::kobject_put(&mut (*cdev).kobj);
            }
        }
        // INVARIANT: `cdev_add()` succeeded.
        result.map(|()| Self(cdev, PhantomData))
    }
}

impl<T: Device> Drop for Cdev<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; this puts our reference.
        unsafe { bindings::cdev_del(self.0) };

        // If this is dropped because `init` fails, the module will be freed although
        // files may be open. Until it is out of `init`, `init` itself holds one
        // reference (`module_unload_init()` in `kernel/module/main.c`).
        let module = this_module();
        if module.is_null() {
            return;
        }
        // SAFETY: The module is valid, for this is its code; within `init` its state is
        // COMING and does not change, and later it is never that again.
        let loading = unsafe { (*module).state } == bindings::module_state_MODULE_STATE_COMING;
        // SAFETY: As above, the module is valid.
        while loading && unsafe { bindings::module_refcount(module) } > 1 {
            fsleep(Delta::from_millis(1));
        }
    }
}

/// The file operations of a device.
struct VTable<T: Device>(PhantomData<T>);

impl<T: Device> VTable<T> {
    const VTABLE: bindings::file_operations = bindings::file_operations {
        owner: this_module(),
        open: Some(Self::open),
        release: Some(Self::release),
        read_iter: if T::HAS_READ_ITER {
            Some(Self::read_iter)
        } else {
            None
        },
        write_iter: if T::HAS_WRITE_ITER {
            Some(Self::write_iter)
        } else {
            None
        },
        llseek: if T::HAS_LLSEEK {
            Some(Self::llseek)
        } else {
            None
        },
        unlocked_ioctl: if T::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: if T::HAS_COMPAT_CMD {
            Some(Self::compat_ioctl)
        } else if T::HAS_IOCTL {
            bindings::compat_ptr_ioctl
        } else {
            None
        },
        poll: if T::HAS_POLL { Some(Self::poll) } else { None },
        ..pin_init::zeroed()
    };

    /// Returns what a file of the device has of its own.
    ///
    /// # Safety
    ///
    /// `file` must be an open file of a `Registration<T>`, and stay open for `'a`.
    unsafe fn device<'a>(file: *mut bindings::file) -> <T::Ptr as ForeignOwnable>::Borrowed<'a> {
        // SAFETY: `open` put a `T::Ptr` there, and `release`, which takes it out,
        // comes after `'a`.
        unsafe { T::Ptr::borrow((*file).private_data) }
    }

    /// # Safety
    ///
    /// Called by `chrdev_open()` in `fs/char_dev.c`: `inode` and `file` must be those
    /// of a file that is being opened, through a cdev of a `Registration<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The inode is valid, and so is its cdev, of which `chrdev_open()`
            // holds a reference. Its parent is the first field of a `Shared<T>`, by the
            // invariants of `Cdev`, and lives as long as it.
            let (number, shared) = unsafe {
                let cdev = (*inode).__bindgen_anon_5.i_cdev;
                ((*inode).i_rdev, &*(*cdev).kobj.parent.cast::<Shared<T>>())
            };
            // SAFETY: The file is valid during this call, and has no descriptor yet, so
            // no `fdget_pos()`.
            let opened = unsafe { File::from_raw_file(file) };
            let ptr = T::open(&shared.data, opened, Number(number))?;
            // SAFETY: The private data of a file that is being opened is ours.
            unsafe { (*file).private_data = ptr.into_foreign() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be a file of a `Registration<T>` that was opened, and is now closed.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` put a `T::Ptr` there; this is the last use of the file, and the
        // only place that takes it out.
        let ptr = unsafe { T::Ptr::from_foreign((*file).private_data) };
        // SAFETY: The file is valid during this call, and has no descriptor any more, so
        // no `fdget_pos()`.
        T::release(ptr, unsafe { File::from_raw_file(file) });
        0
    }

    /// # Safety
    ///
    /// `kiocb` must be for an open file of a `Registration<T>`, and `iter` one to write
    /// to; both must be valid during the call.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: `kiocb` is valid, and the private data of its file is a `T::Ptr`.
        let kiocb = unsafe { Kiocb::from_raw(kiocb) };
        // SAFETY: `iter` is valid, to write to, and nobody else's during the call.
        let iov = unsafe { iov::dest_from_raw(iter) };
        from_result(|| T::read_iter(kiocb, iov).map(|read| read as isize))
    }

    /// # Safety
    ///
    /// `kiocb` must be for an open file of a `Registration<T>`, and `iter` one to read
    /// from; both must be valid during the call.
    unsafe extern "C" fn write_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: `kiocb` is valid, and the private data of its file is a `T::Ptr`.
        let kiocb = unsafe { Kiocb::from_raw(kiocb) };
        // SAFETY: `iter` is valid, to read from, and nobody else's during the call.
        let iov = unsafe { iov::source_from_raw(iter) };
        from_result(|| T::write_iter(kiocb, iov).map(|written| written as isize))
    }

    /// # Safety
    ///
    /// `file` must be an open file of a `Registration<T>`.
    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        // SAFETY: The file is open during the call.
        let device = unsafe { Self::device(file) };
        // SAFETY: The file is valid during the call; an `fdget_pos()`, that of
        // `lseek(2)`, is of this thread.
        let file = unsafe { LocalFile::from_raw_file(file) };
        from_result(|| T::llseek(device, file, offset, whence))
    }

    /// # Safety
    ///
    /// `file` must be an open file of a `Registration<T>`.
    // Else it becomes a part of `compat_ioctl` too, and `T::ioctl` a call from both.
    #[inline(never)]
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file is open during the call.
        let device = unsafe { Self::device(file) };
        // SAFETY: The file is valid during the call, and `ioctl(2)` uses no
        // `fdget_pos()`.
        let file = unsafe { File::from_raw_file(file) };
        from_result(|| T::ioctl(device, file, cmd, arg))
    }

    /// # Safety
    ///
    /// `file` must be an open file of a `Registration<T>`.
    #[cfg(CONFIG_COMPAT)]
    unsafe extern "C" fn compat_ioctl(
        file: *mut bindings::file,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_long {
        // SAFETY: The caller's promise is the same.
        unsafe { Self::ioctl(file, T::compat_cmd(cmd), arg) }
    }

    /// # Safety
    ///
    /// `file` must be an open file of a `Registration<T>`, `table` null or valid during
    /// the call.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) -> bindings::__poll_t {
        // SAFETY: The file is open during the call.
        let device = unsafe { Self::device(file) };
        // SAFETY: The file is valid during the call, and `poll(2)` uses no
        // `fdget_pos()`.
        let file = unsafe { File::from_raw_file(file) };
        // SAFETY: The table is null or valid during the call.
        let table = unsafe { PollTable::from_raw(table) };
        T::poll(device, file, table)
    }
}
