// SPDX-License-Identifier: GPL-2.0

//! A module with a bug of choice that a plain kernel lets pass, or may let pass, to prove
//! that the debug guest would notice. Never installed.

use abstractions::{
    i8042::{
        Filter,
        Listener,
        Ports, //
    },
    irq::{
        self,
        IrqReturn,
        SharedLine, //
    },
    kprobe::{
        self,
        Probe,
        Registers, //
    },
    kthread::Thread,
    param::string_parameters,
    series,
    tty::Tty,
    work::{
        self,
        Handle,
        Item, //
    }, //
};
use core::mem::forget;
use kernel::{
    impl_has_hr_timer, new_delayed_work, new_mutex, new_spinlock,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        Mutex,
        SpinLock, //
    },
    time::{
        delay::fsleep,
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    },
};

mod abstractions;

module! {
    type: DebugFaulty,
    name: "debug_faulty",
    authors: ["lkmpg-rs authors"],
    description: "Has a bug of choice",
    license: "GPL",
    params: {
        leak: u32 {
            default: 0,
            description: "Forget so many allocations",
        },
        lock_order: u32 {
            default: 0,
            description: "Take two locks in either order",
        },
        lock_in_irq: u32 {
            default: 0,
            description: "Share a spin lock with a timer, and let interrupts come",
        },
        sleep_in_lock: u32 {
            default: 0,
            description: "Allocate memory, which may sleep, with a spin lock",
        },
        sleep_in_irq: u32 {
            default: 0,
            description: "Sleep in the handler of the keyboard's interrupt: 1 for memory, 2 for the terminal",
        },
        sleep_in_probe: u32 {
            default: 0,
            description: "Allocate memory, which may sleep, in a probe of opened files",
        },
    },
}

string_parameters! {
    module: "debug_faulty",
    keep: "What to leave registered after the unload: line, filter, probe, timer, thread or work",
}

#[pin_data]
struct Locks {
    #[pin]
    first: Mutex<u32>,
    #[pin]
    second: Mutex<u32>,
}

/// What the handler of the keyboard's line does.
struct Keyboard {
    sleep: u32,
}

impl irq::Handler for Keyboard {
    fn handle(&self) -> IrqReturn {
        match self.sleep {
            0 => {}
            // An allocation that may sleep.
            1 => drop(KBox::new(0_u8, GFP_KERNEL)),
            // Whose would it be?
            _ => drop(Tty::current()),
        }
        IrqReturn::None
    }
}

fn line(sleep: u32) -> Result<Pin<KBox<SharedLine<Keyboard>>>> {
    let line = SharedLine::new(1, c"debug_faulty", Keyboard { sleep });
    KBox::pin_init(line, GFP_KERNEL)
}

struct SleepInProbe;

// ANCHOR: sleep_in_probe
impl kprobe::Handler for SleepInProbe {
    fn hit(&self, _registers: &Registers) {
        drop(KBox::new(0_u8, GFP_KERNEL));
    }
}
// ANCHOR_END: sleep_in_probe

/// What is left behind.
struct Kept;

impl Listener for Kept {
    fn byte(&self, _byte: u8, _ports: &Ports<'_>) {}
}

impl kprobe::Handler for Kept {
    fn hit(&self, _registers: &Registers) {}
}

impl work::Run for Kept {
    fn run(item: &Handle<Self>) {
        item.enqueue(work::system_percpu());
    }
}

#[pin_data]
struct Timer {
    #[pin]
    timer: HrTimer<Self>,
    #[pin]
    ticks: SpinLock<u32>,
}

impl Timer {
    fn new() -> Result<Arc<Self>> {
        let timer = pin_init!(Self {
            timer <- HrTimer::new(),
            ticks <- new_spinlock!(0),
        });
        Arc::pin_init(timer, GFP_KERNEL)
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Timer {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for Timer {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        *this.ticks.lock() += 1;
        context.forward_now(Delta::from_millis(50));
        HrTimerRestart::Restart
    }
}

/// Breaks the rule of registrations (`abstractions/mod.rs`), without `unsafe`.
fn keep(what: &[u8]) -> Result {
    match what {
        b"line" => forget(line(0)?),
        b"filter" => forget(KBox::pin_init(Filter::new(Kept), GFP_KERNEL)?),
        b"probe" => {
            let probe = Probe::new(c"do_file_open", Kept);
            forget(KBox::pin_init(probe, GFP_KERNEL)?);
        }
        b"timer" => {
            forget(Timer::new()?.start(Delta::from_millis(50)));
        }
        b"thread" => {
            // Long enough that the module's memory has gone: before, it is full of breakpoints for
            // a moment, and the kernel takes one for an interrupt, in which it dies as a whole.
            // ANCHOR: keep_thread
            let thread = Thread::new(c"debug_faulty", |stop| {
                while !stop.requested() {
                    fsleep(Delta::from_millis(1000));
                }
            })?;
            thread.start();
            forget(thread);
            // ANCHOR_END: keep_thread
        }
        b"work" => {
            let item = Item::new(new_delayed_work!("debug_faulty"), Kept)?;
            item.handle().enqueue(work::system_percpu());
            forget(item);
        }
        _ => return Err(EINVAL),
    }
    Ok(())
}

struct DebugFaulty {
    _line: Option<Pin<KBox<SharedLine<Keyboard>>>>,
    _probe: Option<Pin<KBox<Probe<SleepInProbe>>>>,
}

fn given(value: impl core::borrow::Borrow<u32>) -> bool {
    series::param_value::<u32>(value) != 0
}

impl kernel::Module for DebugFaulty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let leak: u32 = series::param_value(module_parameters::leak.value());
        for _ in 0..leak {
            // ANCHOR: leak
            forget(KBox::new([0_u8; 64], GFP_KERNEL)?);
            // ANCHOR_END: leak
        }
        if given(module_parameters::lock_order.value()) {
            let locks = KBox::pin_init(
                pin_init!(Locks {
                    first <- new_mutex!(0),
                    second <- new_mutex!(0),
                }),
                GFP_KERNEL,
            )?;
            // ANCHOR: lock_order
            {
                let mut first = locks.first.lock();
                *first += *locks.second.lock();
            }
            let mut second = locks.second.lock();
            *second += *locks.first.lock();
            // ANCHOR_END: lock_order
        }
        if given(module_parameters::lock_in_irq.value()) {
            // ANCHOR: lock_in_irq
            let timer = Timer::new()?;
            let ticking = timer.clone().start(Delta::from_millis(50));
            while *timer.ticks.lock() < 2 {
                fsleep(Delta::from_millis(50));
            }
            drop(ticking);
            // ANCHOR_END: lock_in_irq
        }
        if given(module_parameters::sleep_in_lock.value()) {
            let timer = Timer::new()?;
            // ANCHOR: sleep_in_lock
            let mut ticks = timer.ticks.lock();
            *ticks += *KBox::new(1, GFP_KERNEL)?;
            // ANCHOR_END: sleep_in_lock
        }
        if let Some(what) = string_parameters::keep.value() {
            keep(what.to_bytes())?;
        }
        let probe = || KBox::pin_init(Probe::new(c"do_file_open", SleepInProbe), GFP_KERNEL);
        let sleep: u32 = series::param_value(module_parameters::sleep_in_irq.value());
        Ok(Self {
            _line: (sleep > 0).then(|| line(sleep)).transpose()?,
            _probe: given(module_parameters::sleep_in_probe.value())
                .then(probe)
                .transpose()?,
        })
    }
}
