// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that have ended before the module's text goes.
//!
//! In the book: [Waiting](../../../book/waiting.html).
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)
//!
//! Unloading *waits*: the drop of a [`Thread`] asks the thread to stop, and returns after the
//! thread has left the module for good.
//!
//! Not supported: exit codes, parking, threads that stay on one CPU.

use super::bindings;
use core::cell::UnsafeCell;
use kernel::{
    error::from_err_ptr,
    prelude::*,
    sync::aref::ARef,
    task::Task,
    types::NotThreadSafe, //
};

/// A kernel thread and the function that it runs: a [registration](super#registrations).
///
/// The drop asks the thread to stop, and waits until it has ended; that takes as long as the
/// function does, see [`Stop`]. It sleeps. A thread must not drop itself: it would wait for
/// itself.
///
/// A thread that is dropped before it has run for the first time never calls the function;
/// what that owns is dropped nevertheless. So nobody may wait without end for what such a
/// function does.
///
/// # Invariants
///
/// `task` was made by `kthread_create_on_node()` for `_function`, and is stopped by the drop
/// only.
///
/// # Examples
///
/// ```
/// use abstractions::kthread::{
///     Stop,
///     Thread, //
/// };
/// use kernel::time::{
///     delay::fsleep,
///     Delta, //
/// };
///
/// fn count(stop: &Stop) {
///     let mut rounds = 0;
///     while !stop.requested() {
///         fsleep(Delta::from_millis(100));
///         rounds += 1;
///     }
///     pr_info!("{rounds} rounds\n");
/// }
///
/// fn start() -> Result<Thread> {
///     let thread = Thread::new(c"example", count)?;
///     thread.start();
///     Ok(thread)
/// }
/// ```
pub(crate) struct Thread {
    task: ARef<Task>,
    // It belongs to us and not to the thread, which may come to its end without calling it.
    _function: KBox<dyn Send>,
}

// SAFETY: A reference gives no access to the function, and a `Task` is `Sync`.
unsafe impl Sync for Thread {}

impl Thread {
    /// Makes a thread that sleeps until [`Thread::start`] is called. `ps` shows the first 15
    /// bytes of its name. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM; EAGAIN when there are too many threads; EINTR when the calling process is being
    /// killed.
    pub(crate) fn new<F>(name: &CStr, function: F) -> Result<Self>
    where
        F: FnOnce(&Stop) + Send + 'static,
    {
        let function = KBox::new(UnsafeCell::new(Some(function)), GFP_KERNEL)?;
        // SAFETY: The format takes one NUL-terminated string, which is copied. `call::<F>` gets
        // what it wants: the box is freed after the thread has ended.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(call::<F>),
                function.get().cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })?;
        // SAFETY: `Task` is a transparent wrapper. The thread sleeps, so it has not ended, and
        // its `task_struct` is there.
        let task = unsafe { &*task.cast::<Task>() };
        // INVARIANT: It was made for this function just now.
        Ok(Self {
            task: ARef::from(task),
            _function: function,
        })
    }

    /// Has the thread call its function, once; later calls do nothing. Any context but NMI.
    pub(crate) fn start(&self) {
        self.task.wake_up();
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this is a kernel thread, which was not stopped before.
        // It may have ended, but the reference keeps its `task_struct`. When this returns, the
        // thread has come to `mm_release()` in the kernel, and uses nothing of ours any more, so
        // that the function may be freed.
        unsafe { bindings::kthread_stop(self.task.as_ptr()) };
    }
}

/// What a thread runs.
///
/// # Safety
///
/// To be called once, by a kernel thread. `function` points to an `Option<F>`, which nobody else
/// uses until the thread has ended.
unsafe extern "C" fn call<F: FnOnce(&Stop)>(function: *mut c_void) -> c_int {
    // SAFETY: The caller promises it.
    let function = unsafe { &mut *function.cast::<Option<F>>() };
    if let Some(function) = function.take() {
        function(&Stop(NotThreadSafe));
    }
    0
}

/// Tells a kernel thread whether it is to end. It never leaves that thread.
///
/// The request wakes the thread once: a wait that any wake-up ends is over then, one that
/// waits for something else goes on.
pub(crate) struct Stop(NotThreadSafe);

impl Stop {
    /// Returns whether the [`Thread`] is being dropped. The function is to return then.
    pub(crate) fn requested(&self) -> bool {
        // SAFETY: The current thread is one that `Thread::new` made: `call` alone makes a `Stop`,
        // and lends it to a function that cannot hand it to another thread.
        unsafe { bindings::kthread_should_stop() }
    }
}
