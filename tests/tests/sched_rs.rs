// SPDX-License-Identifier: GPL-2.0

//! `sched_rs`: a function on every tick of a timer, and its count in `/proc/sched`.

use guest::{
    config,
    module::{proc_modules, Module},
    process::wait_until,
};
use nix::errno::Errno;
use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "sched_rs";
const FILE: &str = "/proc/sched";

/// Returns the count, having looked at the whole line.
fn count() -> u64 {
    let line = fs::read_to_string(FILE).unwrap();
    let number = line
        .strip_prefix("Timer was called ")
        .and_then(|rest| rest.strip_suffix(" times so far\n"));
    number
        .unwrap_or_else(|| panic!("{line:?}"))
        .parse()
        .unwrap()
}

/// A count that a tick has just changed, and the earliest and the latest time that it may
/// be of. Without a change nobody knows: where the host is busy, a tick may be late, and
/// count for all that it has missed.
fn sample() -> (u64, Instant, Instant) {
    let mut before = Instant::now();
    let old = count();
    loop {
        let next = Instant::now();
        let new = count();
        if new != old {
            return (new, before, Instant::now());
        }
        before = next;
    }
}

/// Asserts that the ticks over some time are those of that time, but for one: the time
/// to read the count itself, for one thread of many, is known from both sides.
#[track_caller]
fn ticks_match(interval: Duration, time: Duration) {
    let (first, first_before, first_after) = sample();
    thread::sleep(time);
    let (last, last_before, last_after) = sample();
    let ticks = (last - first) as i128;
    let least = (last_before - first_after).as_nanos() as i128 / interval.as_nanos() as i128;
    let most = (last_after - first_before).as_nanos() as i128 / interval.as_nanos() as i128;
    assert!(
        (least - 1..=most + 1).contains(&ticks),
        "{ticks}: {least} to {most}"
    );
}

#[test]
fn ticks_are_the_kernels_own_over_five_seconds_and_once_more() {
    for ms in [5000, 200] {
        let module = Module::load(NAME, "").unwrap();
        let hz: u32 = config("HZ").unwrap().parse().unwrap();
        ticks_match(Duration::from_secs(1) / hz, Duration::from_millis(ms));
        module.unload().unwrap();
        assert!(!Path::new(FILE).exists());
    }
}

#[test]
fn interval_is_the_parameters() {
    for ms in [1, 7, 100] {
        let module = Module::load(NAME, &format!("interval_ms={ms}")).unwrap();
        ticks_match(
            Duration::from_millis(ms),
            Duration::from_millis(10 * ms + 100),
        );
        module.unload().unwrap();
    }
    let _module = Module::load(NAME, "interval_ms=60000").unwrap();
    assert_eq!(count(), 0);
}

#[test]
fn count_starts_anew_with_each_load() {
    for _ in 0..2 {
        let module = Module::load(NAME, "interval_ms=20").unwrap();
        assert!(count() < 5);
        wait_until("5 ticks", || count() >= 5);
        module.unload().unwrap();
    }
}

#[test]
fn bad_interval_is_refused_and_leaves_nothing() {
    for interval in ["0", "-2", "60001", "2147483648", "often"] {
        let error = Module::load(NAME, &format!("interval_ms={interval}")).unwrap_err();
        assert_eq!(error, Errno::EINVAL, "{interval}");
        assert_eq!(proc_modules(NAME), None);
        assert!(!Path::new(FILE).exists());
    }
}

#[test]
fn second_load_returns_eexist() {
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(Module::load(NAME, "").unwrap_err(), Errno::EEXIST);
    count();
}

#[test]
fn open_file_pins_the_module_and_reads_on() {
    let module = Module::load(NAME, "").unwrap();
    let mut file = File::open(FILE).unwrap();
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let mut line = String::new();
    file.read_to_string(&mut line).unwrap();
    assert!(line.starts_with("Timer was called "), "{line}");
    drop(file);
    module.unload().unwrap();
}

#[test]
fn unload_between_ticks_of_a_millisecond_200_times() {
    let mut ticks = 0;
    for i in 0..200 {
        let module = Module::load(NAME, "interval_ms=1").unwrap();
        // At another place within the tick each time.
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(i * 20) {}
        ticks += count();
        module.unload().unwrap();
    }
    assert!(ticks > 0);
    assert!(!Path::new(FILE).exists());
}
