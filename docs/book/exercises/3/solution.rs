// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 3.

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
    iov::IovIterSource,
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

    fn write_iter(
        device: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut text = Text {
            bytes: [0; MAX_LEN],
            length: iov.len().min(MAX_LEN),
        };
        let bytes = &mut text.bytes[..text.length];
        if iov.copy_from_iter(bytes) < bytes.len() {
            return Err(EFAULT);
        }
        bytes.make_ascii_uppercase();
        *device.text.lock() = text;
        Ok(text.length)
    }
}
