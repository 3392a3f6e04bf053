// SPDX-License-Identifier: GPL-2.0

//! `workqueue_rs`: work items on a queue of its own, in a softirq, and after some time.

use guest::{
    kmsg::{Log, QuietConsole},
    module::{proc_modules, Module},
    process::wait_until,
};
use nix::errno::Errno;
use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "workqueue_rs";

/// Returns the line of each item, in order.
fn lines(numbers: impl IntoIterator<Item = u32>, place: &str) -> Vec<String> {
    let line = |number| format!("Item {number} runs in {place}");
    numbers.into_iter().map(line).collect()
}

/// Returns how often a softirq has run, on all CPUs.
fn softirqs(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/softirqs").unwrap();
    let line = text.lines().find(|line| line.trim().starts_with(name));
    let counts = line.unwrap().split_whitespace().skip(1);
    counts.map(|count| count.parse::<u64>().unwrap()).sum()
}

/// However early the unload comes, all items have run when it returns, one after the other.
#[test]
fn queue_of_its_own_runs_all_in_order_before_it_goes() {
    let _quiet = QuietConsole::begin();
    for count in [1, 3, 10, 100, 1000] {
        for _ in 0..5 {
            let mut log = Log::bookmark();
            let module = Module::load(NAME, &format!("items={count}")).unwrap();
            module.unload().unwrap();
            let mut expected = lines(1..=count, "a kernel thread");
            expected.push(format!("{count} of {count} items ran"));
            assert_eq!(log.lines_of(NAME), expected);
        }
    }
}

/// Waits until the module has logged so many lines, and returns them.
fn wait_for_lines(log: &mut Log, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    wait_until("the lines", || {
        seen.extend(log.lines_of(NAME));
        seen.len() >= count
    });
    seen
}

#[test]
fn items_run_while_the_module_is_loaded() {
    for (params, place) in [("", "a kernel thread"), ("bh=1", "a softirq")] {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, params).unwrap();
        let mut seen = wait_for_lines(&mut log, 3);
        seen.sort();
        assert_eq!(seen, lines(1..=3, place));
        assert_eq!(module.use_count(), 0);
        module.unload().unwrap();
        assert_eq!(log.lines_of(NAME), ["3 of 3 items ran"]);
    }
}

/// The count of the softirq that runs such items goes up, and for none of the others.
#[test]
fn softirq_is_one_of_the_kernel() {
    let runs = |params| {
        let before = softirqs("TASKLET:");
        let mut log = Log::bookmark();
        let module = Module::load(NAME, params).unwrap();
        wait_for_lines(&mut log, 1);
        module.unload().unwrap();
        softirqs("TASKLET:") - before
    };
    for _ in 0..10 {
        assert!(runs("items=1 bh=1") > 0);
    }
    // Others of the kernel use it now and then.
    assert!((0..100).any(|_| runs("items=1") == 0));
}

/// What has not run is taken off; each line is of one that ran.
#[test]
fn softirq_items_run_or_are_taken_off() {
    let _quiet = QuietConsole::begin();
    for count in [1, 10, 1000] {
        for _ in 0..10 {
            let mut log = Log::bookmark();
            let module = Module::load(NAME, &format!("items={count} bh=1")).unwrap();
            module.unload().unwrap();
            let mut seen = log.lines_of(NAME);
            let ran = seen.len() - 1;
            assert_eq!(
                seen.pop().unwrap(),
                format!("{ran} of {count} items ran"),
                "{seen:?}"
            );
            let mut all = lines(1..=count, "a softirq");
            all.retain(|line| seen.contains(line));
            assert_eq!(all.len(), ran, "{seen:?}");
        }
    }
}

/// Each waits for its time; none runs too early, and the use count stays 0.
#[test]
fn delayed_items_come_one_after_the_other() {
    for (bh, place) in [(0, "a kernel thread"), (1, "a softirq")] {
        let mut log = Log::bookmark();
        let start = Instant::now();
        let module = Module::load(NAME, &format!("delay_ms=100 bh={bh}")).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.extend(wait_for_lines(&mut log, 1));
            let due = Duration::from_millis(100) * seen.len() as u32;
            assert!(start.elapsed() >= due, "{seen:?}");
        }
        assert_eq!(seen, lines(1..=3, place));
        module.unload().unwrap();
    }
}

/// It warns of that once after it has booted.
#[test]
fn kernel_does_not_call_the_queue_of_delayed_items_deprecated() {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, "delay_ms=1").unwrap();
    wait_for_lines(&mut log, 3);
    module.unload().unwrap();
    let dmesg = Command::new("dmesg").output().unwrap();
    let text = String::from_utf8_lossy(&dmesg.stdout);
    assert!(text.contains("Item 3 runs in a kernel thread"));
    assert!(!text.contains("deprecated workqueue"));
}

/// It does not wait for the timers, and nothing comes afterwards.
#[test]
fn unload_takes_delayed_items_off() {
    for bh in [0, 1] {
        let mut log = Log::bookmark();
        let start = Instant::now();
        let module = Module::load(NAME, &format!("delay_ms=60000 bh={bh}")).unwrap();
        module.unload().unwrap();
        assert!(start.elapsed() < Duration::from_secs(60));
        assert_eq!(log.lines_of(NAME), ["0 of 3 items ran"]);
    }
}

/// Some have run then, some wait, one may be running.
#[test]
fn unload_comes_between_delayed_items() {
    let mut between = 0;
    for i in 0..40 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("delay_ms=1 items=20 bh={}", i % 2)).unwrap();
        wait_for_lines(&mut log, 1);
        module.unload().unwrap();
        let last = log.lines_of(NAME).pop().unwrap();
        let ran: u32 = last.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(last, format!("{ran} of 20 items ran"));
        between += u32::from(ran < 20);
        // Longer than the last one would have waited.
        thread::sleep(Duration::from_millis(25));
        assert_eq!(log.lines_of(NAME), [""; 0]);
    }
    assert!(between > 0);
}

#[test]
fn wrong_parameters_are_refused() {
    for params in ["items=0", "items=1001", "bh=2", "delay_ms=60001"] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(NAME, params).unwrap_err(), Errno::EINVAL);
        assert_eq!(
            log.records_of(NAME),
            [(
                3,
                "items are 1 to 1000, bh is 0 or 1, delay_ms at most 60000".into()
            )]
        );
        assert_eq!(proc_modules(NAME), None);
    }
}
