// SPDX-License-Identifier: GPL-2.0

//! Uses what `export_server_rs` exports as `export_client_rs` does not: any sum, again and
//! again. For `tests/tests/export_rs.rs`; never installed.

use abstractions::{
    export_server::yohda_add,
    series, //
};
use kernel::prelude::*;

mod abstractions;

module! {
    type: User,
    name: "export_user",
    authors: ["lkmpg-rs authors"],
    description: "Adds to the number of export_server_rs",
    license: "GPL",
    params: {
        add: i32 {
            default: 1,
            description: "What to add",
        },
        times: u32 {
            default: 1,
            description: "How often to add it",
        },
    },
}

struct User;

impl kernel::Module for User {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let add: i32 = series::param_value(module_parameters::add.value());
        let times: u32 = series::param_value(module_parameters::times.value());
        let mut sum = 0;
        for _ in 0..times {
            sum = yohda_add(add);
        }
        pr_info!("yohda is {sum} now\n");
        Ok(Self)
    }
}
