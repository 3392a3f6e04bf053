// SPDX-License-Identifier: GPL-2.0

//! `vinput_rs`: keyboards that are folders in configfs.

use guest::{
    errno,
    keyboard::{event_device, Events},
    kmsg::Log,
    module::{self, Module},
    process::{as_nobody, wait_until},
    race::{unload_while_held, Stop},
    read_in_chunks,
    state::{assert_unchanged, state},
    terminal::{is_readable, make_raw, read_until},
    user,
    vinput::{Keyboard, FOLDER},
    CHUNKS,
};
use nix::{
    errno::Errno,
    poll::{poll, PollFd, PollFlags},
    sys::termios::{tcflush, tcgetattr, tcsetattr, FlushArg, SetArg, Termios},
};
use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::PermissionsExt},
    },
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

const NAME: &str = "vinput_rs";

const KEY_G: u16 = 34;
const KEY_LEFTSHIFT: u16 = 42;
const KEY_CAPSLOCK: u16 = 58;
const KEY_NUMLOCK: u16 = 69;

#[test]
fn folder_is_a_keyboard() {
    let module = Module::load(NAME, "").unwrap();
    assert_eq!(fs::read_dir(FOLDER).unwrap().count(), 0);
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let keyboard = Keyboard::make("folder_is");
        log.wait_for("input: folder_is as /devices/virtual/input/input");
        let mut names: Vec<_> = fs::read_dir(keyboard.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["event", "leds"]);
        // Its bus, whose number says that it is a virtual one, and that it repeats.
        let devices = fs::read_to_string("/proc/bus/input/devices").unwrap();
        let device = devices
            .split("\n\n")
            .find(|device| device.contains("\"folder_is\""))
            .unwrap();
        assert!(device.contains("Bus=0006 "), "{device}");
        assert!(device.contains("B: EV=120003\n"), "{device}");
        assert!(device.contains("B: LED=7"), "{device}");
        // Bits 1 to 248.
        let keys = "B: KEY=1ffffffffffffff ffffffffffffffff ffffffffffffffff fffffffffffffffe\n";
        assert!(device.contains(keys), "{device}");
        drop(keyboard);
        assert_eq!(event_device("folder_is"), None);
    }
    module.unload().unwrap();
    assert!(!Path::new(FOLDER).exists());
}

#[test]
fn keys_arrive_in_order_and_once() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mut typed = Events::of("\"k\"");
    for text in [
        "+34\n", "-34\n", "0x22", "-0x22", "+1", "-1", "+248", "-248",
    ] {
        assert_eq!(keyboard.write(text).unwrap(), text.len());
    }
    let keys = [34, 34, 1, 248].map(|key| [(key, true), (key, false)]);
    assert_eq!(typed.keys(), keys.concat());
}

#[test]
fn key_that_is_pressed_is_not_pressed_again() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mut typed = Events::of("\"k\"");
    for event in ["-42", "+42", "+42", "-42", "-42"] {
        keyboard.write(event).unwrap();
    }
    assert_eq!(typed.keys(), [(42, true), (42, false)]);
    assert_eq!(keyboard.event(), "-42\n");
}

#[test]
fn key_that_is_held_repeats() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mut typed = Events::of("\"k\"");
    keyboard.write("+34").unwrap();
    wait_until("repeats", || typed.repeats() > 2);
    keyboard.write("-34").unwrap();
    assert_eq!(typed.keys(), [(KEY_G, true), (KEY_G, false)]);
    let seen = typed.repeats();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(typed.repeats(), seen);
}

#[test]
fn event_shows_what_was_written_last() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    assert_eq!(keyboard.event(), "");
    for (text, shown) in [("34", "+34\n"), ("-0x30\n", "-48\n"), ("+010", "+8\n")] {
        keyboard.write(text).unwrap();
        assert_eq!(keyboard.event(), shown);
        for chunk in CHUNKS {
            let mut file = File::open(keyboard.file("event")).unwrap();
            let content = read_in_chunks(&mut file, chunk).unwrap();
            assert_eq!(content, shown.as_bytes());
        }
    }
    keyboard.write("-8").unwrap();
}

#[test]
fn garbage_is_refused_and_presses_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mut typed = Events::of("\"k\"");
    let long = "1".repeat(5000);
    for (text, error) in [
        ("\n", Errno::EINVAL),
        ("0", Errno::EINVAL),
        ("+0", Errno::EINVAL),
        ("-0", Errno::EINVAL),
        ("249", Errno::EINVAL),
        ("-249", Errno::EINVAL),
        // 34 in their lower 16 bits.
        ("65570", Errno::EINVAL),
        ("-65502", Errno::EINVAL),
        ("2147483647", Errno::EINVAL),
        ("-2147483648", Errno::EINVAL),
        ("2147483648", Errno::ERANGE),
        (&long, Errno::ERANGE),
        ("x", Errno::EINVAL),
        ("KEY_G", Errno::EINVAL),
        ("+34 -34", Errno::EINVAL),
        ("+-34", Errno::EINVAL),
        ("+34\n-34\n", Errno::EINVAL),
        ("34\0", Errno::EINVAL),
    ] {
        assert_eq!(errno(keyboard.write(text)), error, "{text:.20?}");
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(keyboard.file("event"))
        .unwrap();
    assert_eq!(user::write_from_bad_pointer(&file, 3), Err(Errno::EFAULT));
    assert_eq!(typed.keys(), []);
    assert_eq!(keyboard.event(), "");
    keyboard.hit(&[KEY_G]);
    assert_eq!(user::read_to_bad_pointer(&file, 3), Err(Errno::EFAULT));
    assert_eq!(typed.keys(), [(KEY_G, true), (KEY_G, false)]);
}

/// The screen in front, in raw mode as long as this lives.
struct Screen(File, Termios);

impl Screen {
    fn in_front() -> Self {
        let screen = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty1")
            .unwrap();
        let before = tcgetattr(&screen).unwrap();
        make_raw(&screen);
        // What the tests before have typed.
        tcflush(&screen, FlushArg::TCIFLUSH).unwrap();
        Self(screen, before)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        tcsetattr(&self.0, SetArg::TCSAFLUSH, &self.1).unwrap();
    }
}

#[test]
fn console_makes_characters_of_the_keys() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mut screen = Screen::in_front();
    keyboard.hit(&[KEY_G, 24, 24, 32]);
    assert_eq!(read_until(&mut screen.0, |bytes| bytes.len() >= 4), b"good");
    // One keyboard's Shift is good for the others' keys.
    let other = Keyboard::make("other");
    keyboard.write(format!("+{KEY_LEFTSHIFT}")).unwrap();
    other.hit(&[KEY_G]);
    assert_eq!(read_until(&mut screen.0, |bytes| !bytes.is_empty()), b"G");
    // Its end releases it.
    drop(keyboard);
    other.hit(&[KEY_G]);
    assert_eq!(read_until(&mut screen.0, |bytes| !bytes.is_empty()), b"g");
    assert!(!is_readable(&screen.0, Duration::from_millis(50)));
}

#[test]
fn lights_are_those_of_the_console_and_of_programs() {
    let _module = Module::load(NAME, "").unwrap();
    let (first, second) = (Keyboard::make("first"), Keyboard::make("second"));
    first.wait_for_leds("");
    first.hit(&[KEY_CAPSLOCK]);
    first.wait_for_leds("caps\n");
    second.wait_for_leds("caps\n");
    second.hit(&[KEY_NUMLOCK]);
    first.wait_for_leds("num\ncaps\n");
    second.wait_for_leds("num\ncaps\n");
    // One that comes later has them, too.
    let third = Keyboard::make("third");
    third.wait_for_leds("num\ncaps\n");
    // A program switches those of one keyboard alone.
    Events::of("\"second\"").set_caps_light(false);
    second.wait_for_leds("num\n");
    first.wait_for_leds("num\ncaps\n");
    first.hit(&[KEY_CAPSLOCK, KEY_NUMLOCK]);
    for keyboard in [first, second, third] {
        keyboard.wait_for_leds("");
    }
}

#[test]
fn removed_keyboard_is_gone_for_those_who_have_it_open() {
    let module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let typed = Events::of("\"k\"");
    let mut event = OpenOptions::new()
        .read(true)
        .write(true)
        .open(keyboard.file("event"))
        .unwrap();
    let mut leds = File::open(keyboard.file("leds")).unwrap();
    keyboard.write("+34").unwrap();
    drop(keyboard);
    let mut file = typed.file();
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, 0_u8).unwrap();
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
    assert!(polled[0].revents().unwrap().contains(gone));
    assert_eq!(errno(file.read(&mut [0; 240])), Errno::ENODEV);
    assert_eq!(errno(event.write(b"+34")), Errno::ENOENT);
    assert_eq!(errno(event.read(&mut [0; 10])), Errno::ENOENT);
    assert_eq!(errno(leds.read(&mut [0; 10])), Errno::ENOENT);

    // A new one of the name is another one.
    let _keyboard = Keyboard::make("k");
    assert_eq!(errno(event.write(b"+34")), Errno::ENOENT);
    drop((event, leds));
    drop(_keyboard);
    module.unload().unwrap();
    assert_eq!(errno(file.read(&mut [0; 240])), Errno::ENODEV);
}

#[test]
fn folder_and_open_file_hold_the_module() {
    let module = Module::load(NAME, "").unwrap();
    assert_eq!(module.use_count(), 0);
    let first = Keyboard::make("first");
    // One for the subsystem, one for the folder.
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let second = Keyboard::make("second");
    assert_eq!(module.use_count(), 4);
    let file = File::open(first.file("leds")).unwrap();
    assert_eq!(module.use_count(), 5);
    drop(second);
    drop(first);
    assert_eq!(module.use_count(), 1);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(file);
    // The event device does not: it is the kernel's.
    let keyboard = Keyboard::make("k");
    let _typed = Events::of("\"k\"");
    drop(keyboard);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn folders_have_any_name_and_nothing_else_can_be_made() {
    let module = Module::load(NAME, "").unwrap();
    let longest = "l".repeat(255);
    let names: [&[u8]; 6] = [
        b"a b",
        b"\"%s%n\"",
        b"\xff\xfe",
        "\u{2328}".as_bytes(),
        b"19 bytes and no more",
        longest.as_bytes(),
    ];
    let keyboards = names.map(|name| Keyboard::make(OsStr::from_bytes(name)));
    assert_eq!(fs::read_dir(FOLDER).unwrap().count(), names.len());
    for keyboard in &keyboards {
        keyboard.hit(&[KEY_G]);
        assert_eq!(keyboard.event(), "-34\n");
        assert_eq!(errno(fs::create_dir(keyboard.folder())), Errno::EEXIST);
        let inner = keyboard.file("inner");
        assert_eq!(errno(fs::create_dir(&inner)), Errno::EPERM);
        assert_eq!(errno(File::create(&inner)), Errno::EACCES);
        assert_eq!(errno(fs::remove_file(keyboard.file("event"))), Errno::EPERM);
    }
    let count = module.use_count();
    let too_long = Path::new(FOLDER).join("l".repeat(256));
    assert_eq!(errno(fs::create_dir(too_long)), Errno::ENAMETOOLONG);
    let other = Path::new(FOLDER).join("other");
    assert_eq!(errno(File::create(&other)), Errno::EACCES);
    assert_eq!(
        errno(fs::rename(keyboards[0].folder(), &other)),
        Errno::EPERM
    );
    assert_eq!(errno(fs::remove_dir(FOLDER)), Errno::EPERM);
    assert_eq!(module.use_count(), count);
    drop(keyboards);
    module.unload().unwrap();
}

#[test]
fn only_root_makes_keyboards_and_types() {
    let _module = Module::load(NAME, "").unwrap();
    let keyboard = Keyboard::make("k");
    let mode = |name| {
        let metadata = fs::metadata(keyboard.file(name)).unwrap();
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!((mode("event"), mode("leds")), (0o600, 0o444));
    let other = Path::new(FOLDER).join("other");
    assert_eq!(as_nobody(|| fs::create_dir(&other)), Err(Errno::EACCES));
    assert_eq!(
        as_nobody(|| fs::remove_dir(keyboard.folder())),
        Err(Errno::EACCES)
    );
    assert_eq!(as_nobody(|| keyboard.write("+34")), Err(Errno::EACCES));
    assert_eq!(
        as_nobody(|| fs::read(keyboard.file("event"))),
        Err(Errno::EACCES)
    );
    assert_eq!(as_nobody(|| fs::read(keyboard.file("leds"))), Ok(()));
    // `leds` has no function that takes anything, whatever its mode.
    fs::set_permissions(keyboard.file("leds"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        errno(fs::write(keyboard.file("leds"), "caps")),
        Errno::EACCES
    );
}

#[test]
fn many_keyboards_type_at_once() {
    const HITS: usize = 200;
    let _module = Module::load(NAME, "").unwrap();
    thread::scope(|scope| {
        for number in 0..4_u16 {
            scope.spawn(move || {
                let name = format!("number {number}");
                let keyboard = Keyboard::make(&name);
                let mut typed = Events::of(&format!("\"{name}\""));
                // Modifiers: a console in front makes no characters of them.
                let key = [29, 42, 54, 56][usize::from(number)];
                for _ in 0..HITS {
                    keyboard.hit(&[key]);
                    typed.keys();
                }
                let all = [(key, true), (key, false)].repeat(HITS);
                assert_eq!(typed.keys(), all);
            });
        }
    });
}

#[test]
fn name_that_is_taken_refuses_the_load() {
    let other = Module::load("faulty/configfs_fixture", "subsystem=vinput").unwrap();
    for _ in 0..2 {
        let mut log = Log::bookmark();
        // What the kernel makes of an EEXIST from `init`.
        assert_eq!(Module::load(NAME, "").unwrap_err(), Errno::EBUSY);
        log.wait_for("vinput_rs: cannot make /sys/kernel/config/vinput: -17");
    }
    assert!(Path::new(FOLDER).exists());
    other.unload().unwrap();
    Module::load(NAME, "").unwrap().unload().unwrap();
}

#[test]
fn unloading_races_with_those_who_make_and_remove() {
    let before = state();
    let stop = AtomicBool::new(false);
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for name in ["one", "two"] {
            let (stop, made) = (&stop, &made);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    let keyboard = match Keyboard::try_make(name) {
                        Ok(keyboard) => keyboard,
                        failed => {
                            // It is not there, is being loaded, or is being unloaded.
                            let known = [Errno::ENOENT, Errno::ENODEV, Errno::EINVAL];
                            assert!(known.contains(&errno(failed)));
                            continue;
                        }
                    };
                    keyboard.hit(&[KEY_LEFTSHIFT]);
                    drop(keyboard);
                    made.fetch_add(1, Relaxed);
                }
            });
        }
        let _stop = Stop(&stop);
        unload_while_held(NAME, "", |unloaded| {
            unloaded >= 30 && made.load(Relaxed) >= 30
        });
    });
    let _ = module::unload(NAME);
    assert_unchanged(&before, "unloading under load");
}
