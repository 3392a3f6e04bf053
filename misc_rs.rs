// SPDX-License-Identifier: GPL-2.0

//! A misc device: each open file has a value of its own, all share a number, and `ioctl` sets
//! and gets both.
//!
//! A misc device needs no major number and no class. The value goes through `ioctl` in a
//! struct whose fields have the same place in each program, 32-bit ones as well: they have
//! fixed sizes, and no gaps. So there is nothing to translate. `flags` is room for later: a
//! program that sets one learns that this module does not know it.
//!
//! ```sh
//! insmod misc_rs.ko
//! misc 5                # value of this file: 5
//!                       # number of all files: 0
//! misc --number 7       # value of this file: 0
//!                       # number of all files: 7
//! cat /dev/misc_rs      # 0
//! exec 3</dev/misc_rs; rmmod misc_rs    # Resource temporarily unavailable
//! exec 3<&-; rmmod misc_rs
//! ```
//!
//! The original writes the number to whatever address the caller names, the kernel's as well.
//! It cuts a value to 8 bits, its `read` never reports the end of the file, and it changes
//! the number of all files without a lock.
//!
//! Source: today's LKMPG, section "Talking to Device Files", `ioctl.c`.

use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    misc::Registration, //
};
use kernel::{
    ioctl::{
        _IOR,
        _IOW, //
    },
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use zerocopy_derive::Immutable;

mod abstractions;

module! {
    type: Misc,
    name: "misc_rs",
    authors: ["lkmpg-rs authors"],
    description: "A misc device with a value for each open file",
    license: "GPL",
}

/// The type of the commands.
const IOC_MAGIC: u32 = 0x66;

/// Sets the value of the open file.
const IOCTL_VALSET: u32 = _IOW::<IoctlArg>(IOC_MAGIC, 0);

/// Gets the value of the open file.
const IOCTL_VALGET: u32 = _IOR::<IoctlArg>(IOC_MAGIC, 1);

/// Gets the number that all files share, an `int`.
const IOCTL_VALGET_NUM: u32 = _IOR::<i32>(IOC_MAGIC, 2);

/// Sets the number that all files share: the argument itself.
const IOCTL_VALSET_NUM: u32 = _IOW::<i32>(IOC_MAGIC, 3);

// ANCHOR: argument
/// What `IOCTL_VALSET` and `IOCTL_VALGET` point to.
// Any bytes are one, and it is nothing but its bytes.
#[derive(FromBytes, Immutable, IntoBytes)]
#[repr(C)]
struct IoctlArg {
    val: u32,
    /// None is known yet.
    flags: u32,
}
// ANCHOR_END: argument

struct Misc {
    _device: Registration<Open>,
}

impl kernel::Module for Misc {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let number = Arc::new(Number(Atomic::new(0)), GFP_KERNEL)?;
        Ok(Self {
            _device: Registration::new(c"misc_rs", 0o600, number)?,
        })
    }
}

/// The number that all files share.
struct Number(Atomic<i32>);

/// An open file.
struct Open {
    number: Arc<Number>,
    value: Atomic<u32>,
}

#[vtable]
impl Operations for Open {
    type Data = Arc<Number>;
    type Ptr = Arc<Self>;

    fn open(number: ArcBorrow<'_, Number>, _file: &OpenFile) -> Result<Arc<Self>> {
        let open = Self {
            number: number.into(),
            value: Atomic::new(0),
        };
        Ok(Arc::new(open, GFP_KERNEL)?)
    }

    fn show(open: ArcBorrow<'_, Self>, _record: u64, seq: &SeqFile) -> Result {
        let value = open.value.load(Relaxed);
        seq_print!(seq, "{value}\n");
        Ok(())
    }

    fn ioctl(open: ArcBorrow<'_, Self>, _file: &OpenFile, cmd: u32, arg: usize) -> Result<isize> {
        let user = |length| UserSlice::new(UserPtr::from_addr(arg), length);
        match cmd {
            IOCTL_VALSET => {
                let mut new = IoctlArg { val: 0, flags: 0 };
                let bytes = new.as_mut_bytes();
                user(bytes.len()).reader().read_slice(bytes)?;
                if new.flags != 0 {
                    return Err(EINVAL);
                }
                open.value.store(new.val, Relaxed);
            }
            IOCTL_VALGET => {
                let now = IoctlArg {
                    val: open.value.load(Relaxed),
                    flags: 0,
                };
                let bytes = now.as_bytes();
                user(bytes.len()).writer().write_slice(bytes)?;
            }
            IOCTL_VALGET_NUM => {
                let number = open.number.0.load(Relaxed);
                user(size_of::<i32>()).writer().write(&number)?;
            }
            // CAST: An `int`, as which the caller has given it.
            IOCTL_VALSET_NUM => open.number.0.store(arg as i32, Relaxed),
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}
