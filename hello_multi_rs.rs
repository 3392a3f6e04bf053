// SPDX-License-Identifier: GPL-2.0

//! A module of several files: `hello_multi_rs/start.rs` is the half that runs
//! on load, `hello_multi_rs/stop.rs` the half that runs on unload.
//!
//! In C, several objects are linked into one module and all but one of them had
//! to define `__NO_VERSION__`. In Rust a module is one crate, whatever the
//! number of its files; kbuild compiles this one, and `mod` pulls in the rest.
//!
//! Source: LKMPG, chapter 1.2, `start.c` and `stop.c`.

use kernel::prelude::*;

// This file is the root of the crate, so the folder has to be named: a plain
// `mod start;` would be `start.rs` beside it, among all the other modules.
#[path = "hello_multi_rs/start.rs"]
mod start;
#[path = "hello_multi_rs/stop.rs"]
mod stop;

module! {
    type: HelloMulti,
    name: "hello_multi_rs",
    authors: ["lkmpg-rs authors"],
    description: "Says hello and goodbye from two source files",
    license: "GPL",
}

struct HelloMulti;
