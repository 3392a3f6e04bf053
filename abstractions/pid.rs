// SPDX-License-Identifier: GPL-2.0

//! References to processes, to signal them.
//!
//! C headers: [`include/linux/pid.h`](srctree/include/linux/pid.h),
//! [`include/linux/sched/signal.h`](srctree/include/linux/sched/signal.h)
//!
//! A number may come to mean another process once the first is gone; a reference
//! never does.
//!
//! Unloading neither waits for nor is held up by a reference: what it points to
//! belongs to the kernel, and calls nothing of ours.
//!
//! Not supported: threads, process groups, sessions, and finding a process by its
//! number.

use super::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A process, which may have ended.
///
/// # Invariants
///
/// Points to a `struct pid`, on which it holds a reference.
///
/// # Examples
///
/// ```
/// use abstractions::pid::Pid;
///
/// struct Session {
///     opener: Pid,
/// }
///
/// impl Session {
///     fn new() -> Result<Self> {
///         Ok(Self {
///             opener: Pid::current()?,
///         })
///     }
///
///     fn kill_opener(&self) {
///         if self.opener.kill().is_err() {
///             pr_info!("The process has ended already.\n");
///         }
///     }
/// }
/// ```
pub(crate) struct Pid(NonNull<bindings::pid>);

// SAFETY: `struct pid` is reference counted, and belongs to no thread.
unsafe impl Send for Pid {}
// SAFETY: `kill_pid`, the only function that takes a `&Pid`, may be called from any
// thread and at the same time.
unsafe impl Sync for Pid {}

impl Pid {
    /// Returns the process that runs this. Process context.
    ///
    /// # Errors
    ///
    /// ESRCH while it is about to be gone.
    pub(crate) fn current() -> Result<Self> {
        // SAFETY: The current task is valid, at least until it has returned from here.
        let pid =
            unsafe { bindings::get_task_pid(current!().as_ptr(), bindings::pid_type_PIDTYPE_TGID) };
        // INVARIANT: `get_task_pid` took a reference, unless it returned null.
        NonNull::new(pid).map(Self).ok_or(ESRCH)
    }

    /// Kills the process, as `kill -9` does: it ends as soon as it is not busy in the
    /// kernel, and its children go on. Any context but NMI.
    ///
    /// # Errors
    ///
    /// ESRCH when it has ended, and its parent knows.
    pub(crate) fn kill(&self) -> Result {
        // CAST: It is 9.
        let signal = bindings::SIGKILL as c_int;
        // SAFETY: Valid by the type invariants. The 1 says that the kernel sends it.
        to_result(unsafe { bindings::kill_pid(self.0.as_ptr(), signal, 1) })
    }
}

impl Drop for Pid {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the reference is ours.
        unsafe { bindings::put_pid(self.0.as_ptr()) };
    }
}
