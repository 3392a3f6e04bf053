// SPDX-License-Identifier: GPL-2.0

//! What the guest's tests share: loading and unloading modules, reading the kernel log,
//! races, random numbers, wrong pointers, terminals, the keyboard. Everything here runs
//! as root inside the guest, never on the host.

pub mod careless;
pub mod fault;
pub mod gpio;
pub mod keyboard;
pub mod kmsg;
pub mod module;
pub mod monitor;
pub mod net;
pub mod process;
pub mod race;
pub mod seed;
pub mod slab;
pub mod stall;
pub mod state;
pub mod terminal;
pub mod user;
pub mod vinput;

use std::{
    io::{self, Read},
    time::Duration,
};

/// How long tests wait for what has to come before they give up. The debug guest, on a host
/// that has two more guests to run, took more than a minute to start 100 programs.
pub const PATIENCE: Duration = Duration::from_secs(300);

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

/// The release of the running kernel.
pub fn release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
    release.trim_end().into()
}

/// The value of an option in the running kernel's configuration, without `CONFIG_`.
pub fn config(option: &str) -> Option<String> {
    let config = std::fs::read_to_string("/boot/config").expect("the kernel's configuration");
    let value = config.lines().find_map(|line| {
        line.strip_prefix("CONFIG_")?
            .strip_prefix(option)?
            .strip_prefix('=')
    });
    value.map(|value| value.trim_matches('"').into())
}

/// Whether the running kernel is the debug guest's.
pub fn debug_kernel() -> bool {
    release().ends_with("-debug")
}

/// Whether the running kernel is one for real time: top halves are threads, and spin locks sleep.
pub fn realtime_kernel() -> bool {
    config("PREEMPT_RT").is_some()
}

/// The guest's user `nobody`.
pub const NOBODY: u32 = 65534;

/// The sizes of buffer that reads are tried with.
pub const CHUNKS: [usize; 7] = [1, 2, 7, 79, 80, 81, 4096];

/// Reads a file to its end by reads of `chunk` bytes.
///
/// # Errors
///
/// That of the first read that fails.
pub fn read_in_chunks(file: &mut impl Read, chunk: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut buffer = vec![0; chunk];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(content),
            n => content.extend_from_slice(&buffer[..n]),
        }
    }
}
