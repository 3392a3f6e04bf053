// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers for what the `kernel` crate of Linux 7.2 and 7.3 lacks.
//!
//! A module says `mod abstractions;` and gets them all, compiled into itself:
//! out-of-tree modules cannot share Rust code through exported symbols. All
//! `unsafe` code and every use of `bindings` of this repository lies in here.
//!
//! A wrapper of what the kernel can be built without is there if that is.

// Each module uses some of the wrappers, none uses all.
#![allow(dead_code, unused_imports, unused_macros)]

#[doc(hidden)]
mod bindings;
pub(crate) mod cdev;
pub(crate) mod export;
pub(crate) mod export_server;
pub(crate) mod file;
#[cfg(CONFIG_SERIO_I8042)]
pub(crate) mod i8042;
pub(crate) mod iov;
pub(crate) mod irq;
pub(crate) mod kmod;
#[cfg(CONFIG_KPROBES)]
pub(crate) mod kprobe;
#[doc(hidden)]
mod layout;
pub(crate) mod module;
#[cfg(CONFIG_KPROBES)]
pub(crate) mod namei;
pub(crate) mod param;
pub(crate) mod pid;
#[cfg(CONFIG_PROC_FS)]
pub(crate) mod procfs;
pub(crate) mod series;
#[cfg(CONFIG_TTY)]
pub(crate) mod tty;
pub(crate) mod umh;
pub(crate) mod usercopy;
pub(crate) mod work;
