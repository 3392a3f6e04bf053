// SPDX-License-Identifier: GPL-2.0

//! String parameters of a module, which `module!` does not have.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)
//! (`module_param(name, charp, 0444)`, `MODULE_PARM_DESC`).
//!
//! Unloading neither waits for nor is held up by a parameter; the kernel frees
//! its value after the module's exit has returned.
//!
//! Not supported: writing through sysfs, for then a value could be freed while
//! it is read.

use core::cell::UnsafeCell;
use kernel::prelude::*;

/// A string parameter, declared by [`string_parameters!`].
///
/// # Invariants
///
/// The pointer is null, or points to a NUL-terminated string that is valid and
/// constant as long as the module is loaded.
pub(crate) struct StringParameter(UnsafeCell<*const c_char>);

// SAFETY: The pointer is written by the kernel while it parses the module's
// arguments, or its own command line for a module that is built in: before any
// code of the module runs, and never again, for the parameter's mode is 0444, so
// sysfs offers no way to set it.
unsafe impl Sync for StringParameter {}

impl StringParameter {
    /// Creates a parameter that was not given.
    // Not for direct use: only `string_parameters!` tells the kernel of it.
    #[doc(hidden)]
    pub(crate) const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self(UnsafeCell::new(core::ptr::null()))
    }

    /// Returns the place of the value, for `struct kernel_param`.
    #[doc(hidden)]
    pub(crate) const fn as_void_ptr(&'static self) -> *mut c_void {
        self.0.get().cast()
    }

    /// Returns the string that was given, at most 1024 bytes (the kernel refuses
    /// a longer one with ENOSPC), or `None`. Any context.
    pub(crate) fn value(&'static self) -> Option<&'static CStr> {
        // SAFETY: Nobody writes the pointer while code of the module runs, see
        // `Sync` above.
        let value = unsafe { *self.0.get() };
        if value.is_null() {
            return None;
        }
        // SAFETY: By the type invariants a pointer that is not null points to a
        // NUL-terminated string, constant while the module is loaded; a `static`
        // of the module, and so `'static` here, does not outlive that.
        Some(unsafe { CStr::from_char_ptr(value) })
    }
}

/// Copies a string of known length into an array, as `.modinfo` wants it.
#[doc(hidden)]
pub(crate) const fn bytes<const N: usize>(string: &str) -> [u8; N] {
    let mut array = [0; N];
    let mut i = 0;
    while i < N {
        array[i] = string.as_bytes()[i];
        i += 1;
    }
    array
}

/// Declares string parameters of a module, readable below
/// `/sys/module/<module>/parameters/` (mode 0444).
///
/// A module that is built in takes them from the kernel's command line, as
/// `<module>.<name>=<value>`.
///
/// Each becomes a [`StringParameter`] in a module `string_parameters`, in the
/// way of `module!`'s `module_parameters`. `module` is the module's name.
///
/// # Examples
///
/// ```
/// use abstractions::param::{
///     string_parameters,
///     StringParameter, //
/// };
///
/// string_parameters! {
///     module: "example",
///     str1: "The first string to log",
///     str2: "The second string to log",
/// }
///
/// fn log(parameter: &'static StringParameter) {
///     if let Some(text) = parameter.value() {
///         pr_info!("{text}\n");
///     }
/// }
///
/// fn log_both() {
///     log(&string_parameters::str1);
///     log(&string_parameters::str2);
/// }
/// ```
macro_rules! string_parameters {
    (module: $module:literal, $($name:ident: $description:literal),+ $(,)?) => {
        mod string_parameters {
            $(
                #[allow(non_upper_case_globals)]
                #[doc = $description]
                pub(crate) static $name: $crate::abstractions::param::StringParameter =
                    $crate::abstractions::param::StringParameter::new();

                const _: () = {
                    use ::kernel::{
                        bindings,
                        module_param::KernelParam, //
                    };

                    // `struct kernel_param`, as the C macro `__module_param_call` fills it.
                    #[link_section = "__param"]
                    #[used(compiler)]
                    static PARAM: KernelParam = KernelParam::new(bindings::kernel_param {
                        name: ::kernel::str::as_char_ptr_in_const_context(
                            $crate::abstractions::param::name!($module, $name)
                        ),
                        #[cfg(MODULE)]
                        mod_: (&raw const bindings::__this_module).cast_mut(),
                        #[cfg(not(MODULE))]
                        mod_: ::core::ptr::null_mut(),
                        ops: &raw const bindings::param_ops_charp,
                        perm: 0o444,
                        level: -1,
                        flags: 0,
                        __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                            arg: $name.as_void_ptr(),
                        },
                    });

                    $crate::abstractions::param::modinfo!(
                        $module, concat!("parmtype=", stringify!($name), ":charp\0")
                    );
                    $crate::abstractions::param::modinfo!(
                        $module, concat!("parm=", stringify!($name), ":", $description, "\0")
                    );
                };
            )+
        }
    };
}
pub(crate) use string_parameters;

/// The parameter's name in `struct kernel_param`: with the module's name before
/// it when that is built into the kernel.
#[doc(hidden)]
macro_rules! name {
    ($module:literal, $name:ident) => {{
        const NAME: &str = if cfg!(MODULE) {
            concat!(stringify!($name), "\0")
        } else {
            concat!($module, ".", stringify!($name), "\0")
        };
        match ::core::ffi::CStr::from_bytes_with_nul(NAME.as_bytes()) {
            // Not `name`, which may well be a parameter's.
            Ok(__name) => __name,
            Err(_) => panic!("NUL in the name of a parameter"),
        }
    }};
}
#[doc(hidden)]
pub(crate) use name;

/// Puts a string into `.modinfo`, in the form that a loadable or a built-in
/// module has.
#[doc(hidden)]
macro_rules! modinfo {
    ($module:literal, $string:expr) => {
        const _: () = {
            const STRING: &str = if cfg!(MODULE) {
                $string
            } else {
                concat!($module, ".", $string)
            };

            #[link_section = ".modinfo"]
            #[used(compiler)]
            static MODINFO: [u8; STRING.len()] = $crate::abstractions::param::bytes(STRING);
        };
    };
}
#[doc(hidden)]
pub(crate) use modinfo;
