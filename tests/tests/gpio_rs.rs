// SPDX-License-Identifier: GPL-2.0

//! `gpio_rs`: a button that switches an LED over, on lines of a simulated chip.

use guest::{
    errno,
    gpio::Chip,
    kmsg::Log,
    module::{self, proc_modules, Module},
    process::{as_nobody, catch, wait_until, Child},
    race::{self, unload_while_held, Stop},
    realtime_kernel, stall,
    state::{assert_unchanged, state},
    user::{read_to_bad_pointer, write_from_bad_pointer},
};
use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, OFlag},
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        signal::{SaFlags, Signal},
        uio::{pread, pwrite},
    },
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "gpio_rs";
const PATH: &str = "/dev/gpio_rs";
const LED: u16 = 0;
const BUTTON: u16 = 1;

/// The board's chip, whose button is not pressed.
fn board() -> Chip {
    let board = Chip::board().unwrap();
    board.pull(BUTTON, false).unwrap();
    board
}

fn load() -> (Chip, Module) {
    (board(), Module::load(NAME, "").unwrap())
}

fn open() -> File {
    File::open(PATH).unwrap()
}

fn open_nonblock() -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(PATH)
        .unwrap()
}

/// Presses the button and lets go.
fn press(chip: &Chip) {
    chip.pull(BUTTON, true).unwrap();
    chip.pull(BUTTON, false).unwrap();
}

/// Reads one line: the number of a press, and when it was.
fn read(mut file: &File) -> io::Result<(u64, Duration)> {
    let mut bytes = [0; 64];
    let length = file.read(&mut bytes)?;
    let line = std::str::from_utf8(&bytes[..length]).unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let &["press", number, "after", seconds, "s\n"] = words.as_slice() else {
        panic!("{line:?}");
    };
    assert_eq!(seconds.split_once('.').unwrap().1.len(), 6, "{line:?}");
    let time = Duration::from_secs_f64(seconds.parse().unwrap());
    Ok((number.parse().unwrap(), time))
}

/// Waits for the press of a number.
fn wait_for(file: &File, number: u64) {
    wait_until("a press", || match read(file) {
        Ok((read, _)) => read == number,
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            false
        }
    });
}

/// The events that a file has, or has within `timeout`.
fn events(file: &File, timeout: PollTimeout) -> PollFlags {
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::all())];
    poll(&mut fds, timeout).unwrap();
    fds[0].revents().unwrap()
}

const NOTHING: PollFlags = PollFlags::POLLOUT.union(PollFlags::POLLWRNORM);
const PRESSED: PollFlags = NOTHING
    .union(PollFlags::POLLIN)
    .union(PollFlags::POLLRDNORM);

/// Starts a process that runs `body`, and returns when it sleeps in it.
fn sleeper(body: impl FnOnce() -> i32) -> Child {
    let marker = "/tmp/gpio_reader";
    let child = Child::spawn(|| {
        fs::write(marker, "").unwrap();
        body()
    });
    wait_until("a reader", || fs::exists(marker).unwrap() && child.sleeps());
    fs::remove_file(marker).unwrap();
    child
}

#[test]
fn each_press_switches_the_led_over_and_is_told() {
    for _ in 0..2 {
        let (chip, module) = load();
        let file = open();
        for number in 1..=5 {
            assert_eq!(chip.value(LED), number % 2 == 0);
            chip.pull(BUTTON, true).unwrap();
            assert_eq!(read(&file).unwrap().0, number);
            assert_eq!(chip.value(LED), number % 2 == 1);
            // To let go changes nothing, and neither does what is so already.
            chip.pull(BUTTON, false).unwrap();
            chip.pull(BUTTON, false).unwrap();
            assert_eq!(chip.value(LED), number % 2 == 1);
        }
        drop(file);
        assert!(chip.value(LED));
        module.unload().unwrap();
        assert!(!chip.value(LED));
    }
}

#[test]
fn button_that_is_pressed_already_is_no_press() {
    let chip = board();
    chip.pull(BUTTON, true).unwrap();
    let _module = Module::load(NAME, "").unwrap();
    let file = open_nonblock();
    chip.pull(BUTTON, true).unwrap();
    assert!(!chip.value(LED));
    assert_eq!(errno(read(&file)), Errno::EAGAIN);
    chip.pull(BUTTON, false).unwrap();
    assert_eq!(errno(read(&file)), Errno::EAGAIN);
    press(&chip);
    wait_for(&file, 1);
}

#[test]
fn led_is_what_is_written() {
    let (chip, _module) = load();
    let mut file = OpenOptions::new().write(true).open(PATH).unwrap();
    for (text, value) in [
        ("1", true),
        ("1\n", true),
        ("0", false),
        ("1", true),
        ("0\n", false),
        ("0", false),
    ] {
        assert_eq!(file.write(text.as_bytes()).unwrap(), text.len());
        assert_eq!(chip.value(LED), value, "{text:?}");
    }
    // The shell's way.
    fs::write(PATH, "1\n").unwrap();
    assert!(chip.value(LED));
}

#[test]
fn other_writes_are_refused_and_change_nothing() {
    let (chip, _module) = load();
    let mut file = OpenOptions::new().write(true).open(PATH).unwrap();
    for on in [false, true] {
        fs::write(PATH, if on { "1" } else { "0" }).unwrap();
        for text in [
            "2",
            "-1",
            "\n",
            "\n1",
            " 1",
            "01",
            "10",
            "1 ",
            "11",
            "0x1",
            "on",
            "1\0",
            "\0",
            "1\n\n",
            "0\n1",
            "00000000000000000000000",
        ] {
            assert_eq!(
                errno(file.write(text.as_bytes())),
                Errno::EINVAL,
                "{text:?}"
            );
            assert_eq!(chip.value(LED), on, "{text:?}");
        }
        assert_eq!(file.write(b"").unwrap(), 0);
        assert_eq!(write_from_bad_pointer(&file, 1), Err(Errno::EFAULT));
        assert_eq!(write_from_bad_pointer(&file, 100), Err(Errno::EINVAL));
        assert_eq!(chip.value(LED), on);
    }
}

#[test]
fn press_switches_over_what_was_written() {
    let (chip, _module) = load();
    let file = open();
    for (number, written) in [(1, true), (2, true), (3, false), (4, false), (5, true)] {
        fs::write(PATH, if written { "1" } else { "0" }).unwrap();
        press(&chip);
        assert_eq!(read(&file).unwrap().0, number);
        assert_eq!(chip.value(LED), !written);
    }
}

#[test]
fn read_waits_for_the_next_press() {
    let (chip, module) = load();
    for number in 1..=3 {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                sleeper(|| match read(&open()) {
                    Ok((number, _)) => number as i32,
                    Err(_) => 100,
                })
            })
            .collect();
        assert_eq!(module.use_count(), 3);
        thread::sleep(Duration::from_millis(20));
        assert!(readers.iter().all(Child::sleeps));
        press(&chip);
        for reader in readers {
            assert_eq!(reader.exit_status(), number);
        }
    }
}

/// Each press is one reader's, where they share a file.
#[test]
fn threads_that_share_a_file_never_read_the_same() {
    let (chip, _module) = load();
    let (file, other) = (open(), open());
    let read_by = AtomicUsize::new(0);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while read(&file).unwrap().0 < 50 {
                        read_by.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        for number in 1.. {
            press(&chip);
            assert_eq!(read(&other).unwrap().0, number);
            if readers.iter().all(|reader| reader.is_finished()) {
                break;
            }
        }
    });
    assert!((1..50).contains(&read_by.load(Relaxed)), "{read_by:?}");
}

#[test]
fn who_must_not_wait_gets_eagain() {
    let (chip, _module) = load();
    let file = open_nonblock();
    for number in 1..=3 {
        for _ in 0..2 {
            assert_eq!(errno(read(&file)), Errno::EAGAIN);
        }
        press(&chip);
        wait_for(&file, number);
    }
    // The flag is what it is at the time of the read.
    let file = open();
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    assert_eq!(errno(read(&file)), Errno::EAGAIN);
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    press(&chip);
    assert_eq!(read(&file).unwrap().0, 4);
}

#[test]
fn presses_that_nobody_read_are_seen_by_the_number() {
    let (chip, _module) = load();
    let (file, early) = (open_nonblock(), open_nonblock());
    for number in 1..=3 {
        press(&chip);
        wait_for(&file, number);
    }
    assert_eq!(read(&early).unwrap().0, 3);
    assert_eq!(errno(read(&early)), Errno::EAGAIN);
    // Who comes later is told of what comes later.
    let late = open_nonblock();
    assert_eq!(errno(read(&late)), Errno::EAGAIN);
    press(&chip);
    for file in [&file, &early, &late] {
        wait_for(file, 4);
    }
}

#[test]
fn times_are_those_of_the_presses_since_the_load() {
    let chip = board();
    let before = Instant::now();
    let _module = Module::load(NAME, "").unwrap();
    let loaded = Instant::now();
    let file = open();
    let mut last = Duration::ZERO;
    for number in 1..=3 {
        thread::sleep(Duration::from_millis(50));
        let earliest = loaded.elapsed();
        press(&chip);
        let latest = before.elapsed();
        // What matters is when it came, not when it is read.
        thread::sleep(Duration::from_millis(50));
        let (read, time) = read(&file).unwrap();
        assert_eq!(read, number);
        // A microsecond for what is cut off.
        assert!(
            time + Duration::from_micros(1) >= earliest,
            "{time:?} {earliest:?}"
        );
        assert!(time > last);
        if !realtime_kernel() {
            // The top half has run when the button's file has been written.
            assert!(time <= latest, "{time:?} {latest:?}");
        }
        last = time;
    }
}

#[test]
fn poll_tells_of_presses() {
    let (chip, _module) = load();
    let file = open();
    assert_eq!(events(&file, PollTimeout::ZERO), NOTHING);
    for number in 1..=3 {
        press(&chip);
        let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut fds, PollTimeout::NONE), Ok(1));
        assert_eq!(events(&file, PollTimeout::ZERO), PRESSED);
        let late = open();
        assert_eq!(events(&late, PollTimeout::ZERO), NOTHING);
        assert_eq!(read(&file).unwrap().0, number);
        assert_eq!(events(&file, PollTimeout::ZERO), NOTHING);
    }
    let waiter = sleeper(|| {
        let file = open();
        let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::NONE).unwrap_or(100)
    });
    press(&chip);
    assert_eq!(waiter.exit_status(), 1);
}

#[test]
fn signal_ends_the_wait_or_the_wait_goes_on() {
    let (chip, module) = load();
    for (flags, status) in [(SaFlags::empty(), libc::EINTR), (SaFlags::SA_RESTART, 0)] {
        let reader = sleeper(|| {
            catch(Signal::SIGUSR1, flags).unwrap();
            read(&open()).map_or_else(|error| error.raw_os_error().unwrap(), |_| 0)
        });
        let switches = reader.switches();
        reader.signal(Signal::SIGUSR1);
        if status == 0 {
            wait_until("the second sleep", || {
                reader.switches() > switches && reader.sleeps()
            });
            press(&chip);
        }
        assert_eq!(reader.exit_status(), status);
    }
    let reader = sleeper(|| read(&open()).map_or(1, |_| 0));
    reader.signal(Signal::SIGKILL);
    reader.wait();
    assert_eq!(module.use_count(), 0);
}

#[test]
fn bad_reads_lose_nothing() {
    let (chip, _module) = load();
    let (mut file, other) = (open_nonblock(), open());
    for (number, length) in [(1, 0), (2, 1), (3, 63)] {
        // Without a press as well: nobody waits for one in vain.
        for _ in 0..2 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(errno(file.read(&mut bytes)), Errno::EINVAL, "{length}");
            assert_eq!(bytes, vec![b'x'; length]);
        }
        press(&chip);
        assert_eq!(read(&other).unwrap().0, number);
        assert_eq!(errno(file.read(&mut vec![0; length])), Errno::EINVAL);
        for _ in 0..2 {
            assert_eq!(read_to_bad_pointer(&file, 100), Err(Errno::EFAULT));
        }
        assert_eq!(events(&file, PollTimeout::ZERO), PRESSED);
        assert_eq!(read(&file).unwrap().0, number);
        assert_eq!(errno(read(&file)), Errno::EAGAIN);
    }
}

#[test]
fn file_has_no_position_and_no_commands() {
    let (chip, _module) = load();
    let mut file = open_nonblock();
    assert_eq!(errno(file.seek(SeekFrom::Start(0))), Errno::ESPIPE);
    for command in [0, 1, 0x5401, 0x8008_6400, 0xc004_6402] {
        // SAFETY: There are no such commands.
        let result = Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command, 0) });
        assert_eq!(result, Err(Errno::ENOTTY), "{command:#x}");
    }
    press(&chip);
    wait_for(&file, 1);
    press(&chip);
    wait_until("a press", || events(&file, PollTimeout::ZERO) == PRESSED);
    // At whatever position.
    assert!(pread(&file, &mut [0; 64], 5).unwrap() > 10);
    assert_eq!(pwrite(&file, b"1", 5), Ok(1));
    assert!(chip.value(LED));
}

#[test]
fn node_is_root_s() {
    let (_chip, module) = load();
    assert_eq!(fs::metadata(PATH).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(as_nobody(|| File::open(PATH)).err(), Some(Errno::EACCES));
    let file = open();
    assert_eq!(module.use_count(), 1);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(file);
    module.unload().unwrap();
    assert!(!fs::exists(PATH).unwrap());
}

/// Nobody waits in vain for a reader's memory: not the button, not who writes.
#[test]
fn nobody_waits_for_the_memory_of_a_reader() {
    let (chip, _module) = load();
    let (file, other) = (open(), open());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                press(&chip);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let _stop = Stop(&stop);
        stall::runs_beside_read(&file, || {
            fs::write(PATH, "0").unwrap();
            let first = read(&other).unwrap().0;
            assert!(read(&other).unwrap().0 > first);
        });
    });
}

#[test]
fn lines_are_named_while_the_module_has_them() {
    let lines = || fs::read_to_string("/sys/kernel/debug/gpio").unwrap();
    let interrupts = || fs::read_to_string("/proc/interrupts").unwrap();
    let chip = Chip::make("named", 4);
    {
        let _module = Module::load(NAME, "chip=named led=3 button=2").unwrap();
        let text = lines();
        for line in [
            " gpio-3   (led) output-low,pull-down",
            " gpio-2   (button) input,pull-down",
        ] {
            assert!(text.lines().any(|other| other == line), "{text}");
        }
        let text = interrupts();
        assert!(
            text.lines().any(|line| line.ends_with(" gpio_rs")),
            "{text}"
        );
        // The other lines are anybody's.
        chip.pull(1, true).unwrap();
        assert!(!chip.value(3));
        chip.pull(2, true).unwrap();
        wait_until("the LED", || chip.value(3));
        assert_eq!([0, 1, 2].map(|line| chip.value(line)), [false, true, true]);
    }
    assert!(!lines().contains("(led)"));
    assert!(!interrupts().contains("gpio_rs"));
}

#[test]
fn what_cannot_be_had_is_told_and_nothing_stays() {
    use Errno::*;
    let before = state();
    for (params, errno, line) in [
        ("chip=none", ENODEV, "there is no chip none"),
        ("chip=", ENODEV, "there is no chip "),
        ("led=2", EINVAL, "cannot have line 2 of gpio_rs: -22"),
        ("button=2", EINVAL, "cannot have line 2 of gpio_rs: -22"),
        (
            "led=65535",
            EINVAL,
            "cannot have line 65535 of gpio_rs: -22",
        ),
        ("led=1", EBUSY, "cannot have line 1 of gpio_rs: -16"),
        ("button=0", EBUSY, "cannot have line 0 of gpio_rs: -16"),
    ] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(NAME, params).unwrap_err(), errno, "{params}");
        assert_eq!(log.records_of(NAME), [(3, line.into())]);
        assert_eq!(proc_modules(NAME), None);
        assert_unchanged(&before, params);
    }
    for params in ["led=65536", "button=-1", "led=x"] {
        assert!(Module::load(NAME, params).is_err(), "{params}");
    }
    let (chip, module) = load();
    press(&chip);
    module.unload().unwrap();
    assert_unchanged(&before, "a load after all failures");
}

#[test]
fn chip_that_goes_ends_it_all_quietly() {
    let chip = Chip::make("going", 2);
    let module = Module::load(NAME, "chip=going").unwrap();
    let mut file = open_nonblock();
    press(&chip);
    wait_for(&file, 1);
    chip.unplug();
    assert_eq!(errno(file.write(b"0")), Errno::ENODEV);
    assert_eq!(errno(file.write(b"1")), Errno::ENODEV);
    assert_eq!(errno(read(&file)), Errno::EAGAIN);
    assert_eq!(events(&file, PollTimeout::ZERO), NOTHING);
    drop(file);
    // Another has the number of the interrupt now, and keeps it.
    let other = Chip::make("fixture", 1);
    let _module = Module::load("faulty/gpio_fixture", "").unwrap();
    module.unload().unwrap();
    let mut log = Log::bookmark();
    other.pull(0, true).unwrap();
    log.wait_for("gpio_fixture: end");
}

/// What one top half notes, no other one loses; and the LED fits.
#[test]
fn presses_are_counted_at_any_speed() {
    const PRESSES: u64 = 2000;
    let (chip, _module) = load();
    let file = open_nonblock();
    (0..PRESSES).for_each(|_| press(&chip));
    if !realtime_kernel() {
        wait_for(&file, PRESSES);
        assert!(!chip.value(LED));
    } else {
        // The top half is a thread, which runs once for several.
        thread::sleep(Duration::from_millis(500));
        let number = read(&file).unwrap().0;
        assert!((1..=PRESSES).contains(&number), "{number}");
        assert_eq!(chip.value(LED), number % 2 == 1);
    }
}

/// The line's thread finds no CPU: one process presses, others keep the rest.
#[test]
fn presses_before_the_thread_runs_switch_over_each() {
    let (chip, _module) = load();
    let file = open();
    let cpus = thread::available_parallelism().unwrap().get();
    let mut number = 0;
    for presses in [2, 3, 4, 1] {
        let before = chip.value(LED);
        let held = |cpu| format!("/tmp/cpu_held.{cpu}");
        let holders: Vec<_> = (1..cpus)
            .map(|cpu| {
                Child::spawn(|| {
                    assert!(race::stay_on(cpu, true));
                    fs::write(held(cpu), "").unwrap();
                    while fs::exists(held(cpu)).unwrap() {}
                    0
                })
            })
            .collect();
        wait_until("the CPUs", || {
            (1..cpus).all(|cpu| fs::exists(held(cpu)).unwrap())
        });
        let presser = Child::spawn(|| {
            assert!(race::stay_on(0, true));
            (0..presses).for_each(|_| press(&chip));
            chip.value(LED).into()
        });
        let during = presser.exit_status() == 1;
        (1..cpus).for_each(|cpu| fs::remove_file(held(cpu)).unwrap());
        for holder in holders {
            assert_eq!(holder.exit_status(), 0);
        }
        assert_eq!(during, before, "the thread has run");
        let noted = read(&file).unwrap().0 - number;
        if !realtime_kernel() {
            assert_eq!(noted, presses);
        } else {
            // The top half is a thread, too.
            assert!((1..=presses).contains(&noted), "{noted}");
        }
        assert_eq!(chip.value(LED), before ^ (noted % 2 == 1), "{noted}");
        number += noted;
    }
}

#[test]
fn unloading_races_with_presses_and_users() {
    let chip = board();
    let stop = AtomicBool::new(false);
    let (pressed, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let before = state();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                press(&chip);
                pressed.fetch_add(1, Relaxed);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    match OpenOptions::new().write(true).open(PATH) {
                        Ok(mut file) => {
                            assert_eq!(file.write(b"1").unwrap(), 1);
                            written.fetch_add(1, Relaxed);
                        }
                        Err(error) => {
                            let errno = errno::<()>(Err(error));
                            assert!([Errno::ENOENT, Errno::ENODEV, Errno::ENXIO].contains(&errno));
                        }
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let _stop = Stop(&stop);
        unload_while_held(NAME, "", |unloaded| {
            unloaded >= 30 && written.load(Relaxed) >= 30 && pressed.load(Relaxed) >= 100
        });
    });
    let _ = module::unload(NAME);
    assert!(!chip.value(LED));
    assert_unchanged(&before, "unloading under load");
}
