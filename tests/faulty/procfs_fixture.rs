// SPDX-License-Identifier: GPL-2.0

//! What `abstractions/procfs.rs` can do and no module of the guide does: folders,
//! owners, sizes, many records that can be
//! written beside, ioctl; and what a careless driver could do. For `tests/tests/procfs.rs` and
//! `tests/host/procfs.bats`; never installed.

use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    iov::Dest,
    procfs::{
        Directory,
        Options,
        Registration, //
    },
    series, //
};
use hold::hold_init;
use kernel::{
    iov::IovIterSource,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

mod abstractions;
mod hold;

module! {
    type: Fixture,
    name: "procfs_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Uses all of abstractions/procfs.rs",
    license: "GPL",
    params: {
        take: u32 {
            default: 0,
            description: "Register /proc/test as well",
        },
        take_sched: u32 {
            default: 0,
            description: "Register /proc/sched as well",
        },
        clash: u32 {
            default: 0,
            description: "Register one name twice, at last",
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
            description: "Announce a completion that never comes",
        },
        bad_name: u32 {
            default: 0,
            description: "Register a name that /proc cannot have: 1 to 6",
        },
        slow: u32 {
            default: 0,
            description: "Take a second to drop the data of the device",
        },
        fail: u32 {
            default: 3000,
            description: "The record that cannot be shown, with EPERM",
        },
    },
}

struct Fixture {
    // Dropped in this order: of what keeps the outer folder, a file of the inner one is last.
    _careless: Registration<Careless>,
    _files: KVec<Registration<Records>>,
    _device: Registration<Device>,
}

fn given(value: impl core::borrow::Borrow<u32>) -> u32 {
    series::param_value::<u32>(value)
}

impl kernel::Module for Fixture {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let folder = Directory::new(c"fixture", None)?;
        let inner = Directory::new(c"inner", Some(&folder))?;
        let options = Options::new(0o440).owner(65534, 1).size(12345);
        let mut files = KVec::new();

        let records = |name, folder| Registration::new(name, options, folder, ());
        files.push(records(c"records", Some(&folder))?, GFP_KERNEL)?;
        // Numbers are for processes in /proc itself only.
        files.push(records(c"1", Some(&inner))?, GFP_KERNEL)?;
        let data = Arc::new(Slow, GFP_KERNEL)?;
        let device = Registration::new(c"device", Options::new(0o600), Some(&inner), data)?;

        // The longest name that there can be.
        files.push(records(&LONG_NAME[1..], Some(&inner))?, GFP_KERNEL)?;
        let careless = Registration::new(c"careless", Options::new(0o600), Some(&folder), ())?;

        let bad_name = given(module_parameters::bad_name.value());
        let names = [c"", c".", c"..", c"a/b", c"123", LONG_NAME];
        if let Some(name) = bad_name.checked_sub(1).and_then(|i| names.get(i as usize)) {
            files.push(records(name, None)?, GFP_KERNEL)?;
        }
        if given(module_parameters::take.value()) != 0 {
            files.push(records(c"test", None)?, GFP_KERNEL)?;
        }
        if given(module_parameters::take_sched.value()) != 0 {
            files.push(records(c"sched", None)?, GFP_KERNEL)?;
        }
        if given(module_parameters::clash.value()) != 0 {
            files.push(records(c"records", Some(&folder))?, GFP_KERNEL)?;
        }
        hold_init(given(module_parameters::hold.value()))?;
        Ok(Self {
            _careless: careless,
            _files: files,
            _device: device,
        })
    }
}

/// A name of 256 bytes.
const LONG_NAME: &CStr = {
    const BYTES: [u8; 257] = {
        let mut bytes = [b'x'; 257];
        bytes[256] = 0;
        bytes
    };
    match CStr::from_bytes_with_nul(&BYTES) {
        Ok(name) => name,
        Err(_) => panic!("no NUL at the end"),
    }
};

/// Many records, more than fit a page, of different lengths; every third is empty.
struct Records;

#[vtable]
impl Operations for Records {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &OpenFile) -> Result {
        Ok(())
    }

    fn records(_ptr: ()) -> u64 {
        3000
    }

    fn show(_ptr: (), record: u64, seq: &SeqFile) -> Result {
        if record == given(module_parameters::fail.value()).into() {
            return Err(EPERM);
        }
        if record % 3 != 2 {
            let width = (record % 50) as usize;
            seq_print!(seq, "record {record:>width$}\n");
        }
        Ok(())
    }

    // Beside `show`: the file's own data is where only `show` would have it.
    fn write_iter(_ptr: (), position: &mut i64, iov: &mut IovIterSource<'_>) -> Result<usize> {
        *position += iov.len() as i64;
        Ok(iov.len())
    }
}

/// What is long in going.
struct Slow;

impl Drop for Slow {
    fn drop(&mut self) {
        if given(module_parameters::slow.value()) != 0 {
            pr_info!("the data goes\n");
            fsleep(Delta::from_secs(1));
        }
    }
}

/// Neither read nor written.
struct Device;

#[vtable]
impl Operations for Device {
    type Data = Arc<Slow>;
    type Ptr = ();

    fn open(_data: ArcBorrow<'_, Slow>, _file: &OpenFile) -> Result {
        Ok(())
    }

    fn ioctl(_ptr: (), _file: &OpenFile, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            0x7001 => Ok(arg as isize + 1),
            _ => Err(ENOTTY),
        }
    }
}

/// Believes that it has read and written more than it has.
struct Careless;

#[vtable]
impl Operations for Careless {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &OpenFile) -> Result {
        Ok(())
    }

    fn read_iter(_ptr: (), _position: &mut i64, iov: &mut Dest<'_>) -> Result<usize> {
        claimed(iov.copy_to_iter(b"careless"))
    }

    fn write_iter(_ptr: (), _position: &mut i64, iov: &mut IovIterSource<'_>) -> Result<usize> {
        claimed(iov.len())
    }
}

/// Returns what is claimed of `count` bytes.
fn claimed(count: usize) -> Result<usize> {
    if given(module_parameters::queue.value()) != 0 {
        return Err(EIOCBQUEUED);
    }
    Ok(count + given(module_parameters::claim.value()) as usize)
}
