// SPDX-License-Identifier: GPL-2.0

//! `sleep_rs`: `/proc/sleep`, which one process at a time can have open.

use guest::{
    errno,
    module::Module,
    process::{as_nobody, catch, wait_until, Child},
    read_in_chunks, realtime_kernel, stall,
    user::{read_to_bad_pointer, write_from_bad_pointer},
    CHUNKS,
};
use nix::{
    errno::Errno,
    fcntl::{self, OFlag},
    libc,
    sched::{sched_setaffinity, CpuSet},
    sys::{
        ptrace,
        resource::{getrusage, UsageWho},
        signal::{SaFlags, Signal},
        stat::Mode,
        wait::{waitpid, WaitStatus},
    },
    unistd::Pid,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    thread,
};

const NAME: &str = "sleep_rs";
const PATH: &str = "/proc/sleep";
const EINTR: i32 = Errno::EINTR as i32;

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

fn open() -> io::Result<File> {
    File::open(PATH)
}

fn open_nonblock() -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(PATH)
}

/// Starts a process, and returns once it sleeps in the module.
fn sleeper(module: &Module, body: impl FnOnce() -> i32) -> Child {
    let count = module.use_count();
    let child = Child::spawn(body);
    // The count is taken before the process queues up; from there to its sleep
    // nothing makes it sleep interruptibly.
    wait_until("a sleeper", || {
        module.use_count() == count + 1 && child.sleeps()
    });
    child
}

/// Opens and closes the file; the exit status is 0 or an errno.
///
/// By `open(2)` itself, for `File::open` tries again after EINTR.
fn open_and_close() -> i32 {
    fcntl::open(PATH, OFlag::O_RDONLY, Mode::empty()).map_or_else(|errno| errno as i32, |_| 0)
}

/// Adds a line to a file that the test reads afterwards.
fn note(path: &str, line: impl std::fmt::Display) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn notes(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(String::from).collect()
}

#[test]
fn what_is_written_is_read_after_each_load() {
    for _ in 0..2 {
        let module = load();
        assert_eq!(fs::read(PATH).unwrap(), b"Last input:");
        for length in [0, 1, 79, 80, 81, 4096] {
            let bytes = vec![b'x'; length];
            let taken = length.min(79);
            let mut file = OpenOptions::new().write(true).open(PATH).unwrap();
            assert_eq!(file.write(&bytes).unwrap(), taken);
            drop(file);
            let expected = [b"Last input:", &bytes[..taken]].concat();
            for chunk in CHUNKS {
                let content = read_in_chunks(&mut open().unwrap(), chunk).unwrap();
                assert_eq!(content, expected, "{length} {chunk}");
            }
            let mut buffer = [0; 4];
            assert_eq!(open().unwrap().read_at(&mut buffer, 5).unwrap(), 4);
            assert_eq!(&buffer, b"inpu");
        }
        module.unload().unwrap();
        assert_eq!(errno(open()), Errno::ENOENT);
    }
}

#[test]
fn bad_pointer_returns_efault_and_changes_nothing() {
    let _module = load();
    fs::write(PATH, "before").unwrap();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(PATH)
        .unwrap();
    for length in CHUNKS {
        assert_eq!(write_from_bad_pointer(&file, length), Err(Errno::EFAULT));
        assert_eq!(read_to_bad_pointer(&file, length), Err(Errno::EFAULT));
    }
    assert_eq!(
        read_in_chunks(&mut &file, 80).unwrap(),
        b"Last input:before"
    );
}

/// Not for memory that may take its time to come.
#[test]
fn nobody_waits_for_the_memory_of_another() {
    let _module = load();
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(PATH).unwrap();
    stall::runs_beside_read(&file, || {
        assert_eq!(file.write_at(b"x", 0).unwrap(), 1);
    });
    stall::runs_beside_write(&file, || {
        assert!(file.read_at(&mut [0; 1], 0).unwrap() > 0);
    });
}

#[test]
fn only_root_writes_whatever_the_mode() {
    let module = load();
    assert_eq!(fs::metadata(PATH).unwrap().mode(), 0o100_644);
    let write = || OpenOptions::new().write(true).open(PATH);
    assert_eq!(as_nobody(write), Err(Errno::EACCES));
    fs::set_permissions(PATH, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    assert_eq!(as_nobody(write), Err(Errno::EACCES));
    as_nobody(open).unwrap();
    // Refused at once, without a place in the queue.
    let file = open().unwrap();
    assert_eq!(as_nobody(write), Err(Errno::EACCES));
    assert_eq!(module.use_count(), 1);
    drop(file);
}

#[test]
fn second_opener_sleeps_until_the_first_closes() {
    let module = load();
    assert_eq!(module.use_count(), 0);
    let file = open().unwrap();
    assert_eq!(module.use_count(), 1);
    let second = sleeper(&module, open_and_close);
    assert_eq!(module.use_count(), 2);
    drop(file);
    assert_eq!(second.exit_status(), 0);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn duplicates_are_one_opener() {
    let module = load();
    let file = open().unwrap();
    let duplicate = file.try_clone().unwrap();
    let second = sleeper(&module, open_and_close);
    drop(file);
    assert!(second.sleeps());
    assert_eq!(module.use_count(), 2);
    drop(duplicate);
    assert_eq!(second.exit_status(), 0);
}

#[test]
fn nonblocking_open_returns_eagain() {
    let module = load();
    drop(open_nonblock().unwrap());
    let file = open().unwrap();
    for _ in 0..3 {
        assert_eq!(errno(open_nonblock()), Errno::EAGAIN);
    }
    assert_eq!(as_nobody(open_nonblock), Err(Errno::EAGAIN));
    let second = sleeper(&module, open_and_close);
    assert_eq!(errno(open_nonblock()), Errno::EAGAIN);
    assert_eq!(module.use_count(), 2);
    drop(file);
    assert_eq!(second.exit_status(), 0);
    // Who does not want to wait is an opener like any other when it need not.
    let file = open_nonblock().unwrap();
    let third = sleeper(&module, open_and_close);
    drop(file);
    assert_eq!(third.exit_status(), 0);
}

#[test]
fn rmmod_is_refused_at_once_while_open_and_while_others_sleep() {
    let module = load();
    let file = open().unwrap();
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let children = [(); 3].map(|()| sleeper(&module, open_and_close));
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(module.use_count(), 4);
    // Nothing has changed: new ones still queue up, and all get their turn.
    let last = sleeper(&module, open_and_close);
    assert_eq!(module.use_count(), 5);
    drop(file);
    for child in children {
        assert_eq!(child.exit_status(), 0);
    }
    assert_eq!(last.exit_status(), 0);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn signal_ends_the_sleep_with_eintr() {
    let module = load();
    let _file = open().unwrap();
    let child = sleeper(&module, || {
        catch(Signal::SIGINT, SaFlags::empty()).unwrap();
        open_and_close()
    });
    child.signal(Signal::SIGINT);
    assert_eq!(child.exit_status(), EINTR);
    assert_eq!(module.use_count(), 1);
}

/// Starts two sleepers, has `disturb` do to the first what makes it wait again, and
/// shows that it does so behind the second.
fn waits_again_behind_the_others(disturb: impl FnOnce(&Child)) {
    const NOTES: &str = "/tmp/waited_again";
    let module = load();
    let file = open().unwrap();
    let [first, second] = ["first", "second"].map(|name| {
        sleeper(&module, move || {
            catch(Signal::SIGINT, SaFlags::SA_RESTART).unwrap();
            let status = open_and_note(NOTES, name);
            status.map_or_else(|errno| errno as i32, |()| 0)
        })
    });
    disturb(&first);
    wait_until("the first to sleep again", || {
        module.use_count() == 3 && first.sleeps()
    });
    drop(file);
    assert_eq!(first.exit_status(), 0);
    assert_eq!(second.exit_status(), 0);
    assert_eq!(notes(NOTES), ["second", "first"]);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

/// Opens the file, by one call of `open(2)`, and adds a line to another while it has it.
fn open_and_note(path: &str, line: &str) -> nix::Result<()> {
    let _file = fcntl::open(PATH, OFlag::O_RDONLY, Mode::empty())?;
    note(path, line);
    Ok(())
}

/// Waits until a sleeper has left its place in the queue, which leaves it to the other.
fn wait_for_its_leaving() {
    wait_until("the first to leave", || {
        guest::module::proc_modules(NAME).unwrap().use_count == 2
    });
}

#[test]
fn sleeper_that_is_stopped_and_continued_goes_on_waiting() {
    waits_again_behind_the_others(|first| {
        first.signal(Signal::SIGSTOP);
        wait_for_its_leaving();
        first.signal(Signal::SIGCONT);
    });
}

#[test]
fn sleeper_that_is_traced_goes_on_waiting() {
    waits_again_behind_the_others(|first| {
        ptrace::attach(first.pid()).unwrap();
        let stopped = WaitStatus::Stopped(first.pid(), Signal::SIGSTOP);
        assert_eq!(waitpid(first.pid(), None), Ok(stopped));
        assert_eq!(guest::module::proc_modules(NAME).unwrap().use_count, 2);
        ptrace::detach(first.pid(), None).unwrap();
    });
}

/// With SA_RESTART the handler runs, and `open(2)` goes on.
#[test]
fn sleeper_with_a_handler_that_restarts_goes_on_waiting() {
    waits_again_behind_the_others(|first| {
        // From outside, the next sleep looks like the one that this ends.
        let before = first.switches();
        first.signal(Signal::SIGINT);
        wait_until("the first to sleep again", || first.switches() > before);
    });
}

#[test]
fn deadly_signal_ends_a_sleeper() {
    let module = load();
    let file = open().unwrap();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let child = sleeper(&module, open_and_close);
        let pid = child.pid();
        child.signal(signal);
        assert_eq!(child.wait(), WaitStatus::Signaled(pid, signal, false));
        assert_eq!(module.use_count(), 1);
    }
    drop(file);
    module.unload().unwrap();
}

/// The number: 64 sleepers are served in the order they came, each after
/// one wake-up; 64 in all, as their voluntary context switches tell.
#[test]
fn sixty_four_sleepers_are_served_in_order_by_64_wake_ups() {
    const SLEEPERS: i32 = 64;
    const NOTES: &str = "/tmp/served";
    let switches = || {
        getrusage(UsageWho::RUSAGE_SELF)
            .unwrap()
            .voluntary_context_switches()
    };
    let module = load();
    // The holder reads `/proc/sleep`'s directory entry into the cache.
    let file = open().unwrap();
    let children: Vec<_> = (0..SLEEPERS)
        .map(|i| {
            sleeper(&module, move || {
                let before = switches();
                let file = open().unwrap();
                let slept = switches() - before;
                note(NOTES, i);
                drop(file);
                slept.try_into().unwrap()
            })
        })
        .collect();
    assert_eq!(module.use_count(), 1 + SLEEPERS as u32);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(file);

    let wake_ups: Vec<_> = children.into_iter().map(Child::exit_status).collect();
    let all = wake_ups.iter().sum::<i32>();
    if !realtime_kernel() {
        assert_eq!(all, SLEEPERS, "{wake_ups:?}");
        assert_eq!(wake_ups, [1; SLEEPERS as usize]);
    } else {
        // Who waits for a spin lock sleeps, too.
        assert!((SLEEPERS..2 * SLEEPERS).contains(&all), "{wake_ups:?}");
    }
    let order: Vec<_> = (0..SLEEPERS).map(|i| i.to_string()).collect();
    assert_eq!(notes(NOTES), order);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

/// Each close wakes exactly one: the others are still asleep, not merely again.
#[test]
fn each_close_wakes_exactly_one() {
    let module = load();
    let mut file = Some(open().unwrap());
    // Each opens the file, and then sleeps until it is told to go on.
    let mut children: Vec<_> = (0..5)
        .map(|_| {
            sleeper(&module, || {
                let _file = open().unwrap();
                nix::unistd::pause();
                0
            })
        })
        .collect();
    let before: Vec<_> = children.iter().map(Child::switches).collect();
    for served in 0..5 {
        drop(file.take());
        // The first is awake, has the file, and has gone to sleep again in pause().
        wait_until("the turn", || {
            children[0].switches() == before[served] + 1 && children[0].sleeps()
        });
        for (i, child) in children.iter().enumerate().skip(1) {
            assert_eq!(child.switches(), before[served + i], "{served} {i}");
        }
        assert_eq!(module.use_count(), 5 - served as u32);
        let first = children.remove(0);
        first.signal(Signal::SIGKILL);
        first.wait();
    }
    assert_eq!(module.use_count(), 0);
}

#[test]
fn signal_to_one_in_the_middle_loses_nobodys_turn() {
    const NOTES: &str = "/tmp/middle";
    let module = load();
    let file = open().unwrap();
    let children: Vec<_> = (0..7)
        .map(|i| {
            sleeper(&module, move || {
                let file = open().unwrap();
                note(NOTES, i);
                drop(file);
                0
            })
        })
        .collect();
    for i in [3, 0, 6] {
        children[i].signal(Signal::SIGINT);
        wait_until("the end of one", || children[i].ended());
    }
    assert_eq!(module.use_count(), 5);
    drop(file);
    for (i, child) in children.into_iter().enumerate() {
        let pid = child.pid();
        let expected = match i {
            0 | 3 | 6 => WaitStatus::Signaled(pid, Signal::SIGINT, false),
            _ => WaitStatus::Exited(pid, 0),
        };
        assert_eq!(child.wait(), expected, "{i}");
    }
    assert_eq!(notes(NOTES), ["1", "2", "4", "5"]);
    assert_eq!(module.use_count(), 0);
}

/// Binds a process to the first CPU.
fn bind_to_first_cpu(pid: Pid) {
    let mut cpus = CpuSet::new();
    cpus.set(0).unwrap();
    sched_setaffinity(pid, &cpus).unwrap();
}

/// Runs `body` on the first CPU before everything else there: what it wakes up on
/// that CPU does not run before it returns.
fn undisturbed(body: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(|| {
            bind_to_first_cpu(Pid::from_raw(0));
            let priority = libc::sched_param { sched_priority: 1 };
            // SAFETY: The parameter is valid; 0 is this thread.
            let n = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &priority) };
            Errno::result(n).unwrap();
            body();
        });
    });
}

/// A sleeper is given the turn, and before it can run it gets a signal.
#[test]
fn woken_sleeper_that_gets_a_signal_passes_the_turn_on() {
    const ROUNDS: usize = 20;
    let module = load();
    for _ in 0..ROUNDS {
        let file = open().unwrap();
        let caught = sleeper(&module, || {
            catch(Signal::SIGINT, SaFlags::empty()).unwrap();
            open_and_close()
        });
        let killed = sleeper(&module, open_and_close);
        let last = sleeper(&module, open_and_close);
        for child in [&caught, &killed] {
            bind_to_first_cpu(child.pid());
        }
        undisturbed(|| {
            drop(file);
            // It has been woken, and does not run yet.
            assert!(!caught.sleeps());
            caught.signal(Signal::SIGINT);
            killed.signal(Signal::SIGKILL);
        });
        assert_eq!(caught.exit_status(), EINTR);
        let pid = killed.pid();
        assert_eq!(
            killed.wait(),
            WaitStatus::Signaled(pid, Signal::SIGKILL, false)
        );
        assert_eq!(last.exit_status(), 0);
        assert_eq!(module.use_count(), 0);
        // The file is free.
        drop(open_nonblock().unwrap());
    }
}

/// Signals that come at any time, beside openers who come at any time.
#[test]
fn no_turn_is_lost_among_signals_and_closes() {
    let module = load();
    for round in 0..100 {
        let file = open().unwrap();
        let children: Vec<_> = (0..4).map(|_| Child::spawn(open_and_close)).collect();
        let closer = thread::spawn(move || drop(file));
        children[round % 4].signal(Signal::SIGINT);
        closer.join().unwrap();
        for (i, child) in children.into_iter().enumerate() {
            let pid = child.pid();
            let status = child.wait();
            let signaled = WaitStatus::Signaled(pid, Signal::SIGINT, false);
            assert!(
                status == WaitStatus::Exited(pid, 0) || (i == round % 4 && status == signaled),
                "{status:?}"
            );
        }
        assert_eq!(module.use_count(), 0);
        drop(open_nonblock().unwrap());
    }
}

/// Eight processes contend for the file; never do two have it.
#[test]
fn never_two_openers() {
    const HOLDER: &str = "/tmp/holder";
    let module = load();
    let children: Vec<_> = (0..8)
        .map(|_| {
            Child::spawn_fallible(|| {
                for _ in 0..125 {
                    let file = open()?;
                    // Fails with EEXIST if another has the file as well.
                    File::create_new(HOLDER)?;
                    fs::remove_file(HOLDER)?;
                    drop(file);
                }
                Ok(())
            })
        })
        .collect();
    for child in children {
        assert_eq!(child.exit_status(), 0);
    }
    assert_eq!(module.use_count(), 0);
}

/// Threads of one process are openers of their own.
#[test]
fn threads_take_turns() {
    let module = load();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut content = String::new();
                    open().unwrap().read_to_string(&mut content).unwrap();
                    assert_eq!(content, "Last input:");
                }
            });
        }
    });
    assert_eq!(module.use_count(), 0);
}

/// A process that dies gives up the file.
#[test]
fn dying_opener_hands_over() {
    let module = load();
    let holder = Child::spawn(|| {
        let _file = open().unwrap();
        nix::unistd::pause();
        0
    });
    wait_until("the opener", || module.use_count() == 1 && holder.sleeps());
    let second = sleeper(&module, open_and_close);
    holder.signal(Signal::SIGKILL);
    holder.wait();
    assert_eq!(second.exit_status(), 0);
}
