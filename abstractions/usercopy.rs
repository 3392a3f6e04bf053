// SPDX-License-Identifier: GPL-2.0

//! The copies between the kernel and user memory that `kernel::uaccess` does not
//! have, with their bare results, and user memory to try them on.
//!
//! In the book: [Character devices](../../../book/chardev.html).
//!
//! C headers: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h),
//! [`arch/x86/include/asm/uaccess.h`](srctree/arch/x86/include/asm/uaccess.h).
//!
//! Every function but the `nofault` ones may sleep and belongs in process context, on
//! behalf of the process whose memory is meant. Any address is allowed: one that is no
//! user memory of that process gives an error. A kernel thread has no user memory, but
//! may still use the address space of the process that ran before it: there a copy fails
//! or reaches that one, as in C. Nothing here outlives its call, so unloading has nothing
//! to wait for.
//!
//! A module that is no test of the copies uses `kernel::uaccess`: `UserSlice` there takes
//! care of the rest that could not be copied, and of reading an address once only.
//!
//! Not supported, for C has no function that a module could call:
//! `copy_struct_from_user` (inline) and the `unsafe_get_user` family (inline assembly
//! with an exception table). `strncpy_from_user_nofault`
//! and `strnlen_user_nofault` are not exported. [`get_user`] and [`put_user`] are
//! for 64-bit x86: each architecture has its own calling convention for them.

use super::bindings;
use core::{
    arch::asm,
    ptr, //
};
use kernel::{
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    types::NotThreadSafe,
    uaccess::UserPtr, //
};

/// Anonymous memory of the process that runs, readable and writable, followed by a
/// page that is not mapped; unmapped on drop.
///
/// # Invariants
///
/// `start` is the first of `len` bytes that `vm_mmap` mapped into the address space
/// of the current process. That process runs as long as the value lives, for the
/// value stays on its kernel stack.
///
/// # Examples
///
/// ```
/// use abstractions::usercopy::{
///     copy_from_user,
///     copy_to_user,
///     UserMemory, //
/// };
///
/// fn round_trip() -> Result<bool> {
///     let memory = UserMemory::new(1)?;
///     let mut back = [0; 5];
///     let copied = copy_to_user(memory.at(0), b"hello") == 0
///         && copy_from_user(&mut back, memory.at(0)) == 0;
///     // One byte of two fits.
///     let rest = copy_to_user(memory.at(memory.len() - 1), b"!!");
///     Ok(copied && back == *b"hello" && rest == 1)
/// }
/// ```
pub(crate) struct UserMemory {
    start: usize,
    len: usize,
    // Another thread might belong to another process.
    _not_send: NotThreadSafe,
}

impl UserMemory {
    /// Maps `pages` zeroed pages. The page behind them stays unmapped unless another
    /// thread of the process maps it.
    ///
    /// # Errors
    ///
    /// ESRCH in a kernel thread, which has no user memory; EINVAL for none or too many
    /// pages; ENOMEM, or what else `mmap(2)` gives.
    pub(crate) fn new(pages: usize) -> Result<Self> {
        // `vm_mmap()` takes for granted that there is one.
        current!().mm().ok_or(ESRCH)?;
        let len = pages
            .checked_mul(PAGE_SIZE)
            .filter(|len| *len > 0)
            .ok_or(EINVAL)?;
        let mapped = len.checked_add(PAGE_SIZE).ok_or(EINVAL)?;
        // SAFETY: The current process has an address space, see above. A null file asks for
        // anonymous memory; without MAP_FIXED no memory of the process is replaced.
        let start = unsafe {
            bindings::vm_mmap(
                ptr::null_mut(),
                0,
                mapped,
                (bindings::PROT_READ | bindings::PROT_WRITE) as usize,
                (bindings::MAP_PRIVATE | bindings::MAP_ANONYMOUS) as usize,
                0,
            )
        };
        // CAST: On failure the address is a negative errno.
        if start > usize::MAX - bindings::MAX_ERRNO as usize {
            return Err(to_result(start as c_int).err().unwrap_or(ENOMEM));
        }
        // INVARIANT: The mapping begins with these bytes.
        let memory = Self {
            start,
            len,
            _not_send: NotThreadSafe,
        };
        // SAFETY: The address space is still there, as this is still the same process.
        // Nobody has been told of this page, which is ours.
        to_result(unsafe { bindings::vm_munmap(start + len, PAGE_SIZE) })?;
        Ok(memory)
    }

    /// Returns the number of bytes that are mapped.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the address of a byte; from `len` on, one that is not mapped.
    pub(crate) fn at(&self, offset: usize) -> UserPtr {
        UserPtr::from_addr(self.start.wrapping_add(offset))
    }
}

impl Drop for UserMemory {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this is memory of the current process, which thus
        // has an address space, and we mapped it; that no kernel code has references into
        // user memory is a rule of user memory. A failure, when the process itself
        // unmapped it before, leaves nothing to do.
        unsafe { bindings::vm_munmap(self.start, self.len) };
    }
}

/// Copies from user memory and returns how many bytes could not be copied; their
/// place in `to` is zeroed.
pub(crate) fn copy_from_user(to: &mut [u8], from: UserPtr) -> usize {
    // SAFETY: The slice may be written; the function checks the user's address.
    unsafe { bindings::copy_from_user(to.as_mut_ptr().cast(), from.as_const_ptr(), to.len()) }
}

/// Copies to user memory and returns how many bytes could not be copied.
pub(crate) fn copy_to_user(to: UserPtr, from: &[u8]) -> usize {
    // SAFETY: The slice may be read; the function checks the user's address.
    unsafe { bindings::copy_to_user(to.as_mut_ptr(), from.as_ptr().cast(), from.len()) }
}

/// Zeroes `len` bytes of user memory and returns how many could not be.
///
/// `clear_user` itself is inline assembly; `iov_iter_zero` is the exported function
/// that runs it on a range of the user's.
pub(crate) fn clear_user(to: UserPtr, len: usize) -> usize {
    let mut range = bindings::iov_iter::default();
    // SAFETY: `range` may be written; the function checks the user's address.
    let imported = unsafe {
        bindings::import_ubuf(
            bindings::ITER_DEST as c_int,
            to.as_mut_ptr(),
            len,
            &mut range,
        )
    };
    match imported {
        // SAFETY: `import_ubuf` made it a range of user memory.
        0 => len - unsafe { bindings::iov_iter_zero(len, &mut range) },
        _ => len,
    }
}

/// Copies from user memory that is resident, without sleeping; any context.
///
/// # Errors
///
/// EFAULT where a part of it is not resident, or no user memory.
///
/// # Examples
///
/// ```
/// use abstractions::usercopy::{
///     copy_from_user_nofault,
///     copy_to_user_nofault, //
/// };
/// use kernel::uaccess::UserPtr;
///
/// fn set_flag(at: UserPtr) -> Result {
///     let mut byte = [0];
///     copy_from_user_nofault(&mut byte, at)?;
///     copy_to_user_nofault(at, &[byte[0] | 1])
/// }
/// ```
pub(crate) fn copy_from_user_nofault(to: &mut [u8], from: UserPtr) -> Result {
    // SAFETY: The slice may be written; the function checks the user's address.
    to_result(unsafe {
        bindings::copy_from_user_nofault(to.as_mut_ptr().cast(), from.as_const_ptr(), to.len())
    } as c_int)
}

/// Copies to user memory that is resident and writable, without sleeping; any
/// context.
///
/// # Errors
///
/// EFAULT where a part of it is not resident, or no user memory.
pub(crate) fn copy_to_user_nofault(to: UserPtr, from: &[u8]) -> Result {
    // SAFETY: The slice may be read; the function checks the user's address.
    to_result(unsafe {
        bindings::copy_to_user_nofault(to.as_mut_ptr(), from.as_ptr().cast(), from.len())
    } as c_int)
}

/// Copies a string from user memory, with its NUL if there is room, and returns its
/// length: `to.len()` when it was cut off and has no NUL.
///
/// # Errors
///
/// EFAULT when the memory ends before the string does.
///
/// # Examples
///
/// ```
/// use abstractions::usercopy::{
///     check_zeroed_user,
///     clear_user,
///     strncpy_from_user,
///     strnlen_user, //
/// };
/// use kernel::uaccess::UserPtr;
///
/// /// Takes a name of at most 63 bytes, and wipes it out.
/// fn take_name(name: UserPtr) -> Result<[u8; 64]> {
///     let mut taken = [0; 64];
///     let size = strnlen_user(name, 64);
///     if size > 64 || strncpy_from_user(&mut taken, name)? + 1 != size {
///         return Err(EINVAL);
///     }
///     let wiped = clear_user(name, size) == 0 && check_zeroed_user(name, size)?;
///     wiped.then_some(taken).ok_or(EFAULT)
/// }
/// ```
pub(crate) fn strncpy_from_user(to: &mut [u8], from: UserPtr) -> Result<usize> {
    // SAFETY: The slice may be written; the function checks the user's address.
    let len = unsafe {
        bindings::strncpy_from_user(
            to.as_mut_ptr().cast(),
            from.as_const_ptr().cast(),
            to.len() as c_long,
        )
    };
    // CAST: A negative errno fits; else the length, which is no greater than a slice's.
    usize::try_from(len).or_else(|_| to_result(len as c_int).map(|()| 0))
}

/// Returns the size of a string in user memory with its NUL; a number above `limit`
/// when no NUL is among the first `limit` bytes; 0 when the memory ends before, or `limit` is 0.
pub(crate) fn strnlen_user(string: UserPtr, limit: usize) -> usize {
    // SAFETY: The function checks the user's address, and the limit.
    let size = unsafe { bindings::strnlen_user(string.as_const_ptr().cast(), limit as c_long) };
    // CAST: Never negative.
    size as usize
}

/// Returns whether user memory holds zeros only.
///
/// # Errors
///
/// EFAULT where it cannot be read.
pub(crate) fn check_zeroed_user(from: UserPtr, len: usize) -> Result<bool> {
    // SAFETY: The function checks the user's address.
    let result = unsafe { bindings::check_zeroed_user(from.as_const_ptr(), len) };
    if result < 0 {
        return Err(Error::from_errno(result));
    }
    Ok(result != 0)
}

/// A number that [`get_user`] and [`put_user`] copy.
pub(crate) trait UserScalar: Copy {
    /// Reads a number; see [`get_user`].
    #[doc(hidden)]
    fn get(from: UserPtr) -> (Result, Self);

    /// Writes a number; see [`put_user`].
    #[doc(hidden)]
    fn put(self, to: UserPtr) -> Result;
}

macro_rules! impl_user_scalar {
    ($($type:ty: $get:ident, $put:ident;)+) => {
        $(
            impl UserScalar for $type {
                fn get(from: UserPtr) -> (Result, Self) {
                    let (error, value): (usize, usize);
                    // SAFETY: `do_get_user_call` in C: the address is in rax, the
                    // function checks it, and returns 0 or -EFAULT in rax and the
                    // value, zero-extended, in rdx. It uses no other register.
                    unsafe {
                        asm!(
                            "call {get}",
                            get = sym bindings::$get,
                            inout("rax") from.as_const_ptr().addr() => error,
                            out("rdx") value,
                        )
                    };
                    // CAST: Both are in the lower half of their registers.
                    (to_result(error as c_int), value as $type)
                }

                fn put(self, to: UserPtr) -> Result {
                    let error: usize;
                    // SAFETY: `do_put_user_call` in C: the address is in rcx, the
                    // function checks it, the value in rax; it returns 0 or -EFAULT in
                    // ecx and overwrites rbx. That is LLVM's own, so it is kept for it.
                    unsafe {
                        asm!(
                            "mov {rbx}, rbx",
                            "call {put}",
                            "mov rbx, {rbx}",
                            rbx = out(reg) _,
                            put = sym bindings::$put,
                            inout("rcx") to.as_mut_ptr().addr() => error,
                            in("rax") self as usize,
                        )
                    };
                    // CAST: It is in the lower half of its register.
                    to_result(error as c_int)
                }
            }
        )+
    };
}

impl_user_scalar! {
    u8: __get_user_1, __put_user_1;
    u16: __get_user_2, __put_user_2;
    u32: __get_user_4, __put_user_4;
    u64: __get_user_8, __put_user_8;
}

/// Reads a number from user memory: the result, EFAULT where it cannot be read, and
/// the value, which is then 0. Need not be aligned.
pub(crate) fn get_user<T: UserScalar>(from: UserPtr) -> (Result, T) {
    T::get(from)
}

/// Writes a number to user memory; on failure nothing is written. Need not be
/// aligned.
///
/// # Errors
///
/// EFAULT where it cannot be written.
///
/// # Examples
///
/// ```
/// use abstractions::usercopy::{
///     get_user,
///     put_user,
///     UserScalar, //
/// };
/// use kernel::uaccess::UserPtr;
///
/// fn replace<T: UserScalar>(at: UserPtr, new: T) -> Result<T> {
///     let (result, old) = get_user(at);
///     result?;
///     put_user(new, at)?;
///     Ok(old)
/// }
/// ```
pub(crate) fn put_user<T: UserScalar>(value: T, to: UserPtr) -> Result {
    value.put(to)
}
