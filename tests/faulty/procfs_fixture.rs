// SPDX-License-Identifier: GPL-2.0

//! What `abstractions/procfs.rs` can do and no module of the guide does: folders,
//! owners, sizes, many records, ioctl, poll. For `tests/tests/procfs.rs` and
//! `tests/host/procfs.bats`; never installed.

use abstractions::{
    procfs::{
        Directory,
        Operations,
        Options,
        Registration,
        READABLE, //
    },
    series, //
};
use kernel::{
    fs::File,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::poll::PollTable, //
};

mod abstractions;

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
        bad_name: u32 {
            default: 0,
            description: "Register a name that /proc cannot have: 1 to 5",
        },
    },
}

struct Fixture {
    _files: KVec<Registration<Records>>,
    _device: Registration<Device>,
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
        let device = Registration::new(c"device", Options::new(0o600), Some(&inner), ())?;

        let bad_name: u32 = series::param_value(module_parameters::bad_name.value());
        let names = [c"", c".", c"..", c"a/b", c"123"];
        if let Some(name) = bad_name.checked_sub(1).and_then(|i| names.get(i as usize)) {
            files.push(records(name, None)?, GFP_KERNEL)?;
        }
        let take: u32 = series::param_value(module_parameters::take.value());
        if take != 0 {
            files.push(records(c"test", None)?, GFP_KERNEL)?;
        }
        let take_sched: u32 = series::param_value(module_parameters::take_sched.value());
        if take_sched != 0 {
            files.push(records(c"sched", None)?, GFP_KERNEL)?;
        }
        let clash: u32 = series::param_value(module_parameters::clash.value());
        if clash != 0 {
            files.push(records(c"records", Some(&folder))?, GFP_KERNEL)?;
        }
        Ok(Self {
            _files: files,
            _device: device,
        })
    }
}

/// Many records, more than fit a page, of different lengths; every third is empty.
struct Records;

#[vtable]
impl Operations for Records {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &File) -> Result {
        Ok(())
    }

    fn records(_ptr: ()) -> u64 {
        3000
    }

    fn show(_ptr: (), record: u64, seq: &SeqFile) -> Result {
        if record % 3 != 2 {
            let width = (record % 50) as usize;
            seq_print!(seq, "record {record:>width$}\n");
        }
        Ok(())
    }
}

/// Neither read nor written.
struct Device;

#[vtable]
impl Operations for Device {
    type Data = ();
    type Ptr = ();

    fn open(_data: (), _file: &File) -> Result {
        Ok(())
    }

    fn ioctl(_ptr: (), _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            0x7001 => Ok(arg as isize + 1),
            _ => Err(ENOTTY),
        }
    }

    fn poll(_ptr: (), _file: &File, _table: PollTable<'_>) -> u32 {
        READABLE
    }
}
