// SPDX-License-Identifier: GPL-2.0

//! A character device with `ioctl`: `/dev/char_dev` holds a message of at most 80
//! bytes, which is read, written, and got and set by commands.
//!
//! The commands belong to one device, so their numbers hold its major number, and
//! that is a fixed one: 100. The program `ioctl` (`tests/src/bin/ioctl.rs`) uses them.
//!
//! ```sh
//! insmod chardev_ioctl_rs.ko
//! echo Hello >/dev/char_dev
//! ioctl                  # get_nth_byte message:Hello ...
//! cat /dev/char_dev      # Message passed by ioctl
//! rmmod chardev_ioctl_rs
//! ```
//!
//! What differs from the original:
//! - A message is bytes with a length; there may be NULs in it. A new message replaces
//!   the old one whole, an empty one as well.
//! - A wrong pointer is answered with EFAULT, and the message stays.
//! - `IOCTL_GET_NTH_BYTE` stays within the message: 0 at its end, EINVAL elsewhere.
//! - A command that the device does not have is answered with ENOTTY, not with 0.
//! - A 32-bit program on a 64-bit kernel is understood.
//!
//! Source: LKMPG, chapter 5, `chardev.c` and `chardev.h`.

use abstractions::{
    cdev::{
        self,
        Registration, //
    },
    file::{
        self,
        OpenFile, //
    },
    iov::Dest, //
};
use kernel::{
    ioctl::{
        _IOR,
        _IOW,
        _IOWR, //
    },
    iov::IovIterSource,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            AtomicFlag,
            Release, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

mod abstractions;

module! {
    type: ChardevIoctl,
    name: "chardev_ioctl_rs",
    authors: ["lkmpg-rs authors"],
    description: "A character device with ioctl commands",
    license: "GPL",
    // Opening a node of this major number loads the module (see `demand_load_rs`).
    alias: ["char-major-100-*"],
}

/// The major number of the device, and the type of its commands.
const MAJOR_NUM: u32 = 100;

/// Sets the message to the string that the argument points to, without its NUL; what
/// is beyond 80 bytes is left out.
///
/// "Read" is what the kernel does with it here, as the original had it.
const IOCTL_SET_MSG: u32 = _IOR::<*const c_char>(MAJOR_NUM, 0);

/// The same, in the encoding of later editions, whose "write" is the caller's.
const IOCTL_SET_MSG_WRITE: u32 = _IOW::<*const c_char>(MAJOR_NUM, 0);

/// Writes the message and a NUL to where the argument points to: 81 bytes at most.
const IOCTL_GET_MSG: u32 = _IOR::<*mut c_char>(MAJOR_NUM, 1);

/// Returns the byte of the message whose index the argument is, and 0 for the index
/// behind the last one.
const IOCTL_GET_NTH_BYTE: u32 = _IOWR::<c_int>(MAJOR_NUM, 2);

/// The same commands as a 32-bit program has them: the size of its pointers is part of
/// the numbers. That of `IOCTL_GET_NTH_BYTE`, with an `int`, is the same.
mod compat {
    use super::*;

    pub(super) const IOCTL_SET_MSG: u32 = _IOR::<u32>(MAJOR_NUM, 0);
    pub(super) const IOCTL_SET_MSG_WRITE: u32 = _IOW::<u32>(MAJOR_NUM, 0);
    pub(super) const IOCTL_GET_MSG: u32 = _IOR::<u32>(MAJOR_NUM, 1);
}

/// The length of the longest message.
const BUF_LEN: usize = 80;

struct ChardevIoctl {
    _device: Registration<CharDev>,
}

impl kernel::Module for ChardevIoctl {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = cdev::Options {
            name: c"char_dev",
            major: Some(MAJOR_NUM),
            mode: 0o600,
        };
        let device = Arc::pin_init(
            pin_init!(CharDev {
                open: AtomicFlag::new(false),
                message <- new_mutex!(Message::new()),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _device: Registration::new(options, device)?,
        })
    }
}

/// A message, with a NUL behind it.
///
/// # Invariants
///
/// `length` is at most [`BUF_LEN`], and the byte behind so many is zero.
#[derive(Clone, Copy)]
struct Message {
    bytes: [u8; BUF_LEN + 1],
    length: usize,
}

impl Message {
    /// Returns an empty message.
    fn new() -> Self {
        // INVARIANT: All is zero.
        Self {
            bytes: [0; BUF_LEN + 1],
            length: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn as_bytes_with_nul(&self) -> &[u8] {
        &self.bytes[..=self.length]
    }
}

/// The device.
#[pin_data]
struct CharDev {
    /// Whether a file is open, which one may be at a time.
    open: AtomicFlag,
    // Locked for as long as it takes to copy the message or to look at it, never while user
    // memory is touched: a message is got or set as a whole.
    #[pin]
    message: Mutex<Message>,
}

impl CharDev {
    fn message(&self) -> Message {
        *self.message.lock()
    }

    fn set_message(&self, message: &Message) {
        // Not in one line, which makes a copy before it takes the lock.
        let mut stored = self.message.lock();
        *stored = *message;
    }
}

#[vtable]
impl file::Operations for CharDev {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(device: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        if device.open.xchg(true, Acquire) {
            return Err(EBUSY);
        }
        Ok(device.into())
    }

    fn release(device: Arc<Self>) {
        device.open.store(false, Release);
    }

    fn read_iter(
        device: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        iov.read_from_buffer(position, device.message().as_bytes())
    }

    // ANCHOR: write
    /// Replaces the message, wherever the file's position is; the next read starts at
    /// the beginning of the new one.
    fn write_iter(
        device: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut message = Message::new();
        // INVARIANT: No byte behind these is written to.
        message.length = iov.len().min(BUF_LEN);
        if iov.copy_from_iter(&mut message.bytes[..message.length]) < message.length {
            return Err(EFAULT);
        }
        device.set_message(&message);
        *position = 0;
        Ok(message.length)
    }
    // ANCHOR_END: write

    fn llseek(
        device: ArcBorrow<'_, Self>,
        file: &OpenFile,
        offset: i64,
        whence: i32,
    ) -> Result<i64> {
        file.seek_in_buffer(offset, whence, device.message().length)
    }

    // ANCHOR: ioctl
    fn ioctl(device: ArcBorrow<'_, Self>, file: &OpenFile, cmd: u32, arg: usize) -> Result<isize> {
        let user = |length| UserSlice::new(UserPtr::from_addr(arg), length);
        match cmd {
            IOCTL_SET_MSG | IOCTL_SET_MSG_WRITE => {
                let mut message = Message::new();
                let reader = user(message.bytes.len()).reader();
                let text = reader.strcpy_into_buf(&mut message.bytes)?;
                let length = text.to_bytes().len();
                // INVARIANT: It fits in with its NUL, which is behind it.
                message.length = length;
                device.set_message(&message);
                file.rewind();
                Ok(0)
            }
            IOCTL_GET_MSG => {
                let message = device.message();
                let text = message.as_bytes_with_nul();
                user(text.len()).writer().write_slice(text)?;
                Ok(0)
            }
            // As an `unsigned long`, a negative index is far beyond the end, whose byte
            // is the NUL.
            IOCTL_GET_NTH_BYTE => {
                let message = device.message.lock();
                let byte = message.as_bytes_with_nul().get(arg).ok_or(EINVAL)?;
                Ok((*byte).into())
            }
            _ => Err(ENOTTY),
        }
    }
    // ANCHOR_END: ioctl

    fn compat_cmd(cmd: u32) -> u32 {
        match cmd {
            compat::IOCTL_SET_MSG => IOCTL_SET_MSG,
            compat::IOCTL_SET_MSG_WRITE => IOCTL_SET_MSG_WRITE,
            compat::IOCTL_GET_MSG => IOCTL_GET_MSG,
            other => other,
        }
    }
}
