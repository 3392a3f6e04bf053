// SPDX-License-Identifier: GPL-2.0

//! A lock that many may hold to read, or one to write.
//!
//! In the book: [Sharing](../../../book/sharing.html).
//!
//! C header: [`include/linux/rwsem.h`](srctree/include/linux/rwsem.h)
//!
//! Nothing is registered, so unloading needs no care.
//!
//! Not supported: trying, waits that a signal ends, making a writer a reader.

use super::bindings;
use core::{
    cell::UnsafeCell,
    ops::{
        Deref,
        DerefMut, //
    },
};
use kernel::{
    prelude::*,
    sync::LockClassKey,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// Data that many threads may read at once while nobody writes it: C's `struct rw_semaphore`
/// and what it protects. Made by [`new_rwsem!`].
///
/// A thread that waits for it sleeps, and takes no signal. A writer that waits keeps new
/// readers out. Whoever holds it must not take it once more, not even to read.
///
/// # Examples
///
/// ```
/// use abstractions::rwsem::{
///     new_rwsem,
///     ReadGuard,
///     RwSem,
///     WriteGuard, //
/// };
///
/// struct Limits {
///     least: u32,
///     most: u32,
/// }
///
/// fn allowed(limits: &RwSem<Limits>, value: u32) -> bool {
///     let limits: ReadGuard<'_, Limits> = limits.read();
///     (limits.least..=limits.most).contains(&value)
/// }
///
/// fn allow_any(limits: &RwSem<Limits>) {
///     let mut limits: WriteGuard<'_, Limits> = limits.write();
///     limits.least = 0;
///     limits.most = u32::MAX;
/// }
///
/// fn make() -> Result<Pin<KBox<RwSem<Limits>>>> {
///     KBox::pin_init(new_rwsem!(Limits { least: 1, most: 5 }), GFP_KERNEL)
/// }
/// ```
#[pin_data]
pub(crate) struct RwSem<T> {
    #[pin]
    semaphore: Opaque<bindings::rw_semaphore>,
    data: UnsafeCell<T>,
}

// SAFETY: A semaphore that nobody holds belongs to no thread, and the data can be sent.
unsafe impl<T: Send> Send for RwSem<T> {}
// SAFETY: Writers have the data for themselves, so it has to be `Send`. Readers share it, so it
// has to be `Sync`.
unsafe impl<T: Send + Sync> Sync for RwSem<T> {}

impl<T> RwSem<T> {
    /// Makes one; to be used by [`new_rwsem!`].
    #[doc(hidden)]
    pub(crate) fn new(
        data: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            semaphore <- Opaque::ffi_init(|slot| {
                // SAFETY: The slot is that of a semaphore, which is pinned from now on; the name
                // and the key are there for ever.
                unsafe { bindings::__init_rwsem(slot, name.as_char_ptr(), key.as_ptr()) };
            }),
            data: UnsafeCell::new(data),
        })
    }

    /// Waits until nobody writes, and lends the data. Process context, may sleep.
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        // SAFETY: It was initialised by `new`.
        unsafe { bindings::down_read(self.semaphore.get()) };
        // INVARIANT: Held to read from here on.
        ReadGuard {
            of: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Waits until nobody reads or writes, and lends the data for itself. Process context, may
    /// sleep.
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        // SAFETY: It was initialised by `new`.
        unsafe { bindings::down_write(self.semaphore.get()) };
        // INVARIANT: Held to write from here on.
        WriteGuard {
            of: self,
            _not_send: NotThreadSafe,
        }
    }
}

/// Makes a [`RwSem`], with a lock class of its own: `new_rwsem!(data)`.
macro_rules! new_rwsem {
    ($data:expr $(,)?) => {
        $crate::abstractions::rwsem::RwSem::new(
            $data,
            ::kernel::optional_name!(),
            ::kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_rwsem;

/// The data, while others may read it too. It stays in its thread.
///
/// # Invariants
///
/// This thread holds the semaphore to read.
#[must_use = "the semaphore is given back at once when the guard is not used"]
pub(crate) struct ReadGuard<'a, T> {
    of: &'a RwSem<T>,
    _not_send: NotThreadSafe,
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariants nobody writes the data.
        unsafe { &*self.of.data.get() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this thread holds it.
        unsafe { bindings::up_read(self.of.semaphore.get()) };
    }
}

/// The data, for nobody else. It stays in its thread.
///
/// # Invariants
///
/// This thread holds the semaphore to write.
#[must_use = "the semaphore is given back at once when the guard is not used"]
pub(crate) struct WriteGuard<'a, T> {
    of: &'a RwSem<T>,
    _not_send: NotThreadSafe,
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariants nobody else uses the data.
        unsafe { &*self.of.data.get() }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the type invariants nobody else uses the data.
        unsafe { &mut *self.of.data.get() }
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this thread holds it.
        unsafe { bindings::up_write(self.of.semaphore.get()) };
    }
}
