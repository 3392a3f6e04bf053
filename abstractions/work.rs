// SPDX-License-Identifier: GPL-2.0

//! Work items that end before the module's text goes, queues of a module's own, and the kernel's
//! queue that is not deprecated.
//!
//! In the book: [Time, and later](../../../book/time.html).
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! The `kernel` crate can queue items, but not take them back, nor wait for them. C has two
//! kinds of item, those that can be delayed and those that cannot, and each function exists for
//! either kind. The function that ends one kind spins for ever on the other. So all items are
//! made here, and all can be delayed.
//!
//! Unloading *waits*: the drop of an [`Item`] returns after its last run has ended, and it never
//! runs again. The drop of an [`OwnedQueue`] returns after all that was queued on it has run.
//!
//! Not supported: delayed items on an [`OwnedQueue`], which may go before their timers end.

use super::bindings;
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    impl_has_delayed_work,
    prelude::*,
    sync::Arc,
    time::Jiffies,
    workqueue::{
        DelayedWork,
        Queue,
        WorkItem, //
    },
};

/// What an item does.
pub(crate) trait Run: Send + Sync + Sized + 'static {
    /// Called once for each time that the item has been queued, not twice at once: in a
    /// kernel thread, where it may sleep; on `workqueue::system_bh()` in a softirq, where it may
    /// not. The item may be queued again from here on.
    fn run(item: &Handle<Self>);
}

/// A work item, and the data that it works on: a [registration](super#registrations).
/// Ended on drop: taken off its queue, waited for, and not queued again.
///
/// # Examples
///
/// ```
/// use abstractions::work::{
///     self,
///     Handle,
///     Item,
///     Run, //
/// };
/// use kernel::{
///     new_delayed_work,
///     time::msecs_to_jiffies, //
/// };
///
/// struct Greeting {
///     text: &'static str,
/// }
///
/// impl Run for Greeting {
///     fn run(greeting: &Handle<Self>) {
///         if work::in_thread() {
///             pr_info!("{}, from a kernel thread\n", greeting.text);
///         }
///         // And again in a second.
///         greeting.enqueue_after(work::system_percpu(), msecs_to_jiffies(1000));
///     }
/// }
///
/// fn greet_soon() -> Result<Item<Greeting>> {
///     let item = Item::new(new_delayed_work!("greeting"), Greeting { text: "Hello" })?;
///     item.handle().enqueue(work::system_percpu());
///     Ok(item)
/// }
/// ```
pub(crate) struct Item<T: Run>(Handle<T>);

impl<T: Run> Item<T> {
    /// Makes an item, with `new_delayed_work!("name")` and the data. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM, and those of `data`.
    pub(crate) fn new<E>(
        work: impl PinInit<DelayedWork<Inner<T>>>,
        data: impl PinInit<T, E>,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        let inner = Arc::pin_init::<Error>(
            try_pin_init!(Inner {
                work <- work,
                data <- data,
            }? Error),
            GFP_KERNEL,
        )?;
        Ok(Self(Handle(inner)))
    }

    /// Returns a reference for those who are to queue the item, or to use the data.
    pub(crate) fn handle(&self) -> Handle<T> {
        self.0.clone()
    }
}

impl<T: Run> Deref for Item<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

// ANCHOR: drop
/// Sleeps; not to be dropped by the item itself, which would wait for itself.
impl<T: Run> Drop for Item<T> {
    fn drop(&mut self) {
        let inner = &self.0 .0;
        // CAST: `DelayedWork` is a transparent wrapper, of what C may write to.
        let work = (&raw const inner.work).cast_mut().cast();
        // SAFETY: The item was initialised together with the data, and stays with it; it is a
        // delayed one. Nobody drops an `Item` in an interrupt, so that this may wait.
        if unsafe { bindings::disable_delayed_work_sync(work) } {
            // SAFETY: It was queued, or its timer ran, and it is not going to run: the reference
            // that its `run` would have got, made by `Arc::into_raw` in `__enqueue`, is ours.
            drop(unsafe { Arc::from_raw(Arc::as_ptr(inner)) });
        }
    }
}
// ANCHOR_END: drop

/// A reference to an item, to queue it, and to its data.
pub(crate) struct Handle<T: Run>(Arc<Inner<T>>);

impl<T: Run> Handle<T> {
    /// Queues the item, and returns whether it was: it is not if it is queued already and
    /// has not begun to run, nor when the [`Item`] has been dropped. Any context but NMI.
    pub(crate) fn enqueue(&self, queue: &Queue) -> bool {
        queue.enqueue(self.0.clone()).is_ok()
    }

    /// Queues the item when so much time has passed. It counts as queued until then, so that
    /// this returns what [`Handle::enqueue`] would. Any context but NMI.
    ///
    /// The queue is one of the kernel's own, which are never destroyed.
    pub(crate) fn enqueue_after(&self, queue: &'static Queue, delay: Jiffies) -> bool {
        queue.enqueue_delayed(self.0.clone(), delay).is_ok()
    }
}

impl<T: Run> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Run> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.data
    }
}

/// An item as the `kernel` crate wants it; in the hands of [`Handle`] only.
#[doc(hidden)]
#[pin_data]
pub(crate) struct Inner<T: Run> {
    #[pin]
    work: DelayedWork<Self>,
    #[pin]
    data: T,
}

impl_has_delayed_work! {
    impl{T: Run} HasDelayedWork<Self> for Inner<T> { self.work }
}

impl<T: Run> WorkItem for Inner<T> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        T::run(&Handle(this));
    }
}

/// The queue for short work, on the CPU that it is queued on. (`workqueue::system()`
/// has the kernel warn of "deprecated workqueue".)
pub(crate) fn system_percpu() -> &'static Queue {
    // SAFETY: Made at boot, never changed, never freed.
    unsafe { Queue::from_raw(bindings::system_percpu_wq) }
}

/// Returns whether this code runs in the kernel thread of a work item, where it may sleep, and
/// not in a softirq. Any context.
pub(crate) fn in_thread() -> bool {
    // SAFETY: No requirements. It is null in a softirq, also in one that has interrupted such a
    // thread (`current_wq_worker()`).
    !unsafe { bindings::current_work() }.is_null()
}

/// A queue of one's own, for items and functions that may take their time. Dropping it waits
/// until all that is queued has run: it is a [registration](super#registrations). An item that
/// queues itself again for ever keeps it waiting, and what runs on the queue must not drop it.
///
/// It is no [`Queue`]: that one takes delayed items, whose timers the drop would not wait
/// for.
///
/// # Invariants
///
/// Points to a workqueue, which is ours.
///
/// # Examples
///
/// ```
/// use abstractions::work::OwnedQueue;
///
/// fn start() -> Result<OwnedQueue> {
///     let queue = OwnedQueue::ordered(c"example")?;
///     queue.spawn(|| pr_info!("First\n"))?;
///     queue.spawn(|| pr_info!("Second\n"))?;
///     Ok(queue)
/// }
/// ```
pub(crate) struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue belongs to no thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: All that can be done with a reference is queueing, which is for any thread.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a queue whose work runs on any CPU, 1024 at once, the others after them. The name is
    /// that of its threads, behind `kworker/`. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        Self::with(name, bindings::wq_flags_WQ_UNBOUND, 0)
    }

    /// Makes a queue whose work runs on any CPU, one after the other, in the order in which it
    /// was queued: C's `alloc_ordered_workqueue()`. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn ordered(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags___WQ_ORDERED;
        Self::with(name, flags, 1)
    }

    fn with(name: &CStr, flags: bindings::wq_flags, max_active: c_int) -> Result<Self> {
        // SAFETY: The format takes one NUL-terminated string, which is copied.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                flags,
                max_active,
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
        Ok(self.queue().try_spawn(GFP_KERNEL, function)?)
    }

    /// Queues an item, as [`Handle::enqueue`] does, whose drop takes it off again. Any context
    /// but NMI.
    pub(crate) fn enqueue<T: Run>(&self, item: &Handle<T>) -> bool {
        item.enqueue(self.queue())
    }

    fn queue(&self) -> &Queue {
        // SAFETY: By the type invariants it is a workqueue, until drop.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
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
