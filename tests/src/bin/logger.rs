// SPDX-License-Identifier: GPL-2.0

//! The guest's `/usr/bin/logger`: writes its arguments as one line to the kernel log.
//!
//! Others hand the line to a log daemon through a socket; the guest's kernel has no
//! sockets, and busybox's `logger` therefore fails.

use clap::Parser;

/// Writes a line to the kernel log.
#[derive(Parser)]
struct Arguments {
    /// The words of the line
    #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<String>,
}

fn main() -> std::io::Result<()> {
    let line = Arguments::parse().words.join(" ");
    std::fs::write("/dev/kmsg", line + "\n")
}
