// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 4.

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

/// One who has.
struct User(Arc<Users>);

impl User {
    fn new(users: Arc<Users>) -> Self {
        users.0.fetch_add(1, Relaxed);
        Self(users)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0 .0.fetch_sub(1, Relaxed);
    }
}

struct File;

#[vtable]
impl Operations for File {
    type Data = Arc<Users>;
    type Ptr = KBox<User>;

    fn open(users: ArcBorrow<'_, Users>, _file: &OpenFile) -> Result<KBox<User>> {
        // Where there is no memory for the box, the user is dropped, and counted back.
        Ok(KBox::new(User::new(users.into()), GFP_KERNEL)?)
    }

    fn show(user: &User, _record: u64, seq: &SeqFile) -> Result {
        seq_print!(seq, "{} open\n", user.0 .0.load(Relaxed));
        Ok(())
    }
}
