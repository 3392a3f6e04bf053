// SPDX-License-Identifier: GPL-2.0

//! Spying on a user: logs the name of each file that the user opens.
//!
//! ```sh
//! insmod syscall_rs.ko uid=65534
//! su -s /bin/sh nobody -c 'cat /etc/passwd'
//! dmesg | grep Opened    # syscall_rs: Opened file by 65534: /etc/passwd
//! rmmod syscall_rs       # syscall_rs: 3 opens by 65534, 1 failed, 0 not logged
//! ```
//!
//! Opens are logged before they are tried, also those that fail. The line at the end
//! tells how many failed.
//!
//! A kprobe is a breakpoint on a function of the kernel, and any number of them come and
//! go in any order. This one sits on the function that all opens by name go through
//! (`do_file_open`; see `abstractions/namei.rs` for what is covered). The kernel has its
//! own copy of the path there. A probe on the system call would have to read the path from
//! the user's memory, which may have to come from disk, and a probe must not sleep. A
//! second probe sits on the function's return (a kretprobe), and counts the failures.
//!
//! This is to learn from: a program that watches opens uses `fanotify(7)` or the audit
//! system, which promise what they report.
//!
//! The original patched the table of system calls. That was never safe: of two modules
//! that did it, the first one unloaded broke the other. Today the table is read-only.
//!
//! Source: LKMPG, chapter 7, `syscall.c`.

use abstractions::{
    kprobe,
    namei::{
        self,
        Function,
        OpenProbe,
        ResultProbe,
        Watcher, //
    },
    param::string_parameters,
    series, //
};
use kernel::{
    prelude::*,
    str::BStr,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    time::Delta, //
};

mod abstractions;

module! {
    type: Syscall,
    name: "syscall_rs",
    authors: ["lkmpg-rs authors"],
    description: "Logs the files that a user opens",
    license: "GPL",
    params: {
        uid: u32 {
            default: 0,
            description: "The user to watch",
        },
        rate: u32 {
            default: 1000,
            description: "How many opens a second to log at most, 1 to 100000",
        },
    },
}

string_parameters! {
    module: "syscall_rs",
    symbol: "The function to probe: do_file_open, or do_filp_open before Linux 7.2",
}

/// The largest `rate`.
const MAX_RATE: u32 = 100_000;

/// How many bytes of a path are logged: a line of the log has 1024, and a byte that
/// is not printable takes four of them.
const MAX_PATH: usize = 240;

struct Syscall {
    // Dropped in this order: no result is counted whose open was not, and the counts
    // are final when they are logged.
    results: Pin<KBox<ResultProbe<Arc<Spy>>>>,
    _opens: Pin<KBox<OpenProbe<Arc<Spy>>>>,
    _counts: LogCountsOnDrop,
}

impl kernel::Module for Syscall {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let rate: u32 = series::param_value(module_parameters::rate.value());
        if !(1..=MAX_RATE).contains(&rate) {
            pr_err!("rate={rate} is not between 1 and {MAX_RATE}\n");
            return Err(EINVAL);
        }
        let function = match string_parameters::symbol.value() {
            None => Function::DoFileOpen,
            Some(name) => Function::from_name(name.to_bytes()).ok_or_else(|| {
                pr_err!("symbol={name} is neither do_file_open nor do_filp_open\n");
                EINVAL
            })?,
        };

        let spy = Spy {
            uid: series::param_value(module_parameters::uid.value()),
            rate,
            start: kprobe::now(),
            second: Atomic::new(0),
            in_second: Atomic::new(0),
            opens: Atomic::new(0),
            failed: Atomic::new(0),
            not_logged: Atomic::new(0),
        };
        let spy = Arc::new(spy, GFP_KERNEL)?;
        let opens = KBox::pin_init(namei::watch(function, spy.clone()), GFP_KERNEL);
        let opens = opens.inspect_err(|error| {
            let (name, errno) = (function.name(), error.to_errno());
            pr_err!("cannot put a probe on {name}: {errno}\n");
        })?;
        let results = KBox::pin_init(namei::watch_results(function, spy.clone()), GFP_KERNEL)?;
        Ok(Self {
            results,
            _opens: opens,
            _counts: LogCountsOnDrop(spy),
        })
    }
}

impl Drop for Syscall {
    fn drop(&mut self) {
        let missed = self.results.missed();
        if missed > 0 {
            pr_warn!("results missed, with too many opens at a time: {missed}\n");
        }
    }
}

struct Spy {
    uid: u32,
    rate: u32,
    start: Delta,
    /// The second since `start` that `in_second` is the count of.
    second: Atomic<i64>,
    in_second: Atomic<u32>,
    opens: Atomic<u64>,
    failed: Atomic<u64>,
    not_logged: Atomic<u64>,
}

impl Spy {
    /// Counts an open, and returns whether to log it. In the moment when one second
    /// follows another, a few more than `rate` may be.
    fn may_log(&self) -> bool {
        let second = (kprobe::now() - self.start).as_millis() / 1000;
        if self.second.xchg(second, Relaxed) != second {
            self.in_second.store(0, Relaxed);
        }
        self.in_second.fetch_add(1, Relaxed) < self.rate
    }
}

impl Watcher for Arc<Spy> {
    // ANCHOR: opening
    fn opening(&self, uid: u32, path: &CStr) {
        if uid != self.uid {
            return;
        }
        self.opens.fetch_add(1, Relaxed);
        if !self.may_log() {
            self.not_logged.fetch_add(1, Relaxed);
            return;
        }
        let path = path.to_bytes();
        match path.get(..MAX_PATH) {
            Some(start) if path.len() > MAX_PATH => {
                let (start, length) = (BStr::from_bytes(start), path.len());
                pr_info!("Opened file by {uid}: {start}... ({length} bytes)\n");
            }
            _ => pr_info!("Opened file by {uid}: {}\n", BStr::from_bytes(path)),
        }
    }
    // ANCHOR_END: opening

    fn opened(&self, uid: u32, result: Result) {
        if uid == self.uid && result.is_err() {
            self.failed.fetch_add(1, Relaxed);
        }
    }
}

struct LogCountsOnDrop(Arc<Spy>);

impl Drop for LogCountsOnDrop {
    fn drop(&mut self) {
        let spy = &self.0;
        let (uid, opens) = (spy.uid, spy.opens.load(Relaxed));
        let (failed, not_logged) = (spy.failed.load(Relaxed), spy.not_logged.load(Relaxed));
        pr_info!("{opens} opens by {uid}, {failed} failed, {not_logged} not logged\n");
    }
}
