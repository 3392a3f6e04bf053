// SPDX-License-Identifier: GPL-2.0

//! Calls with wrong pointers, and as another user.

use nix::{
    errno::Errno,
    libc::{self, c_void},
    sys::mman::{mmap_anonymous, mprotect, munmap, MapFlags, ProtFlags},
    Result,
};
use std::{
    fs::File,
    num::NonZeroUsize,
    ops::{Deref, DerefMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    process::{Command, Output},
    ptr::NonNull,
    slice,
};

/// The size of a page.
pub const PAGE: usize = 4096;

/// Addresses at which a process has no memory: null, below the first page, a kernel
/// address, one that is not canonical, the highest one.
pub const BAD_ADDRESSES: [usize; 5] = [
    0,
    8,
    0xffff_8880_0000_0000,
    0x8000_0000_0000_0000,
    usize::MAX - 15,
];

/// Two pages of memory, of which the second cannot be touched, or not be written to.
#[derive(Debug)]
pub struct Edge(NonNull<c_void>);

impl Edge {
    /// Maps the pages, at an address or anywhere, with the second one as `second` says.
    pub fn new(second: ProtFlags, at: Option<NonZeroUsize>) -> Self {
        let size = NonZeroUsize::new(2 * PAGE).unwrap();
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = match at {
            Some(_) => MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE,
            None => MapFlags::MAP_PRIVATE,
        };
        // SAFETY: A new mapping changes none that exists.
        let pages = unsafe { mmap_anonymous(at, size, protection, flags) }.expect("mmap");
        // SAFETY: The page is ours, and no reference to it exists.
        unsafe { mprotect(pages.byte_add(PAGE), PAGE, second) }.expect("mprotect");
        Self(pages)
    }

    /// Maps two pages of which the second cannot be touched.
    pub fn unmapped() -> Self {
        Self::new(ProtFlags::PROT_NONE, None)
    }

    /// The same for a 32-bit caller: in the upper half of its addresses, whose highest bit
    /// is no sign.
    pub fn unmapped_32() -> Self {
        Self::new(ProtFlags::PROT_NONE, NonZeroUsize::new(0xc000_0000))
    }

    /// Returns the last `n` bytes of the first page.
    pub fn last(&mut self, n: usize) -> &mut [u8] {
        assert!(n <= PAGE);
        // SAFETY: These bytes are ours, initialised by the kernel, and borrowed with `self`.
        unsafe { slice::from_raw_parts_mut(self.0.byte_add(PAGE - n).cast().as_ptr(), n) }
    }

    /// Returns the address `n` bytes before the second page.
    pub fn address(&self, n: usize) -> usize {
        self.0.as_ptr() as usize + PAGE - n
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: The pages are ours, and nobody borrows from them any more.
        unsafe { munmap(self.0, 2 * PAGE) }.expect("munmap");
    }
}

/// Zeroed memory that begins with a page, as calls with `O_DIRECT` want it.
#[derive(Debug)]
pub struct Pages {
    address: NonNull<c_void>,
    size: NonZeroUsize,
}

impl Pages {
    /// Maps so many bytes, at least one.
    pub fn new(size: usize) -> Self {
        let size = NonZeroUsize::new(size).expect("a size");
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: A new mapping changes none that exists.
        let address = unsafe { mmap_anonymous(None, size, protection, MapFlags::MAP_PRIVATE) };
        let address = address.expect("mmap");
        Self { address, size }
    }

    /// The same with this content.
    pub fn with(content: &[u8]) -> Self {
        let mut pages = Self::new(content.len());
        pages.copy_from_slice(content);
        pages
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: It is ours until drop, and zeroed at first.
        unsafe { slice::from_raw_parts(self.address.cast().as_ptr(), self.size.get()) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: As above, and borrowed by nobody else.
        unsafe { slice::from_raw_parts_mut(self.address.cast().as_ptr(), self.size.get()) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: It is ours, and nobody borrows from it any more.
        unsafe { munmap(self.address, self.size.get()) }.expect("munmap");
    }
}

/// Calls `read(2)` with any address.
///
/// # Errors
///
/// The errno.
///
/// # Safety
///
/// What is at the address may be overwritten.
pub unsafe fn read(fd: BorrowedFd<'_>, address: usize, length: usize) -> Result<usize> {
    // SAFETY: The caller sees to the address.
    let read = unsafe { libc::read(fd.as_raw_fd(), address as *mut c_void, length) };
    Errno::result(read).map(|read| read as usize)
}

/// Calls `write(2)` with any address.
///
/// # Errors
///
/// The errno.
pub fn write(fd: BorrowedFd<'_>, address: usize, length: usize) -> Result<usize> {
    // SAFETY: The kernel only reads, and only what there is.
    let written = unsafe { libc::write(fd.as_raw_fd(), address as *const c_void, length) };
    Errno::result(written).map(|written| written as usize)
}

/// Calls `ioctl(2)` as a 32-bit process does: by the kernel's entry for `int $0x80`.
///
/// # Errors
///
/// The errno.
///
/// # Safety
///
/// What is at the argument may be overwritten, if the command does that.
pub unsafe fn ioctl_32(fd: BorrowedFd<'_>, command: u32, argument: u32) -> Result<i32> {
    const NR_IOCTL: u64 = 54;
    let result: u64;
    // SAFETY: The caller sees to the argument; the kernel keeps all registers but those
    // that are named (`rbx` is LLVM's own).
    unsafe {
        std::arch::asm!(
            "xchg {fd}, rbx",
            "int 0x80",
            "xchg {fd}, rbx",
            fd = inout(reg) fd.as_raw_fd() as u64 => _,
            inout("rax") NR_IOCTL => result,
            in("rcx") u64::from(command),
            in("rdx") u64::from(argument),
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    match result as i32 {
        errno @ -4095..=-1 => Err(Errno::from_raw(-errno)),
        result => Ok(result),
    }
}

/// Calls `read(2)` with an address at which there is nothing.
///
/// # Errors
///
/// The errno.
pub fn read_to_bad_pointer(file: &File, length: usize) -> Result<usize> {
    // SAFETY: The kernel finds out that nothing may be written there.
    unsafe { read(file.as_fd(), BAD_ADDRESSES[1], length) }
}

/// Calls `write(2)` with an address at which there is nothing.
///
/// # Errors
///
/// The errno.
pub fn write_from_bad_pointer(file: &File, length: usize) -> Result<usize> {
    write(file.as_fd(), BAD_ADDRESSES[1], length)
}

/// Runs a shell command as the user `nobody`.
pub fn su_nobody(command: &str) -> Output {
    Command::new("su")
        .args(["-s", "/bin/sh", "nobody", "-c", command])
        .output()
        .expect("su")
}
