// SPDX-License-Identifier: GPL-2.0

//! Exercise 9: a notebook with 4,096 bytes.
//!
//! What is written to `/proc/exercise` is added to what is there, and can be read:
//!
//! ```sh
//! echo buy milk >/proc/exercise
//! echo feed the cat >/proc/exercise
//! cat /proc/exercise
//! ```
//!
//! It works, but whoever may write to the file decides how much memory the kernel loses. Let the
//! notes never be more than 4,096 bytes in all. A write for which there is no room fails with
//! ENOSPC, and changes nothing. A write of many megabytes fails in the same way: how much memory
//! does your code take before it says so?

use abstractions::{
    file::{
        OpenFile,
        Operations, //
    },
    iov::Dest,
    procfs::{
        Options,
        Registration, //
    },
};
use kernel::{
    iov::IovIterSource,
    new_mutex,
    prelude::*,
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
    description: "Keeps notes",
    license: "GPL",
}

struct Exercise {
    _file: Registration<Notebook>,
}

impl kernel::Module for Exercise {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let notebook = pin_init!(Notebook {
            notes <- new_mutex!(KVec::new()),
        });
        let notebook = Arc::pin_init(notebook, GFP_KERNEL)?;
        Ok(Self {
            _file: Registration::new(c"exercise", Options::new(0o600), None, notebook)?,
        })
    }
}

#[pin_data]
struct Notebook {
    #[pin]
    notes: Mutex<KVec<u8>>,
}

#[vtable]
impl Operations for Notebook {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(notebook: ArcBorrow<'_, Self>, _file: &OpenFile) -> Result<Arc<Self>> {
        Ok(notebook.into())
    }

    fn read_iter(
        notebook: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        iov.read_from_buffer(position, &notebook.notes.lock())
    }

    fn write_iter(
        notebook: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        // Your code.
        let mut note = KVec::new();
        let length = iov.copy_from_iter_vec(&mut note, GFP_KERNEL)?;
        notebook.notes.lock().extend_from_slice(&note, GFP_KERNEL)?;
        Ok(length)
    }
}
