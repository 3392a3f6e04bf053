// SPDX-License-Identifier: GPL-2.0

//! Disks, by blk-mq: the kernel's queues of requests.
//!
//! In the book: [Disks and networks](../../../book/disks.html).
//!
//! C headers: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h),
//! [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)
//!
//! Unloading: a disk that is open or mounted *pins* the module, so `rmmod` is refused with
//! EAGAIN. While the module is still being loaded a pin does not help, so `open(2)` fails with
//! ENXIO until then.
//!
//! The `kernel` crate has `kernel::block::mq`, whose disks do not pin the module, and whose
//! requests do not show their data (`docs/known-issues.md`).
//!
//! Not supported: requests that end later than the call, other ones than reads and writes,
//! several queues, partitions that the disk had before it was registered.

use super::{
    iov::{
        source_from_raw,
        Dest, //
    },
    module::is_loading,
    series::{
        bytes_done,
        this_module, //
    },
};
use core::{
    marker::PhantomData,
    ptr::{
        from_ref,
        NonNull, //
    },
};
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    iov::IovIterSource,
    page::PAGE_SIZE,
    prelude::*,
    static_lock_class,
    sync::Arc,
    types::Opaque, //
};

/// The size of a sector in bytes, whatever the disk's own blocks are.
pub(crate) const SECTOR_SIZE: u64 = 512;

/// The largest disk (`BLK_DEV_MAX_SECTORS`): the number of its bytes is an `i64`.
const MAX_SECTORS: u64 = i64::MAX as u64 / SECTOR_SIZE;

/// How many requests are on their way at a time.
const QUEUE_DEPTH: c_uint = 64;

/// What a disk does.
///
/// A request comes as one call for each piece of memory that it has, of at most some 64 KiB, one
/// after the other. Several requests can be served at a time, by several CPUs, also if they are for
/// the same place. The functions must not sleep.
///
/// An error ends the request; the program gets it, as far as the kernel has it for disks
/// (`errno_to_blk_status()`), and EIO else. A write has often returned before it comes here: then
/// `fsync(2)` returns the error.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Copies to `to` what the disk has from byte `position` on; both are whole sectors. What is
    /// left of `to` makes it an EIO, so that nobody sees what was in that memory before.
    fn read(&self, position: u64, to: &mut Dest<'_>) -> Result;

    /// Copies `from` to the disk, from byte `position` on; both are whole sectors.
    fn write(&self, position: u64, from: &mut IovIterSource<'_>) -> Result;
}

/// A disk, `/dev/<name>`, for root alone: a [registration](super#registrations).
///
/// Dropping it ends what is under way, and waits for it, so it must not come from the disk itself.
/// Where the disk is still open then (it is not, if the module owns this), whoever has it open gets
/// errors, and the module can never be unloaded.
///
/// # Invariants
///
/// `disk` is registered; its queue has `data`, and uses `tags`.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     block::{
///         Disk,
///         Registration,
///         SECTOR_SIZE, //
///     },
///     iov::Dest, //
/// };
/// use kernel::{
///     iov::IovIterSource,
///     sync::Arc, //
/// };
///
/// /// A disk on which all is 0, and which takes nothing.
/// struct Zeros;
///
/// impl Disk for Zeros {
///     fn read(&self, _position: u64, to: &mut Dest<'_>) -> Result {
///         while !to.is_empty() {
///             to.copy_to_iter(&[0; SECTOR_SIZE as usize]);
///         }
///         Ok(())
///     }
///
///     fn write(&self, _position: u64, _from: &mut IovIterSource<'_>) -> Result {
///         Err(ENOSPC)
///     }
/// }
///
/// fn make() -> Result<Registration<Zeros>> {
///     Registration::new(c"zeros", 8, Arc::new(Zeros, GFP_KERNEL)?)
/// }
/// ```
pub(crate) struct Registration<T: Disk> {
    // Dropped in this order.
    disk: GenDisk,
    _tags: Pin<KBox<TagSet>>,
    _data: Arc<T>,
}

impl<T: Disk> Registration<T> {
    /// Registers a disk of so many sectors of 512 bytes. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// - EINVAL: the name is empty, or has more than 31 bytes; there are more sectors than a disk can
    ///   have.
    /// - EEXIST: there is a disk of this name, and the kernel prints a stack.
    /// - ENOMEM.
    pub(crate) fn new(name: &CStr, sectors: u64, data: Arc<T>) -> Result<Self> {
        let tags = KBox::pin_init(TagSet::new(&VTable::<T>::QUEUE), GFP_KERNEL)?;
        let disk = GenDisk::new(&tags, &*data)?;
        let raw = disk.0.as_ptr();
        // SAFETY: The disk is valid, and nobody else knows of it.
        let disk_name = unsafe { &mut (*raw).disk_name };
        let name = name.to_bytes_with_nul();
        if name.len() == 1 || name.len() > disk_name.len() || sectors > MAX_SECTORS {
            return Err(EINVAL);
        }
        disk_name[..name.len()].copy_from_slice(name);
        // SAFETY: As above. The operations are a static.
        unsafe {
            (*raw).fops = &VTable::<T>::DISK;
            bindings::set_capacity(raw, sectors);
        }
        // SAFETY: The disk is valid, has a name and operations, and is not registered yet. It needs
        // neither a parent nor files of its own.
        to_result(unsafe {
            bindings::device_add_disk(core::ptr::null_mut(), raw, core::ptr::null_mut())
        })?;
        // INVARIANT: It has been registered just now, and made with both.
        Ok(Self {
            disk,
            _tags: tags,
            _data: data,
        })
    }
}

impl<T: Disk> Drop for Registration<T> {
    fn drop(&mut self) {
        let disk = self.disk.0.as_ptr();
        // SAFETY: By the type invariants it is registered. When this returns, no request is under
        // way, none will come, and nobody can open the disk.
        unsafe { bindings::del_gendisk(disk) };
        // Whoever closed the disk lets go of the module first, and of the disk after it, so the
        // kernel may free the disk when the module has gone. It looks at the operations then, for a
        // `free_disk`: now there are none, in the page of zeros that is always there.
        const { assert!(size_of::<bindings::block_device_operations>() <= PAGE_SIZE) };
        // SAFETY: The disk is valid until we let go of it. Each operation may be null.
        unsafe { (*disk).fops = (&raw const bindings::empty_zero_page).cast() };
    }
}

/// A `struct gendisk`, which is ours until drop.
///
/// # Invariants
///
/// It is valid; its tag set is there as long as this, as long as it is not registered.
struct GenDisk(NonNull<bindings::gendisk>);

// SAFETY: Any thread may let go of it, and that is all that is done with it, or a reference to it.
unsafe impl Send for GenDisk {}
// SAFETY: As above.
unsafe impl Sync for GenDisk {}

impl GenDisk {
    /// Makes a disk whose queue has `data`. Both have to stay as long as the disk has requests; the
    /// tags longer than the result, if it is not registered.
    fn new<T: Disk>(tags: &TagSet, data: &T) -> Result<Self> {
        // SAFETY: The tag set is valid, and without limits the kernel takes its own. It only keeps
        // the data. The class is a static.
        let disk = from_err_ptr(unsafe {
            bindings::__blk_mq_alloc_disk(
                tags.set.get(),
                core::ptr::null_mut(),
                from_ref(data).cast_mut().cast(),
                static_lock_class!().as_ptr(),
            )
        })?;
        Ok(Self(NonNull::new(disk).ok_or(ENOMEM)?))
    }
}

impl Drop for GenDisk {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is valid, and this is our reference.
        unsafe { bindings::put_disk(self.0.as_ptr()) };
    }
}

/// The memory of a queue's requests.
///
/// # Invariants
///
/// It is initialised.
#[pin_data(PinnedDrop)]
struct TagSet {
    #[pin]
    set: Opaque<bindings::blk_mq_tag_set>,
}

// SAFETY: Any thread may free it, and a reference gives access to nothing.
unsafe impl Send for TagSet {}
// SAFETY: As above.
unsafe impl Sync for TagSet {}

impl TagSet {
    fn new(operations: &'static bindings::blk_mq_ops) -> impl PinInit<Self, Error> {
        let start = move |set: *mut bindings::blk_mq_tag_set| {
            // SAFETY: There is room for it.
            unsafe {
                set.write(bindings::blk_mq_tag_set {
                    ops: operations,
                    nr_hw_queues: 1,
                    nr_maps: 1,
                    queue_depth: QUEUE_DEPTH,
                    numa_node: bindings::NUMA_NO_NODE,
                    ..pin_init::zeroed()
                });
            }
            // SAFETY: It is set up, nobody uses it, and it stays where it is.
            to_result(unsafe { bindings::blk_mq_alloc_tag_set(set) })
        };
        // INVARIANT: Where this succeeds, it has been initialised.
        try_pin_init!(Self {
            set <- Opaque::try_ffi_init(start),
        })
    }
}

#[pinned_drop]
impl PinnedDrop for TagSet {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants it is initialised. No queue uses it any more.
        unsafe { bindings::blk_mq_free_tag_set(self.set.get()) };
    }
}

/// What the kernel calls for a disk of `T`.
struct VTable<T>(PhantomData<T>);

impl<T: Disk> VTable<T> {
    const DISK: bindings::block_device_operations = bindings::block_device_operations {
        owner: this_module(),
        open: Some(Self::open),
        ..pin_init::zeroed()
    };

    const QUEUE: bindings::blk_mq_ops = bindings::blk_mq_ops {
        queue_rq: Some(Self::queue_rq),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// To be called by the kernel, as `open` of a disk, with its `open_mutex`.
    unsafe extern "C" fn open(_disk: *mut bindings::gendisk, _mode: bindings::blk_mode_t) -> c_int {
        // Before the mutex is given back, which `del_gendisk()` takes, the kernel lets go of the
        // module as well.
        if is_loading() {
            return ENXIO.to_errno();
        }
        0
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `queue_rq` of a queue of [`GenDisk::new`] with a `T`.
    unsafe extern "C" fn queue_rq(
        _queue: *mut bindings::blk_mq_hw_ctx,
        queued: *const bindings::blk_mq_queue_data,
    ) -> bindings::blk_status_t {
        // SAFETY: The caller promises it: the request is valid, and the driver's until it ends.
        let request = unsafe { (*queued).rq };
        // SAFETY: As above; a request belongs to a queue, and the data is there as long as that has
        // requests.
        let disk = unsafe { &*(*(*request).q).queuedata.cast::<T>() };
        // SAFETY: It has not been started.
        unsafe { bindings::blk_mq_start_request(request) };
        // SAFETY: It is valid, and has been started.
        let status = match unsafe { serve(disk, request) } {
            Ok(()) => bindings::BLK_STS_OK as bindings::blk_status_t,
            // SAFETY: Any number may be asked for.
            Err(error) => unsafe { bindings::errno_to_blk_status(error.to_errno()) },
        };
        // SAFETY: It has been started, and nobody uses it any more.
        unsafe { bindings::blk_mq_end_request(request, status) };
        bindings::BLK_STS_OK as bindings::blk_status_t
    }
}

/// Does what a request asks for: C's `rq_for_each_bvec()`.
///
/// # Safety
///
/// `request` is valid, and has been started.
unsafe fn serve<T: Disk>(disk: &T, request: *mut bindings::request) -> Result {
    // SAFETY: The caller promises that it is valid.
    let (flags, sector, mut bio) =
        unsafe { ((*request).cmd_flags, (*request).__sector, (*request).bio) };
    let is_write = match flags & ((1 << bindings::REQ_OP_BITS) - 1) {
        bindings::req_op_REQ_OP_READ => false,
        bindings::req_op_REQ_OP_WRITE => true,
        _ => return Err(Error::from_errno(-(bindings::EOPNOTSUPP as c_int))),
    };
    let mut position = sector * SECTOR_SIZE;
    while !bio.is_null() {
        // SAFETY: It is one of the request's, and those are valid until the request ends.
        let (rest, vectors, next) = unsafe { ((*bio).bi_iter, (*bio).bi_io_vec, (*bio).bi_next) };
        // SAFETY: The vector in which the rest begins is one of the bio's.
        let mut vector = unsafe { vectors.add(rest.bi_idx as usize) };
        let mut done = bytes_done(&rest);
        let mut left = rest.bi_size;
        while left > 0 {
            // SAFETY: As there is something left, the bio has this vector.
            let mut piece = unsafe { vector.read() };
            piece.bv_offset += done;
            piece.bv_len = left.min(piece.bv_len - done);
            // SAFETY: It is a part of the request's memory, which that reads from or writes to.
            unsafe { copy(disk, is_write, position, &piece) }?;
            position += u64::from(piece.bv_len);
            left -= piece.bv_len;
            done = 0;
            vector = vector.wrapping_add(1);
        }
        bio = next;
    }
    Ok(())
}

/// Has `disk` copy what a request asks for, of one piece of its memory.
///
/// # Safety
///
/// `piece` is memory of a request that has been started: one that writes to the disk, if `is_write`,
/// or else one that reads from it.
unsafe fn copy<T: Disk>(
    disk: &T,
    is_write: bool,
    position: u64,
    piece: &bindings::bio_vec,
) -> Result {
    let direction = if is_write {
        bindings::ITER_SOURCE
    } else {
        bindings::ITER_DEST
    };
    let mut iter = bindings::iov_iter::default();
    // SAFETY: There is one vector, which stays as long as `iter`.
    unsafe { bindings::iov_iter_bvec(&mut iter, direction, piece, 1, piece.bv_len as usize) };
    if is_write {
        // SAFETY: It has just been set up as a source, and nobody else uses it.
        let from = unsafe { source_from_raw(&mut iter) };
        return disk.write(position, from);
    }
    // SAFETY: As above, as a destination.
    let mut to = unsafe { Dest::from_raw(&mut iter, None) };
    disk.read(position, &mut to)?;
    if to.is_empty() {
        Ok(())
    } else {
        Err(EIO)
    }
}
