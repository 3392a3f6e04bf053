// SPDX-License-Identifier: GPL-2.0

//! What the guest's tests share: loading and unloading modules, and reading the
//! kernel log, races, wrong pointers. Everything here runs as root inside the guest, never on the host.

pub mod kmsg;
pub mod module;
pub mod race;
pub mod user;

use std::io;

/// Returns the errno of an I/O result that must have failed.
///
/// # Panics
///
/// When it did not fail, or not with an errno.
#[track_caller]
pub fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> nix::errno::Errno {
    let error = result.expect_err("this had to fail");
    nix::errno::Errno::from_raw(error.raw_os_error().expect("an errno"))
}
