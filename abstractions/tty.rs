// SPDX-License-Identifier: GPL-2.0

//! The terminal of the current process.
//!
//! In the book: [The world outside](../../../book/outside.html).
//!
//! C headers: [`include/linux/tty.h`](srctree/include/linux/tty.h),
//! [`include/linux/tty_driver.h`](srctree/include/linux/tty_driver.h)
//!
//! Unloading neither waits for nor is held up by a [`Tty`]: nothing in it points
//! into the module.
//!
//! Upstream would refuse a module that writes to somebody's terminal: messages go to the
//! kernel log (`pr_info!`), and what a process asks for is its system call's result.
//!
//! Not supported: reading, waiting for room, terminals of other processes.

use super::bindings;
use core::ptr::NonNull;
use kernel::task::might_sleep;

/// A terminal, kept alive by a reference to it.
///
/// # Invariants
///
/// `self.0` points to a valid `struct tty_struct`, to which this owns a reference.
///
/// # Examples
///
/// ```
/// use abstractions::tty::Tty;
///
/// fn greet() {
///     if let Some(terminal) = Tty::current() {
///         terminal.write(b"Hello\r\n");
///     }
/// }
/// ```
pub(crate) struct Tty(NonNull<bindings::tty_struct>);

impl Tty {
    /// Returns the controlling terminal of the current process, or `None` where
    /// it has none: a daemon, a kernel thread, a helper that the kernel started.
    ///
    /// Process context, which a kernel with `CONFIG_DEBUG_ATOMIC_SLEEP` checks. An
    /// interrupt may come when the process has all but ended and has no signal handlers
    /// any more (`current->sighand`), whose lock this takes.
    pub(crate) fn current() -> Option<Self> {
        might_sleep();
        // SAFETY: A process that runs code of its own accord has its `sighand` and its
        // `signal`: it loses them when it is released, after its last own code.
        let tty = unsafe { bindings::get_current_tty() };
        // INVARIANT: `get_current_tty` returns null, or a terminal with a new
        // reference, which is ours.
        NonNull::new(tty).map(Self)
    }

    /// Writes as many of `bytes` as the terminal takes at once, as they are
    /// (without output processing, so a new line is CR LF), and returns how many
    /// those were: none when it is stopped (^S), full, closed or cannot write.
    ///
    /// Process context; may sleep, for a lock, but not for room: it does not take
    /// `atomic_write_lock`, which a writer that waits for room holds. No signal ends the
    /// waiting for the lock. It is short, but for a serial line that is being closed: that
    /// may hold the lock until all has been sent, 30 s if nobody set another time.
    pub(crate) fn write(&self, bytes: &[u8]) -> usize {
        let tty = self.0.as_ptr();
        // SAFETY: By the type invariants `tty` is valid. This may sleep, and nobody who
        // holds the lock calls us.
        unsafe { bindings::tty_lock(tty) };
        // SAFETY: As above; `count` is protected by the lock, which we hold.
        let is_open = unsafe { (*tty).count } > 0;
        // SAFETY: As above; `ops` is set before a terminal is published, and does not
        // change. It points to a table that lives as long as the terminal's driver, which
        // the terminal holds a reference to.
        let write = unsafe { (*(*tty).ops).write };
        let written = match write {
            // A terminal that nobody has open may have lost what `write` needs,
            // such as the other end of a pty.
            Some(write) if is_open => {
                // SAFETY: `tty` is valid, and open as long as we hold its lock.
                let room = unsafe { bindings::tty_write_room(tty) } as usize;
                let length = room.min(bytes.len());
                // SAFETY: As above; it is the driver's own function, with its own terminal.
                // It may be called from several threads at once (`tty_driver.h`). `bytes`
                // has `length` readable bytes at least, which it copies.
                unsafe { write(tty, bytes.as_ptr(), length) }
            }
            _ => 0,
        };
        // SAFETY: `tty` is still valid, and we took the lock above.
        unsafe { bindings::tty_unlock(tty) };
        // A driver's error (a hung-up line, say) is nothing written.
        usize::try_from(written).unwrap_or(0)
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we own a reference; it is not used again.
        unsafe { bindings::tty_kref_put(self.0.as_ptr()) };
    }
}
