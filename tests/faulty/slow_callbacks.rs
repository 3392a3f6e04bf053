// SPDX-License-Identifier: GPL-2.0

//! Callbacks that take long, in the wrappers that `sched_rs`, `irq_kbd_rs` and
//! `completions_rs` use, to show that unloading waits for them; one who queues a work item
//! that has been ended; a thread that is never started; and a parameter that is long in
//! being set. Never installed.

use abstractions::{
    kthread::{
        Stop,
        Thread, //
    },
    param::{
        live_parameters,
        Watch, //
    },
    series,
    work, //
};
use kernel::{
    impl_has_hr_timer, new_work,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        delay::{
            fsleep,
            udelay, //
        },
        hrtimer::{
            ArcHrTimerHandle,
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
    type: Slow,
    name: "slow_callbacks",
    authors: ["lkmpg-rs authors"],
    description: "Has callbacks that take long",
    license: "GPL",
    params: {
        timer: u8 {
            default: 0,
            description: "1: a timer, 0: a work item that queues itself again",
        },
        thread: u8 {
            default: 0,
            description: "1: a kernel thread instead, 2: one that is never started",
        },
    },
}

live_parameters! {
    module: "slow_callbacks",
    watched: SetSlowly {
        default: 0,
        description: "Takes long to be set",
    },
}

struct SetSlowly;

impl Watch for SetSlowly {
    fn set(_value: i32) -> Result {
        pr_info!("begin\n");
        fsleep(Delta::from_millis(200));
        pr_info!("end\n");
        Ok(())
    }
}

enum Slow {
    Timer(#[allow(dead_code)] ArcHrTimerHandle<Timer>),
    Thread(#[allow(dead_code)] Thread),
    Work {
        // Dropped in this order.
        _item: work::Item<Work>,
        _late: EnqueueOnDrop,
    },
}

impl kernel::Module for Slow {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let timer: u8 = series::param_value(module_parameters::timer.value());
        if timer == 1 {
            let init = pin_init!(Timer {
                timer <- HrTimer::new(),
                _dropped: Dropped,
            });
            let timer = Arc::pin_init(init, GFP_KERNEL)?;
            return Ok(Self::Timer(timer.start(Delta::from_millis(50))));
        }
        let thread: u8 = series::param_value(module_parameters::thread.value());
        if thread > 0 {
            let dropped = Dropped;
            let made = Thread::new(c"slow_callbacks", move |stop| {
                let _dropped = dropped;
                run_until(stop);
            })?;
            if thread == 1 {
                made.start();
            }
            return Ok(Self::Thread(made));
        }
        let item = work::Item::new(new_work!("slow_callbacks"), Work { _dropped: Dropped })?;
        let late = EnqueueOnDrop(item.handle());
        item.handle().enqueue(work::system_percpu());
        Ok(Self::Work {
            _item: item,
            _late: late,
        })
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        pr_info!("unloading\n");
    }
}

#[pin_data]
struct Timer {
    #[pin]
    timer: HrTimer<Self>,
    _dropped: Dropped,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Timer {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for Timer {
    type Pointer<'a> = Arc<Self>;

    fn run(
        _this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        pr_info!("begin\n");
        for _ in 0..200 {
            udelay(Delta::from_millis(1));
        }
        pr_info!("end\n");
        context.forward_now(Delta::from_millis(50));
        HrTimerRestart::Restart
    }
}

/// What the thread does: more, after it has been asked to stop.
fn run_until(stop: &Stop) {
    pr_info!("begin\n");
    while !stop.requested() {
        fsleep(Delta::from_millis(10));
    }
    pr_info!("stopping\n");
    fsleep(Delta::from_millis(100));
    pr_info!("end\n");
}

struct Work {
    _dropped: Dropped,
}

impl work::Run for Work {
    fn run(this: &work::Handle<Self>) {
        pr_info!("begin\n");
        // It is queued and running when the module goes.
        this.enqueue(work::system_percpu());
        fsleep(Delta::from_millis(100));
        pr_info!("end\n");
    }
}

/// Queues an item when it is too late for that.
struct EnqueueOnDrop(work::Handle<Work>);

impl Drop for EnqueueOnDrop {
    fn drop(&mut self) {
        if self.0.enqueue(work::system_percpu()) {
            pr_info!("queued after its end\n");
            fsleep(Delta::from_millis(500));
        }
    }
}

/// Tells that no reference is left.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        pr_info!("dropped\n");
    }
}
