// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 12.
//!
//! A session owned its printer, and the printer owned the session: the count of owners never
//! came to zero. A printer need not own what it prints.

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
    seq_print, //
};

mod abstractions;

module! {
    type: Exercise,
    name: "exercise",
    authors: ["you"],
    description: "Loses memory",
    license: "GPL",
}

struct Exercise {
    _file: Registration<File>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let nothing = KBox::new((), GFP_KERNEL)?;
        Ok(Self {
            _file: Registration::new(c"exercise", Options::new(0o444), None, nothing)?,
        })
    }
}

/// What belongs to an open file.
struct Session {
    squares: KVec<u64>,
}

impl Session {
    fn new() -> Result<KBox<Self>> {
        let mut squares = KVec::with_capacity(1024, GFP_KERNEL)?;
        for number in 0..1024 {
            squares.push(number * number, GFP_KERNEL)?;
        }
        Ok(KBox::new(Self { squares }, GFP_KERNEL)?)
    }
}

/// Prints a session.
struct Printer<'a> {
    session: &'a Session,
}

impl Printer<'_> {
    fn print(&self, seq: &SeqFile) {
        for square in &self.session.squares {
            seq_print!(seq, "{square}\n");
        }
    }
}

struct File;

#[vtable]
impl Operations for File {
    type Data = KBox<()>;
    type Ptr = KBox<Session>;

    fn open(_nothing: &(), _file: &OpenFile) -> Result<KBox<Session>> {
        Session::new()
    }

    fn show(session: &Session, _record: u64, seq: &SeqFile) -> Result {
        Printer { session }.print(seq);
        Ok(())
    }
}
