// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers for what the `kernel` crate of Linux 7.2 and 7.3 lacks.
//!
//! A module says `mod abstractions;` and gets them all, compiled into itself:
//! out-of-tree modules cannot share Rust code through exported symbols. All
//! `unsafe` code and every use of `bindings` of this repository lies in here.
//!
//! A wrapper for something that the kernel can be built without exists only where the kernel has
//! it.
//!
//! The book tells how they are used, and why they are as they are:
//! [How a module begins and ends](../../book/life.html). `make book` builds it.
//!
//! What a module can use is `pub(crate)`, and an example shows it; what only other wrappers
//! use is `pub(super)`. `tests/host/examples.bats` compiles each example as a module, with
//! `mod abstractions;` and `use kernel::prelude::*;` before it. `tests/misuse/` shows what
//! does not compile.
//!
//! # Registrations
//!
//! Whoever has the kernel call the module (for a file, an interrupt, a probe, a thread, a work item)
//! gets a value whose drop takes that back, and waits until no call is under way.
//!
//! **The module's struct must own such a value**, itself or by what it owns. The kernel
//! drops that struct when the module is unloaded, and frees the module's text after it. A
//! failing `init` drops what it has made so far.
//!
//! Safe code can break this rule: by `core::mem::forget`, by a cycle of `Arc`s. The kernel
//! then calls text that has gone. No type can forbid it, and the `kernel` crate has two
//! answers. `MiscDeviceRegistration` relies on the rule. In Linux 7.3 `irq::Registration::new`
//! is an `unsafe fn`, whose caller promises not to leak the value. It has to be: that
//! handler may borrow from its caller, whose stack frame may be gone long before the module.
//!
//! Here the types of callbacks and their data are `'static`. A leaked registration is harmless as
//! long as the module is loaded, so the rule is about unloading alone. We rely on it as
//! `MiscDeviceRegistration` does: `unsafe` at each use would say no more than "this is a field of
//! the module's struct", which can be seen without it.
//!
//! The check is the debug guest (`make test DEBUG=1`). It calls what was left behind, and
//! the tests fail; `tests/debug/caught.bats` shows it for leaked registrations.

// Each module uses some of the wrappers, none uses all.
#![allow(dead_code, unused_imports, unused_macros)]

pub(crate) mod attribute;
#[doc(hidden)]
mod bindings;
#[cfg(CONFIG_BLOCK)]
pub(crate) mod block;
pub(crate) mod cdev;
#[cfg(CONFIG_CONFIGFS_FS)]
pub(crate) mod configfs;
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod debugfs;
#[cfg(CONFIG_PCI_MSI)]
pub(crate) mod dma;
pub(crate) mod export;
pub(crate) mod export_server;
pub(crate) mod file;
#[cfg(CONFIG_GPIOLIB)]
pub(crate) mod gpio;
#[cfg(CONFIG_SERIO_I8042)]
pub(crate) mod i8042;
#[cfg(CONFIG_INPUT)]
pub(crate) mod input;
pub(crate) mod iov;
pub(crate) mod irq;
pub(crate) mod jump_label;
pub(crate) mod kmod;
#[cfg(CONFIG_KPROBES)]
pub(crate) mod kprobe;
pub(crate) mod kthread;
#[doc(hidden)]
mod layout;
#[cfg(CONFIG_INPUT)]
#[cfg(CONFIG_VT)]
pub(crate) mod leds;
pub(crate) mod misc;
pub(crate) mod module;
#[cfg(CONFIG_KPROBES)]
pub(crate) mod namei;
#[cfg(CONFIG_NET)]
pub(crate) mod net;
pub(crate) mod param;
#[cfg(CONFIG_PCI_MSI)]
pub(crate) mod pci;
pub(crate) mod pid;
pub(crate) mod platform;
#[cfg(CONFIG_PROC_FS)]
pub(crate) mod procfs;
pub(crate) mod rwsem;
pub(crate) mod series;
pub(crate) mod slab;
#[cfg(CONFIG_SYSFS)]
pub(crate) mod sysfs;
#[cfg(CONFIG_TTY)]
pub(crate) mod tty;
pub(crate) mod umh;
pub(crate) mod usercopy;
pub(crate) mod work;
