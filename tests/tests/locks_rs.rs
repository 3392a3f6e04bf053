// SPDX-License-Identifier: GPL-2.0

//! `locks_rs`: threads that count together, with a lock of each kind, and with none.

use guest::{
    kmsg::Log,
    module::{proc_modules, Module},
    process::{state_of, wait_until},
    realtime_kernel,
};
use nix::errno::Errno;
use std::thread;

const NAME: &str = "locks_rs";
const KINDS: [&str; 6] = ["none", "atomic", "mutex", "spin", "irq", "rwsem"];

/// What a kind has counted, of how many steps, and how many of them were the timer's.
#[derive(Debug)]
struct Counted {
    kind: String,
    counted: u64,
    made: u64,
    ticks: u64,
}

/// Loads the module, and returns what it has logged.
#[track_caller]
fn counts(params: &str) -> Vec<Counted> {
    let mut log = Log::bookmark();
    Module::load(NAME, params).unwrap().unload().unwrap();
    let number = |text: &str| -> u64 { text.parse().unwrap_or_else(|_| panic!("{text:?}")) };
    let (mut ticks, mut found) = (0, Vec::new());
    for line in log.lines_of(NAME) {
        let (kind, rest) = line.split_once(": ").unwrap();
        let words: Vec<_> = rest.split(' ').collect();
        match words[..] {
            [n, "of", "them", "are", "the", "timer's"] => {
                assert_eq!(kind, "irq");
                ticks = number(n);
            }
            [counted, "of", made, "counted,", "in", ms, "ms"] => {
                number(ms);
                found.push(Counted {
                    kind: kind.into(),
                    counted: number(counted),
                    made: number(made),
                    ticks: if kind == "irq" { ticks } else { 0 },
                });
            }
            _ => panic!("{line:?}"),
        }
    }
    found
}

/// As `counts`, of one kind.
#[track_caller]
fn count(kind: &str, threads: u64, steps: u64) -> Counted {
    let mut found = counts(&format!("lock={kind} threads={threads} steps={steps}"));
    let counted = found.pop().unwrap();
    assert!(found.is_empty());
    assert_eq!(counted.kind, kind);
    assert_eq!(counted.made, threads * steps + counted.ticks, "{counted:?}");
    counted
}

#[test]
fn each_lock_counts_every_step() {
    for kind in &KINDS[1..] {
        for (threads, steps) in [(1, 1), (1, 10_000), (2, 10_000), (4, 10_000), (32, 500)] {
            let counted = count(kind, threads, steps);
            assert_eq!(counted.counted, counted.made, "{counted:?}");
        }
    }
}

#[test]
fn steps_are_lost_without_a_lock() {
    let lost = (0..50).any(|_| {
        let counted = count("none", 4, 100_000);
        assert!(counted.counted <= counted.made, "{counted:?}");
        eprintln!("{counted:?}");
        counted.counted < counted.made
    });
    assert!(lost);
}

/// So many steps that some would be lost if each were two operations.
#[test]
fn atomic_steps_are_never_lost() {
    for _ in 0..10 {
        let counted = count("atomic", 4, 100_000);
        assert_eq!(counted.counted, counted.made, "{counted:?}");
    }
}

#[test]
fn one_thread_loses_none() {
    let counted = count("none", 1, 100_000);
    assert_eq!(counted.counted, 100_000);
}

#[test]
fn timer_counts_as_well() {
    let ticks = (0..50).any(|_| count("irq", 4, 20_000).ticks > 0);
    assert!(ticks);
}

#[test]
fn all_kinds_come_one_after_the_other() {
    let found = counts("");
    let kinds: Vec<_> = found.iter().map(|counted| &*counted.kind).collect();
    assert_eq!(kinds, KINDS);
    for counted in &found {
        assert_eq!(counted.made, 20_000 + counted.ticks, "{counted:?}");
        assert!(
            counted.counted == counted.made || counted.kind == "none",
            "{counted:?}"
        );
    }
}

/// All threads are inside as readers before any of them goes on.
#[test]
fn readers_share_the_lock() {
    let threads = thread::available_parallelism().unwrap().get() as u64 + 1;
    for threads in [2, threads, 32] {
        let counted = count("rwsem", threads, 1);
        assert_eq!(counted.counted, threads);
    }
}

/// So many steps that some would be lost if two made one at once.
#[test]
fn writers_are_alone() {
    // A kernel for real time hands such a lock over at each step.
    let steps = if realtime_kernel() { 5_000 } else { 100_000 };
    for _ in 0..3 {
        let counted = count("rwsem", 4, steps);
        assert_eq!(counted.counted, counted.made, "{counted:?}");
    }
}

#[test]
fn threads_have_ended_when_it_is_loaded() {
    let module = Module::load(NAME, "steps=100").unwrap();
    // Those that have ended are seen a little longer.
    wait_until("the threads' ends", || state_of(NAME).is_none());
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn wrong_parameters_are_refused() {
    for (params, line) in [
        ("threads=0", "threads are 1 to 32, steps 1 to 100000"),
        ("threads=33", "threads are 1 to 32, steps 1 to 100000"),
        ("steps=0", "threads are 1 to 32, steps 1 to 100000"),
        ("steps=100001", "threads are 1 to 32, steps 1 to 100000"),
        (
            "lock=mutexes",
            "lock=mutexes is none of none, atomic, mutex, spin, irq, rwsem",
        ),
        (
            "lock=",
            "lock= is none of none, atomic, mutex, spin, irq, rwsem",
        ),
    ] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(NAME, params).unwrap_err(), Errno::EINVAL);
        assert_eq!(log.records_of(NAME), [(3, line.into())]);
        assert_eq!(proc_modules(NAME), None);
        assert_eq!(state_of(NAME), None);
    }
}
