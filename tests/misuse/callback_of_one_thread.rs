// SPDX-License-Identifier: GPL-2.0

//! Callbacks with something that belongs to one thread: the kernel calls them on any CPU,
//! and most of them on several at the same time.

use abstractions::{
    debugfs,
    i8042,
    irq,
    kprobe,
    kthread,
    module,
    namei,
    sysfs,
    umh,
    work, //
};
use kernel::prelude::*;

mod abstractions;

#[cfg(misuse)]
type Pointer = *mut u8;
#[cfg(not(misuse))]
type Pointer = usize;

struct Callback(Pointer);

impl i8042::Listener for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn byte(&self, _byte: u8, _ports: &i8042::Ports<'_>) {}
}

impl irq::Handler for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn handle(&self) -> irq::IrqReturn {
        irq::IrqReturn::None
    }
}

impl kprobe::Handler for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn hit(&self, _registers: &kprobe::Registers) {}
}

impl kprobe::ReturnHandler for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn returned(&self, _registers: &kprobe::Registers) {}
}

impl module::Loaded for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn loaded(&self) {}
}

impl namei::Watcher for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn opening(&self, _uid: u32, _path: &CStr) {}

    fn opened(&self, _uid: u32, _result: Result) {}
}

// Hooks are called in another process, but by one at a time.
impl umh::Hooks for Callback {} //~ ERROR `*mut u8` cannot be sent between threads safely [E0277]

impl work::Run for Callback {
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
    fn run(_item: &work::Handle<Self>) {}
}

struct Files(Pointer);

fn folder(files: Files) -> Result<sysfs::Folder<Files>> {
    sysfs::Folder::new(c"folder", &[], files)
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
}

fn in_debugfs(files: Files) -> Result<debugfs::Folder<Files>> {
    debugfs::Folder::new(c"folder", &[], files)
    //~^ ERROR `*mut u8` cannot be sent between threads safely [E0277]
    //~^^ ERROR `*mut u8` cannot be shared between threads safely [E0277]
}

fn spawn(queue: &work::OwnedQueue, callback: Callback) -> Result {
    queue.spawn(move || drop(callback)) //~ ERROR `*mut u8` cannot be sent between threads safely [E0277]
}

fn run(callback: Callback) -> Result<kthread::Thread> {
    kthread::Thread::new(c"thread", move |_stop| drop(callback)) //~ ERROR `*mut u8` cannot be sent between threads safely [E0277]
}
