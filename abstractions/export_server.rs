// SPDX-License-Identifier: GPL-2.0

//! What `export_server_rs` exports, declared for the modules that import it:
//! what its header file would be in C.
//!
//! In the book: [Exporting, and loading on demand](../../../book/loading.html).
//!
//! Unloading: the kernel keeps `export_server_rs` loaded as long as a module that
//! uses one of these is.
//!
//! # Examples
//!
//! ```
//! use abstractions::export_server::{
//!     yohda,
//!     yohda_add, //
//! };
//! use core::sync::atomic::Ordering::Relaxed;
//!
//! fn count_up() {
//!     let before = yohda.load(Relaxed);
//!     let sum = yohda_add(1);
//!     pr_info!("yohda was {before}, and is {sum}\n");
//! }
//! ```

use core::sync::atomic::AtomicI32;
use kernel::prelude::*;

// Why they may be called safe, which the compiler cannot check:
// - `export_server_rs` defines each item with the type that it has here: its
//   `export_symbol_gpl!` compares them, and a module is loaded only when the
//   kernel has found every symbol that it uses.
// - The items live as long as whoever uses them: see "Unloading" above.
// - The function is safe to call from anywhere, and the static is `Sync`.
unsafe extern "C" {
    /// The number that the modules share; in C, `int yohda`. An atomic, so that
    /// it can be read and written from any context and any CPU at once.
    pub(crate) safe static yohda: AtomicI32;

    /// Adds `n` to [`yohda`] and returns the sum, which wraps around. Any context.
    pub(crate) safe fn yohda_add(n: c_int) -> c_int;
}
