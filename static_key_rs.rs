// SPDX-License-Identifier: GPL-2.0

//! A branch that is changed by rewriting the code, and what each of its ways is worth.
//!
//! Each open of `/proc/key_state` comes to a branch on a static key. While the key is disabled the
//! branch is an instruction that does nothing, and the fast path goes on behind it: no load of a
//! variable, no comparison. To enable the key the kernel writes a jump over that instruction, on
//! all processors, while they run.
//!
//! ```sh
//! insmod static_key_rs.ko
//! cat /proc/key_state               # disabled
//!                                   # fast path 1
//!                                   # slow path 0
//! echo enable >/proc/key_state      # this open took the fast path, too
//! cat /proc/key_state               # enabled
//!                                   # fast path 2
//!                                   # slow path 1
//! echo disable >/proc/key_state
//! rmmod static_key_rs
//! ```
//!
//! One changes the key at a time: the kernel warns of two.
//!
//! Static keys are for what is rarely changed and often asked: tracepoints, statistics, features
//! of the processor. Changing one interrupts all processors.
//!
//! A kernel without `CONFIG_JUMP_LABEL`, as the guest's is, has keys as well, whose branches look
//! at a variable. Distributions' kernels have it.
//!
//! The original compares and prints what was written without an end to it, so the log shows what
//! lies behind; "en" is compared with what was there before. It reads any memory of the kernel's at
//! a large offset, has no owner, and one static text for all readers.
//!
//! Source: today's LKMPG, chapter "Core Kernel Interfaces", `static_key.c`.

use abstractions::{
    file::{
        only_root_writes,
        OpenFile,
        Operations, //
    },
    iov::take_all,
    jump_label::{
        static_key,
        Switch, //
    },
    procfs::{
        Options,
        Registration, //
    },
};
use kernel::{
    iov::IovIterSource,
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
};

mod abstractions;

module! {
    type: StaticKey,
    name: "static_key_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has a branch that is changed by rewriting the code",
    license: "GPL",
}

// ANCHOR: branch
static_key! {
    /// Whether who comes takes the slow path.
    slow_path
}

/// How many have taken which path, and what changes it.
#[pin_data]
struct Paths {
    fast: Atomic<u64>,
    slow: Atomic<u64>,
    #[pin]
    switch: Mutex<Switch>,
}

impl Paths {
    fn take(&self) {
        if slow_path::is_enabled() {
            self.slow.fetch_add(1, Relaxed);
        } else {
            self.fast.fetch_add(1, Relaxed);
        }
    }
}
// ANCHOR_END: branch

struct StaticKey {
    _file: Registration<KeyState>,
}

impl kernel::Module for StaticKey {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let switch = slow_path::switch().ok_or(EBUSY)?;
        let paths = pin_init!(Paths {
            fast: Atomic::new(0),
            slow: Atomic::new(0),
            switch <- new_mutex!(switch),
        });
        let paths = Arc::pin_init(paths, GFP_KERNEL)?;
        Ok(Self {
            _file: Registration::new(c"key_state", Options::new(0o644), None, paths)?,
        })
    }
}

/// `/proc/key_state`.
struct KeyState;

#[vtable]
impl Operations for KeyState {
    type Data = Arc<Paths>;
    type Ptr = Arc<Paths>;

    fn open(paths: ArcBorrow<'_, Paths>, file: &OpenFile) -> Result<Arc<Paths>> {
        only_root_writes(file)?;
        paths.take();
        Ok(paths.into())
    }

    fn show(paths: ArcBorrow<'_, Paths>, _record: u64, seq: &SeqFile) -> Result {
        let state = match slow_path::is_enabled() {
            true => "enabled",
            false => "disabled",
        };
        let (fast, slow) = (paths.fast.load(Relaxed), paths.slow.load(Relaxed));
        seq_print!(seq, "{state}\nfast path {fast}\nslow path {slow}\n");
        Ok(())
    }

    fn write_iter(
        paths: ArcBorrow<'_, Paths>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut buffer = [0; 8];
        let text = take_all(iov, &mut buffer)?;
        match text {
            b"enable" | b"enable\n" => paths.switch.lock().enable(),
            b"disable" | b"disable\n" => paths.switch.lock().disable(),
            _ => return Err(EINVAL),
        }
        Ok(text.len())
    }
}
