// SPDX-License-Identifier: GPL-2.0

//! A solution of exercise 9.

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

/// How much the notes may be in all, in bytes.
const MAX: usize = 4096;

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
        // Before there is any memory for it.
        if iov.len() > MAX {
            return Err(ENOSPC);
        }
        // And before the lock: the writer's memory may take its time.
        let mut note = KVec::new();
        let length = iov.copy_from_iter_vec(&mut note, GFP_KERNEL)?;
        let mut notes = notebook.notes.lock();
        if length > MAX - notes.len() {
            return Err(ENOSPC);
        }
        notes.extend_from_slice(&note, GFP_KERNEL)?;
        Ok(length)
    }
}
