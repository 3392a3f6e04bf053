// SPDX-License-Identifier: GPL-2.0

//! Two kernel threads, one of which waits until the other is done: a completion.
//!
//! The flywheel of a machine spins up after somebody has turned its crank. Each is a thread of
//! its own. The flywheel is started first, and sleeps until the crank says that it is done.
//!
//! ```sh
//! insmod completions_rs.ko crank_ms=5000
//! ps -eo stat,comm | grep flywheel    # in state D: it waits
//! rmmod completions_rs                # waits for both
//! dmesg | tail -n 2                   # completions_rs: Turn the crank
//!                                     # completions_rs: Flywheel spins up
//! ```
//!
//! A [`Completion`] says that something has happened. It does not say that the thread that
//! completed it has ended: that one goes on, in the module's text. So unloading waits twice.
//! It waits until the flywheel has spun up, because a thread that is stopped before its first
//! step never runs. Then it drops the threads, which waits for the end of each.
//!
//! The original unloads as soon as both completions are done, while the threads that have just
//! said so may still run. It returns -1, which is EPERM, when it cannot make a thread.
//!
//! Source: today's LKMPG, section "Completions", `completions.c`.

use abstractions::{
    kthread::Thread,
    series, //
};
use kernel::{
    prelude::*,
    sync::{
        Arc,
        Completion, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};

mod abstractions;

module! {
    type: Completions,
    name: "completions_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has one kernel thread wait for another",
    license: "GPL",
    params: {
        crank_ms: u32 {
            default: 0,
            description: "How long turning the crank takes, 0 to 10000 ms",
        },
    },
}

/// The largest `crank_ms`: unloading waits for so long.
const MAX_CRANK_MS: u32 = 10_000;

struct Completions {
    // Dropping them waits for their ends.
    _flywheel: Thread,
    _crank: Thread,
    machine: Arc<Machine>,
}

impl kernel::Module for Completions {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let crank_ms: u32 = series::param_value(module_parameters::crank_ms.value());
        if crank_ms > MAX_CRANK_MS {
            pr_err!("crank_ms={crank_ms} is more than {MAX_CRANK_MS}\n");
            return Err(EINVAL);
        }

        let machine = Arc::pin_init(Machine::new(crank_ms), GFP_KERNEL)?;
        let (turned, spun) = (machine.clone(), machine.clone());
        let crank = Thread::new(c"crank", move |_stop| turned.turn_crank())?;
        let flywheel = Thread::new(c"flywheel", move |_stop| spun.spin_up())?;
        // Not before both are there: a flywheel without a crank would wait for ever.
        flywheel.start();
        crank.start();
        Ok(Self {
            _flywheel: flywheel,
            _crank: crank,
            machine,
        })
    }
}

// ANCHOR: drop
impl Drop for Completions {
    fn drop(&mut self) {
        // Both threads have run then.
        self.machine.flywheel_spins.wait_for_completion();
    }
}
// ANCHOR_END: drop

#[pin_data]
struct Machine {
    crank_ms: u32,
    #[pin]
    crank_turned: Completion,
    #[pin]
    flywheel_spins: Completion,
}

impl Machine {
    fn new(crank_ms: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            crank_ms,
            crank_turned <- Completion::new(),
            flywheel_spins <- Completion::new(),
        })
    }

    // ANCHOR: threads
    /// What the crank's thread does.
    fn turn_crank(&self) {
        pr_info!("Turn the crank\n");
        fsleep(Delta::from_millis(self.crank_ms.into()));
        self.crank_turned.complete_all();
    }

    /// What the flywheel's thread does.
    fn spin_up(&self) {
        self.crank_turned.wait_for_completion();
        pr_info!("Flywheel spins up\n");
        self.flywheel_spins.complete_all();
    }
    // ANCHOR_END: threads
}
