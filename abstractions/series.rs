// SPDX-License-Identifier: GPL-2.0

//! All that differs between the kernel series which are supported, 7.2 and 7.3.

use core::borrow::Borrow;
use kernel::bindings;

/// Returns the value of a parameter declared in `module!`'s `params`:
/// `param_value(module_parameters::count.value())`.
///
/// `ModuleParamAccess::value` returns a reference in 7.2 and a copy in 7.3.
pub(crate) fn param_value<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}

/// Returns what C calls `THIS_MODULE`: null in a module that is built into the
/// kernel.
///
/// 7.2 has `crate::THIS_MODULE`, 7.3 `this_module::<M>()`, which is not within reach
/// of a `const` of both; this symbol, which modpost makes, is what either points to.
pub(crate) const fn this_module() -> *mut bindings::module {
    if cfg!(MODULE) {
        (&raw const bindings::__this_module).cast_mut()
    } else {
        core::ptr::null_mut()
    }
}
