// SPDX-License-Identifier: GPL-2.0

//! The life of the module that this code is part of.
//!
//! In the book: [How a module begins and ends](../../../book/life.html).
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)
//!
//! The kernel frees a module whose `init` fails whatever its use count, while one that
//! has been loaded stays as long as it is in use. So others must not get into the module
//! before `init` has returned: [`WhenLoaded`] lets them in then, and [`is_loading`] says
//! whether it is too early.
//!
//! Unloading *waits*: dropping a [`WhenLoaded`] returns after its callback has.

use super::series::this_module;
use kernel::{
    bindings,
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// Returns whether the module's `init` has not returned yet. A module that is built into
/// the kernel is never loading: nobody can free it. Any context.
pub(crate) fn is_loading() -> bool {
    let module = this_module();
    if module.is_null() {
        return false;
    }
    // SAFETY: This is the module that the running code belongs to, so it is valid. Its
    // state may change meanwhile: a volatile read, C's `READ_ONCE()`, takes the old or
    // the new one.
    let state = unsafe { (&raw const (*module).state).read_volatile() };
    state == bindings::module_state_MODULE_STATE_COMING
}

/// What [`WhenLoaded`] calls.
pub(crate) trait Loaded: Send + Sync + 'static {
    /// Called when the module has been loaded, before `insmod` returns. A second time, if
    /// the [`WhenLoaded`] was made in that very moment. Process context; may sleep.
    fn loaded(&self);
}

/// Tells a [`Loaded`] when the module's `init` has returned with success; at once, if it
/// has already.
///
/// # Invariants
///
/// `self` is pinned; `notifier` is in the chain of module notifiers until drop.
///
/// # Examples
///
/// ```
/// use abstractions::module::{
///     is_loading,
///     Loaded,
///     WhenLoaded, //
/// };
///
/// struct Doors;
///
/// impl Loaded for Doors {
///     fn loaded(&self) {
///         pr_info!("Come in.\n");
///     }
/// }
///
/// struct Example {
///     _open: Pin<KBox<WhenLoaded<Doors>>>,
/// }
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         let open = KBox::pin_init(WhenLoaded::new(Doors), GFP_KERNEL)?;
///         let early = is_loading();
///         pr_info!("Too early: {early}\n");
///         Ok(Self { _open: open })
///     }
/// }
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct WhenLoaded<T: Loaded> {
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
    callee: T,
}

// SAFETY: The chain has a lock, so a notifier may be taken out by any thread.
unsafe impl<T: Loaded> Send for WhenLoaded<T> {}
// SAFETY: There is nothing that can be done with a reference.
unsafe impl<T: Loaded> Sync for WhenLoaded<T> {}

impl<T: Loaded> WhenLoaded<T> {
    /// Process context; may sleep. Not in a module notifier.
    ///
    /// # Errors
    ///
    /// ENOMEM, if the result is boxed; it cannot fail otherwise.
    pub(crate) fn new(callee: T) -> impl PinInit<Self, Error> {
        // INVARIANT: Where this succeeds, the notifier has just been registered.
        try_pin_init!(&this in Self {
            notifier: Opaque::new(bindings::notifier_block {
                notifier_call: Some(Self::callback),
                ..pin_init::zeroed()
            }),
            callee,
            _: {
                // SAFETY: `this` points to the value that is being initialised.
                let this = unsafe { this.as_ref() };
                // SAFETY:
                // - The block is in no chain, and stays where it is until drop takes it
                //   out of this one.
                // - The callback takes it for the `notifier` of a `Self`, which it is,
                //   with all fields initialised.
                to_result(unsafe { bindings::register_module_notifier(this.notifier.get()) })?;
                // If it became so before the notifier was there.
                if !is_loading() {
                    this.callee.loaded();
                }
            },
        })
    }

    /// # Safety
    ///
    /// To be called by the chain of module notifiers, for a block that is the `notifier`
    /// of a `Self`.
    unsafe extern "C" fn callback(
        notifier: *mut bindings::notifier_block,
        state: c_ulong,
        module: *mut c_void,
    ) -> c_int {
        let live = bindings::module_state_MODULE_STATE_LIVE as c_ulong;
        if state == live && module == this_module().cast() {
            // SAFETY: The caller promises that this is the `notifier` of a `Self`; that
            // one is valid, for drop waits for this callback.
            let this = unsafe { &*container_of!(Opaque::cast_from(notifier), Self, notifier) };
            this.callee.loaded();
        }
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<T: Loaded> PinnedDrop for WhenLoaded<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants the block is in the chain. This waits for the
        // chain's lock, which is held around each callback.
        unsafe { bindings::unregister_module_notifier(self.notifier.get()) };
    }
}
