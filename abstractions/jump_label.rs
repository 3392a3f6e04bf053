// SPDX-License-Identifier: GPL-2.0

//! Static keys: branches that cost nothing while they are not taken, and are changed while the
//! kernel runs by rewriting its code.
//!
//! In the book: [Sharing](../../../book/sharing.html).
//!
//! C header: [`include/linux/jump_label.h`](srctree/include/linux/jump_label.h)
//!
//! The `kernel` crate has the branch, for keys that C code defines.
//!
//! Nothing is registered, so unloading needs no care: a key and the branches on it are the
//! module's, and the kernel forgets them with it.
//!
//! Without `CONFIG_JUMP_LABEL` a branch looks at the key each time; all else is the same.
//!
//! Not supported: keys that begin enabled, branches that are likely, keys with a count.

use super::bindings;
#[cfg(not(CONFIG_JUMP_LABEL))]
use core::sync::atomic::{
    AtomicI32,
    Ordering::Relaxed, //
};

/// The key itself, C's `DEFINE_STATIC_KEY_FALSE`, in a static that only the code of
/// [`static_key!`] names.
#[doc(hidden)]
#[repr(C)]
pub(crate) struct Key {
    pub(crate) key: bindings::static_key_false,
}

impl Key {
    #[doc(hidden)]
    pub(crate) const fn new() -> Self {
        Self {
            key: pin_init::zeroed(),
        }
    }
}

/// What changes a static key: there is one for each, and the kernel warns of two changes at once.
///
/// # Invariants
///
/// Points to a static that [`Key::new`] has made, of which this is the only switch, and that
/// nothing else uses but branches.
pub(crate) struct Switch(*mut Key);

// SAFETY: A key belongs to no thread.
unsafe impl Send for Switch {}
// SAFETY: Nothing can be done with a reference.
unsafe impl Sync for Switch {}

impl Switch {
    /// # Safety
    ///
    /// `key` must be what the type's invariants say.
    #[doc(hidden)]
    pub(crate) unsafe fn new(key: *mut Key) -> Self {
        // INVARIANT: By this function's contract.
        Self(key)
    }

    /// Has all processors take the branches from now on. Process context; may sleep.
    pub(crate) fn enable(&mut self) {
        self.set(true);
    }

    /// Has no processor take the branches from now on. Process context; may sleep.
    pub(crate) fn disable(&mut self) {
        self.set(false);
    }

    #[cfg(CONFIG_JUMP_LABEL)]
    fn set(&mut self, enabled: bool) {
        // SAFETY: By the type invariants it is a key, in memory that the kernel may write to, and
        // that of the module as long as there are branches on it. Nobody else changes it meanwhile.
        unsafe {
            let key = &raw mut (*self.0).key.key;
            if enabled {
                bindings::static_key_enable(key);
            } else {
                bindings::static_key_disable(key);
            }
        }
    }

    #[cfg(not(CONFIG_JUMP_LABEL))]
    fn set(&mut self, enabled: bool) {
        // SAFETY: By the type invariants the place is there; it is an `atomic_t` of C, which
        // branches read as one.
        let key = unsafe { AtomicI32::from_ptr(&raw mut (*self.0).key.key.enabled.counter) };
        key.store(enabled.into(), Relaxed);
    }
}

/// Makes a static key: a module of that name, with two functions.
///
/// - `is_enabled()` is the branch, for an `if`. Any context. While the key is disabled, as it is at
///   first, this is one instruction that does nothing.
/// - `switch()` returns the key's [`Switch`] to the first who asks. All processors are interrupted
///   when it is used, so it is for what rarely changes. To enable what is enabled does nothing.
///
/// # Examples
///
/// ```
/// use abstractions::jump_label::{
///     static_key,
///     Switch, //
/// };
///
/// static_key! {
///     /// Whether each packet is logged.
///     verbose
/// }
///
/// fn receive(length: usize) {
///     if verbose::is_enabled() {
///         pr_info!("{length} bytes\n");
///     }
/// }
///
/// fn log_each() -> Result<Switch> {
///     let mut switch = verbose::switch().ok_or(EBUSY)?;
///     switch.enable();
///     Ok(switch)
/// }
///
/// fn log_none(mut switch: Switch) {
///     switch.disable();
/// }
/// ```
macro_rules! static_key {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        mod $name {
            use ::core::sync::atomic::{
                AtomicBool,
                Ordering::Relaxed, //
            };
            use $crate::abstractions::jump_label::{
                Key,
                Switch, //
            };

            static mut KEY: Key = Key::new();

            /// Returns the key's switch, once.
            #[allow(dead_code)]
            pub(super) fn switch() -> Option<Switch> {
                static TAKEN: AtomicBool = AtomicBool::new(false);
                // SAFETY: The key is named in this module alone, and this is done once.
                let switch = || unsafe { Switch::new(&raw mut KEY) };
                (!TAKEN.swap(true, Relaxed)).then(switch)
            }

            /// Whether the key is enabled, by the code itself.
            #[allow(dead_code)]
            #[inline(always)]
            pub(super) fn is_enabled() -> bool {
                // SAFETY: It is a key of the kind that C's `DEFINE_STATIC_KEY_FALSE` defines, in
                // memory that can be written to.
                unsafe { ::kernel::jump_label::static_branch_unlikely!(KEY, Key, key) }
            }
        }
    };
}
pub(crate) use static_key;
