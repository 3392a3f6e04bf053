// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` that one can write to.
//!
//! Unlike `procfs_rs` it does its own reading, by [`Operations::read_iter`], and it
//! checks who may write in [`Operations::open`]: the kernel checks the mode of the
//! file before, but root can change that.
//!
//! ```sh
//! insmod procfs_rw_rs.ko
//! echo hello >/proc/rw_test
//! cat /proc/rw_test    # Last input:hello
//! rmmod procfs_rw_rs
//! ```
//!
//! Source: LKMPG, chapter 4, `procfs.c`. There readers share a static flag that says
//! when the end is reached; here each has its position. A message has at most 79
//! bytes; a longer write takes that many and returns their number. The offset of a
//! write does not matter. No newline is added to what was written.
//! `module_permission` has become the check in `open`, so `access(2)` looks at the
//! mode alone.

use abstractions::{
    file::{
        only_root_writes,
        OpenFile,
        Operations, //
    },
    iov::Dest,
    procfs::{
        Options,
        Registration, //
    },
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
use message::Message;

mod abstractions;
#[path = "procfs_rw_rs/message.rs"]
mod message;

module! {
    type: ProcfsRw,
    name: "procfs_rw_rs",
    authors: ["lkmpg-rs authors"],
    description: "Keeps what root writes to /proc/rw_test for everybody to read",
    license: "GPL",
}

struct ProcfsRw {
    _file: Registration<RwTest>,
}

impl kernel::Module for ProcfsRw {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(RwTest {
                message <- new_mutex!(Message::new()),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _file: Registration::new(c"rw_test", Options::new(0o644), None, shared)?,
        })
    }
}

/// `/proc/rw_test`.
#[pin_data]
struct RwTest {
    #[pin]
    message: Mutex<Message>,
}

#[vtable]
impl Operations for RwTest {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    // ANCHOR: open_and_read
    fn open(this: ArcBorrow<'_, Self>, file: &OpenFile) -> Result<Arc<Self>> {
        only_root_writes(file)?;
        Ok(this.into())
    }

    fn read_iter(
        this: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        // A copy, so that the lock is not held while userspace is written to.
        let message = *this.message.lock();
        iov.read_from_buffer(position, message.as_bytes())
    }
    // ANCHOR_END: open_and_read

    fn write_iter(
        this: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut buffer = [0; message::MAX_LEN];
        let text = message::from_user(iov, &mut buffer)?;
        this.message.lock().set(text);
        Ok(text.len())
    }
}
