// SPDX-License-Identifier: GPL-2.0

//! A function that runs on every tick of a timer, and counts.
//!
//! The original put a task into the queue of the next timer interrupt, again and again.
//! An hrtimer does the same: its callback runs in interrupt context and says when to
//! run next. A call that comes late (the machine was busy, or a virtual one stood
//! still) counts for all the ticks since the last, so that no tick is lost.
//!
//! ```sh
//! insmod sched_rs.ko
//! cat /proc/sched    # Timer was called 1234 times so far
//! rmmod sched_rs
//! insmod sched_rs.ko interval_ms=1000
//! ```
//!
//! Unloading cancels the timer and waits for a callback that runs. The original waited
//! for the last run to wake it, which it did before it had returned.
//!
//! Source: LKMPG, chapter 10, `sched.c`.

use abstractions::{
    file::{
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
    impl_has_hr_timer,
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
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode, //
        },
        msecs_to_jiffies,
        Delta,
        Monotonic, //
    },
};

mod abstractions;

module! {
    type: Sched,
    name: "sched_rs",
    authors: ["lkmpg-rs authors"],
    description: "Counts the ticks of a timer in /proc/sched",
    license: "GPL",
    params: {
        interval_ms: i32 {
            default: -1,
            description: "How long a tick is, 1 to 60000 ms; -1: as the kernel's own",
        },
    },
}

// ANCHOR: fields
struct Sched {
    // Dropped first: nobody reads the count of a timer that does not run.
    _file: Registration<ProcSched>,
    // Dropping it waits for the callback.
    _timer: ArcHrTimerHandle<Ticker>,
}
// ANCHOR_END: fields

impl kernel::Module for Sched {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let interval = match series::param_value(module_parameters::interval_ms.value()) {
            // A second has as many jiffies as the kernel's clock ticks, at least one.
            -1 => Delta::from_nanos((1_000_000_000 / msecs_to_jiffies(1000).max(1)) as i64),
            ms @ 1..=60_000 => Delta::from_millis(ms.into()),
            ms => {
                pr_err!("interval_ms={ms} is not between 1 and 60000\n");
                return Err(EINVAL);
            }
        };
        let init = pin_init!(Ticker {
            timer <- HrTimer::new(),
            interval,
            ticks: Atomic::new(0),
        });
        let ticker = Arc::pin_init(init, GFP_KERNEL)?;
        let timer = ticker.clone().start(interval);
        let file = Registration::new(c"sched", Options::new(0o444), None, ticker)
            .inspect_err(|error| pr_err!("cannot create /proc/sched: {}\n", error.to_errno()))?;
        Ok(Self {
            _file: file,
            _timer: timer,
        })
    }
}

#[pin_data]
struct Ticker {
    #[pin]
    timer: HrTimer<Self>,
    interval: Delta,
    ticks: Atomic<u64>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Ticker {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

// ANCHOR: callback
impl HrTimerCallback for Ticker {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        // The next tick is a multiple of the interval after the first one, however late
        // this is; returns how many have gone by.
        let ticks = context.forward_now(this.interval);
        this.ticks.fetch_add(ticks, Relaxed);
        HrTimerRestart::Restart
    }
}
// ANCHOR_END: callback

/// `/proc/sched`.
struct ProcSched;

#[vtable]
impl Operations for ProcSched {
    type Data = Arc<Ticker>;
    type Ptr = Arc<Ticker>;

    fn open(ticker: ArcBorrow<'_, Ticker>, _file: &OpenFile) -> Result<Arc<Ticker>> {
        Ok(ticker.into())
    }

    fn show(ticker: ArcBorrow<'_, Ticker>, _record: u64, seq: &SeqFile) -> Result {
        let ticks = ticker.ticks.load(Relaxed);
        seq_print!(seq, "Timer was called {ticks} times so far\n");
        Ok(())
    }
}
