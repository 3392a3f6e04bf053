// SPDX-License-Identifier: GPL-2.0

//! Files with a value as text: what those of [`sysfs`](super::sysfs) and
//! [`configfs`](super::configfs) have in common.
//!
//! In the book: [Files of the kernel](../../../book/files.html).
//!
//! C header: [`include/linux/kstrtox.h`](srctree/include/linux/kstrtox.h)
//!
//! Nothing is registered here, so unloading needs no care.

use super::bindings;
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter, //
};

/// Writes what a file shows of the data.
type Show<T> = fn(&T, &mut dyn Write) -> fmt::Result;

/// Takes what was written to a file, into the data.
type Store<T> = fn(&T, &CStr) -> Result;

/// A file: one value, by the convention of sysfs, and a newline.
///
/// Its functions are called in process context, may sleep, and run at the same time as others.
///
/// # Examples
///
/// ```
/// use abstractions::attribute::{
///     parse_int,
///     Attribute, //
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
/// struct Door {
///     code: Atomic<i32>,
/// }
///
/// impl Door {
///     /// For [`sysfs`](super::sysfs), or for [`configfs`](super::configfs).
///     const FILES: &'static [Attribute<Self>] = &[
///         Attribute::private(c"code", Self::show_code, Self::store_code),
///         Attribute::read_only(c"digits", Self::show_digits),
///         Attribute::read_write(c"bell", Self::show_digits, Self::ring),
///     ];
///
///     fn show_code(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "{}", self.code.load(Relaxed))
///     }
///
///     fn store_code(&self, text: &CStr) -> Result {
///         self.code.store(parse_int(text)?, Relaxed);
///         Ok(())
///     }
///
///     fn show_digits(&self, to: &mut dyn Write) -> fmt::Result {
///         writeln!(to, "4")
///     }
///
///     fn ring(&self, _text: &CStr) -> Result {
///         pr_info!("Somebody is at the door\n");
///         Ok(())
///     }
/// }
/// ```
pub(crate) struct Attribute<T: 'static> {
    name: &'static CStr,
    mode: bindings::umode_t,
    show: Show<T>,
    store: Option<Store<T>>,
}

impl<T> Attribute<T> {
    /// A file that everybody reads and nobody writes (mode 0444).
    ///
    /// What `show` writes is 4095 bytes at most; with more, the read fails with EFBIG.
    pub(crate) const fn read_only(name: &'static CStr, show: Show<T>) -> Self {
        Self {
            name,
            mode: 0o444,
            show,
            store: None,
        }
    }

    /// A file that everybody reads and root writes (mode 0644).
    ///
    /// `store` gets what one `write(2)` has written, 4096 bytes at most (4095 in configfs), with
    /// the newline that `echo` adds. Its error is that of the write. Text with a NUL in it does not get there:
    /// that is EINVAL.
    pub(crate) const fn read_write(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self {
            name,
            mode: 0o644,
            show,
            store: Some(store),
        }
    }

    /// A file that only root reads and writes (mode 0600); as [`Self::read_write`] otherwise.
    pub(crate) const fn private(name: &'static CStr, show: Show<T>, store: Store<T>) -> Self {
        Self {
            name,
            mode: 0o600,
            show,
            store: Some(store),
        }
    }

    pub(super) const fn name(&self) -> &'static CStr {
        self.name
    }

    pub(super) const fn mode(&self) -> bindings::umode_t {
        self.mode
    }

    pub(super) const fn is_writable(&self) -> bool {
        self.store.is_some()
    }

    /// Returns how many bytes the file shows, or an errno: what C's `show` returns.
    ///
    /// # Safety
    ///
    /// `page` must be valid for writes of [`PAGE_SIZE`] bytes, and zeroed.
    pub(super) unsafe fn show(&self, data: &T, page: *mut c_char) -> isize {
        // SAFETY: The caller promises it. The last byte stays NUL.
        let page = unsafe { core::slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE - 1) };
        let mut formatter = Formatter::new(page);
        match (self.show)(data, &mut formatter) {
            // CAST: It is less than a page.
            Ok(()) => formatter.bytes_written() as isize,
            Err(fmt::Error) => EFBIG.to_errno() as isize,
        }
    }

    /// Returns how many bytes were taken, all, or an errno: what C's `store` returns.
    ///
    /// # Safety
    ///
    /// `text` must be valid for reads of `count` bytes, and of a NUL behind them; `count` is a
    /// page at most.
    pub(super) unsafe fn store(&self, data: &T, text: *const c_char, count: usize) -> isize {
        // SAFETY: The caller promises it.
        let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), count + 1) };
        let stored = CStr::from_bytes_with_nul(text)
            .map_err(|_| EINVAL)
            .and_then(|text| self.store.ok_or(EIO)?(data, text));
        match stored {
            // CAST: It is a page at most.
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// Returns the integer that a text is: decimal, or with `0x` or `0` before it, and with a
/// newline behind it or none.
///
/// # Errors
///
/// EINVAL for what is none; ERANGE when it does not fit.
pub(crate) fn parse_int(text: &CStr) -> Result<i32> {
    let mut value = 0;
    // SAFETY: The text ends with NUL, and there is room for an int.
    to_result(unsafe { bindings::kstrtoint(text.as_char_ptr(), 0, &mut value) })?;
    Ok(value)
}
