// SPDX-License-Identifier: GPL-2.0

//! Reading from a buffer into the memory of a caller, for files of any kind.
//!
//! C header: [`include/linux/uio.h`](srctree/include/linux/uio.h)
//!
//! Unloading is no matter here: nothing is registered.

use kernel::{
    iov::IovIterDest,
    prelude::*, //
};

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
