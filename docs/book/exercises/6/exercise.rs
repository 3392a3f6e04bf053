// SPDX-License-Identifier: GPL-2.0

//! Exercise 6: a door bell.
//!
//! `cat /dev/exercise` waits until somebody rings, and then prints `ding`. To ring is to
//! write: `echo >/dev/exercise`. Each ring lets one reader through. A ring that comes before
//! its reader is not lost. A reader that gets a signal while it waits, as by `Ctrl-C`, ends.
//!
//! The rings are counted already, but a reader does not wait: it finds nothing, and that is
//! the end of the file. `rung` is a condition variable, which nobody uses yet. Its
//! `wait_interruptible(&mut guard)` returns whether a signal has come, for which the error is
//! `ERESTARTSYS`. `sleep_rs` does something similar.

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
    new_condvar, new_mutex,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        CondVar,
        Mutex, //
    },
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "A door bell",
    license: "GPL",
}

struct Exercise {
    _device: Registration<Bell>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = Options {
            name: c"exercise",
            major: None,
            mode: 0o600,
        };
        let bell = pin_init!(Bell {
            rings <- new_mutex!(0),
            rung <- new_condvar!(),
        });
        let bell = Arc::pin_init(bell, GFP_KERNEL)?;
        Ok(Self {
            _device: Registration::new(options, bell)?,
        })
    }
}

#[pin_data]
struct Bell {
    /// How many rings nobody has heard yet.
    #[pin]
    rings: Mutex<u32>,
    /// Told of `rings`.
    #[pin]
    rung: CondVar,
}

#[vtable]
impl Operations for Bell {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(bell: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        Ok(bell.into())
    }

    fn read_iter(
        bell: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        // A program reads on until it gets nothing.
        if *position > 0 {
            return Ok(0);
        }
        {
            let mut rings = bell.rings.lock();
            // Your code.
            if *rings == 0 {
                return Ok(0);
            }
            *rings -= 1;
        }
        iov.read_from_buffer(position, b"ding\n")
    }

    fn write_iter(
        bell: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut rings = bell.rings.lock();
        *rings = rings.saturating_add(1);
        // Your code.
        Ok(iov.len())
    }
}
