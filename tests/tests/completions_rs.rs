// SPDX-License-Identifier: GPL-2.0

//! `completions_rs`: two kernel threads, one of which waits for the other.

use guest::{
    kmsg::Log,
    module::{proc_modules, Module},
    process::{state_of, wait_until},
};
use nix::errno::Errno;
use std::time::{Duration, Instant};

const NAME: &str = "completions_rs";
const THREADS: [&str; 2] = ["crank", "flywheel"];
const LINES: [&str; 2] = ["Turn the crank", "Flywheel spins up"];

/// Waits until no thread of the module's is left: one that has ended is seen a little longer.
fn wait_for_ends() {
    let ended = || THREADS.iter().all(|name| state_of(name).is_none());
    wait_until("the ends of both threads", ended);
}

#[test]
fn flywheel_sleeps_until_the_crank_is_turned() {
    // On a busy host the crank may be turned before anybody has looked.
    let seen = [300, 1000, 3000, 10_000].into_iter().any(|ms| {
        let (mut log, mut start) = (Log::bookmark(), Log::bookmark());
        let module = Module::load(NAME, &format!("crank_ms={ms}")).unwrap();
        start.wait_for(LINES[0]);
        let mut asleep = false;
        wait_until("both asleep, or the crank's end", || {
            asleep = THREADS.map(state_of) == [Some('D'); 2];
            asleep || state_of("crank").is_none()
        });
        let before = log.lines_of(NAME);
        module.unload().unwrap();
        assert_eq!([before.clone(), log.lines_of(NAME)].concat(), LINES);
        wait_for_ends();
        asleep && before.len() == 1
    });
    assert!(seen);
}

/// Both threads end by themselves, and the module stays.
#[test]
fn threads_end_while_the_module_is_loaded() {
    let (mut log, mut end) = (Log::bookmark(), Log::bookmark());
    let module = Module::load(NAME, "").unwrap();
    end.wait_for(LINES[1]);
    wait_for_ends();
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    assert_eq!(log.lines_of(NAME), LINES);
}

/// However early the unload comes: both lines are there, in order, when it returns.
#[test]
fn unload_waits_for_both_at_any_moment() {
    for i in 0..50 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("crank_ms={}", i % 5)).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(i * 100) {}
        module.unload().unwrap();
        assert_eq!(log.lines_of(NAME), LINES);
    }
    wait_for_ends();
}

#[test]
fn unload_takes_as_long_as_the_crank() {
    let start = Instant::now();
    let module = Module::load(NAME, "crank_ms=500").unwrap();
    module.unload().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(proc_modules(NAME), None);
}

#[test]
fn crank_that_takes_too_long_is_refused() {
    let mut log = Log::bookmark();
    let error = Module::load(NAME, "crank_ms=10001").unwrap_err();
    assert_eq!(error, Errno::EINVAL);
    assert_eq!(log.lines_of(NAME), ["crank_ms=10001 is more than 10000"]);
    assert_eq!(proc_modules(NAME), None);
    assert_eq!(THREADS.map(state_of), [None; 2]);
}
