// SPDX-License-Identifier: GPL-2.0

//! Hooks of a program with something that belongs to one thread: they run in another one.

use abstractions::{
    tty::Tty,
    umh::Hooks, //
};

mod abstractions;

struct Log {
    #[cfg(misuse)]
    terminal: Tty,
}

impl Hooks for Log {} //~ ERROR cannot be sent between threads safely [E0277]
