// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate's work queues lack: an end to a work item before the
//! module's text goes, a queue of one's own, and a queue that the kernel does not call
//! deprecated.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! Unloading *waits*, where the module keeps a [`Disable`] for each of its work items:
//! its drop returns after the item's last run has ended, and there is no other. For the
//! functions given to an [`OwnedQueue`] the drop of that one waits.
//!
//! Not supported: items in anything but an `Arc`, delayed items.

use super::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::Arc,
    workqueue::{
        HasWork,
        Queue,
        Work,
        WorkItem, //
    },
};

/// Ends a work item on drop: takes it off its queue, waits until it has returned, and
/// keeps it from being queued again.
pub(crate) struct Disable<T>(Arc<T>)
where
    T: HasWork<T> + WorkItem<Pointer = Arc<T>>;

impl<T> Disable<T>
where
    T: HasWork<T> + WorkItem<Pointer = Arc<T>>,
{
    /// Process context on drop, which sleeps; not in the work item itself.
    pub(crate) fn on_drop(item: Arc<T>) -> Self {
        Self(item)
    }
}

impl<T> Drop for Disable<T>
where
    T: HasWork<T> + WorkItem<Pointer = Arc<T>>,
{
    fn drop(&mut self) {
        let item = Arc::as_ptr(&self.0).cast_mut();
        // SAFETY: The pointer comes from an `Arc` that we hold, so it is valid.
        let work = unsafe { Work::raw_get(T::raw_get_work(item)) };
        // SAFETY: The work item was initialised together with the value in the `Arc`.
        if unsafe { bindings::disable_work_sync(work) } {
            // SAFETY: It was queued and is not going to run: the reference that its
            // `run` would have got, made by `Arc::into_raw` in `__enqueue`, is ours.
            drop(unsafe { Arc::from_raw(item) });
        }
    }
}

/// The queue for short work, on the CPU that it is queued on. (`workqueue::system()`
/// has the kernel warn of "deprecated workqueue".)
pub(crate) fn system_percpu() -> &'static Queue {
    // SAFETY: Made at boot, never changed, never freed.
    unsafe { Queue::from_raw(bindings::system_percpu_wq) }
}

/// A queue of one's own, for functions that may take their time: they run on any CPU,
/// 1024 of them at once, the others after them. Dropping it waits for all.
///
/// It is no [`Queue`]: that one takes delayed items, whose timers the drop would not wait
/// for.
///
/// # Invariants
///
/// Points to a workqueue, which is ours.
pub(crate) struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue belongs to no thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: All that can be done with a reference is queueing, which is for any thread.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a queue; the name is for messages of the kernel. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        // SAFETY: The format takes one NUL-terminated string, which is copied.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND,
                0,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: It is null, or fresh.
        NonNull::new(queue).map(Self).ok_or(ENOMEM)
    }

    /// Has a function called once, soon, in a kernel thread. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM; the function is dropped then.
    pub(crate) fn spawn(&self, function: impl FnOnce() + Send + 'static) -> Result {
        // SAFETY: By the type invariants it is a workqueue, until drop.
        let queue = unsafe { Queue::from_raw(self.0.as_ptr()) };
        Ok(queue.try_spawn(GFP_KERNEL, function)?)
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is a workqueue, and ours, and nobody queues
        // anything any more, for that takes a reference. There are no delayed items on it.
        // When this returns, all functions have returned to the kernel
        // (`drain_workqueue()`).
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}
