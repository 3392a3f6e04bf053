// SPDX-License-Identifier: GPL-2.0

//! Callbacks that borrow: the kernel may call them when what they borrow has gone.

use abstractions::{
    i8042,
    irq,
    kprobe,
    kthread,
    module,
    namei,
    umh,
    work, //
};
use kernel::prelude::*;

mod abstractions;

// What is not `'static` may borrow.
#[cfg(misuse)]
trait Shared: Send + Sync {}
#[cfg(not(misuse))]
trait Shared: Send + Sync + 'static {}

struct Callback<T>(T);

impl<T: Shared> i8042::Listener for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn byte(&self, _byte: u8, _ports: &i8042::Ports<'_>) {}
}

impl<T: Shared> irq::Handler for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn handle(&self) -> irq::IrqReturn {
        irq::IrqReturn::None
    }
}

impl<T: Shared> kprobe::Handler for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn hit(&self, _registers: &kprobe::Registers) {}
}

impl<T: Shared> kprobe::ReturnHandler for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn returned(&self, _registers: &kprobe::Registers) {}
}

impl<T: Shared> module::Loaded for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn loaded(&self) {}
}

impl<T: Shared> namei::Watcher for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn opening(&self, _uid: u32, _path: &CStr) {}

    fn opened(&self, _uid: u32, _result: Result) {}
}

impl<T: Shared> umh::Hooks for Callback<T> {} //~ ERROR may not live long enough [E0310]

impl<T: Shared> work::Run for Callback<T> {
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
    fn run(_item: &work::Handle<Self>) {}
    //~^ ERROR the parameter type `T` may not live long enough [E0310]
}

fn spawn(queue: &work::OwnedQueue, callback: &Callback<u8>) -> Result {
    #[cfg(misuse)]
    queue.spawn(|| log(callback.0))?; //~ ERROR borrowed data escapes [E0521]
    #[cfg(not(misuse))]
    {
        let number = callback.0;
        queue.spawn(move || log(number))?;
    }
    Ok(())
}

fn run(callback: &Callback<u8>) -> Result<kthread::Thread> {
    #[cfg(misuse)]
    return kthread::Thread::new(c"thread", |_stop| log(callback.0)); //~ ERROR borrowed data escapes [E0521]
    #[cfg(not(misuse))]
    {
        let number = callback.0;
        kthread::Thread::new(c"thread", move |_stop| log(number))
    }
}

fn log(_number: u8) {}
