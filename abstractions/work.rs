// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate's work queues lack: an end to a work item before the
//! module's text goes, and a queue that the kernel does not call deprecated.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! Unloading *waits*, where the module keeps a [`Disable`] for each of its work items:
//! its drop returns after the item's last run has ended, and there is no other.
//!
//! Not supported: items in anything but an `Arc`, delayed items.

use super::bindings;
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
