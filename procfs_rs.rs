// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` that counts its readers.
//!
//! The file's content is a `seq_file`: [`Operations::show`] says what there is to
//! read, and the kernel takes care of offsets and buffers. What belongs to one open
//! file, its reader's number, lives in the [`Reader`] that `open` returns; what all
//! share, the count, belongs to the registration.
//!
//! ```sh
//! insmod procfs_rs.ko
//! cat /proc/test    # For the 1st time, go away!
//! cat /proc/test    # For the 2nd time, go away!
//! rmmod procfs_rs
//! ```
//!
//! Source: LKMPG, chapter 3, `procfs.c`. There every read at offset 0 counts, and
//! all readers share one buffer; here a file that is opened counts once, when it is
//! first read. `ls` showed a size of 80. Here it is 0, as for other files in
//! `/proc`, because programs may believe it.

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
        ArcBorrow,
        SetOnce, //
    },
};

mod abstractions;

module! {
    type: Procfs,
    name: "procfs_rs",
    authors: ["lkmpg-rs authors"],
    description: "Counts the readers of /proc/test",
    license: "GPL",
}

struct Procfs {
    _file: Registration<Test>,
}

impl kernel::Module for Procfs {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let readers = Arc::new(Readers(Atomic::new(0)), GFP_KERNEL)?;
        Ok(Self {
            _file: Registration::new(c"test", Options::new(0o444), None, readers)?,
        })
    }
}

/// How many have read the file so far.
struct Readers(Atomic<u64>);

/// One open file.
struct Reader {
    readers: Arc<Readers>,
    number: SetOnce<u64>,
}

impl Reader {
    /// Returns the reader's number, from 1; it gets one when it is first asked.
    fn number(&self) -> u64 {
        self.number.copy().unwrap_or_else(|| {
            let number = self.readers.0.fetch_add(1, Relaxed) + 1;
            self.number.populate(number);
            number
        })
    }
}

/// `/proc/test`.
struct Test;

// ANCHOR: operations
#[vtable]
impl Operations for Test {
    type Data = Arc<Readers>;
    type Ptr = KBox<Reader>;

    fn open(readers: ArcBorrow<'_, Readers>, _file: &OpenFile) -> Result<KBox<Reader>> {
        let reader = Reader {
            readers: readers.into(),
            number: SetOnce::new(),
        };
        Ok(KBox::new(reader, GFP_KERNEL)?)
    }

    fn show(reader: &Reader, _record: u64, seq: &SeqFile) -> Result {
        let n = reader.number();
        seq_print!(seq, "For the {n}{} time, go away!\n", ordinal_suffix(n));
        Ok(())
    }
}
// ANCHOR_END: operations

/// Returns what makes an ordinal of a number: 1st, 2nd, 3rd, 4th, 11th, 21st, 111th.
fn ordinal_suffix(n: u64) -> &'static str {
    match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}
