// SPDX-License-Identifier: GPL-2.0

//! Writing to the terminal of whoever runs `insmod` or `rmmod`, past the kernel
//! log.
//!
//! ```sh
//! insmod print_string_rs.ko    # Module Inserted
//! rmmod print_string_rs        # Module Removed
//! setsid insmod print_string_rs.ko </dev/null    # nothing: no terminal
//! ```
//!
//! A process knows its terminal, and a terminal knows the function of its driver
//! that writes to it: the same for a window, an ssh session and a serial line.
//! That function writes bytes as they are, so a line ends in CR LF. A process
//! without a terminal gets nothing. Neither does one whose terminal is stopped
//! (^S) or full: a module must not wait for a person.
//!
//! The original read `current->tty` without a lock or a reference, so a hang-up
//! could free the terminal under it. It also ignored how much room there was.
//!
//! Source: LKMPG, chapter 9, `printk.c`.

use abstractions::tty::Tty;
use kernel::prelude::*;

mod abstractions;

module! {
    type: PrintString,
    name: "print_string_rs",
    authors: ["lkmpg-rs authors"],
    description: "Writes to the terminal of the process that loads or unloads it",
    license: "GPL",
}

struct PrintString;

impl kernel::Module for PrintString {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        print_string(b"Module Inserted\r\n");
        Ok(Self)
    }
}

impl Drop for PrintString {
    fn drop(&mut self) {
        print_string(b"Module Removed\r\n");
    }
}

// ANCHOR: print
/// Writes `string` to the current process's terminal, if it has one that takes it.
fn print_string(string: &[u8]) {
    if let Some(tty) = Tty::current() {
        tty.write(string);
    }
}
// ANCHOR_END: print
