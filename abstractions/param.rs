// SPDX-License-Identifier: GPL-2.0

//! Parameters of a module that `module!` does not have: strings, arrays of integers, and
//! integers that can be changed while the module is loaded.
//!
//! In the book: [Parameters](../../../book/parameters.html).
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)
//! (`module_param(name, charp, 0444)`, `module_param_array(name, int, &count, 0444)`,
//! `module_param_cb(name, ops, arg, 0644)`, `MODULE_PARM_DESC`).
//!
//! A parameter does not delay unloading. The kernel takes its file away after the module's
//! exit has returned, and waits for processes that are reading or writing it.
//!
//! Not supported: strings and arrays that are written through sysfs: a value could change
//! while it is read.

use super::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

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

    /// Gives a new parameter the value that it has if it is not given.
    #[doc(hidden)]
    pub(crate) const fn or(self, default: &'static CStr) -> Self {
        // INVARIANT: It is a string that does not change. The kernel frees only what it has
        // copied itself.
        Self(UnsafeCell::new(kernel::str::as_char_ptr_in_const_context(
            default,
        )))
    }

    /// Returns the place of the value, for `struct kernel_param`.
    #[doc(hidden)]
    pub(crate) const fn as_void_ptr(&'static self) -> *mut c_void {
        self.0.get().cast()
    }

    /// Returns the string that was given, at most 1024 bytes (the kernel refuses
    /// a longer one with ENOSPC), or the default, or `None`. Any context.
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
/// `/sys/module/<module>/parameters/` (mode 0444). One may have a default.
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
///     str2: "The second string to log" = c"world",
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
    (module: $module:literal, $($name:ident: $description:literal $(= $default:literal)?),+ $(,)?) => {
        mod string_parameters {
            $(
                #[allow(non_upper_case_globals)]
                #[doc = $description]
                pub(crate) static $name: $crate::abstractions::param::StringParameter =
                    $crate::abstractions::param::StringParameter::new()$(.or($default))?;

                $crate::abstractions::param::declare! {
                    $module, $name, "charp", $description, 0o444,
                    &raw const ::kernel::bindings::param_ops_charp, $name.as_void_ptr()
                }
            )+
        }
    };
}
pub(crate) use string_parameters;

/// A parameter of up to `N` integers, declared by [`array_parameters!`].
///
/// # Invariants
///
/// Neither field changes while code of the module runs.
pub(crate) struct ArrayParameter<const N: usize> {
    values: UnsafeCell<[c_int; N]>,
    given: UnsafeCell<c_uint>,
}

// SAFETY: As for `StringParameter`: the kernel writes before any code of the module runs, and
// never again, for the parameter's mode is 0444.
unsafe impl<const N: usize> Sync for ArrayParameter<N> {}

impl<const N: usize> ArrayParameter<N> {
    /// Creates a parameter that was not given.
    // Not for direct use: only `array_parameters!` tells the kernel of it.
    #[doc(hidden)]
    pub(crate) const fn new() -> Self {
        Self {
            values: UnsafeCell::new([0; N]),
            given: UnsafeCell::new(0),
        }
    }

    /// Returns what `struct kernel_param` points to.
    #[doc(hidden)]
    pub(crate) const fn kernel_array(&'static self) -> KernelArray {
        KernelArray(bindings::kparam_array {
            // CAST: Nobody types as many values.
            max: N as c_uint,
            elemsize: size_of::<c_int>() as c_uint,
            num: self.given.get(),
            ops: &raw const bindings::param_ops_int,
            elem: self.values.get().cast(),
        })
    }

    /// Returns the values that were given, none at least and `N` at most: the kernel refuses
    /// more with EINVAL. Any context.
    pub(crate) fn given(&'static self) -> &'static [i32] {
        // SAFETY: By the type invariants nobody writes them now.
        let (values, given) = unsafe { (&*self.values.get(), *self.given.get()) };
        values.get(..given as usize).unwrap_or_default()
    }
}

/// Where the kernel is to put the values of an array.
#[doc(hidden)]
pub(crate) struct KernelArray(bindings::kparam_array);

// SAFETY: Nobody but the kernel reads it, and nobody writes it.
unsafe impl Sync for KernelArray {}

/// Declares parameters of several integers, separated by commas, readable below
/// `/sys/module/<module>/parameters/` (mode 0444).
///
/// Each becomes an [`ArrayParameter`] in a module `array_parameters`. `module` is the
/// module's name.
///
/// # Examples
///
/// ```
/// use abstractions::param::{
///     array_parameters,
///     ArrayParameter, //
/// };
///
/// array_parameters! {
///     module: "example",
///     numbers: [i32; 4] {
///         description: "Numbers to log, at most four",
///     },
/// }
///
/// fn log(parameter: &'static ArrayParameter<4>) {
///     let given = parameter.given();
///     pr_info!("{} numbers: {given:?}\n", given.len());
/// }
///
/// fn log_numbers() {
///     log(&array_parameters::numbers);
/// }
/// ```
macro_rules! array_parameters {
    (
        module: $module:literal,
        $($name:ident: [i32; $most:literal] { description: $description:literal $(,)? }),+ $(,)?
    ) => {
        mod array_parameters {
            $(
                #[allow(non_upper_case_globals)]
                #[doc = $description]
                pub(crate) static $name: $crate::abstractions::param::ArrayParameter<$most> =
                    $crate::abstractions::param::ArrayParameter::new();

                const _: () = {
                    static ARRAY: $crate::abstractions::param::KernelArray = $name.kernel_array();

                    $crate::abstractions::param::declare! {
                        $module, $name, "array of int", $description, 0o444,
                        &raw const ::kernel::bindings::param_array_ops,
                        (&raw const ARRAY).cast_mut().cast()
                    }
                };
            )+
        }
    };
}
pub(crate) use array_parameters;

/// Who is asked before a [`LiveParameter`] changes.
///
/// Both functions are called in process context, one at a time for all parameters of a module,
/// and may sleep. Both may be called before the module's `init` and after its exit. What is
/// built in is asked for a value of the kernel's command line before there are threads, and
/// must not sleep then.
pub(crate) trait Watch: 'static {
    /// Called with the value that it is to have, before it has it.
    ///
    /// # Errors
    ///
    /// Where this fails, the value stays as it is, and whoever writes or loads gets the error.
    fn set(value: i32) -> Result;

    /// Called with the value that somebody is about to read in sysfs.
    fn read(_value: i32) {}
}

/// An integer parameter that can be changed while the module is loaded, declared by
/// [`live_parameters!`].
pub(crate) struct LiveParameter(Atomic<i32>);

impl LiveParameter {
    /// Creates a parameter that was not given.
    // Not for direct use: only `live_parameters!` tells the kernel of it.
    #[doc(hidden)]
    pub(crate) const fn new(default: i32) -> Self {
        Self(Atomic::new(default))
    }

    /// Returns the place of the value, for `struct kernel_param`.
    #[doc(hidden)]
    pub(crate) const fn as_void_ptr(&'static self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// Returns the value that it has now. Any context.
    pub(crate) fn value(&self) -> i32 {
        self.0.load(Relaxed)
    }

    /// # Safety
    ///
    /// `param` must be that of a [`LiveParameter`].
    unsafe fn of<'a>(param: *const bindings::kernel_param) -> &'a Self {
        // SAFETY: The caller promises it, and that is a static of the module, in which the
        // caller is.
        unsafe { &*(*param).__bindgen_anon_1.arg.cast::<Self>() }
    }
}

/// The kernel's functions for a [`LiveParameter`].
#[doc(hidden)]
pub(crate) struct LiveOps<W>(PhantomData<W>);

impl<W: Watch> LiveOps<W> {
    #[doc(hidden)]
    pub(crate) const TABLE: &'static bindings::kernel_param_ops = &bindings::kernel_param_ops {
        flags: 0,
        set: Some(Self::set),
        get: Some(Self::get),
        free: None,
    };

    /// # Safety
    ///
    /// To be called by the kernel, as `set` of a `LiveParameter`.
    unsafe extern "C" fn set(text: *const c_char, param: *const bindings::kernel_param) -> c_int {
        from_result(|| {
            let mut value = 0;
            // SAFETY: The kernel passes a NUL-terminated string: null only where `flags` allow
            // a parameter without a value.
            to_result(unsafe { bindings::kstrtoint(text, 0, &mut value) })?;
            W::set(value)?;
            // SAFETY: The caller promises it.
            let parameter = unsafe { LiveParameter::of(param) };
            parameter.0.store(value, Relaxed);
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `get` of a `LiveParameter`.
    unsafe extern "C" fn get(buffer: *mut c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: The caller promises it.
        let value = unsafe { LiveParameter::of(param) }.value();
        W::read(value);
        // SAFETY: The kernel passes a page, which is what this wants. The format takes an int.
        unsafe { bindings::sysfs_emit(buffer, c"%d\n".as_char_ptr(), value) }
    }
}

/// Declares integer parameters that root can change while the module is loaded, through
/// `/sys/module/<module>/parameters/` (mode 0644).
///
/// Each has a type that is asked before it changes, and becomes a [`LiveParameter`] in a module
/// `live_parameters`. `module` is the module's name.
///
/// The kernel itself refuses what is no number, with EINVAL, and what does not fit into an
/// `int`, with ERANGE. The default is not asked for.
///
/// # Examples
///
/// ```
/// use abstractions::param::{
///     live_parameters,
///     LiveParameter,
///     Watch, //
/// };
///
/// live_parameters! {
///     module: "example",
///     volume: Volume {
///         default: 5,
///         description: "How loud it is, 0 to 10",
///     },
/// }
///
/// struct Volume;
///
/// impl Watch for Volume {
///     fn set(value: i32) -> Result {
///         if !(0..=10).contains(&value) {
///             return Err(EINVAL);
///         }
///         pr_info!("The volume becomes {value}\n");
///         Ok(())
///     }
///
///     fn read(value: i32) {
///         pr_info!("Somebody looks at the volume, {value}\n");
///     }
/// }
///
/// fn is_loud(volume: &LiveParameter) -> bool {
///     volume.value() > 7
/// }
///
/// fn shout() {
///     if is_loud(&live_parameters::volume) {
///         pr_info!("HELLO\n");
///     }
/// }
/// ```
macro_rules! live_parameters {
    (
        module: $module:literal,
        $($name:ident: $watch:ident {
            default: $default:expr,
            description: $description:literal $(,)?
        }),+ $(,)?
    ) => {
        mod live_parameters {
            $(
                #[allow(non_upper_case_globals)]
                #[doc = $description]
                pub(crate) static $name: $crate::abstractions::param::LiveParameter =
                    $crate::abstractions::param::LiveParameter::new($default);

                $crate::abstractions::param::declare! {
                    $module, $name, "int", $description, 0o644,
                    $crate::abstractions::param::LiveOps::<super::$watch>::TABLE,
                    $name.as_void_ptr()
                }
            )+
        }
    };
}
pub(crate) use live_parameters;

/// Tells the kernel of a parameter: the static `struct kernel_param` that the C macro
/// `__module_param_call` makes, and the lines for `modinfo`.
#[doc(hidden)]
macro_rules! declare {
    (
        $module:literal, $name:ident, $type:literal, $description:literal, $perm:literal,
        $ops:expr, $argument:expr
    ) => {
        const _: () = {
            use ::kernel::{
                bindings,
                module_param::KernelParam, //
            };

            #[link_section = "__param"]
            #[used(compiler)]
            static PARAM: KernelParam = KernelParam::new(bindings::kernel_param {
                name: ::kernel::str::as_char_ptr_in_const_context(
                    $crate::abstractions::param::name!($module, $name),
                ),
                #[cfg(MODULE)]
                mod_: (&raw const bindings::__this_module).cast_mut(),
                #[cfg(not(MODULE))]
                mod_: ::core::ptr::null_mut(),
                ops: $ops,
                perm: $perm,
                level: -1,
                flags: 0,
                __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 { arg: $argument },
            });

            $crate::abstractions::param::modinfo!(
                $module,
                concat!("parmtype=", stringify!($name), ":", $type, "\0")
            );
            $crate::abstractions::param::modinfo!(
                $module,
                concat!("parm=", stringify!($name), ":", $description, "\0")
            );
        };
    };
}
#[doc(hidden)]
pub(crate) use declare;

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
