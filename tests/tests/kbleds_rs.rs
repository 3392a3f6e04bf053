// SPDX-License-Identifier: GPL-2.0

//! `kbleds_rs`: the lights of all keyboards blink.

use guest::module::Module;
use std::{
    fs,
    time::{Duration, Instant},
};

const NAME: &str = "kbleds_rs";

#[test]
fn unloading_does_not_wait_for_the_interval() {
    let start = Instant::now();
    let module = Module::load(NAME, "interval_ms=60000").unwrap();
    module.unload().unwrap();
    assert!(start.elapsed() < Duration::from_secs(50));
}

#[test]
fn handler_is_known_by_name() {
    let known = || {
        let handlers = fs::read_to_string("/proc/bus/input/handlers").unwrap();
        handlers.contains("Name=kbleds_rs")
    };
    let module = Module::load(NAME, "").unwrap();
    assert!(known());
    module.unload().unwrap();
    assert!(!known());
}

/// On keyboards of `vinput_rs`, without which these tests are left out.
mod with_vinput {
    use super::NAME;
    use guest::{
        keyboard::{event_device, Events, CAPS, NUM, SCROLL},
        module::{self, Module},
        process::wait_until,
        race::Stop,
        state::{assert_unchanged, state},
        vinput::Keyboard,
        PATIENCE,
    };
    use std::{
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        thread,
        time::{Duration, Instant},
    };

    const KEY_CAPSLOCK: u16 = 58;

    /// What the file of a keyboard shows when all are on.
    const ALL: &str = "num\ncaps\nscroll\n";

    /// Waits until a keyboard has blinked a few times; between, it has these lights.
    #[track_caller]
    fn wait_for_blinks(keyboard: &Keyboard, between: &str) {
        for _ in 0..3 {
            keyboard.wait_for_leds(ALL);
            keyboard.wait_for_leds(between);
        }
    }

    /// Returns the changes of lights, without their times.
    fn changes(events: &mut Events) -> Vec<(u16, bool)> {
        let lights = events.lights().iter();
        lights.map(|(light, on, _)| (*light, *on)).collect()
    }

    #[test]
    fn all_lights_of_all_keyboards_go_on_and_off() {
        const ON: [(u16, bool); 3] = [(NUM, true), (CAPS, true), (SCROLL, true)];
        const OFF: [(u16, bool); 3] = [(NUM, false), (CAPS, false), (SCROLL, false)];
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let (one, two) = (Keyboard::make("one"), Keyboard::make("two"));
        let mut all = vec![Events::of("\"one\""), Events::of("\"two\"")];
        // The guest's own, where the kernel has a driver for it.
        all.extend(event_device("keyboard").map(|_| Events::open()));
        // The first step comes at once, and the second one not in this test.
        let start = Instant::now();
        let module = Module::load(NAME, "interval_ms=60000").unwrap();
        for events in &mut all {
            wait_until("three lights", || changes(events).len() == 3);
            assert_eq!(changes(events), ON);
        }
        one.wait_for_leds(ALL);
        assert!(start.elapsed() < Duration::from_secs(50));
        module.unload().unwrap();
        for events in &mut all {
            assert_eq!(changes(events), [ON, OFF].concat());
        }
        two.wait_for_leds("");
    }

    #[test]
    fn lights_blink_until_the_module_goes() {
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let keyboard = Keyboard::make("k");
        let module = Module::load(NAME, "interval_ms=50").unwrap();
        wait_for_blinks(&keyboard, "");
        module.unload().unwrap();
        let mut events = Events::of("\"k\"");
        thread::sleep(Duration::from_millis(300));
        assert_eq!(changes(&mut events), []);
        keyboard.wait_for_leds("");
    }

    #[test]
    fn keyboards_come_and_go_meanwhile() {
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let _module = Module::load(NAME, "interval_ms=50").unwrap();
        for _ in 0..5 {
            let keyboard = Keyboard::make("late");
            wait_for_blinks(&keyboard, "");
        }
    }

    #[test]
    fn lights_are_those_of_the_console_in_the_end() {
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let keyboard = Keyboard::make("k");
        for delay in 0..20 {
            keyboard.wait_for_leds("");
            let module = Module::load(NAME, "interval_ms=10").unwrap();
            // At any moment of the blinking: the light is on already, or is not.
            thread::sleep(Duration::from_millis(20 + delay));
            keyboard.hit(&[KEY_CAPSLOCK]);
            module.unload().unwrap();
            keyboard.wait_for_leds("caps\n");

            let module = Module::load(NAME, "interval_ms=10").unwrap();
            thread::sleep(Duration::from_millis(20 + delay));
            keyboard.hit(&[KEY_CAPSLOCK]);
            module.unload().unwrap();
            keyboard.wait_for_leds("");
        }
    }

    /// What the console has on stays on, while the others blink.
    #[test]
    fn light_of_the_console_does_not_blink() {
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let keyboard = Keyboard::make("k");
        keyboard.hit(&[KEY_CAPSLOCK]);
        keyboard.wait_for_leds("caps\n");
        let mut events = Events::of("\"k\"");
        let module = Module::load(NAME, "interval_ms=300").unwrap();
        wait_until("blinks", || changes(&mut events).len() >= 8);
        module.unload().unwrap();
        keyboard.wait_for_leds("caps\n");
        assert!(changes(&mut events).iter().all(|change| change.0 != CAPS));
        keyboard.hit(&[KEY_CAPSLOCK]);
        keyboard.wait_for_leds("");
    }

    #[test]
    fn lights_stay_for_the_interval() {
        let _vinput = Module::load("vinput_rs", "").unwrap();
        let _keyboard = Keyboard::make("k");
        for ms in [200, 400] {
            let mut events = Events::of("\"k\"");
            let _module = Module::load(NAME, &format!("interval_ms={ms}")).unwrap();
            let mut times = Vec::new();
            wait_until("blinks", || {
                let caps = events.lights().iter().filter(|light| light.0 == CAPS);
                times = caps.map(|light| light.2).collect();
                times.len() >= 4
            });
            for two in times.windows(2) {
                // The clock may tick once less.
                let apart = two[1] - two[0];
                assert!(apart >= Duration::from_millis(ms - 10), "{times:?}");
            }
        }
    }

    #[test]
    fn unloading_races_with_keyboards() {
        let before = state();
        let vinput = Module::load("vinput_rs", "").unwrap();
        let stop = AtomicBool::new(false);
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for name in ["one", "two"] {
                let (stop, made) = (&stop, &made);
                scope.spawn(move || {
                    while !stop.load(Relaxed) {
                        let keyboard = Keyboard::make(name);
                        keyboard.hit(&[KEY_CAPSLOCK, KEY_CAPSLOCK]);
                        drop(keyboard);
                        made.fetch_add(1, Relaxed);
                    }
                });
            }
            let _stop = Stop(&stop);
            // Keyboards do not hold the module: each load and each unload succeeds.
            let deadline = Instant::now() + PATIENCE;
            let mut unloaded = 0;
            while unloaded < 30 || made.load(Relaxed) < 30 {
                assert!(Instant::now() < deadline, "{unloaded} {made:?}");
                let module = Module::load(NAME, "interval_ms=10").unwrap();
                thread::sleep(Duration::from_millis(unloaded % 20));
                module.unload().unwrap();
                unloaded += 1;
            }
        });
        assert_eq!(module::proc_modules(NAME), None);
        vinput.unload().unwrap();
        assert_unchanged(&before, "unloading under load");
    }
}
