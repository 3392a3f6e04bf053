// SPDX-License-Identifier: GPL-2.0

//! A guard: refuses to compile a module against a kernel tree whose Rust
//! bindings have another layout than C for a struct of `layout.c`.

#![allow(clippy::all)]

use kernel::bindings::*;

macro_rules! layout {
    ($rust:expr, $name:ident, $c:literal) => {
        const _: () = assert!(
            $rust == $c,
            concat!(
                "the Rust bindings of this kernel tree are wrong about `struct ",
                stringify!($name),
                "` (C: ",
                stringify!($rust),
                " == ",
                $c,
                "); set CONFIG_SCHEDSTATS=y, or use another bindgen, and rebuild the tree"
            )
        );
    };
}

include!(concat!(env!("LKMPG_OBJ"), "/layout_generated.rs"));
