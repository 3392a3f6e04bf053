// SPDX-License-Identifier: GPL-2.0

//! What `kernel::iov` lacks: reading from a buffer into the memory of a caller, for files
//! of any kind, and an iterator without a second look at its direction.
//!
//! C header: [`include/linux/uio.h`](srctree/include/linux/uio.h)
//!
//! Unloading is no matter here: nothing is registered.

use core::hint::assert_unchecked;
use kernel::{
    bindings,
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    prelude::*, //
};

/// Returns [`IovIterDest::from_raw`], which checks the direction a second time, with a
/// panic and its text in each module; only a kernel with debug assertions does that here.
///
/// # Safety
///
/// As of [`IovIterDest::from_raw`].
pub(crate) unsafe fn dest_from_raw<'iov, 'data>(
    iter: *mut bindings::iov_iter,
) -> &'iov mut IovIterDest<'data> {
    // SAFETY: The caller promises that `iter` is valid, and to write to.
    unsafe { assert_unchecked((*iter).data_source == (bindings::ITER_DEST != 0)) };
    // SAFETY: The caller's promise is the same.
    unsafe { IovIterDest::from_raw(iter) }
}

/// Returns [`IovIterSource::from_raw`], as [`dest_from_raw`].
///
/// # Safety
///
/// As of [`IovIterSource::from_raw`].
pub(crate) unsafe fn source_from_raw<'iov, 'data>(
    iter: *mut bindings::iov_iter,
) -> &'iov mut IovIterSource<'data> {
    // SAFETY: The caller promises that `iter` is valid, and to read from.
    unsafe { assert_unchecked((*iter).data_source == (bindings::ITER_SOURCE != 0)) };
    // SAFETY: The caller's promise is the same.
    unsafe { IovIterSource::from_raw(iter) }
}

/// Reads from `contents`, all that the file holds, at the file's position: the
/// body of a file's `read_iter`.
///
/// As [`IovIterDest::simple_read_from_buffer`], which takes a bad pointer for the
/// end of the file.
///
/// # Errors
///
/// - EFAULT: nothing could be written to userspace; the position stays.
pub(crate) fn read_from_buffer(
    iov: &mut IovIterDest<'_>,
    position: &mut i64,
    contents: &[u8],
) -> Result<usize> {
    let rest = u64::try_from(*position).is_ok_and(|position| position < contents.len() as u64);
    match iov.simple_read_from_buffer(position, contents)? {
        0 if rest && !iov.is_empty() => Err(EFAULT),
        n => Ok(n),
    }
}
