// SPDX-License-Identifier: GPL-2.0

//! Caches of objects of one size, each with a name: memory for many values of one type.
//!
//! In the book: [Memory](../../../book/memory.html).
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)
//!
//! Nothing is registered, so unloading needs no care: the kernel calls nothing of a module's for a
//! cache, and copies its name. A cache ends with the last of its objects and handles. If one is
//! leaked (`core::mem::forget`), memory and name stay until the kernel ends.
//!
//! Not supported: constructors, objects that are freed by RCU or used by programs, and memory for
//! where one may not sleep.

use super::bindings;
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::NonNull, //
};
use kernel::{
    alloc::AllocError,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

/// A handle of a cache of objects: C's `struct kmem_cache`. Objects have 1 to 2 × `PAGE_SIZE`
/// bytes, or the code does not compile.
///
/// Each object begins a line of the processor's cache, or half of one, a quarter and so on
/// where it fits in there. The cache shares its memory with no other, so
/// `/sys/kernel/slab/NAME` tells of it alone.
///
/// # Examples
///
/// ```
/// use abstractions::slab::{
///     Cache,
///     Object, //
/// };
///
/// struct Connection {
///     port: u16,
///     bytes: u64,
/// }
///
/// fn connect(connections: &Cache<Connection>, port: u16) -> Result<Object<Connection>> {
///     let mut connection = connections.alloc(Connection { port, bytes: 0 })?;
///     connection.bytes += 20;
///     Ok(connection)
/// }
///
/// fn first() -> Result<Object<Connection>> {
///     // The object keeps the cache.
///     connect(&Cache::new(c"connection")?, 80)
/// }
/// ```
pub(crate) struct Cache<T> {
    raw: Arc<Raw>,
    _objects: PhantomData<fn() -> T>,
}

/// Destroyed on drop.
///
/// # Invariants
///
/// It is a cache of the kernel's, and whoever has one of its objects has a reference to this.
struct Raw(NonNull<bindings::kmem_cache>);

// SAFETY: A cache belongs to no thread, and its functions do their own locking.
unsafe impl Send for Raw {}
// SAFETY: As above; what can be done with a reference is for any thread.
unsafe impl Sync for Raw {}

impl<T> Cache<T> {
    /// Makes a cache. The name has no space in it, and no other cache has it, or the kernel
    /// warns. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM; the kernel logs the name and where it was.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        const {
            // What C's allocators have caches for. No alignment is larger than the size.
            assert!(size_of::<T>() > 0 && size_of::<T>() <= 2 * PAGE_SIZE);
        }
        let mut args = bindings::kmem_cache_args {
            align: align_of::<T>() as c_uint,
            ..Default::default()
        };
        let flags = 1 << bindings::_slab_flag_bits__SLAB_HWCACHE_ALIGN
            | 1 << bindings::_slab_flag_bits__SLAB_NO_MERGE;
        // SAFETY: The name is NUL-terminated, and copied. The arguments are used during the call
        // alone; they ask for an alignment, which is a power of two, and for no constructor. The
        // size is one that the kernel has slabs for.
        let cache = unsafe {
            bindings::__kmem_cache_create_args(
                name.as_char_ptr(),
                size_of::<T>() as c_uint,
                &raw mut args,
                flags,
            )
        };
        // INVARIANT: It is a cache now, without objects.
        let raw = Raw(NonNull::new(cache).ok_or(ENOMEM)?);
        Ok(Self {
            raw: Arc::new(raw, GFP_KERNEL)?,
            _objects: PhantomData,
        })
    }

    /// Takes an object out of the cache, and moves a value into it. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// [`AllocError`]; the value is dropped then.
    pub(crate) fn alloc(&self, value: T) -> Result<Object<T>, AllocError> {
        // SAFETY: By the type invariants it is a cache.
        let object =
            unsafe { bindings::kmem_cache_alloc_noprof(self.raw.0.as_ptr(), bindings::GFP_KERNEL) };
        let object = NonNull::new(object.cast::<T>()).ok_or(AllocError)?;
        // SAFETY: It has the size and the alignment of `T`, by `new`, and is nobody else's.
        unsafe { object.write(value) };
        // INVARIANT: It is an object of this cache, it is ours, and it has a value.
        Ok(Object {
            object,
            cache: self.raw.clone(),
            _owns: PhantomData,
        })
    }
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            _objects: PhantomData,
        }
    }
}

impl Drop for Raw {
    /// Sleeps.
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is a cache. Nobody has an object any more, for that
        // takes a reference to this; none is freed by RCU.
        unsafe { bindings::kmem_cache_destroy(self.0.as_ptr()) };
    }
}

/// A value in an object of a [`Cache`], as `KBox` is one in memory of `kmalloc()`. It keeps the
/// cache. Dropped in process context, where one may sleep: it may be the last that the cache has.
///
/// # Invariants
///
/// `object` is an object of `cache` that belongs to this, and has a value.
pub(crate) struct Object<T> {
    object: NonNull<T>,
    cache: Arc<Raw>,
    _owns: PhantomData<T>,
}

// SAFETY: It owns its value, as a box does, and the cache belongs to no thread.
unsafe impl<T: Send> Send for Object<T> {}
// SAFETY: A reference to it gives references to its value, and no more.
unsafe impl<T: Sync> Sync for Object<T> {}

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariants it has a value, which nobody else changes.
        unsafe { self.object.as_ref() }
    }
}

impl<T> DerefMut for Object<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the type invariants it has a value, which nobody else uses.
        unsafe { self.object.as_mut() }
    }
}

impl<T> Drop for Object<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it has a value, which nobody uses after this.
        unsafe { self.object.drop_in_place() };
        // SAFETY: By the type invariants the object is one of this cache's, and ours until now.
        unsafe {
            bindings::kmem_cache_free(self.cache.0.as_ptr(), self.object.as_ptr().cast());
        }
    }
}
