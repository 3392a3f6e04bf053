// SPDX-License-Identifier: GPL-2.0

//! Unloading in the middle of a callback: the wrappers that `sched_rs`, `irq_kbd_rs` and
//! `completions_rs` use, with callbacks that take long (`tests/faulty/slow_callbacks.rs`).

use guest::{
    kmsg::Log,
    module::Module,
    process::{state_of, wait_until},
};
use nix::{
    sched::{sched_getaffinity, sched_setaffinity, CpuSet},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::{self, Read},
    thread,
};

/// Keeps this thread on one CPU until drop.
struct OnCpu(CpuSet);

impl OnCpu {
    fn new(cpu: usize) -> Self {
        let this = Pid::from_raw(0);
        let before = sched_getaffinity(this).unwrap();
        let mut only = CpuSet::new();
        only.set(cpu).unwrap();
        sched_setaffinity(this, &only).unwrap();
        Self(before)
    }
}

impl Drop for OnCpu {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}

/// Loads the module on the first CPU, unloads it on the last one once a callback has
/// begun, and returns whether that callback was still running. In any case each one
/// that has begun has ended when the unload is done, and nothing of it is left.
#[track_caller]
fn unloads_in_the_middle(params: &str, cpus: usize) -> bool {
    let (mut log, mut start) = (Log::bookmark(), Log::bookmark());
    let module = {
        let _first = OnCpu::new(0);
        Module::load("faulty/slow_callbacks", params).unwrap()
    };
    {
        let _last = OnCpu::new(cpus - 1);
        start.wait_for("slow_callbacks: begin");
        module.unload().unwrap();
    }
    let lines = log.lines_of("slow_callbacks");
    assert_eq!(lines.last().unwrap(), "dropped");
    let count = |what: &str| lines.iter().filter(|line| *line == what).count();
    assert_eq!(count("begin"), count("end"), "{lines:?}");
    // Of a work item that somebody queues again when it has ended.
    assert_eq!(count("queued after its end"), 0, "{lines:?}");
    let unloading = lines.iter().position(|line| line == "unloading").unwrap();
    lines[unloading + 1] == "end"
}

#[test]
fn unload_waits_for_a_timer_that_runs() {
    let cpus = thread::available_parallelism().unwrap().get();
    // The timer's function keeps its CPU: where there is no other one, the unload can
    // only come before or after it.
    let wanted = if cpus > 1 { 5 } else { 0 };
    let seen = (0..50).filter(|_| unloads_in_the_middle("timer=1", cpus));
    assert_eq!(seen.take(wanted).count(), wanted);
    unloads_in_the_middle("timer=1", cpus);
}

/// It queues itself again while it runs: it is running and queued. Afterwards somebody who
/// still knows it tries to queue it.
#[test]
fn unload_ends_a_work_item_that_runs_for_good() {
    let cpus = thread::available_parallelism().unwrap().get();
    let seen = (0..50).filter(|_| unloads_in_the_middle("", cpus));
    assert_eq!(seen.take(5).count(), 5);
}

#[test]
fn unload_stops_a_thread_and_waits_for_it() {
    for _ in 0..3 {
        let (mut log, mut start) = (Log::bookmark(), Log::bookmark());
        let module = Module::load("faulty/slow_callbacks", "thread=1").unwrap();
        start.wait_for("slow_callbacks: begin");
        module.unload().unwrap();
        assert_eq!(
            log.lines_of("slow_callbacks"),
            ["begin", "unloading", "stopping", "end", "dropped"]
        );
    }
}

/// It has never run, so the function that it was given is still there: whoever stops it
/// drops it.
#[test]
fn thread_that_was_never_started_is_dropped() {
    let mut log = Log::bookmark();
    let module = Module::load("faulty/slow_callbacks", "thread=2").unwrap();
    assert_eq!(state_of("slow_callbacks"), Some('D'));
    assert_eq!(log.lines_of("slow_callbacks"), [""; 0]);
    module.unload().unwrap();
    assert_eq!(log.lines_of("slow_callbacks"), ["unloading", "dropped"]);
    wait_until("the thread's end", || state_of("slow_callbacks").is_none());
}

/// The file of a parameter goes after the module's struct, so the value may be set when that
/// has gone, but not when the text has.
#[test]
fn unload_waits_for_a_parameter_that_is_being_set() {
    const FILE: &str = "/sys/module/slow_callbacks/parameters/watched";
    let mut lines = unloads_during("thread=2", || fs::write(FILE, "1"));
    lines[2..].sort();
    assert_eq!(lines, ["begin", "unloading", "dropped", "end"]);
}

/// Unloads the module while a call on one of its files is under way, which succeeds, and
/// returns what it has logged by then.
#[track_caller]
fn unloads_during(params: &str, call: impl FnOnce() -> io::Result<()> + Send) -> Vec<String> {
    let (mut log, mut start) = (Log::bookmark(), Log::bookmark());
    let module = Module::load("faulty/slow_callbacks", params).unwrap();
    thread::scope(|scope| {
        let caller = scope.spawn(call);
        start.wait_for("slow_callbacks: begin");
        module.unload().unwrap();
        let lines = log.lines_of("slow_callbacks");
        caller.join().unwrap().unwrap();
        lines
    })
}

#[test]
fn unload_waits_for_a_file_in_sysfs_that_is_written_or_read() {
    unload_waits_for("folder=1", "/sys/kernel/slow_callbacks/slow");
}

#[test]
fn unload_waits_for_a_file_in_debugfs_that_is_written_or_read() {
    unload_waits_for("folder=2", "/sys/kernel/debug/slow_callbacks/slow");
}

#[track_caller]
fn unload_waits_for(params: &str, file: &str) {
    let lines = ["begin", "unloading", "end", "dropped"];
    let written = unloads_during(params, || fs::write(file, "1"));
    assert_eq!(written, lines);
    // One read: a second one would come too late.
    let read = unloads_during(params, || File::open(file)?.read(&mut [0; 10]).map(drop));
    assert_eq!(read, lines);
}
