// SPDX-License-Identifier: GPL-2.0

//! Callbacks that take long, in the wrappers that `sched_rs` and `irq_kbd_rs` use, to
//! show that unloading waits for them. Never installed.

use abstractions::{
    series,
    work, //
};
use kernel::{
    impl_has_hr_timer, impl_has_work, new_work,
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
    workqueue::{
        Work,
        WorkItem, //
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
    },
}

struct Slow {
    _timer: Option<ArcHrTimerHandle<Callbacks>>,
    _work: work::Disable<Callbacks>,
}

impl kernel::Module for Slow {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let init = pin_init!(Callbacks {
            timer <- HrTimer::new(),
            work <- new_work!("slow_callbacks"),
            _dropped: Dropped,
        });
        let callbacks = Arc::pin_init(init, GFP_KERNEL)?;
        let timer: u8 = series::param_value(module_parameters::timer.value());
        let timer = if timer == 1 {
            Some(callbacks.clone().start(Delta::from_millis(50)))
        } else {
            let _ = work::system_percpu().enqueue(callbacks.clone());
            None
        };
        Ok(Self {
            _timer: timer,
            _work: work::Disable::on_drop(callbacks),
        })
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        pr_info!("unloading\n");
    }
}

#[pin_data]
struct Callbacks {
    #[pin]
    timer: HrTimer<Self>,
    #[pin]
    work: Work<Self>,
    _dropped: Dropped,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Callbacks {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl_has_work! {
    impl HasWork<Self> for Callbacks { self.work }
}

impl HrTimerCallback for Callbacks {
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

impl WorkItem for Callbacks {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        pr_info!("begin\n");
        // It is queued and running when the module goes.
        let _ = work::system_percpu().enqueue(this.clone());
        fsleep(Delta::from_millis(100));
        pr_info!("end\n");
    }
}

/// Tells that no reference is left.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        pr_info!("dropped\n");
    }
}
