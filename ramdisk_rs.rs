// SPDX-License-Identifier: GPL-2.0

//! A disk that is a piece of memory, `/dev/ramdisk_rs`.
//!
//! `mib=` says how large it is, in MiB. All of it is 0 at first, and gone with the module. A file
//! system can be made on it, and it can have partitions.
//!
//! ```sh
//! insmod ramdisk_rs.ko mib=4
//! dmesg | tail -n 1                # 4 MiB
//! mke2fs -q /dev/ramdisk_rs
//! mount -t ext2 /dev/ramdisk_rs /mnt
//! echo 'Hello, disk' >/mnt/hello
//! rmmod ramdisk_rs                 # Resource temporarily unavailable
//! umount /mnt
//! grep -c 'Hello, disk' /dev/ramdisk_rs # 1
//! rmmod ramdisk_rs
//! ```
//!
//! What a program reads and writes goes through the page cache, unless it opens the disk with
//! `O_DIRECT`. The disk sees requests, for whole sectors of 512 bytes, and several at a time on
//! several CPUs. It serves them where they are made, at once, and must not sleep: so a spin lock
//! keeps one from reading what another one has written half.
//!
//! The original has no lock there, so two that write the same sector can leave half of each. Its
//! size has no limit, and can overflow.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `blkram.c`.

use abstractions::{
    block::{
        Disk,
        Registration,
        SECTOR_SIZE, //
    },
    iov::Dest,
    series::param_value, //
};
use core::ops::Range;
use kernel::{
    alloc::flags::__GFP_NOWARN,
    iov::IovIterSource,
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    }, //
};

mod abstractions;

module! {
    type: Module,
    name: "ramdisk_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has a disk in memory",
    license: "GPL",
    params: {
        mib: u32 {
            default: 8,
            description: "The disk's size, 1 to 1024 MiB",
        },
    },
}

struct Module {
    _disk: Registration<Ramdisk>,
}

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mib: u32 = param_value(module_parameters::mib.value());
        if !(1..=1024).contains(&mib) {
            pr_err!("mib is 1 to 1024\n");
            return Err(EINVAL);
        }
        let size = u64::from(mib) << 20;
        let ramdisk = Arc::pin_init(Ramdisk::new(size as usize), GFP_KERNEL)?;
        let disk = Registration::new(c"ramdisk_rs", size / SECTOR_SIZE, ramdisk)?;
        pr_info!("{mib} MiB\n");
        Ok(Self { _disk: disk })
    }
}

#[pin_data]
struct Ramdisk {
    #[pin]
    memory: SpinLock<KVVec<u8>>,
}

impl Ramdisk {
    fn new(size: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // The kernel would warn of a size that it does not have.
            memory <- new_spinlock!(KVVec::from_elem(0, size, GFP_KERNEL | __GFP_NOWARN)?),
        })
    }
}

// ANCHOR: disk
impl Disk for Ramdisk {
    fn read(&self, position: u64, to: &mut Dest<'_>) -> Result {
        let memory = self.memory.lock();
        let bytes = memory.get(part(position, to.len())?).ok_or(EIO)?;
        to.copy_to_iter(bytes);
        Ok(())
    }

    fn write(&self, position: u64, from: &mut IovIterSource<'_>) -> Result {
        let mut memory = self.memory.lock();
        let bytes = memory.get_mut(part(position, from.len())?).ok_or(EIO)?;
        from.copy_from_iter(bytes);
        Ok(())
    }
}
// ANCHOR_END: disk

/// Returns the part of the disk that has `length` bytes from `position` on.
fn part(position: u64, length: usize) -> Result<Range<usize>> {
    let start = usize::try_from(position)?;
    Ok(start..start.checked_add(length).ok_or(EIO)?)
}
