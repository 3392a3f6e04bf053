// SPDX-License-Identifier: GPL-2.0

//! Exercise 1: a module that wants to hear the right word.
//!
//! `insmod exercise.ko word=please` loads it. Without `word`, or with another one, the load
//! fails with `EINVAL`, and the log has the line `exercise: What is the word?`.
//!
//! The parameter is there already. `string_parameters::word.value()` is an
//! `Option<&CStr>`; the bytes of a `CStr` are its `to_bytes()`.

use abstractions::param::string_parameters;
use kernel::prelude::*;

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Wants to hear the right word",
    license: "GPL",
}

string_parameters! {
    module: "exercise",
    word: "The right word",
}

struct Exercise;

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // Your code.
        Ok(Self)
    }
}
