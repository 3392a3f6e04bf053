// SPDX-License-Identifier: GPL-2.0

//! A folder in debugfs with four files: a number, a switch, a text, and bytes.
//!
//! ```sh
//! insmod debugfs_rs.ko
//! cd /sys/kernel/debug/debugfs_rs
//! echo Hello >message
//! cat message                 # Hello
//! cat counter                 # 1: so many messages were written
//! echo N >enabled             # which are not counted any more
//! echo 5 >counter
//! echo -1 >counter            # Invalid argument
//! hexdump -C blob             # 00 to ff
//! ```
//!
//! debugfs is for those who look for faults: only root can reach it, and no program should
//! depend on it. There is no rule for what a file contains, as there is in sysfs.
//!
//! An open file does not hold the module. Unloading waits for a call that is under way; later
//! ones fail with EIO. The kernel's own wrapper lets the module go while the kernel still needs
//! it to close the file; see `abstractions/debugfs.rs`.
//!
//! The original changes its number through debugfs and sysfs without a lock. Its text can be
//! written once for each open file: the second write fails with EINVAL, for it begins at an
//! offset. It holds its lock while it copies to user memory, which may take as long as the user
//! likes, and holds up all others.
//!
//! Source: today's LKMPG, chapter "debugfs", `hello-debugfs.c`, `hello-debugfs-file.c`.

use abstractions::debugfs::{
    File,
    Folder, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            AtomicFlag,
            Relaxed, //
        },
        Mutex, //
    },
};

mod abstractions;

module! {
    type: Debugfs,
    name: "debugfs_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has files in /sys/kernel/debug/debugfs_rs",
    license: "GPL",
}

struct Debugfs {
    _folder: Folder<Messages>,
}

impl kernel::Module for Debugfs {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let folder = Folder::new(c"debugfs_rs", Messages::FILES, Messages::new());
        let folder = folder.inspect_err(|error| {
            pr_err!(
                "cannot make /sys/kernel/debug/debugfs_rs: {}\n",
                error.to_errno()
            );
        })?;
        Ok(Self { _folder: folder })
    }
}

#[pin_data]
struct Messages {
    counter: Atomic<u32>,
    enabled: AtomicFlag,
    #[pin]
    message: Mutex<KVec<u8>>,
    blob: [u8; 256],
}

impl Messages {
    // ANCHOR: files
    const FILES: &'static [File<Self>] = &[
        File::writable(c"counter", Self::show_counter, Self::store_counter),
        File::writable(c"enabled", Self::show_enabled, Self::store_enabled),
        File::writable(c"message", Self::show_message, Self::store_message),
        File::bytes(c"blob", Self::blob),
    ];
    // ANCHOR_END: files

    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            counter: Atomic::new(0),
            enabled: AtomicFlag::new(true),
            message <- new_mutex!(KVec::new()),
            blob: core::array::from_fn(|i| i as u8),
        })
    }

    fn show_counter(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "{}", self.counter.load(Relaxed))
    }

    fn store_counter(&self, text: &str) -> Result {
        let counter = text.trim().parse().map_err(|_| EINVAL)?;
        self.counter.store(counter, Relaxed);
        Ok(())
    }

    fn show_enabled(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str(if self.enabled.load(Relaxed) {
            "Y\n"
        } else {
            "N\n"
        })
    }

    fn store_enabled(&self, text: &str) -> Result {
        let enabled = match text.trim() {
            "Y" | "y" | "1" => true,
            "N" | "n" | "0" => false,
            _ => return Err(EINVAL),
        };
        self.enabled.store(enabled, Relaxed);
        Ok(())
    }

    fn show_message(&self, to: &mut dyn Write) -> fmt::Result {
        // Not to user memory: the lock is held for a short time.
        let message = self.message.lock();
        to.write_str(core::str::from_utf8(&message).unwrap_or_default())
    }

    fn store_message(&self, text: &str) -> Result {
        let mut message = KVec::new();
        message.extend_from_slice(text.as_bytes(), GFP_KERNEL)?;
        *self.message.lock() = message;
        if self.enabled.load(Relaxed) {
            self.counter.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn blob(&self) -> &[u8] {
        &self.blob
    }
}
