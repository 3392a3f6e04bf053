// SPDX-License-Identifier: GPL-2.0

//! A character device that is in the way of others, for the tests of
//! `abstractions/cdev.rs`. Never installed.
//!
//! It answers every read with `faulty`, can never be read from nor written to as far
//! as `poll` knows (POLLPRI), and returns the argument of command 0x6400, for which it has
//! no `compat_ioctl`.

use abstractions::{
    cdev::{
        self,
        Number,
        Registration, //
    },
    param::string_parameters,
    series, //
};
use kernel::{
    fs::{
        File,
        Kiocb, //
    },
    iov::IovIterDest,
    prelude::*,
    sync::{
        atomic::{
            AtomicFlag,
            Relaxed, //
        },
        poll::PollTable, //
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

mod abstractions;

module! {
    type: Faulty,
    name: "chardev_faulty",
    authors: ["lkmpg-rs authors"],
    description: "A character device that is in the way of others",
    license: "GPL",
    params: {
        major: u32 {
            default: 0,
            description: "The major number; 0 takes a free one",
        },
        fail: u32 {
            default: 0,
            description: "Fail to load, with ENODEV, once a file is open",
        },
    },
}

string_parameters! {
    module: "chardev_faulty",
    device: "The name of the device",
}

struct Faulty {
    _device: Registration<Open>,
}

/// Whether a file was opened.
static OPENED: AtomicFlag = AtomicFlag::new(false);

impl kernel::Module for Faulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let major: u32 = series::param_value(module_parameters::major.value());
        let fail: u32 = series::param_value(module_parameters::fail.value());
        let options = cdev::Options {
            name: string_parameters::device
                .value()
                .unwrap_or(c"chardev_faulty"),
            major: (major > 0).then_some(major),
        };
        let device = Registration::new(options, Dropped)?;
        if fail != 0 {
            while !OPENED.load(Relaxed) {
                fsleep(Delta::from_millis(1));
            }
            return Err(ENODEV);
        }
        Ok(Self { _device: device })
    }
}

/// Tells when the data of the registration is dropped.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        pr_info!("data dropped\n");
    }
}

/// The open file.
struct Open;

#[vtable]
impl cdev::Device for Open {
    type Data = Dropped;
    type Ptr = KBox<Self>;

    fn open(_data: &Dropped, _file: &File, _number: Number) -> Result<KBox<Self>> {
        let open = KBox::new(Self, GFP_KERNEL)?;
        OPENED.store(true, Relaxed);
        Ok(open)
    }

    fn release(_open: KBox<Self>, _file: &File) {
        pr_info!("released\n");
    }

    fn read_iter(_kiocb: Kiocb<'_, KBox<Self>>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        Ok(iov.copy_to_iter(b"faulty"))
    }

    fn ioctl(_open: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            0x6400 => Ok(arg as isize),
            _ => Err(ENOTTY),
        }
    }

    fn poll(_open: &Self, _file: &File, _table: PollTable<'_>) -> u32 {
        const POLLPRI: u32 = 2;
        POLLPRI
    }
}
