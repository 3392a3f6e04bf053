// SPDX-License-Identifier: GPL-2.0

//! Hooks of a program that borrow: the kernel may call them after the caller has returned.

use abstractions::umh::Hooks;

mod abstractions;

// What is not `'static` may borrow.
#[cfg(misuse)]
trait Mine: Send {}
#[cfg(not(misuse))]
trait Mine: Send + 'static {}

struct Log<T>(T);

impl<T: Mine> Hooks for Log<T> {} //~ ERROR the parameter type `T` may not live long enough [E0310]
