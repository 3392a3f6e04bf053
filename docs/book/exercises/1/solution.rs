// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 1.

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
        match string_parameters::word.value().map(CStr::to_bytes) {
            Some(b"please") => Ok(Self),
            _ => {
                pr_err!("What is the word?\n");
                Err(EINVAL)
            }
        }
    }
}
