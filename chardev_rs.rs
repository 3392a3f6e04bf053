// SPDX-License-Identifier: GPL-2.0

//! A character device that can be read: `/dev/chardev_rs` tells how often it was
//! opened before.
//!
//! The kernel picks the major number and, through `devtmpfs`, makes the node; the
//! original asked you for `mknod`. Any other of the 256 minor numbers works as well:
//! `mknod /tmp/seven c <major> 7`.
//!
//! ```sh
//! insmod chardev_rs.ko
//! grep chardev_rs /proc/devices
//! cat /dev/chardev_rs    # If I told you once, I told you 0 times Hello, world
//! cat /dev/chardev_rs    # If I told you once, I told you 1 times Hello, world
//! rmmod chardev_rs
//! ```
//!
//! One file can be open at a time. The original looked at its flag and set it in two
//! steps, between which another CPU could do the same; here one atomic exchange
//! decides. Its position in the message is the file's, so `lseek` and `pread` work.
//!
//! Source: LKMPG, chapter 2, `chardev.c`.

use abstractions::{
    cdev::{
        self,
        Number,
        Registration, //
    },
    file::{
        self,
        OpenFile, //
    },
    iov::Dest, //
};
use kernel::{
    fmt::Write,
    prelude::*,
    str::Formatter,
    sync::atomic::{
        Acquire,
        Atomic,
        AtomicFlag,
        Relaxed,
        Release, //
    }, //
};

mod abstractions;

module! {
    type: Chardev,
    name: "chardev_rs",
    authors: ["lkmpg-rs authors"],
    description: "A character device that counts how often it is opened",
    license: "GPL",
}

// ANCHOR: registration
struct Chardev {
    _device: Registration<Session>,
}

impl kernel::Module for Chardev {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = cdev::Options {
            name: c"chardev_rs",
            major: None,
            // Everybody may read.
            mode: 0o444,
        };
        let device = Registration::new(options, ())?;
        pr_info!("The major device number is {}.\n", device.number().major());
        Ok(Self { _device: device })
    }
}
// ANCHOR_END: registration

/// Whether the device is open.
static OPEN: AtomicFlag = AtomicFlag::new(false);

/// How often the device has been opened.
static COUNT: Atomic<i64> = Atomic::new(0);

// ANCHOR: exclusive
/// The right to have the device open, which one file has at a time.
struct Exclusive;

impl Exclusive {
    fn acquire() -> Result<Self> {
        match OPEN.xchg(true, Acquire) {
            false => Ok(Self),
            true => Err(EBUSY),
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        OPEN.store(false, Release);
    }
}
// ANCHOR_END: exclusive

/// The open file.
struct Session {
    // Room for the largest count.
    message: [u8; 80],
    length: usize,
    _exclusive: Exclusive,
}

impl Session {
    fn message(&self) -> &[u8] {
        &self.message[..self.length]
    }
}

// ANCHOR: operations
#[vtable]
impl file::Operations for Session {
    type Data = ();
    type Ptr = KBox<Self>;

    fn open(_data: (), file: &OpenFile) -> Result<KBox<Self>> {
        let number = Number::of(file);
        pr_info!("Device: {}.{}\n", number.major(), number.minor());
        let exclusive = Exclusive::acquire()?;
        let count = COUNT.fetch_add(1, Relaxed);
        let mut message = [0; 80];
        let mut text = Formatter::new(&mut message);
        text.write_fmt(fmt!(
            "If I told you once, I told you {count} times Hello, world\n"
        ))?;
        let session = Self {
            length: text.bytes_written(),
            message,
            _exclusive: exclusive,
        };
        Ok(KBox::new(session, GFP_KERNEL)?)
    }

    fn read_iter(session: &Self, position: &mut i64, iov: &mut Dest<'_>) -> Result<usize> {
        iov.read_from_buffer(position, session.message())
    }

    fn llseek(session: &Self, file: &OpenFile, offset: i64, whence: i32) -> Result<i64> {
        file.seek_in_buffer(offset, whence, session.message().len())
    }

    // There is no `write_iter`: a write fails with EINVAL.
}
// ANCHOR_END: operations
