// SPDX-License-Identifier: GPL-2.0

//! Threads that count together, with a lock of each kind, and with none.
//!
//! ```sh
//! insmod locks_rs.ko                 # each kind, one after the other
//! dmesg | tail -n 7                  # locks_rs: none: 18339 of 20000 counted, in 1 ms
//!                                    # locks_rs: atomic: 20000 of 20000 counted, in 2 ms
//!                                    # ...
//! rmmod locks_rs
//! insmod locks_rs.ko lock=mutex threads=8 steps=50000
//! ```
//!
//! A step reads the counter, adds one, and writes it. Without a lock two threads may read the
//! same value, and one step is lost:
//!
//! - `none`: each access is atomic, the step is not.
//! - `atomic`: the step is one operation of the processor's.
//! - `mutex`: a thread that waits for it sleeps, so it is for process context only.
//! - `spin`: a thread that waits for it goes round in a loop, so it is held for a short time,
//!   and without sleeping.
//! - `irq`: a spin lock for data that an interrupt uses as well, here that of a timer, which
//!   counts its ticks with the threads. It keeps interrupts from this CPU: one that came while
//!   the lock is held would wait for it for ever.
//! - `rwsem`: many may read at once, or one may write. The threads begin by reading, each until
//!   all of them do.
//!
//! In Rust the lock has the counter in it, so code that forgets the lock does not compile; the
//! counter of `none` is an atomic for the same reason. What a compiler does not see is a
//! [`SpinLock`] that an interrupt takes as well. Lockdep does: `make test DEBUG=1`.
//!
//! In the original one thread takes each lock once, so nothing would go wrong without it.
//!
//! Source: today's LKMPG, chapter "Synchronization", `example_mutex.c`, `example_spinlock.c`,
//! `example_rwlock.c`, `example_atomic.c`.

use abstractions::{
    kthread::Thread,
    param::string_parameters,
    rwsem::{
        new_rwsem,
        RwSem, //
    },
    series::{
        self,
        new_spinlock_irq,
        SpinLockIrq, //
    },
};
use kernel::{
    impl_has_hr_timer, new_mutex, new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        Completion,
        Mutex,
        SpinLock, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Instant,
        Monotonic, //
    },
};

mod abstractions;

module! {
    type: Locks,
    name: "locks_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has threads count with locks of each kind",
    license: "GPL",
    params: {
        threads: u32 {
            default: 4,
            description: "How many threads count, 1 to 32",
        },
        steps: u32 {
            default: 5000,
            description: "How many steps each thread makes, 1 to 100000",
        },
    },
}

string_parameters! {
    module: "locks_rs",
    lock: "none, atomic, mutex, spin, irq or rwsem; all of them if it is not given",
}

const MAX_THREADS: u32 = 32;

const MAX_STEPS: u32 = 100_000;

/// How often the timer of `irq` runs.
const TICK: Delta = Delta::from_micros(100);

struct Locks;

impl kernel::Module for Locks {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let threads: u32 = series::param_value(module_parameters::threads.value());
        let steps: u32 = series::param_value(module_parameters::steps.value());
        if !(1..=MAX_THREADS).contains(&threads) || !(1..=MAX_STEPS).contains(&steps) {
            pr_err!("threads are 1 to {MAX_THREADS}, steps 1 to {MAX_STEPS}\n");
            return Err(EINVAL);
        }
        let Some(name) = string_parameters::lock.value() else {
            for kind in Kind::ALL {
                count(kind, threads, steps)?;
            }
            return Ok(Self);
        };
        let is_it = |kind: &Kind| kind.name().as_bytes() == name.to_bytes();
        let Some(kind) = Kind::ALL.into_iter().find(is_it) else {
            pr_err!("lock={name} is none of none, atomic, mutex, spin, irq, rwsem\n");
            return Err(EINVAL);
        };
        count(kind, threads, steps)?;
        Ok(Self)
    }
}

/// A way to count.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    None,
    Atomic,
    Mutex,
    Spin,
    Irq,
    RwSem,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::None,
        Self::Atomic,
        Self::Mutex,
        Self::Spin,
        Self::Irq,
        Self::RwSem,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Atomic => "atomic",
            Self::Mutex => "mutex",
            Self::Spin => "spin",
            Self::Irq => "irq",
            Self::RwSem => "rwsem",
        }
    }
}

/// Has threads count, waits for them, and logs how many steps there were.
fn count(kind: Kind, threads: u32, steps: u32) -> Result {
    // ANCHOR: threads
    let counter = Arc::pin_init(Counter::new(kind, threads), GFP_KERNEL)?;
    let mut all = KVec::with_capacity(threads as usize, GFP_KERNEL)?;
    for _ in 0..threads {
        let counter = counter.clone();
        let thread = Thread::new(c"locks_rs", move |_stop| counter.count(steps))?;
        all.push(thread, GFP_KERNEL)?;
    }
    // ANCHOR_END: threads
    // The timer is dropped, and has run for the last time, before its ticks are read.
    let timer = (kind == Kind::Irq).then(|| counter.clone().start(TICK));
    all.iter().for_each(Thread::start);
    // None is slow to start, and none early at its end: each waits for the others.
    counter.ready.wait();
    let start = Instant::<Monotonic>::now();
    counter.done.wait();
    let time = start.elapsed().as_millis();
    drop(timer);

    let (counted, made) = (counter.counted(), u64::from(threads) * u64::from(steps));
    let ticks = counter.ticks.load(Relaxed);
    let name = kind.name();
    if kind == Kind::Irq {
        pr_info!("{name}: {ticks} of them are the timer's\n");
    }
    let made = made + ticks;
    pr_info!("{name}: {counted} of {made} counted, in {time} ms\n");
    Ok(())
}

/// Waits until so many have come.
#[pin_data]
struct Gathering {
    missing: Atomic<u32>,
    #[pin]
    complete: Completion,
}

impl Gathering {
    fn new(missing: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            missing: Atomic::new(missing),
            complete <- Completion::new(),
        })
    }

    /// Tells that one more has come.
    fn arrive(&self) {
        // Full: who waits sees what it has done before.
        if self.missing.fetch_sub(1, Full) == 1 {
            self.complete.complete_all();
        }
    }

    fn wait(&self) {
        self.complete.wait_for_completion();
    }
}

/// The same counter with each lock, of which one is used.
#[pin_data]
struct Counter {
    kind: Kind,
    atomic: Atomic<u64>,
    #[pin]
    mutex: Mutex<u64>,
    #[pin]
    spin: SpinLock<u64>,
    #[pin]
    irq: SpinLockIrq<u64>,
    #[pin]
    rwsem: RwSem<u64>,
    #[pin]
    timer: HrTimer<Self>,
    ticks: Atomic<u64>,
    /// All threads are about to count.
    #[pin]
    ready: Gathering,
    /// All have counted.
    #[pin]
    done: Gathering,
}

impl Counter {
    fn new(kind: Kind, threads: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            kind,
            atomic: Atomic::new(0),
            mutex <- new_mutex!(0),
            spin <- new_spinlock!(0),
            irq <- new_spinlock_irq!(0),
            rwsem <- new_rwsem!(0),
            timer <- HrTimer::new(),
            ticks: Atomic::new(0),
            ready <- Gathering::new(threads),
            done <- Gathering::new(threads),
        })
    }

    /// What a thread does.
    fn count(&self, steps: u32) {
        // A reader is not alone: all are in here at the same time, or none would come out.
        let reader = (self.kind == Kind::RwSem).then(|| self.rwsem.read());
        self.ready.arrive();
        self.ready.wait();
        drop(reader);
        for _ in 0..steps {
            self.step();
        }
        self.done.arrive();
    }

    // ANCHOR: step
    fn step(&self) {
        match self.kind {
            Kind::None => self.atomic.store(self.atomic.load(Relaxed) + 1, Relaxed),
            Kind::Atomic => {
                self.atomic.fetch_add(1, Relaxed);
            }
            Kind::Mutex => *self.mutex.lock() += 1,
            Kind::Spin => *self.spin.lock() += 1,
            Kind::Irq => *self.irq.lock() += 1,
            Kind::RwSem => *self.rwsem.write() += 1,
        }
    }
    // ANCHOR_END: step

    fn counted(&self) -> u64 {
        match self.kind {
            Kind::None | Kind::Atomic => self.atomic.load(Relaxed),
            Kind::Mutex => *self.mutex.lock(),
            Kind::Spin => *self.spin.lock(),
            Kind::Irq => *self.irq.lock(),
            Kind::RwSem => *self.rwsem.read(),
        }
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Counter {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for Counter {
    type Pointer<'a> = Arc<Self>;

    /// Makes a step in the interrupt of the timer, which may come while a thread makes one.
    fn run(
        counter: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        counter.step();
        counter.ticks.fetch_add(1, Relaxed);
        context.forward_now(TICK);
        HrTimerRestart::Restart
    }
}
