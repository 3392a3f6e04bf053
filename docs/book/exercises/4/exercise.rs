// SPDX-License-Identifier: GPL-2.0

//! Exercise 4: a file that tells how many have it open.
//!
//! `cat /proc/exercise` prints `1 open`, for the `cat` itself has the file open. While a shell
//! holds it open, too (`exec 3</proc/exercise`), it is `2 open`.
//!
//! The module counts each `open`, and forgets to count back. There are two ways: the trait has
//! a function for the last close, or what `open` returns is a type of your own with a `Drop`.
//! Which one still works when `open` has to do more, and fails after it has counted?

use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    procfs::{
        Options,
        Registration, //
    },
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Tells how many have a file open",
    license: "GPL",
}

struct Exercise {
    _file: Registration<File>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let users = Arc::new(Users(Atomic::new(0)), GFP_KERNEL)?;
        Ok(Self {
            _file: Registration::new(c"exercise", Options::new(0o444), None, users)?,
        })
    }
}

/// How many have the file open.
struct Users(Atomic<u64>);

struct File;

#[vtable]
impl Operations for File {
    type Data = Arc<Users>;
    type Ptr = Arc<Users>;

    fn open(users: ArcBorrow<'_, Users>, _file: &OpenFile) -> Result<Arc<Users>> {
        users.0.fetch_add(1, Relaxed);
        Ok(users.into())
    }

    fn show(users: ArcBorrow<'_, Users>, _record: u64, seq: &SeqFile) -> Result {
        seq_print!(seq, "{} open\n", users.0.load(Relaxed));
        Ok(())
    }
}
