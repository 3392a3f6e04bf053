// SPDX-License-Identifier: GPL-2.0

//! Exporting statics and functions to other modules.
//!
//! In the book: [Exporting, and loading on demand](../../../book/loading.html).
//!
//! C header: [`include/linux/export.h`](srctree/include/linux/export.h)
//! (`EXPORT_SYMBOL_GPL`).
//!
//! Unloading: a module whose symbols are in use is pinned by their users; the
//! kernel refuses to unload it (EAGAIN) and no code here takes part.
//!
//! Not supported: symbols for modules without a GPL-compatible licence, symbol
//! namespaces, and checksums of types (`CONFIG_MODVERSIONS`), for which the
//! kernel's build rules know only C and the `kernel` crate. The `#[export]` of
//! the `kernel` crate is another thing: it checks a function's type against the
//! C header and exports nothing by itself.

/// Exports a static or an `extern "C"` function to modules with a
/// GPL-compatible licence, as C's `EXPORT_SYMBOL_GPL` does.
///
/// The item has to be `#[no_mangle]` (modpost refuses it otherwise: "local
/// symbol was exported") and a static has to be `Sync`, as any in Rust: all who
/// import it use it at the same time. `export_symbol_gpl!(NAME)` does it all; with
/// the path of a declaration for importers, as below, the compiler also sees to it
/// that declaration and definition have one type.
///
/// # Examples
///
/// ```
/// use abstractions::{
///     export::export_symbol_gpl,
///     export_server, //
/// };
/// use core::sync::atomic::AtomicI32;
///
/// #[allow(non_upper_case_globals)]
/// #[no_mangle]
/// pub static yohda: AtomicI32 = AtomicI32::new(0);
/// export_symbol_gpl!(static export_server::yohda);
///
/// #[no_mangle]
/// pub extern "C" fn example_answer() -> c_int {
///     42
/// }
/// // Nothing declares it in Rust: C modules may use it.
/// export_symbol_gpl!(example_answer);
/// ```
macro_rules! export_symbol_gpl {
    (static $declarations:ident::$name:ident) => {
        // Never called: both arms of an `if` must have one type.
        const _: fn(bool) = |declared| {
            let _ = if declared {
                &$declarations::$name
            } else {
                &$name
            };
        };
        $crate::abstractions::export::export_symbol_gpl!($name);
    };
    (fn $declarations:ident::$name:ident) => {
        const _: fn(bool) = |declared| {
            let _ = if declared {
                $declarations::$name
            } else {
                $name
            };
        };
        $crate::abstractions::export::export_symbol_gpl!($name);
    };
    ($name:ident) => {
        // `___EXPORT_SYMBOL` of C: licence, namespace, address. modpost makes
        // the entry of the symbol table from it, then the linker drops it.
        ::core::arch::global_asm!(
            ".section .export_symbol, \"a\"",
            concat!("__export_symbol_", stringify!($name), ":"),
            ".asciz \"GPL\"",
            ".asciz \"\"",
            ".balign 8",
            ".quad {symbol}",
            ".previous",
            symbol = sym $name,
        );
    };
}
pub(crate) use export_symbol_gpl;
