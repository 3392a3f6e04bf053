// SPDX-License-Identifier: GPL-2.0

//! A line that is set by one, while another takes its interrupts.

use abstractions::{
    gpio::{
        Edges,
        Line,
        Trigger, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
};
use kernel::prelude::*;

mod abstractions;

struct Bell;

impl Handler for Bell {
    fn handle(&self) -> IrqReturn {
        IrqReturn::Handled
    }
}

fn listen(button: Line) -> Result<Pin<KBox<Edges<Bell>>>> {
    let edges = Edges::new(button, Trigger::Rising, c"bell", Bell);
    #[cfg(misuse)]
    button.set(true)?; //~ ERROR borrow of moved value: `button` [E0382]
    KBox::pin_init(edges, GFP_KERNEL)
}
