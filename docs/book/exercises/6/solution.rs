// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 6.

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
            // A loop: another reader may have been faster.
            while *rings == 0 {
                if bell.rung.wait_interruptible(&mut rings) {
                    return Err(ERESTARTSYS);
                }
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
        bell.rung.notify_one();
        Ok(iov.len())
    }
}
