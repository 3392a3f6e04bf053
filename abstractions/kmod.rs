// SPDX-License-Identifier: GPL-2.0

//! Asking for other modules.
//!
//! In the book: [Exporting, and loading on demand](../../../book/loading.html).
//!
//! C header: [`include/linux/kmod.h`](srctree/include/linux/kmod.h)
//! (`request_module`).
//!
//! The kernel runs the program of `/proc/sys/kernel/modprobe`, and waits for it; it
//! calls nothing of ours, so unloading has nothing to wait for.
//!
//! Not supported: `request_module_nowait`, which reports nothing, and
//! `try_then_request_module`, which is an `if` and a second try in Rust as well.

use super::{
    bindings,
    umh::ExitStatus, //
};
use kernel::prelude::*;

/// Asks for a module, by its name or an alias, and returns how `modprobe` ended.
///
/// A success does not mean that the module is there: it may have gone again. Process
/// context, sleeps. Never ask for the module that is being loaded: `modprobe` would
/// wait for the end of its load, and the load for `modprobe`.
///
/// # Errors
///
/// ENAMETOOLONG for a name of 56 bytes or more, ENOENT where there is no `modprobe`
/// to run, ETIME when too many requests are under way, ERESTARTSYS when the task was
/// killed, ENOMEM.
///
/// # Examples
///
/// ```
/// use abstractions::kmod::request_module;
///
/// fn load_helper() -> Result {
///     let status = request_module(c"export_server_rs")?;
///     pr_info!("modprobe {status}\n");
///     Ok(())
/// }
/// ```
pub(crate) fn request_module(name: &CStr) -> Result<ExitStatus> {
    // SAFETY: The format takes one NUL-terminated string, which is read before the
    // function returns.
    let status =
        unsafe { bindings::__request_module(true, c"%s".as_char_ptr(), name.as_char_ptr()) };
    u32::try_from(status)
        .map(ExitStatus::from_raw)
        .map_err(|_| Error::from_errno(status))
}
