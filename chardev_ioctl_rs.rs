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
        Number,
        Registration, //
    },
    iov::read_from_buffer, //
};
use kernel::{
    fs::{
        file::LocalFile,
        File,
        Kiocb, //
    },
    ioctl::{
        _IOR,
        _IOW,
        _IOWR, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            AtomicFlag,
            Release, //
        },
        Arc,
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
    _device: Registration<Session>,
}

impl kernel::Module for ChardevIoctl {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = cdev::Options {
            name: c"char_dev",
            major: Some(MAJOR_NUM),
        };
        let device = Arc::pin_init(
            pin_init!(CharDev {
                open: AtomicFlag::new(false),
                message <- new_mutex!(Message::new(b"")),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _device: Registration::new(options, device)?,
        })
    }
}

/// A message.
///
/// # Invariants
///
/// `length` is at most [`BUF_LEN`].
#[derive(Clone, Copy)]
struct Message {
    bytes: [u8; BUF_LEN],
    length: usize,
}

impl Message {
    /// Makes a message of the first [`BUF_LEN`] bytes of `text`.
    fn new(text: &[u8]) -> Self {
        let length = text.len().min(BUF_LEN);
        let mut bytes = [0; BUF_LEN];
        bytes[..length].copy_from_slice(&text[..length]);
        // INVARIANT: `length` is the smaller of the two.
        Self { bytes, length }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The device.
#[pin_data]
struct CharDev {
    /// Whether a file is open, which one may be at a time.
    open: AtomicFlag,
    // Locked for as long as it takes to copy the message, never while user memory is
    // touched: a message is got or set as a whole.
    #[pin]
    message: Mutex<Message>,
}

/// The open file.
struct Session(Arc<CharDev>);

impl Drop for Session {
    fn drop(&mut self) {
        self.0.open.store(false, Release);
    }
}

impl Session {
    fn message(&self) -> Message {
        *self.0.message.lock()
    }

    fn set_message(&self, text: &[u8]) {
        *self.0.message.lock() = Message::new(text);
    }
}

#[vtable]
impl cdev::Device for Session {
    type Data = Arc<CharDev>;
    type Ptr = KBox<Self>;

    fn open(device: &Arc<CharDev>, _file: &File, _number: Number) -> Result<KBox<Self>> {
        if device.open.xchg(true, Acquire) {
            return Err(EBUSY);
        }
        Ok(KBox::new(Self(device.clone()), GFP_KERNEL)?)
    }

    fn read_iter(mut kiocb: Kiocb<'_, KBox<Self>>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let message = kiocb.file().message();
        read_from_buffer(iov, kiocb.ki_pos_mut(), message.as_bytes())
    }

    /// Replaces the message, wherever the file's position is; the next read starts at
    /// the beginning of the new one.
    fn write_iter(mut kiocb: Kiocb<'_, KBox<Self>>, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let mut buffer = [0; BUF_LEN];
        let text = &mut buffer[..iov.len().min(BUF_LEN)];
        if iov.copy_from_iter(text) < text.len() {
            return Err(EFAULT);
        }
        kiocb.file().set_message(text);
        *kiocb.ki_pos_mut() = 0;
        Ok(text.len())
    }

    fn llseek(session: &Self, file: &LocalFile, offset: i64, whence: i32) -> Result<i64> {
        cdev::seek_in_buffer(file, offset, whence, session.message().length)
    }

    fn ioctl(session: &Self, file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let user = |length| UserSlice::new(UserPtr::from_addr(arg), length);
        match cmd {
            IOCTL_SET_MSG | IOCTL_SET_MSG_WRITE => {
                let mut buffer = [0; BUF_LEN + 1];
                let text = user(buffer.len()).reader().strcpy_into_buf(&mut buffer)?;
                session.set_message(text.to_bytes());
                cdev::rewind(file);
                Ok(0)
            }
            IOCTL_GET_MSG => {
                let message = session.message();
                let mut writer = user(message.length + 1).writer();
                writer.write_slice(message.as_bytes())?;
                writer.write(&0u8)?;
                Ok(0)
            }
            // As an `unsigned long`, a negative index is far beyond the end.
            IOCTL_GET_NTH_BYTE => {
                let message = session.message();
                match message.as_bytes().get(arg) {
                    Some(&byte) => Ok(byte.into()),
                    None if arg == message.length => Ok(0),
                    None => Err(EINVAL),
                }
            }
            _ => Err(ENOTTY),
        }
    }

    fn compat_ioctl(session: &Self, file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let cmd = match cmd {
            compat::IOCTL_SET_MSG => IOCTL_SET_MSG,
            compat::IOCTL_SET_MSG_WRITE => IOCTL_SET_MSG_WRITE,
            compat::IOCTL_GET_MSG => IOCTL_GET_MSG,
            other => other,
        };
        Self::ioctl(session, file, cmd, arg)
    }
}
