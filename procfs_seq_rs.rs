// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` with many records, which may grow while it is read: a `seq_file`.
//!
//! Each word that is written becomes a record, which is read as a line.
//!
//! ```sh
//! insmod procfs_seq_rs.ko
//! echo one two >/proc/iter
//! echo three >/proc/iter
//! cat /proc/iter           # one
//!                          # two
//!                          # three
//! tail -f /proc/iter &     # the words to come as well
//! ls -l /proc/iter         # the owner, and a size
//! ```
//!
//! The kernel's `seq_file` does the reading, for buffers of any size and at any offset. It asks
//! for one record after the other by its number, and keeps the number and what a reader has not
//! taken of a record for each open file. So the number of a record must not change. Here words
//! are only added: no reader gets one twice, or misses one.
//!
//! `uid=` names a user who owns the file and may write to it, besides root. The size that `stat`
//! shows is what the file can hold.
//!
//! The original has one counter for all readers, which each read changes. It writes a position
//! of its own where the kernel keeps that of the reader. Its file with an owner lets others see
//! the text and its length while one of them changes, and a short read truncates the text for
//! good.
//!
//! Source: today's LKMPG, chapter "The /proc Filesystem", `procfs3.c`, `procfs4.c`.

use abstractions::{
    file::{
        seq_write,
        OpenFile,
        Operations, //
    },
    procfs::{
        Options,
        Registration, //
    },
    series, //
};
use kernel::{
    iov::IovIterSource,
    new_mutex,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        Arc,
        ArcBorrow,
        Mutex, //
    },
};

mod abstractions;

module! {
    type: ProcfsSeq,
    name: "procfs_seq_rs",
    authors: ["lkmpg-rs authors"],
    description: "Keeps the words that are written to /proc/iter",
    license: "GPL",
    params: {
        uid: u32 {
            default: 0,
            description: "The user who owns the file",
        },
    },
}

/// How many bytes the file holds at most.
const MAX_TEXT: u32 = 256 << 10;

/// How many bytes one write takes at most.
const MAX_WRITE: usize = 4096;

struct ProcfsSeq {
    _file: Registration<Iter>,
}

impl kernel::Module for ProcfsSeq {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let uid: u32 = series::param_value(module_parameters::uid.value());
        let init = pin_init!(Iter {
            words <- new_mutex!(Words::default()),
        });
        let iter = Arc::pin_init(init, GFP_KERNEL)?;
        let options = Options::new(0o644).owner(uid, 0).size(MAX_TEXT);
        let file = Registration::new(c"iter", options, None, iter)
            .inspect_err(|error| pr_err!("cannot create /proc/iter: {}\n", error.to_errno()))?;
        Ok(Self { _file: file })
    }
}

/// `/proc/iter`.
#[pin_data]
struct Iter {
    #[pin]
    words: Mutex<Words>,
}

#[vtable]
impl Operations for Iter {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(this: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        Ok(this.into())
    }

    // ANCHOR: records
    fn records(this: ArcBorrow<'_, Self>) -> u64 {
        this.words.lock().ends.len() as u64
    }

    fn show(this: ArcBorrow<'_, Self>, record: u64, seq: &SeqFile) -> Result {
        if let Some(line) = this.words.lock().line(record as usize) {
            seq_write(seq, line);
        }
        Ok(())
    }
    // ANCHOR_END: records

    fn write_iter(
        this: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let is_last = iov.len() <= MAX_WRITE;
        let mut input = KVec::from_elem(0, iov.len().min(MAX_WRITE), GFP_KERNEL)?;
        if iov.copy_from_iter(&mut input) < input.len() {
            return Err(EFAULT);
        }
        if !is_last {
            // The last word may go on, and is left to the next write.
            let space = input.iter().rposition(u8::is_ascii_whitespace);
            input.truncate(space.ok_or(EINVAL)? + 1);
        }
        let text = core::str::from_utf8(&input).map_err(|_| EINVAL)?;
        this.words.lock().add(text)?;
        Ok(input.len())
    }
}

/// Words, each with a newline behind it, and where each of them ends.
#[derive(Default)]
struct Words {
    text: KVVec<u8>,
    ends: KVVec<usize>,
}

impl Words {
    /// Adds the words of a text: all of them, or none. They are of printable ASCII.
    fn add(&mut self, text: &str) -> Result {
        if text.contains(|c: char| !c.is_ascii_graphic() && !c.is_ascii_whitespace()) {
            return Err(EINVAL);
        }
        let words = || text.split_ascii_whitespace();
        let bytes = words().map(|word| word.len() + 1).sum();
        if self.text.len() + bytes > MAX_TEXT as usize {
            return Err(ENOSPC);
        }
        self.text.reserve(bytes, GFP_KERNEL)?;
        self.ends.reserve(words().count(), GFP_KERNEL)?;
        // There is room, so nothing fails from here on.
        for word in words() {
            self.text.extend_from_slice(word.as_bytes(), GFP_KERNEL)?;
            self.text.push(b'\n', GFP_KERNEL)?;
            self.ends.push(self.text.len(), GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Returns the line of a word.
    fn line(&self, number: usize) -> Option<&[u8]> {
        let start = match number {
            0 => 0,
            _ => *self.ends.get(number - 1)?,
        };
        self.text.get(start..*self.ends.get(number)?)
    }
}
