// SPDX-License-Identifier: GPL-2.0

//! Exercise 12: find the leak.
//!
//! Each time that `/proc/exercise` is opened and closed, the kernel has 8 KiB less. Find out
//! which memory nobody frees, and why, and mend it. What the file prints has to stay.
//!
//! The chapter "Testing and debugging" tells how the debug guest finds such memory. Here the
//! source is short enough: who owns the session, and for how long?

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
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
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
#[pin_data]
struct Session {
    squares: KVec<u64>,
    #[pin]
    printer: Mutex<Option<Printer>>,
}

impl Session {
    fn new() -> Result<Arc<Self>> {
        let mut squares = KVec::with_capacity(1024, GFP_KERNEL)?;
        for number in 0..1024 {
            squares.push(number * number, GFP_KERNEL)?;
        }
        let session = Arc::pin_init(
            pin_init!(Self {
                squares,
                printer <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )?;
        *session.printer.lock() = Some(Printer {
            session: session.clone(),
        });
        Ok(session)
    }
}

/// Prints a session.
struct Printer {
    session: Arc<Session>,
}

impl Printer {
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
    type Ptr = Arc<Session>;

    fn open(_nothing: &(), _file: &OpenFile) -> Result<Arc<Session>> {
        Session::new()
    }

    fn show(session: ArcBorrow<'_, Session>, _record: u64, seq: &SeqFile) -> Result {
        if let Some(printer) = &*session.printer.lock() {
            printer.print(seq);
        }
        Ok(())
    }
}
