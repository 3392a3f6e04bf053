// SPDX-License-Identifier: GPL-2.0

//! Unloading while others use the module, sleepers and signals, all modules at once.

use fastrand::Rng;
use guest::{
    errno,
    module::{self, depends, proc_modules, Module, ALL, FILES},
    process::{catch, wait_until, Child},
    race::{self, Stop},
    seed::seed,
    state::{assert_unchanged, state},
    PATIENCE,
};
use nix::{
    errno::Errno,
    libc::{self, O_NONBLOCK},
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::signal::{SaFlags, Signal},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::OpenOptionsExt,
    },
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// What a file answers: how its content begins, and what a write and `IOCTL_GET_NTH_BYTE`
/// fail with, if they do.
type Answers = (&'static str, Option<Errno>, Option<Errno>);

/// Returns what the file of a module answers.
fn answers(path: &str) -> Answers {
    use Errno::*;
    match path {
        "/dev/char_dev" => ("", None, None),
        "/dev/chardev_rs" => (
            "If I told you once, I told you ",
            Some(EINVAL),
            Some(ENOTTY),
        ),
        "/dev/chardev_faulty" => ("faulty", None, Some(ENOTTY)),
        "/dev/misc_rs" => ("0\n", Some(EINVAL), Some(ENOTTY)),
        "/proc/test" => ("For the ", Some(EIO), Some(ENOTTY)),
        "/proc/rw_test" | "/proc/sleep" => ("Last input:", None, Some(ENOTTY)),
        "/proc/key_state" => ("disabled\n", Some(EINVAL), Some(ENOTTY)),
        "/proc/iter" => ("", None, Some(ENOTTY)),
        "/proc/sched" => ("Timer was called ", Some(EIO), Some(ENOTTY)),
        "/proc/fixture/records" => ("record ", None, Some(ENOTTY)),
        other => panic!("{other}"),
    }
}

/// Opens a file in one of many ways, and uses it in all; returns whether it was open.
fn use_file(path: &str, rng: &mut Rng) -> bool {
    let writes = rng.bool();
    let file = OpenOptions::new()
        .read(true)
        .write(writes)
        .custom_flags(if rng.bool() { O_NONBLOCK } else { 0 })
        .open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) => {
            let errno = errno::<File>(Err(error));
            // Gone, going, or somebody else's.
            use Errno::*;
            let expected = [ENOENT, ENXIO, ENODEV, EBUSY, EAGAIN];
            assert!(expected.contains(&errno), "{path}: {errno}");
            return false;
        }
    };
    let mut content = [0; 200];
    let n = file.read(&mut content).expect("read");
    let content = String::from_utf8_lossy(&content[..n]);
    let (head, write, ioctl) = answers(path);
    assert!(content.starts_with(head), "{path}: {content:?}");
    let write = if writes { write } else { Some(Errno::EBADF) };
    match (file.write(b"race"), write) {
        (Ok(n), None) => assert_eq!(n, 4, "{path}"),
        (result, expected) => assert_eq!(Some(errno(result)), expected, "write to {path}"),
    }
    // SAFETY: Takes a number; 0xc0046402 is `IOCTL_GET_NTH_BYTE`.
    let result = Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), 0xc004_6402, 0) });
    assert_eq!(result.err(), ioctl, "ioctl of {path}");
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
    let ready = poll(&mut fds, PollTimeout::ZERO).expect("poll");
    // Who has no `poll` is always ready to be read and written, and nothing else.
    assert_eq!(
        ready,
        (path == "/dev/chardev_faulty").into(),
        "poll of {path}"
    );
    true
}

/// Unloads and loads a module while four threads use its file.
fn unload_races(name: &str, path: &str, rng: &mut Rng) {
    const ENOUGH: usize = 15;
    let (stop, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let loaded = proc_name(name);
    // Opening a node of its number loads this one, too (see `demand_load_rs`).
    let loads_itself = name == "chardev_ioctl_rs";
    let (mut refused, mut unloaded) = (0, 0);
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut rng = rng.fork();
            let (stop, opened) = (&stop, &opened);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    opened.fetch_add(use_file(path, &mut rng).into(), Relaxed);
                    thread::sleep(Duration::from_micros(rng.u64(..3000)));
                }
            });
        }
        let _stop = Stop(&stop);

        let deadline = Instant::now() + PATIENCE;
        while refused < ENOUGH || unloaded < ENOUGH || opened.load(Relaxed) < 100 {
            match Module::load(name, "") {
                Ok(module) => std::mem::forget(module),
                Err(Errno::EEXIST) => {}
                Err(Errno::EBUSY) if loads_itself => {}
                Err(errno) => panic!("load of {name}: {errno}"),
            }
            match module::unload(loaded) {
                Ok(()) => unloaded += 1,
                Err(Errno::EAGAIN) => refused += 1,
                Err(Errno::EBUSY | Errno::ENOENT) if loads_itself => {}
                Err(errno) => panic!("unload of {name}: {errno}"),
            }
            assert!(
                Instant::now() < deadline,
                "{name}: {refused} refused, {unloaded} unloaded, {opened:?} opened"
            );
        }
    });
    assert_eq!(proc_modules(loaded).map_or(0, |line| line.use_count), 0);
    let _ = module::unload(loaded);
    assert_eq!(proc_modules(loaded), None);
}

fn proc_name(name: &str) -> &str {
    name.trim_start_matches("faulty/")
}

#[test]
fn unloading_races_with_users_of_each_file() {
    let mut rng = Rng::with_seed(seed("races"));
    let fixtures = [
        // Those of the tests that have a poll of their own.
        ("faulty/chardev_faulty", "/dev/chardev_faulty"),
        ("faulty/procfs_fixture", "/proc/fixture/records"),
    ];
    for (name, path) in FILES.into_iter().chain(fixtures) {
        let before = state();
        unload_races(name, path, &mut rng);
        assert_unchanged(&before, name);
    }
}

/// Parameters in sysfs are read while their module comes and goes.
#[test]
fn unloading_races_with_readers_of_a_parameter() {
    let read = || {
        let text = fs::read_to_string("/sys/module/param_rs/parameters/str1")?;
        assert_eq!(text, "7up\n");
        Ok(())
    };
    race::unload_while_used("param_rs", "str1=7up str2=x", [&read, &read], Errno::ENODEV);
}

/// Signals hit openers of `/proc/sleep` at random, some of them deadly. Nobody is left
/// behind: not in the file, not in the queue.
#[test]
fn sleepers_get_signals_at_random() {
    const HOLDER: &str = "/tmp/random_holder";
    let mut rng = Rng::with_seed(seed("sleepers"));
    let module = Module::load("sleep_rs", "").unwrap();
    let _ = fs::remove_file("/tmp/stop");

    // Checks that it is alone, until it is told to stop.
    let survivor = || {
        Child::spawn_fallible(|| {
            catch(Signal::SIGUSR1, SaFlags::empty())?;
            while fs::metadata("/tmp/stop").is_err() {
                match File::open("/proc/sleep") {
                    Ok(file) => {
                        File::create_new(HOLDER)?;
                        fs::remove_file(HOLDER)?;
                        drop(file);
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    };
    let mortal = || {
        Child::spawn(|| loop {
            drop(File::open("/proc/sleep"));
        })
    };
    let survivors: Vec<_> = (0..4).map(|_| survivor()).collect();
    let mut mortals: Vec<_> = (0..3).map(|_| mortal()).collect();
    // The handlers are set.
    wait_until("a first opener", || module.use_count() > 0);
    thread::sleep(Duration::from_millis(50));
    for _ in 0..500 {
        if rng.u8(..10) == 0 {
            let i = rng.usize(..mortals.len());
            mortals[i].signal(Signal::SIGKILL);
            mortals[i] = mortal();
        } else {
            survivors[rng.usize(..survivors.len())].signal(Signal::SIGUSR1);
        }
        thread::sleep(Duration::from_micros(rng.u64(..1000)));
    }
    fs::write("/tmp/stop", "").unwrap();
    for child in mortals {
        child.signal(Signal::SIGKILL);
        child.wait();
    }
    for child in survivors {
        assert_eq!(child.exit_status(), 0);
    }
    assert_eq!(module.use_count(), 0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open("/proc/sleep");
    drop(file.unwrap());
    module.unload().unwrap();
}

/// All modules at once, loaded in any order and unloaded in any other.
#[test]
fn all_modules_together_in_any_order() {
    let mut rng = Rng::with_seed(seed("orders"));
    let before = state();
    for _ in 0..3 {
        let mut order = ALL.to_vec();
        rng.shuffle(&mut order);
        let mut modules: Vec<Module> = Vec::new();
        while !order.is_empty() {
            // The first whose dependency is there.
            let there = |name: &str| modules.iter().any(|module| module.name() == name);
            let ready = |name: &&str| depends(name).is_none_or(there);
            let next = order.iter().position(ready).unwrap();
            let name = order.remove(next);
            modules.push(Module::load(name, "").expect(name));
        }
        for (_, path) in FILES {
            File::open(path).expect(path);
        }
        rng.shuffle(&mut modules);
        while let Some(module) = modules.pop() {
            let users = proc_modules(module.name()).unwrap().users;
            if users.is_empty() {
                module.unload().unwrap();
            } else {
                assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
                modules.insert(0, module);
            }
        }
        assert_unchanged(&before, "all modules");
    }
}

/// Here, as the tests of that module have a guest whose CPUs take turns.
#[test]
fn opens_of_static_key_rs_are_counted_by_all_cpus() {
    const OPENS: usize = 3000;
    let _module = Module::load("static_key_rs", "").unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..OPENS {
                    File::open("/proc/key_state").unwrap();
                }
            });
        }
    });
    let content = fs::read_to_string("/proc/key_state").unwrap();
    let expected = format!("disabled\nfast path {}\nslow path 0\n", 4 * OPENS + 1);
    assert_eq!(content, expected);
}
