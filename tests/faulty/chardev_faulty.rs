// SPDX-License-Identifier: GPL-2.0

//! A character device that is in the way of others, and does what a careless driver
//! could do, for the tests of `abstractions/cdev.rs`, `abstractions/misc.rs` and
//! `abstractions/file.rs`. Never installed.
//!
//! It answers every read with `faulty`, takes every write, and knows these commands:
//! 0x6400 returns its argument, 0x6401 makes it readable to `poll(2)`, 0x6402 drops
//! the registration, 0x6403 makes it anew. `poll` says POLLPRI besides.

use abstractions::{
    cdev::{
        self,
        Number, //
    },
    file::{
        OpenFile,
        Operations,
        PollTable,
        READABLE, //
    },
    iov::Dest,
    misc,
    param::string_parameters,
    series, //
};
use hold::hold_init;
use kernel::{
    iov::IovIterSource,
    new_mutex, new_poll_condvar,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            AtomicFlag,
            Release, //
        },
        poll::PollCondVar,
        Arc,
        ArcBorrow,
        Mutex, //
    },
};

mod abstractions;
mod hold;

module! {
    type: Faulty,
    name: "chardev_faulty",
    authors: ["lkmpg-rs authors"],
    description: "A character device that is in the way of others",
    license: "GPL",
    params: {
        major: i64 {
            default: -1,
            description: "The major number; -1 takes a free one",
        },
        misc: u32 {
            default: 0,
            description: "Be a misc device",
        },
        hold: u32 {
            default: 0,
            description: "Stay in init until a signal comes, then fail with ENODEV",
        },
        claim: u32 {
            default: 0,
            description: "How many bytes more than there were reads and writes claim",
        },
        queue: u32 {
            default: 0,
            description: "Let reads and writes announce a completion that never comes",
        },
    },
}

string_parameters! {
    module: "chardev_faulty",
    device: "The name of the device",
}

fn given(value: impl core::borrow::Borrow<u32>) -> u32 {
    series::param_value::<u32>(value)
}

struct Faulty {
    shared: Arc<Shared>,
}

impl kernel::Module for Faulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                device <- new_mutex!(None),
                readable: AtomicFlag::new(false),
                changed <- new_poll_condvar!(),
                _dropped: Dropped,
            }),
            GFP_KERNEL,
        )?;
        let module = Self {
            shared: shared.clone(),
        };
        register(shared)?;
        hold_init(given(module_parameters::hold.value()))?;
        Ok(module)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.shared.unregister();
    }
}

#[pin_data]
struct Shared {
    #[pin]
    device: Mutex<Option<Device>>,
    readable: AtomicFlag,
    #[pin]
    changed: PollCondVar,
    _dropped: Dropped,
}

enum Device {
    Cdev(#[allow(dead_code)] cdev::Registration<Open>),
    Misc(#[allow(dead_code)] misc::Registration<Open>),
}

/// Registers the device.
fn register(shared: Arc<Shared>) -> Result {
    let name = string_parameters::device
        .value()
        .unwrap_or(c"chardev_faulty");
    let (mode, data) = (0o600, shared.clone());
    let device = if given(module_parameters::misc.value()) != 0 {
        Device::Misc(misc::Registration::new(name, mode, data)?)
    } else {
        let major: i64 = series::param_value(module_parameters::major.value());
        let major = u32::try_from(major).ok();
        Device::Cdev(cdev::Registration::new(
            cdev::Options { name, major, mode },
            data,
        )?)
    };
    *shared.device.lock() = Some(device);
    Ok(())
}

impl Shared {
    fn unregister(&self) {
        // Not with the lock held.
        let device = self.device.lock().take();
        drop(device);
    }
}

/// Tells when the data of the registration is dropped.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        pr_info!("data dropped\n");
    }
}

/// Returns what is claimed of `count` bytes.
fn claimed(count: usize) -> Result<usize> {
    if given(module_parameters::queue.value()) != 0 {
        return Err(EIOCBQUEUED);
    }
    Ok(count + given(module_parameters::claim.value()) as usize)
}

/// The open file.
struct Open {
    shared: Arc<Shared>,
    minor: u32,
}

#[vtable]
impl Operations for Open {
    type Data = Arc<Shared>;
    type Ptr = Arc<Self>;

    fn open(shared: ArcBorrow<'_, Shared>, file: &OpenFile) -> Result<Arc<Self>> {
        let open = Self {
            shared: shared.into(),
            minor: Number::of(file).minor(),
        };
        Ok(Arc::new(open, GFP_KERNEL)?)
    }

    fn release(open: Arc<Self>) {
        pr_info!("released {}\n", open.minor);
    }

    fn read_iter(
        _open: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        claimed(iov.copy_to_iter(b"faulty"))
    }

    fn write_iter(
        _open: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        claimed(iov.len())
    }

    fn ioctl(open: ArcBorrow<'_, Self>, _file: &OpenFile, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            0x6400 => Ok(arg as isize),
            0x6401 => {
                open.shared.readable.store(true, Release);
                open.shared.changed.notify_all();
                Ok(0)
            }
            0x6402 => {
                open.shared.unregister();
                Ok(0)
            }
            0x6403 => {
                register(open.shared.clone())?;
                Ok(0)
            }
            _ => Err(ENOTTY),
        }
    }

    fn poll<'p>(open: &'p ArcBorrow<'_, Self>, table: &PollTable<'p>) -> u32 {
        const POLLPRI: u32 = 2;
        table.register(&open.shared.changed);
        if open.shared.readable.load(Acquire) {
            POLLPRI | READABLE
        } else {
            POLLPRI
        }
    }
}
