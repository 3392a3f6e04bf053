// SPDX-License-Identifier: GPL-2.0

//! Callbacks that take long, in the wrappers that `sched_rs`, `irq_kbd_rs` and
//! `completions_rs` use, to show that unloading waits for them; one who queues a work item
//! that has been ended; a thread that is never started; and a parameter and files in sysfs
//! and debugfs that are long in being set. Never installed.

use abstractions::{
    debugfs,
    kthread::{
        Stop,
        Thread, //
    },
    param::{
        live_parameters,
        Watch, //
    },
    series,
    sysfs::{
        Attribute,
        Folder, //
    },
    work, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    impl_has_hr_timer, new_delayed_work,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
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
        folder: u8 {
            default: 0,
            description: "1: a folder in sysfs instead, 2: one in debugfs",
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
        outlast_unload();
        Ok(())
    }
}

/// Whether the module is being unloaded.
static UNLOADING: Atomic<u32> = Atomic::new(0);

/// Goes on until the unload has begun, and a little longer.
fn outlast_unload() {
    pr_info!("begin\n");
    while UNLOADING.load(Relaxed) == 0 {
        fsleep(Delta::from_millis(10));
    }
    fsleep(Delta::from_millis(100));
    pr_info!("end\n");
}

enum Slow {
    Timer(#[allow(dead_code)] ArcHrTimerHandle<Timer>),
    Thread(#[allow(dead_code)] Thread),
    Folder(#[allow(dead_code)] Folder<Files>),
    Debugfs(#[allow(dead_code)] debugfs::Folder<Files>),
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
        let folder: u8 = series::param_value(module_parameters::folder.value());
        if folder == 1 {
            let files = Files { _dropped: Dropped };
            return Ok(Self::Folder(Folder::new(
                c"slow_callbacks",
                Files::ALL,
                files,
            )?));
        }
        if folder == 2 {
            let files = Files { _dropped: Dropped };
            let folder = debugfs::Folder::new(c"slow_callbacks", Files::IN_DEBUGFS, files)?;
            return Ok(Self::Debugfs(folder));
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
        let item = work::Item::new(
            new_delayed_work!("slow_callbacks"),
            Work { _dropped: Dropped },
        )?;
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
        UNLOADING.store(1, Relaxed);
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

struct Files {
    _dropped: Dropped,
}

impl Files {
    const ALL: &'static [Attribute<Self>] = &[
        Attribute::read_write(c"slow", Self::show, Self::store),
        Attribute::read_only(c"fits", Self::show_what_fits),
        Attribute::read_only(c"too_long", Self::show_too_much),
    ];

    const IN_DEBUGFS: &'static [debugfs::File<Self>] = &[
        debugfs::File::writable(c"slow", Self::show, |files, _text| files.store(c"")),
        debugfs::File::text(c"fits", Self::show_what_fits),
        debugfs::File::text(c"too_long", Self::show_too_much),
        debugfs::File::bytes(c"zeros", |_files| &[0; 100_000]),
    ];

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        outlast_unload();
        writeln!(to, "read")
    }

    fn store(&self, _text: &CStr) -> Result {
        outlast_unload();
        Ok(())
    }

    fn show_what_fits(&self, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{:4095}", 1)
    }

    fn show_too_much(&self, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{:4096}", 1)
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
