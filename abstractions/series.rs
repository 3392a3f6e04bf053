// SPDX-License-Identifier: GPL-2.0

//! All that differs between the kernel series which are supported, 7.2 and 7.3.

use core::borrow::Borrow;

/// Returns the value of a parameter declared in `module!`'s `params`:
/// `param_value(module_parameters::count.value())`.
///
/// `ModuleParamAccess::value` returns a reference in 7.2 and a copy in 7.3.
pub(crate) fn param_value<T: Copy>(value: impl Borrow<T>) -> T {
    *value.borrow()
}
