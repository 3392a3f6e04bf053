// SPDX-License-Identifier: GPL-2.0

//! `irq_kbd_rs`: the scan codes of real keys, typed on QEMU's emulated keyboard.

use guest::{
    keyboard::{Events, Key},
    kmsg::Log,
    module::{proc_modules, Module},
    monitor::Monitor,
};
use nix::errno::Errno;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const NAME: &str = "irq_kbd_rs";

/// Returns whether the module has a handler on the keyboard's line.
fn on_the_line() -> bool {
    let interrupts = fs::read_to_string("/proc/interrupts").unwrap();
    let line = interrupts
        .lines()
        .find(|line| line.trim_start().starts_with("1:"));
    let line = line.expect("the keyboard's line");
    assert!(line.contains("i8042"), "{line}");
    line.contains(NAME)
}

/// Waits until the kernel's own keyboard driver has seen `n` presses and releases.
#[track_caller]
fn wait_for_keys(events: &mut Events, n: usize) -> Vec<Key> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while events.keys().len() < n {
        let seen = events.keys().len();
        assert!(Instant::now() < deadline, "{seen} of {n} keys");
        thread::sleep(Duration::from_millis(5));
    }
    events.keys().to_vec()
}

/// What the module logged of keys.
fn scan_codes(lines: &[String]) -> Vec<&str> {
    let codes = lines
        .iter()
        .filter_map(|line| line.strip_prefix("Scan Code "));
    codes.collect()
}

/// Loads the module, types some keys, waits until the kernel's driver has seen them
/// all, unloads, and returns the log and what the driver saw.
fn typed(params: &str, keys: &[&str], events: usize) -> (Vec<String>, Vec<Key>) {
    let mut monitor = Monitor::open();
    let mut keyboard = Events::open();
    let mut log = Log::bookmark();
    let module = Module::load(NAME, params).unwrap();
    for key in keys {
        monitor.send_key(key);
        // The kernel keeps 64 events for a reader.
        keyboard.keys();
    }
    let seen = wait_for_keys(&mut keyboard, events);
    module.unload().unwrap();
    (log.lines_of(NAME), seen)
}

const MODES: [&str; 2] = ["", "threaded=1"];

#[test]
fn keys_are_logged_in_order_twice() {
    for params in [MODES[0], MODES[1], MODES[0], MODES[1]] {
        let (lines, seen) = typed(params, &["a", "b", "esc"], 6);
        assert_eq!(
            lines,
            [
                "Scan Code 1e Pressed.",
                "Scan Code 1e Released.",
                "Scan Code 30 Pressed.",
                "Scan Code 30 Released.",
                "Scan Code 1 Pressed.",
                "Scan Code 1 Released.",
                "6 interrupts, 6 bytes, 0 lost, 0 skipped",
            ],
            "{params}"
        );
        let keys = [
            (30, true),
            (30, false),
            (48, true),
            (48, false),
            (1, true),
            (1, false),
        ];
        assert_eq!(seen, keys);
    }
}

#[test]
fn codes_of_several_bytes_are_put_together() {
    for params in MODES {
        let (lines, seen) = typed(params, &["up", "a", "ctrl_r", "shift-down"], 10);
        assert_eq!(
            scan_codes(&lines),
            [
                "e048 Pressed.",
                "e048 Released.",
                "1e Pressed.",
                "1e Released.",
                "e01d Pressed.",
                "e01d Released.",
                "2a Pressed.",
                "e050 Pressed.",
                "e050 Released.",
                "2a Released.",
            ],
            "{params}"
        );
        let keys: Vec<_> = seen.iter().map(|key| key.0).collect();
        assert_eq!(keys, [103, 103, 30, 30, 97, 97, 42, 108, 108, 42]);
    }
}

#[test]
fn burst_of_200_keys_is_neither_lost_nor_doubled() {
    let keys: Vec<_> = ["a", "b", "c", "d"].into_iter().cycle().take(200).collect();
    let expected: Vec<_> = [0x1e, 0x30, 0x2e, 0x20]
        .iter()
        .cycle()
        .take(200)
        .flat_map(|code| [format!("{code:x} Pressed."), format!("{code:x} Released.")])
        .collect();
    // With a bottom half that comes late, it is the ring that keeps them.
    for params in ["", "threaded=1", "delay_ms=500", "threaded=1 delay_ms=500"] {
        let (lines, seen) = typed(params, &keys, 400);
        assert_eq!(scan_codes(&lines), expected, "{params}");
        assert!(lines
            .last()
            .unwrap()
            .ends_with("400 bytes, 0 lost, 0 skipped"));
        assert_eq!(seen.len(), 400);
    }
}

#[test]
fn burst_of_extended_keys_is_neither_lost_nor_doubled() {
    let keys = ["up"; 100];
    let expected = ["e048 Pressed.", "e048 Released."].repeat(100);
    for params in MODES {
        let (lines, seen) = typed(params, &keys, 200);
        assert_eq!(scan_codes(&lines), expected, "{params}");
        assert!(lines
            .last()
            .unwrap()
            .ends_with("400 bytes, 0 lost, 0 skipped"));
        assert_eq!(seen.len(), 200);
    }
}

#[test]
fn overflow_of_the_ring_is_counted_and_logged() {
    let keys = ["a"; 280];
    let total = 560;
    // On a busy machine the bottom half may get its turn while keys still come, and
    // make room; what it must never do is to lose count.
    let overflowed_by_48 = (0..5).any(|_| {
        let (lines, seen) = typed("delay_ms=10000", &keys, total);
        // The driver gets them all.
        assert_eq!(seen.len(), total);
        let lost = total - scan_codes(&lines).len();
        let last = lines.last().unwrap();
        assert!(
            last.ends_with(&format!("{total} bytes, {lost} lost, 0 skipped")),
            "{last}"
        );
        lost == 48 && lines.contains(&"48 bytes lost: the ring was full".into())
    });
    assert!(
        overflowed_by_48,
        "the ring of 512 bytes never took 512 of 560"
    );
}

/// Each byte is logged or counted as skipped, and none is taken from the driver.
#[test]
fn ports_are_read_without_stealing() {
    let keys: Vec<_> = ["a", "up"].into_iter().cycle().take(40).collect();
    let (lines, seen) = typed("ports=1", &keys, 80);
    let expected: Vec<_> = [30, 103]
        .iter()
        .cycle()
        .take(40)
        .flat_map(|code| [(*code, true), (*code, false)])
        .collect();
    assert_eq!(seen, expected);
    assert!(scan_codes(&lines).contains(&"1e Pressed."), "{lines:?}");
    let counts: Vec<usize> = lines
        .last()
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let [interrupts, bytes, lost, skipped] = counts[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(lost, 0);
    assert_eq!(interrupts, bytes + skipped);
}

#[test]
fn handler_is_on_the_line_while_loaded() {
    for params in ["", "threaded=1", "ports=1"] {
        assert!(!on_the_line());
        let module = Module::load(NAME, params).unwrap();
        assert!(on_the_line());
        module.unload().unwrap();
        assert!(!on_the_line());
    }
}

#[test]
fn bad_parameters_are_refused_and_leave_nothing() {
    for params in ["ports=2", "threaded=2", "delay_ms=10001", "ports=yes"] {
        assert_eq!(
            Module::load(NAME, params).unwrap_err(),
            Errno::EINVAL,
            "{params}"
        );
        assert_eq!(proc_modules(NAME), None);
        assert!(!on_the_line());
    }
    // The driver's filter is free again.
    Module::load(NAME, "").unwrap().unload().unwrap();
}

#[test]
fn second_load_returns_eexist() {
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(Module::load(NAME, "").unwrap_err(), Errno::EEXIST);
    assert!(on_the_line());
}

#[test]
fn unload_while_keys_arrive_200_times() {
    let mut monitor = Monitor::open();
    let mut keyboard = Events::open();
    let mut log = Log::bookmark();
    let mut lines = Vec::new();
    for i in 0..200 {
        let params = ["", "threaded=1", "delay_ms=1"][i % 3];
        let module = Module::load(NAME, params).unwrap();
        monitor.send_key("a");
        keyboard.keys();
        module.unload().unwrap();
        lines.append(&mut log.lines_of(NAME));
    }
    // The driver missed none of them.
    assert_eq!(
        wait_for_keys(&mut keyboard, 400),
        [(30, true), (30, false)].repeat(200)
    );
    assert!(!on_the_line());
    // Some came while it was loaded, or this would test nothing.
    assert!(!scan_codes(&lines).is_empty());
}

/// As above with `ports=1`, which cannot promise that the driver misses nothing: a
/// byte that arrives between the module's two reads of the ports is taken from it.
#[test]
fn unload_while_keys_arrive_in_ports_mode_50_times() {
    let mut monitor = Monitor::open();
    let mut log = Log::bookmark();
    let mut lines = Vec::new();
    for _ in 0..50 {
        let module = Module::load(NAME, "ports=1").unwrap();
        monitor.send_key("a");
        module.unload().unwrap();
        lines.append(&mut log.lines_of(NAME));
    }
    assert!(!on_the_line());
    assert!(!scan_codes(&lines).is_empty());

    // The keyboard goes on working.
    let mut keyboard = Events::open();
    monitor.send_key("b");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !keyboard.keys().ends_with(&[(48, true), (48, false)]) {
        assert!(Instant::now() < deadline, "{:?}", keyboard.keys());
        thread::sleep(Duration::from_millis(5));
    }
}
