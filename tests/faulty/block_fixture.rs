// SPDX-License-Identifier: GPL-2.0

//! A disk that does what it should not: what `ramdisk_rs` does not use of `abstractions/block.rs`.
//! Never installed.

use abstractions::{
    block::{
        Disk,
        Registration, //
    },
    iov::Dest,
    kthread::Thread,
    param::string_parameters,
    series::param_value, //
};
use hold::hold_init;
use kernel::{
    iov::IovIterSource,
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

mod abstractions;
mod hold;

module! {
    type: Fixture,
    name: "block_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Has a disk that does what it should not",
    license: "GPL",
    params: {
        sectors: u64 {
            default: 64,
            description: "How many sectors the disk has",
        },
        missing: u32 {
            default: 0,
            description: "How many bytes of each piece reads leave out",
        },
        error: i32 {
            default: 0,
            description: "What reads and writes fail with",
        },
        hold: u32 {
            default: 0,
            description: "Stay in init until a signal comes, then fail with ENODEV",
        },
        drop_after_ms: u32 {
            default: 0,
            description: "Drop the disk after so many milliseconds",
        },
    },
}

string_parameters! {
    module: "block_fixture",
    disk: "The name of the disk",
}

struct Fixture {
    _disk: Option<Registration<Filler>>,
    _thread: Option<Thread>,
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let name = string_parameters::disk.value().unwrap_or(c"block_fixture");
        let sectors = param_value(module_parameters::sectors.value());
        let disk = Registration::new(name, sectors, Arc::new(Filler, GFP_KERNEL)?)?;
        hold_init(param_value(module_parameters::hold.value()))?;
        let ms: u32 = param_value(module_parameters::drop_after_ms.value());
        if ms == 0 {
            return Ok(Self {
                _disk: Some(disk),
                _thread: None,
            });
        }
        let thread = Thread::new(c"block_fixture", move |_stop| {
            fsleep(Delta::from_millis(ms.into()));
            drop(disk);
            pr_info!("disk dropped\n");
        })?;
        thread.start();
        Ok(Self {
            _disk: None,
            _thread: Some(thread),
        })
    }
}

/// A disk full of `x`, which says where it is written to.
struct Filler;

impl Disk for Filler {
    fn read(&self, _position: u64, to: &mut Dest<'_>) -> Result {
        failure()?;
        let missing: u32 = param_value(module_parameters::missing.value());
        while to.len() > missing as usize {
            let part = to.len() - missing as usize;
            to.copy_to_iter(&[b'x'; 512][..part.min(512)]);
        }
        Ok(())
    }

    fn write(&self, position: u64, from: &mut IovIterSource<'_>) -> Result {
        failure()?;
        pr_info!("{} bytes to {position}\n", from.len());
        Ok(())
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        pr_info!("data dropped\n");
    }
}

/// Fails as the parameter says.
fn failure() -> Result {
    let error: i32 = param_value(module_parameters::error.value());
    kernel::error::to_result(-error)
}
