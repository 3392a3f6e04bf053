// SPDX-License-Identifier: GPL-2.0

//! A file in `/proc` that one process at a time can have open; the others sleep.
//!
//! Sleepers stand in a queue, each with a ticket and a [`CondVar`] of its own. The
//! process that closes the file hands the turn to the first of them, and wakes only
//! that one: n sleepers cost n wake-ups, and get their turns in the order of their
//! tickets.
//!
//! A signal ends a sleep. Where the process goes on (after Ctrl-Z and `fg`, say), the
//! kernel opens the file again, and the process waits behind the others. A sleeper that
//! had just been given the turn passes it on.
//!
//! ```sh
//! insmod sleep_rs.ko
//! tail -f /proc/sleep &
//! cat /proc/sleep            # sleeps; Ctrl-C ends it
//! cat_noblock /proc/sleep    # Open would block
//! rmmod sleep_rs             # Resource temporarily unavailable
//! kill %1; rmmod sleep_rs
//! ```
//!
//! Source: LKMPG, chapter 8, `sleep.c`. There each close wakes all sleepers, and which
//! of them comes next is up to chance; two may even come at once, because
//! `Already_Open` is tested and set without a lock. What can be read and written is as
//! in `procfs_rw_rs`.

use abstractions::{
    file::{
        only_root_writes,
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
    new_condvar, new_mutex, new_spinlock,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    },
    sync::{
        Arc,
        ArcBorrow,
        CondVar,
        Mutex,
        SpinLock, //
    },
};
use message::Message;

mod abstractions;
#[path = "procfs_rw_rs/message.rs"]
mod message;

module! {
    type: SleepModule,
    name: "sleep_rs",
    authors: ["lkmpg-rs authors"],
    description: "Lets one process at a time open /proc/sleep, the others wait",
    license: "GPL",
}

struct SleepModule {
    _file: Registration<Sleep>,
}

impl kernel::Module for SleepModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Sleep {
                message <- new_mutex!(Message::new()),
                queue <- new_spinlock!(Queue::new()),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _file: Registration::new(c"sleep", Options::new(0o644), None, shared)?,
        })
    }
}

/// `/proc/sleep`.
#[pin_data]
struct Sleep {
    #[pin]
    message: Mutex<Message>,
    #[pin]
    queue: SpinLock<Queue>,
}

// ANCHOR: queue
/// Who has the file open, and who waits for it.
///
/// Nobody waits while nobody has the turn: that is handed from one to the next.
struct Queue {
    next_ticket: u64,
    /// The ticket whose turn it is: its holder has the file open, or is waking up.
    turn: Option<u64>,
    waiting: RBTree<u64, Arc<Sleeper>>,
}
// ANCHOR_END: queue

/// Where one process sleeps.
#[pin_data]
struct Sleeper {
    #[pin]
    turn: CondVar,
}

impl Queue {
    fn new() -> Self {
        Self {
            next_ticket: 0,
            turn: None,
            waiting: RBTree::new(),
        }
    }

    /// Takes the turn if nobody has it, and returns whether that was so.
    fn take_if_free(&mut self) -> bool {
        let free = self.turn.is_none();
        if free {
            let ticket = self.draw_ticket();
            self.turn = Some(ticket);
        }
        free
    }

    fn draw_ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    // ANCHOR: hand_over
    /// Hands the turn to the first who waits, if any, and wakes it.
    fn hand_over(&mut self) {
        let first = self.waiting.cursor_front_mut();
        self.turn = first.map(|first| {
            let (ticket, sleeper) = first.remove_current().1.to_key_value();
            sleeper.turn.notify_one();
            ticket
        });
    }
    // ANCHOR_END: hand_over
}

impl Sleep {
    /// Waits until the file is the caller's.
    ///
    /// EAGAIN if it is not and `nonblock` is set; ERESTARTSYS on a signal: the kernel
    /// makes EINTR of it where the process has a handler without SA_RESTART, and else
    /// opens the file again, behind those who wait.
    fn take_turn(&self, nonblock: bool) -> Result {
        if self.queue.lock().take_if_free() {
            return Ok(());
        }
        if nonblock {
            return Err(EAGAIN);
        }
        // ANCHOR: room
        // Without the lock: a spinlock's holder must not sleep.
        let sleeper = Arc::pin_init(
            pin_init!(Sleeper {
                turn <- new_condvar!(),
            }),
            GFP_KERNEL,
        )?;
        let node = RBTreeNodeReservation::new(GFP_KERNEL)?;

        let mut queue = self.queue.lock();
        // It may have come free meanwhile.
        if queue.take_if_free() {
            return Ok(());
        }
        // ANCHOR_END: room
        // ANCHOR: wait
        let ticket = queue.draw_ticket();
        queue
            .waiting
            .insert(node.into_node(ticket, sleeper.clone()));
        while queue.turn != Some(ticket) {
            let signal = sleeper.turn.wait_interruptible(&mut queue);
            if signal {
                if queue.turn == Some(ticket) {
                    queue.hand_over();
                } else {
                    queue.waiting.remove(&ticket);
                }
                return Err(ERESTARTSYS);
            }
        }
        Ok(())
        // ANCHOR_END: wait
    }
}

#[vtable]
impl Operations for Sleep {
    type Data = Arc<Self>;
    type Ptr = Arc<Self>;

    fn open(this: ArcBorrow<'_, Self>, file: &OpenFile) -> Result<Arc<Self>> {
        only_root_writes(file)?;
        this.take_turn(file.is_nonblocking())?;
        Ok(this.into())
    }

    fn release(this: Arc<Self>) {
        this.queue.lock().hand_over();
    }

    fn read_iter(
        this: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        let message = *this.message.lock();
        iov.read_from_buffer(position, message.as_bytes())
    }

    fn write_iter(
        this: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut buffer = [0; message::MAX_LEN];
        let text = message::from_user(iov, &mut buffer)?;
        this.message.lock().set(text);
        Ok(text.len())
    }
}
