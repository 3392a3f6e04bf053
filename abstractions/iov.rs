// SPDX-License-Identifier: GPL-2.0

//! The memory that a `read(2)` fills, or a disk: what `kernel::iov` has for it, without the
//! methods by which a callback could claim more than it has copied. (The data of a
//! `write(2)` is an [`IovIterSource`]: skipping a part of that leaks nothing.)
//!
//! In the book: [Character devices](../../../book/chardev.html).
//!
//! C header: [`include/linux/uio.h`](srctree/include/linux/uio.h)
//!
//! Nothing is registered, so unloading needs no care.

use super::file::OpenFile;
use kernel::{
    bindings,
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    prelude::*, //
};

/// Wraps what the kernel passes to a `write_iter`.
///
/// # Safety
///
/// For `'iov`, `iter` must be valid, be one to read from (`ITER_SOURCE`), and be used
/// through the result only.
pub(super) unsafe fn source_from_raw<'iov>(
    iter: *mut bindings::iov_iter,
) -> &'iov mut IovIterSource<'iov> {
    // SAFETY: `IovIterSource` is a transparent wrapper of this struct; the caller promises
    // what its invariants want. For the direction, see `Dest::from_raw`.
    unsafe { &mut *iter.cast() }
}

/// Copies all the data of a `write(2)` to the beginning of `buffer`, and returns it: for what has
/// to come in one piece. Process context; may sleep.
///
/// # Errors
///
/// - EINVAL: there is more than fits.
/// - EFAULT: not all of it could be copied.
///
/// # Examples
///
/// ```
/// use abstractions::iov::take_all;
/// use kernel::iov::IovIterSource;
///
/// /// 0 or 1.
/// fn parse_switch(iov: &mut IovIterSource<'_>) -> Result<bool> {
///     match take_all(iov, &mut [0; 2])? {
///         b"0" | b"0\n" => Ok(false),
///         b"1" | b"1\n" => Ok(true),
///         _ => Err(EINVAL),
///     }
/// }
/// ```
pub(crate) fn take_all<'a>(iov: &mut IovIterSource<'_>, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let bytes = buffer.get_mut(..iov.len()).ok_or(EINVAL)?;
    if iov.copy_from_iter(bytes) < bytes.len() {
        return Err(EFAULT);
    }
    Ok(bytes)
}

/// The memory that a file's [`read_iter`](super::file::Operations::read_iter) writes to, or that of
/// a request to a disk (`Disk::read`).
///
/// It gets shorter by what is copied to it, and by nothing else: there is no
/// `advance`, as [`IovIterDest`] has it. For `splice(2)` this memory is fresh pages of
/// the kernel, and a page that is skipped would show another process's data.
///
/// # Examples
///
/// ```
/// use abstractions::iov::Dest;
/// use kernel::time::{
///     delay::fsleep,
///     Delta, //
/// };
///
/// /// As `/dev/zero`.
/// fn read_zeros(iov: &mut Dest<'_>) -> Result<usize> {
///     let wanted = iov.len();
///     while !iov.is_empty() {
///         if iov.copy_to_iter(&[0; 64]) == 0 {
///             break;
///         }
///     }
///     match wanted - iov.len() {
///         0 if wanted > 0 => Err(EFAULT),
///         read => Ok(read),
///     }
/// }
///
/// /// For who has a second.
/// fn read_greeting(position: &mut i64, iov: &mut Dest<'_>) -> Result<usize> {
///     if iov.is_nonblocking() {
///         return Err(EAGAIN);
///     }
///     fsleep(Delta::from_secs(1));
///     iov.read_from_buffer(position, b"Hello, world\n")
/// }
/// ```
pub(crate) struct Dest<'iov> {
    iter: &'iov mut IovIterDest<'iov>,
    file: Option<&'iov OpenFile>,
}

impl<'iov> Dest<'iov> {
    /// Wraps what the kernel passes to the `read_iter` of a file; memory without a file does not
    /// say that nobody waits.
    ///
    /// # Safety
    ///
    /// For `'iov`, `iter` must be valid, be one to write to (`ITER_DEST`), and be used
    /// through the result only.
    pub(super) unsafe fn from_raw(
        iter: *mut bindings::iov_iter,
        file: Option<&'iov OpenFile>,
    ) -> Self {
        // SAFETY: `IovIterDest` is a transparent wrapper of this struct; the caller promises
        // what its invariants want. (`IovIterDest::from_raw` checks the direction, with a
        // panic and its text in each module; `_copy_to_iter()` does as well, and warns.)
        let iter = unsafe { &mut *iter.cast() };
        Self { iter, file }
    }

    /// Returns whether the call must not wait (`O_NONBLOCK`): what would have to fails with
    /// EAGAIN instead.
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.file.is_some_and(OpenFile::is_nonblocking)
    }

    /// Returns how many bytes can still be copied, as far as is known: memory that is
    /// not the caller's counts until it is written to.
    pub(crate) fn len(&self) -> usize {
        self.iter.len()
    }

    /// Returns whether [`Dest::len`] is 0.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter.is_empty()
    }

    /// Copies `bytes`, and returns how many of them were copied: fewer where the memory
    /// ends, or is not the caller's. Process context; may sleep.
    pub(crate) fn copy_to_iter(&mut self, bytes: &[u8]) -> usize {
        self.iter.copy_to_iter(bytes)
    }

    /// Copies from `contents`, all that the file holds, what begins at `position`, and
    /// advances that: the body of a file's `read_iter`. Process context; may sleep.
    ///
    /// [`IovIterDest::simple_read_from_buffer`] reports a bad pointer as end of file.
    ///
    /// # Errors
    ///
    /// - EINVAL: `position` is negative.
    /// - EFAULT: nothing could be copied; the position stays.
    pub(crate) fn read_from_buffer(
        &mut self,
        position: &mut i64,
        contents: &[u8],
    ) -> Result<usize> {
        let rest = u64::try_from(*position).is_ok_and(|position| position < contents.len() as u64);
        match self.iter.simple_read_from_buffer(position, contents)? {
            0 if rest && !self.is_empty() => Err(EFAULT),
            n => Ok(n),
        }
    }
}
