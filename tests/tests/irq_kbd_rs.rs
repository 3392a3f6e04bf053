// SPDX-License-Identifier: GPL-2.0

//! `irq_kbd_rs`: the scan codes of real keys, typed on QEMU's emulated keyboard.

use guest::{
    debug_kernel,
    keyboard::{Events, Key},
    kmsg::Log,
    module::{proc_modules, Module},
    monitor::Monitor,
    process::wait_until,
    realtime_kernel, PATIENCE,
};
use nix::errno::Errno;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const NAME: &str = "irq_kbd_rs";

/// Returns the keyboard's line in `/proc/interrupts`.
fn interrupt_line() -> String {
    let interrupts = fs::read_to_string("/proc/interrupts").unwrap();
    let line = interrupts
        .lines()
        .find(|line| line.trim_start().starts_with("1:"));
    line.expect("the keyboard's line").into()
}

/// Returns whether the module has a handler on the keyboard's line.
fn on_the_line() -> bool {
    let line = interrupt_line();
    assert!(line.contains("i8042"), "{line}");
    line.contains(NAME)
}

/// Returns how many interrupts of the keyboard there were, on all CPUs.
fn interrupts() -> u64 {
    let line = interrupt_line();
    let counts = line.split_whitespace().skip(1);
    counts.map_while(|word| word.parse::<u64>().ok()).sum()
}

/// Waits until the kernel's own keyboard driver has seen `n` presses and releases.
#[track_caller]
fn wait_for_keys(events: &mut Events, n: usize) -> Vec<Key> {
    let deadline = Instant::now() + PATIENCE;
    while events.keys().len() < n {
        let seen = events.keys().len();
        assert!(Instant::now() < deadline, "{seen} of {n} keys");
        thread::sleep(Duration::from_millis(1));
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

/// How many keys are typed in one go: QEMU's keyboard keeps 16 bytes, and drops what
/// comes while the guest does not take them; the kernel keeps 64 events for a reader.
const BURST: usize = 4;

/// Loads the module, types some keys, waits until the kernel's driver has seen them
/// all, unloads, and returns the log and what the driver saw.
fn typed(params: &str, keys: &[&str], events: usize) -> (Vec<String>, Vec<Key>) {
    let mut monitor = Monitor::open();
    let mut keyboard = Events::open();
    let mut log = Log::bookmark();
    let module = Module::load(NAME, params).unwrap();
    let burst = BURST / keys[0].split('-').count();
    for (i, keys_of_burst) in keys.chunks(burst).enumerate() {
        monitor.start_keys(keys_of_burst);
        monitor.finish_keys(keys_of_burst.len());
        let typed = i * burst + keys_of_burst.len();
        wait_for_keys(&mut keyboard, events * typed / keys.len());
    }
    let seen = wait_for_keys(&mut keyboard, events);
    module.unload().unwrap();
    (log.lines_of(NAME), seen)
}

/// What `a-b-c-d` is: let go in the reverse order.
const CHORD_CODES: [&str; 8] = [
    "1e Pressed.",
    "30 Pressed.",
    "2e Pressed.",
    "20 Pressed.",
    "20 Released.",
    "2e Released.",
    "30 Released.",
    "1e Released.",
];

const MODES: [&str; 2] = ["", "threaded=1"];

#[test]
fn keys_are_logged_in_order_twice() {
    // The debug kernel makes up one when a handler comes (`CONFIG_DEBUG_SHIRQ`).
    let interrupts = 6 + u32::from(debug_kernel());
    let last = format!("{interrupts} interrupts, 6 bytes, 0 lost, 0 skipped");
    for params in [MODES[0], MODES[1], MODES[0], MODES[1]] {
        let (mut lines, seen) = typed(params, &["a", "b", "esc"], 6);
        if realtime_kernel() {
            // The top half is a thread there, which runs once for several.
            let end = lines.pop().unwrap();
            let (found, rest) = end.split_once(' ').unwrap();
            assert!((1..=interrupts).contains(&found.parse().unwrap()), "{end}");
            lines.push(format!("{interrupts} {rest}"));
        }
        assert_eq!(
            lines,
            [
                "Scan Code 1e Pressed.",
                "Scan Code 1e Released.",
                "Scan Code 30 Pressed.",
                "Scan Code 30 Released.",
                "Scan Code 1 Pressed.",
                "Scan Code 1 Released.",
                last.as_str(),
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

/// And not just what is left at the end.
#[test]
fn keys_are_logged_while_the_module_is_loaded() {
    let mut monitor = Monitor::open();
    for params in MODES {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, params).unwrap();
        monitor.send_key("a");
        log.wait_for("irq_kbd_rs: Scan Code 1e Released.");
        module.unload().unwrap();
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

/// The one key with three bytes, all of which come when it is pressed.
#[test]
fn pause_is_a_code_of_three_bytes() {
    for params in MODES {
        let (lines, seen) = typed(params, &["pause"], 2);
        let codes = ["e11d45 Pressed.", "e11d45 Released."];
        assert_eq!(scan_codes(&lines), codes, "{params}");
        assert_eq!(seen, [(119, true), (119, false)]);
    }
}

/// It acknowledges each byte of a command by one that is no scan code, 0xfa.
#[test]
fn answers_of_the_keyboard_are_no_keys() {
    for params in MODES {
        let mut keyboard = Events::open();
        let mut log = Log::bookmark();
        let module = Module::load(NAME, params).unwrap();
        for on in [true, false] {
            let before = interrupts();
            keyboard.set_caps_light(on);
            wait_until("two answers", || interrupts() >= before + 2);
        }
        module.unload().unwrap();
        let lines = log.lines_of(NAME);
        let [last] = &lines[..] else {
            panic!("{lines:?}");
        };
        assert!(last.ends_with(" 4 bytes, 0 lost, 0 skipped"), "{last}");
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
    for params in MODES {
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
    let keys = ["up-down-left-right"; 25];
    // They are let go in the reverse order.
    let expected = [
        "e048 Pressed.",
        "e050 Pressed.",
        "e04b Pressed.",
        "e04d Pressed.",
        "e04d Released.",
        "e04b Released.",
        "e050 Released.",
        "e048 Released.",
    ]
    .repeat(25);
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
    for params in ["delay_ms=60000", "threaded=1 delay_ms=60000"] {
        // Unloading ends the delay, so nothing is read before all has come.
        let (lines, seen) = typed(params, &["a-b-c-d"; 70], 560);
        // The driver gets them all.
        assert_eq!(seen.len(), 560);
        assert_eq!(scan_codes(&lines), CHORD_CODES.repeat(64), "{params}");
        assert_eq!(lines[512], "48 bytes lost: the ring was full");
        // Once, though unloading looks at the ring once more.
        assert_eq!(lines.len(), 514, "{params}");
        let last = lines.last().unwrap();
        assert!(last.ends_with("560 bytes, 48 lost, 0 skipped"), "{last}");
    }
}

#[test]
fn unload_ends_the_delay() {
    for params in ["delay_ms=60000", "threaded=1 delay_ms=60000"] {
        let start = Instant::now();
        let (lines, _) = typed(params, &["a"], 2);
        assert_eq!(scan_codes(&lines), ["1e Pressed.", "1e Released."]);
        assert!(start.elapsed() < Duration::from_secs(30), "{params}");
    }
}

/// Returns the numbers of the module's last line.
fn counts(lines: &[String]) -> [usize; 4] {
    let counts: Vec<usize> = lines
        .last()
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    counts.try_into().unwrap_or_else(|_| panic!("{lines:?}"))
}

/// Each byte is logged or counted as skipped, and none is taken from the driver.
#[test]
fn ports_are_read_without_stealing() {
    let keys = ["a-b-c-d"; 50];
    let expected = [
        (30, true),
        (48, true),
        (46, true),
        (32, true),
        (32, false),
        (46, false),
        (48, false),
        (30, false),
    ]
    .repeat(50);
    for params in ["ports=1", "ports=1 threaded=1", "ports=1"] {
        let (lines, seen) = typed(params, &keys, 400);
        assert_eq!(seen, expected, "{params}");
        let codes = scan_codes(&lines);
        let [_, bytes, lost, skipped] = counts(&lines);
        assert_eq!((bytes, bytes + skipped, lost), (codes.len(), 400, 0));
        assert!(bytes > 0, "{lines:?}");
        // What was logged are the keys in order, but for those that were skipped.
        let mut all = CHORD_CODES.into_iter().cycle().take(400);
        assert!(
            codes.iter().all(|code| all.any(|next| next == *code)),
            "{codes:?}"
        );
    }
    // Of two bytes, the first is mostly skipped: the second one waits already.
    let (lines, seen) = typed("ports=1", &["up"; 100], 200);
    assert_eq!(seen, [(103, true), (103, false)].repeat(100));
    let [_, bytes, lost, skipped] = counts(&lines);
    assert_eq!((bytes + skipped, lost), (400, 0));
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
    for params in ["ports=2", "threaded=2", "delay_ms=60001", "ports=yes"] {
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

/// What a load must leave as it was.
fn state() -> [String; 2] {
    let handlers = fs::read_to_string("/proc/interrupts").unwrap();
    // Without the counts, which go on.
    let handlers = handlers.lines().map(|line| {
        let words = line.split_whitespace();
        let words = words.filter(|word| word.parse::<u64>().is_err());
        words.collect::<Vec<_>>().join(" ") + "\n"
    });
    let modules = fs::read_to_string("/proc/modules").unwrap();
    [handlers.collect(), modules]
}

/// Has a load fail with EBUSY, leave nothing, and say why.
#[track_caller]
fn refused_as_busy(params: &str, reason: &str) {
    let before = state();
    let mut log = Log::bookmark();
    assert_eq!(Module::load(NAME, params).unwrap_err(), Errno::EBUSY);
    assert_eq!(state(), before);
    // The end of those parts that had been made.
    let lines = log.lines_of(NAME);
    let last = "0 interrupts, 0 bytes, 0 lost, 0 skipped";
    assert_eq!(lines, [reason, last], "{params}");
}

#[test]
fn filter_of_another_refuses_the_load_and_leaves_nothing() {
    let taken = Module::load("faulty/keyboard_taken", "").unwrap();
    for params in ["", "threaded=1", "ports=1"] {
        refused_as_busy(params, "cannot install the keyboard filter: -16");
    }
    taken.unload().unwrap();
    Module::load(NAME, "").unwrap().unload().unwrap();
}

/// The kernel's keyboard driver, taken off the controller until drop.
struct Unbound;

impl Unbound {
    fn new() -> Self {
        fs::write("/sys/bus/platform/drivers/i8042/unbind", "i8042").unwrap();
        Self
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        fs::write("/sys/bus/platform/drivers/i8042/bind", "i8042").unwrap();
        let deadline = Instant::now() + PATIENCE;
        let keyboard = || {
            let devices = fs::read_to_string("/proc/bus/input/devices").unwrap();
            devices.contains("keyboard")
        };
        while !keyboard() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn line_of_another_refuses_the_load_and_leaves_nothing() {
    let unbound = Unbound::new();
    let taken = Module::load("faulty/keyboard_taken", "line=1").unwrap();
    for params in ["", "threaded=1", "ports=1"] {
        refused_as_busy(params, "cannot request interrupt 1: -16");
    }
    taken.unload().unwrap();
    drop(unbound);

    let (lines, seen) = typed("", &["a"], 2);
    assert_eq!(scan_codes(&lines), ["1e Pressed.", "1e Released."]);
    assert_eq!(seen, [(30, true), (30, false)]);
}

#[test]
fn unload_while_keys_arrive_200_times() {
    let mut monitor = Monitor::open();
    let mut keyboard = Events::open();
    let mut log = Log::bookmark();
    let mut lines = Vec::new();
    for i in 0..200 {
        let params = ["", "threaded=1", "delay_ms=1", "ports=1"][i % 4];
        let module = Module::load(NAME, params).unwrap();
        monitor.start_keys(&["a"]);
        // Some unload before the key comes, some while it comes, some afterwards.
        thread::sleep(Duration::from_millis(i as u64 % 10));
        module.unload().unwrap();
        monitor.finish_keys(1);
        keyboard.keys();
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
