// SPDX-License-Identifier: GPL-2.0

//! Exercise 3: a device that shouts.
//!
//! What is written to `/dev/exercise` is read from it in capital letters:
//!
//! ```sh
//! echo hello >/dev/exercise
//! cat /dev/exercise    # HELLO
//! ```
//!
//! At most 80 bytes are kept: a write of more takes 80, and returns 80. A new text replaces
//! the old one. Each reader begins at the beginning, and may read in pieces. Only the letters
//! a to z change. A text of which a part cannot be copied is refused with `EFAULT`, and the old
//! one stays.
//!
//! `chardev_ioctl_rs` does something similar. The registration is there already, and so is the
//! place for the text, behind a lock. Which of the functions in the trait are missing?

use abstractions::{
    cdev::{
        Options,
        Registration, //
    },
    file::{
        OpenFile,
        Operations, //
    },
    iov::Dest, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        Mutex, //
    },
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "A device that shouts",
    license: "GPL",
}

/// The length of the longest text.
const MAX_LEN: usize = 80;

struct Exercise {
    _device: Registration<Device>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = Options {
            name: c"exercise",
            major: None,
            mode: 0o600,
        };
        let text = Text {
            bytes: [0; MAX_LEN],
            length: 0,
        };
        let device = pin_init!(Device {
            text <- new_mutex!(text),
        });
        let device = Arc::pin_init(device, GFP_KERNEL)?;
        Ok(Self {
            _device: Registration::new(options, device)?,
        })
    }
}

#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; MAX_LEN],
    length: usize,
}

#[pin_data]
struct Device {
    #[pin]
    text: Mutex<Text>,
}

#[vtable]
impl Operations for Device {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(device: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        Ok(device.into())
    }

    fn read_iter(
        device: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        let text = *device.text.lock();
        iov.read_from_buffer(position, &text.bytes[..text.length])
    }

    // Your code.
}
