// SPDX-License-Identifier: GPL-2.0

//! All that differs between the kernel series which are supported, 7.2 and 7.3.
//!
//! Where one piece of code cannot serve both, `Makefile.generated` tells by `lkmpg_7_2`.

use super::bindings;
use core::borrow::Borrow;
use kernel::prelude::*;

/// Returns the value of a parameter declared in `module!`'s `params`:
/// `param_value(module_parameters::count.value())`.
///
/// `ModuleParamAccess::value` returns a reference in 7.2 and a copy in 7.3.
///
/// # Examples
///
/// ```
/// use abstractions::series::param_value;
///
/// module! {
///     type: Example,
///     name: "example",
///     authors: ["lkmpg-rs authors"],
///     description: "Has a parameter",
///     license: "GPL",
///     params: {
///         count: u32 {
///             default: 1,
///             description: "How often to greet",
///         },
///     },
/// }
///
/// struct Example;
///
/// impl kernel::Module for Example {
///     fn init(_module: &'static ThisModule) -> Result<Self> {
///         let count: u32 = param_value(module_parameters::count.value());
///         for _ in 0..count {
///             pr_info!("Hello\n");
///         }
///         Ok(Self)
///     }
/// }
/// ```
pub(crate) fn param_value<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}

/// Returns the `struct module` that this code is part of, C's `THIS_MODULE`: null
/// when it is built into the kernel, which `try_module_get` and `module_put` take.
///
/// The Rust names for it differ: `crate::THIS_MODULE` in 7.2,
/// `kernel::module::this_module` in 7.3. The symbol that modpost adds does not.
pub(super) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    return (&raw const bindings::__this_module).cast_mut();
    #[cfg(not(MODULE))]
    return core::ptr::null_mut();
}

/// Returns what a C interrupt handler returns, from its value in `enum irqreturn`.
///
/// `irqreturn_t` is an integer in 7.2 and a struct around one in 7.3.
// Hidden, not `pub(super)`: a module of the tests has a C handler of its own.
#[doc(hidden)]
pub(crate) fn irq_return(value: c_uint) -> bindings::irqreturn_t {
    // SAFETY: Either type is a transparent wrapper of, or is, an `unsigned int`, of
    // which each value is valid.
    unsafe { core::mem::transmute::<c_uint, bindings::irqreturn_t>(value) }
}

/// A function of `struct kobj_attribute` that shows a file's value.
pub(super) type Show = unsafe extern "C" fn(
    *mut bindings::kobject,
    *mut bindings::kobj_attribute,
    *mut c_char,
) -> isize;

/// A function of `struct kobj_attribute` that takes what was written to a file.
pub(super) type Store = unsafe extern "C" fn(
    *mut bindings::kobject,
    *mut bindings::kobj_attribute,
    *const c_char,
    usize,
) -> isize;

/// Returns what C's `__ATTR(name, mode, show, store)` makes.
///
/// In 7.3 each function lies in a union, or with kCFI a struct, with its variant for constant
/// attributes.
pub(super) fn kobj_attribute(
    attr: bindings::attribute,
    show: Option<Show>,
    store: Option<Store>,
) -> bindings::kobj_attribute {
    let mut attribute = bindings::kobj_attribute {
        attr,
        ..Default::default()
    };
    #[cfg(lkmpg_7_2)]
    {
        attribute.show = show;
        attribute.store = store;
    }
    #[cfg(not(lkmpg_7_2))]
    {
        attribute.__bindgen_anon_1.show = show;
        attribute.__bindgen_anon_2.store = store;
    }
    attribute
}
