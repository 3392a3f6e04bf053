// SPDX-License-Identifier: GPL-2.0

//! A terminal that goes to another thread.

use abstractions::tty::Tty;

mod abstractions;

fn to_another_thread<T: Send>(_value: T) {}

fn write() {
    if let Some(tty) = Tty::current() {
        #[cfg(misuse)]
        to_another_thread(tty); //~ ERROR cannot be sent between threads safely [E0277]
        #[cfg(not(misuse))]
        to_another_thread(tty.write(b"Hello\r\n"));
    }
}
