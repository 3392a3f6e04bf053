// SPDX-License-Identifier: GPL-2.0

//! Hooks of a program that borrow: the kernel may call them after the caller has returned.

use abstractions::umh::{
    Command,
    Helpers,
    Hooks,
    Wait, //
};
use kernel::prelude::*;

mod abstractions;

struct Log<'a>(&'a str);

impl Hooks for Log<'static> {}

fn run(helpers: &Helpers, text: &str) -> Result {
    let command = Command::new(c"/bin/true")?;
    #[cfg(misuse)]
    command.run(helpers, Log(text), Wait::None)?; //~ ERROR borrowed data escapes [E0521]
    #[cfg(not(misuse))]
    command.run(helpers, Log("done"), Wait::None)?;
    Ok(())
}
