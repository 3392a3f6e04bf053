// SPDX-License-Identifier: GPL-2.0

//! A string parameter that is written: somebody may be reading the string.

use abstractions::param::string_parameters;

mod abstractions;

string_parameters! {
    module: "example",
    name: "A name",
}

fn clear() {
    #[cfg(misuse)]
    let _ = &mut string_parameters::name; //~ ERROR cannot borrow immutable static item [E0596]
    #[cfg(not(misuse))]
    let _ = string_parameters::name.value();
}
