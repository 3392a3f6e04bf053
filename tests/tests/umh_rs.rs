// SPDX-License-Identifier: GPL-2.0

//! `umh_rs`: programs that the kernel runs.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
    process::{wait_until, Child},
};
use nix::{
    errno::Errno,
    sys::{
        signal::{signal, SigHandler, Signal},
        stat::Mode,
    },
    unistd::mkfifo,
};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "umh_rs";
const FIXTURE: &str = "umh_fixture";
const SCRIPT: &str = "/tmp/helper";

/// A command that waits at the gate.
const WAIT_AT_GATE: &str = "read _ </tmp/gate";

/// What programs wait at, a FIFO: each takes a line from it, and goes on.
struct Gate(File);

impl Gate {
    fn new() -> Self {
        let _ = fs::remove_file("/tmp/gate");
        mkfifo("/tmp/gate", Mode::S_IRWXU).unwrap();
        // Open for both, it is never without a reader or writer.
        let mut options = OpenOptions::new();
        Self(options.read(true).write(true).open("/tmp/gate").unwrap())
    }

    /// Lets so many programs pass, now or when they come.
    fn open(&mut self, programs: usize) {
        self.0.write_all(&vec![b'\n'; programs]).unwrap();
    }
}

/// Writes the program that the module is to run, and returns parameters for it.
fn script(commands: &str) -> String {
    fs::write(SCRIPT, format!("#!/bin/sh\n{commands}\n")).unwrap();
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o755)).unwrap();
    let _ = fs::remove_file("/tmp/out");
    format!("path={SCRIPT}")
}

/// Returns the contents of a file, once it ends with a whole line.
fn line_of(path: &str) -> String {
    let mut text = String::new();
    wait_until(path, || {
        text = fs::read_to_string(path).unwrap_or_default();
        text.ends_with('\n')
    });
    text
}

/// Returns the module's lines, without those of the hooks, and how often each of the
/// two hooks ran.
fn lines_and_hooks(log: &mut Log) -> (Vec<String>, usize, usize) {
    lines_and_hooks_of(log, NAME)
}

/// The same of another module.
fn lines_and_hooks_of(log: &mut Log, module: &str) -> (Vec<String>, usize, usize) {
    let (hooks, lines): (Vec<_>, Vec<_>) = log
        .lines_of(module)
        .into_iter()
        .partition(|line| line.contains(" hook"));
    let count = |hook: &str| hooks.iter().filter(|line| line.starts_with(hook)).count();
    (lines, count("init hook, pid "), count("cleanup hook"))
}

/// Unloads the module as soon as no command pins it any more.
fn unload_when_idle(module: Module) {
    wait_until("use count 0", || module.use_count() == 0);
    module.unload().unwrap();
}

#[test]
fn logger_logs_help() {
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "").unwrap();
        let lines = log.lines();
        let of = |text: &str| lines.iter().position(|line| line == text);
        let end = of("umh_rs: /usr/bin/logger exited with 0");
        assert!(of("help!").is_some() && of("help!") < end, "{lines:?}");
        module.unload().unwrap();
    }
}

#[test]
fn exit_status_is_decoded() {
    for (commands, end) in [
        ("exit 0", "exited with 0"),
        ("exit 7", "exited with 7"),
        ("exit 255", "exited with 255"),
        ("kill -9 $$", "was killed by signal 9"),
        ("kill -TERM $$", "was killed by signal 15"),
    ] {
        for wait in ["proc", "killable"] {
            let path = script(commands);
            let mut log = Log::bookmark();
            let module = Module::load(NAME, &format!("{path} wait={wait}")).unwrap();
            let line = format!("{SCRIPT} {end}");
            assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{commands}");
            unload_when_idle(module);
        }
    }
}

#[test]
fn environment_and_arguments_are_those_given() {
    let path = script("{ echo \"$0|$#|$1\"; tr '\\0' '\\n' </proc/$$/environ; id -u; } >/tmp/out");
    let _module = Module::load(NAME, &format!("{path} arg=\"two words\"")).unwrap();
    let out = fs::read_to_string("/tmp/out").unwrap();
    let environment = "HOME=/\nTERM=linux\nPATH=/sbin:/bin:/usr/sbin:/usr/bin\n";
    assert_eq!(out, format!("{SCRIPT}|1|two words\n{environment}0\n"));
}

/// Has the module run a program that cannot be run: in each wait mode that can tell, the
/// load fails, and the hooks run so often.
#[track_caller]
fn cannot_be_run(path: &str, errno: Errno, hooks: (usize, usize)) {
    for wait in ["exec", "proc", "killable", "proc timeout_ms=60000"] {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("path={path} wait={wait}"));
        assert_eq!(load.unwrap_err(), errno, "{path} {wait}");
        let line = format!("cannot run {path}: -{}", errno as i32);
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines, (init, cleanup)), (vec![line], hooks), "{wait}");
        assert_eq!(proc_modules(NAME), None);
    }
}

#[test]
fn missing_program_gives_enoent() {
    cannot_be_run("/no/such", Errno::ENOENT, (1, 1));
    cannot_be_run("/etc/passwd/no/folder", Errno::ENOTDIR, (1, 1));
    // The kernel itself does nothing for an empty path, and calls that a success.
    cannot_be_run("", Errno::ENOENT, (0, 1));
}

#[test]
fn program_that_is_not_executable_gives_eacces() {
    script("exit 0");
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o644)).unwrap();
    cannot_be_run(SCRIPT, Errno::EACCES, (1, 1));
    cannot_be_run("/etc", Errno::EACCES, (1, 1));
}

#[test]
fn program_that_is_none_gives_enoexec() {
    fs::write(SCRIPT, "neither ELF nor #!\n").unwrap();
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o755)).unwrap();
    cannot_be_run(SCRIPT, Errno::ENOEXEC, (1, 1));
}

#[test]
fn process_that_cannot_be_made_gives_eagain() {
    let limit = fs::read_to_string("/proc/sys/kernel/threads-max").unwrap();
    fs::write("/proc/sys/kernel/threads-max", "1").unwrap();
    let result = std::panic::catch_unwind(|| {
        cannot_be_run("/bin/true", Errno::EAGAIN, (0, 1));
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "path=/bin/true wait=none").unwrap();
        unload_when_idle(module);
        let line = "/bin/true started".to_string();
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 0, 1));
    });
    fs::write("/proc/sys/kernel/threads-max", limit).unwrap();
    result.unwrap();
}

#[test]
fn program_for_a_module_that_is_unloaded_gives_enodev() {
    let params = "path=/bin/true at_exit=1";
    let module = Module::load(&format!("faulty/{FIXTURE}"), params).unwrap();
    let mut log = Log::bookmark();
    module.unload().unwrap();
    // Of each wait mode.
    let lines = vec!["cannot run /bin/true: -19".to_string(); 4];
    assert_eq!(lines_and_hooks_of(&mut log, FIXTURE), (lines, 0, 4));
}

#[test]
fn init_hook_can_refuse_to_start_the_program() {
    for wait in ["exec", "proc", "killable"] {
        let path = script("echo ran >/tmp/out");
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("{path} wait={wait} refuse=13"));
        assert_eq!(load.unwrap_err(), Errno::EACCES, "{wait}");
        let (_, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((init, cleanup), (1, 1), "{wait}");
        assert!(!Path::new("/tmp/out").exists());
    }
}

#[test]
fn without_waiting_a_missing_program_stays_unknown() {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, "path=/no/such wait=none").unwrap();
    unload_when_idle(module);
    let line = "/no/such started".to_string();
    assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1));
}

#[test]
fn unload_leaves_a_program_that_was_started_alone() {
    for wait in ["none", "exec"] {
        let mut gate = Gate::new();
        let path = script(&format!("{WAIT_AT_GATE}; echo done >/tmp/out"));
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("{path} wait={wait}")).unwrap();
        unload_when_idle(module);
        let line = format!("{SCRIPT} started");
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{wait}");
        // It still runs, without the module.
        assert!(!Path::new("/tmp/out").exists());
        gate.open(1);
        assert_eq!(line_of("/tmp/out"), "done\n");
    }
}

#[test]
fn unload_right_after_a_start_without_waiting_is_refused_or_safe() {
    for _ in 0..20 {
        let path = script("exit 0");
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("{path} wait=none")).unwrap();
        loop {
            match module.try_unload() {
                Ok(()) => break,
                Err(errno) => assert_eq!(errno, Errno::EAGAIN),
            }
        }
        let (_, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((init, cleanup), (1, 1));
    }
}

#[test]
fn count_runs_the_program_as_often() {
    for wait in ["none", "exec", "proc", "killable"] {
        let path = script("echo line >>/tmp/out");
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("{path} wait={wait} count=3")).unwrap();
        wait_until("3 lines", || {
            fs::read_to_string("/tmp/out").unwrap_or_default() == "line\n".repeat(3)
        });
        unload_when_idle(module);
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines.len(), init, cleanup), (3, 3, 3), "{wait}");
    }
}

#[test]
fn hundred_programs_at_once_a_quarter_in_each_wait_mode() {
    let mut gate = Gate::new();
    let path = script(&format!("echo $$ >>/tmp/out; {WAIT_AT_GATE}; exit 7"));
    let mut log = Log::bookmark();
    let module = Module::load(&format!("faulty/{FIXTURE}"), &format!("{path} count=100")).unwrap();
    let mut pids = HashSet::new();
    wait_until("100 programs", || {
        let out = fs::read_to_string("/tmp/out").unwrap_or_default();
        pids = out.lines().map(String::from).collect();
        pids.len() == 100
    });
    // All of them are there at once, and the module for those that are waited for.
    let runs = |pid: &String| Path::new(&format!("/proc/{pid}")).exists();
    assert!(pids.iter().all(runs));
    wait_until("50 pins", || module.use_count() == 50);
    let started = vec![format!("{SCRIPT} started"); 50];
    assert_eq!(lines_and_hooks_of(&mut log, FIXTURE), (started, 100, 50));

    gate.open(100);
    unload_when_idle(module);
    wait_until("the end of all", || !pids.iter().any(runs));
    let ended = vec![format!("{SCRIPT} exited with 7"); 50];
    assert_eq!(lines_and_hooks_of(&mut log, FIXTURE), (ended, 0, 50));
}

/// Returns the process of the last program that was started, by the init hook's line.
fn pid_of(log: &mut Log) -> String {
    let line = log.wait_for("init hook, pid ");
    line.rsplit(' ').next().unwrap().into()
}

#[test]
fn program_is_killed_when_its_time_is_over() {
    for wait in ["proc", "killable"] {
        let (mut log, mut pid) = (Log::bookmark(), Log::bookmark());
        let start = Instant::now();
        let params = format!("path=/bin/sleep arg=60 wait={wait} timeout_ms=200");
        let module = Module::load(NAME, &params).unwrap();
        let took = start.elapsed();
        let range = Duration::from_millis(200)..Duration::from_secs(60);
        assert!(range.contains(&took), "{took:?}");
        let line = "/bin/sleep was killed by signal 9 after 200 ms".to_string();
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{wait}");
        assert!(!Path::new(&format!("/proc/{}", pid_of(&mut pid))).exists());
        assert_eq!(module.use_count(), 0);
        module.unload().unwrap();
    }
}

#[test]
fn program_that_ends_in_time_is_not_touched() {
    for (commands, timeout, end) in [
        ("exit 7", 60_000, "exited with 7"),
        // By itself, not by us.
        ("kill -9 $$", 60_000, "was killed by signal 9"),
        // 0 is no timeout.
        ("usleep 30000; exit 3", 0, "exited with 3"),
    ] {
        for wait in ["proc", "killable"] {
            let path = script(commands);
            let mut log = Log::bookmark();
            let params = format!("{path} wait={wait} timeout_ms={timeout}");
            Module::load(NAME, &params).unwrap().unload().unwrap();
            let line = format!("{SCRIPT} {end}");
            assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{commands}");
        }
    }
}

/// Returns how many timers of a module's the kernel has.
fn timers(module: &str) -> usize {
    let timers = fs::read_to_string("/proc/timer_list").unwrap();
    timers.matches(&format!("[{module}]")).count()
}

#[test]
fn timer_of_a_program_is_there_as_long_as_the_program() {
    let mut gate = Gate::new();
    let path = script(&format!("echo started >/tmp/out; {WAIT_AT_GATE}"));
    let load =
        thread::spawn(move || Module::load(NAME, &format!("{path} timeout_ms=60000")).unwrap());
    line_of("/tmp/out");
    let while_it_runs = timers(NAME);
    gate.open(1);
    let module = load.join().unwrap();
    assert_eq!((while_it_runs, timers(NAME)), (1, 0));
    module.unload().unwrap();
}

/// The end of a program, with a cleanup hook that takes long enough to look at it.
#[test]
fn timer_ends_before_the_cleanup_hook_and_the_pin_after_it() {
    for first in [2, 3] {
        let looked_in_time = |_| {
            let mut gate = Gate::new();
            let path = script(WAIT_AT_GATE);
            let mut log = Log::bookmark();
            let params = format!("{path} count=1 first={first} timeout_ms=60000 cleanup_ms=300");
            let module = Module::load(&format!("faulty/{FIXTURE}"), &params).unwrap();
            wait_until("the timer", || timers(FIXTURE) == 1);
            gate.open(1);
            log.wait_for("cleanup hook");
            let seen = (timers(FIXTURE), module.use_count());
            let lines = log.lines_of(FIXTURE);
            unload_when_idle(module);
            let in_time = lines.is_empty();
            assert!(!in_time || seen == (0, 1), "{seen:?}");
            in_time
        };
        assert!((0..20).any(looked_in_time));
    }
}

/// Who does not wait for the end cannot set a time for it: the program is not started.
#[test]
fn timeout_wants_somebody_who_waits() {
    for first in [0, 1] {
        let mut log = Log::bookmark();
        let params = format!("path=/bin/true count=1 first={first} timeout_ms=60000");
        let module = Module::load(&format!("faulty/{FIXTURE}"), &params).unwrap();
        log.wait_for("cannot run /bin/true: -22");
        module.unload().unwrap();
    }
}

/// Pins do not keep a module whose load fails.
#[test]
fn load_that_fails_waits_for_the_cleanup_hook() {
    let mut log = Log::bookmark();
    let params = "path=/bin/true fail=1 cleanup_ms=500";
    let load = Module::load(&format!("faulty/{FIXTURE}"), params);
    let lines = log.lines_of(FIXTURE);
    assert_eq!(load.unwrap_err(), Errno::EIO);
    let ends = ["cleanup hook", "end of the cleanup hook"];
    assert!(lines.ends_with(&ends.map(String::from)), "{lines:?}");
}

#[test]
fn program_may_end_just_when_its_time_is_over() {
    let (mut ended, mut killed) = (0, 0);
    for micros in [0, 11_000, 13_000, 15_000, 9_000_000] {
        let mut log = Log::bookmark();
        let params = format!("path=/bin/usleep arg={micros} timeout_ms=15 count=6");
        Module::load(NAME, &params).unwrap().unload().unwrap();
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines.len(), init, cleanup), (6, 6, 6));
        for line in lines {
            match line.as_str() {
                "/bin/usleep exited with 0" => ended += 1,
                "/bin/usleep was killed by signal 9 after 15 ms" => killed += 1,
                _ => panic!("{line}"),
            }
        }
    }
    // Those of 9 s, at least.
    assert!(killed >= 6, "{ended} ended by themselves");
}

#[test]
fn timeout_goes_on_when_the_waiter_was_killed() {
    let mut log = Log::bookmark();
    let mut insmod = Command::new("insmod")
        .arg(module::path(NAME))
        .args([
            "path=/bin/sleep",
            "arg=60",
            "wait=killable",
            "timeout_ms=1000",
        ])
        .spawn()
        .unwrap();
    let pid = pid_of(&mut log);
    insmod.kill().unwrap();
    insmod.wait().unwrap();
    log.wait_for("is left alone: killed while waiting");
    log.wait_for("cleanup hook");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    wait_until("unload", || module::unload(NAME).is_ok());
    assert_eq!(lines_and_hooks(&mut log), (vec![], 0, 0));
}

#[test]
fn killed_insmod_stops_waiting_and_the_program_pins_the_module() {
    let mut gate = Gate::new();
    let path = script(&format!("echo $$ >/tmp/out; {WAIT_AT_GATE}"));
    let mut log = Log::bookmark();
    let mut insmod = Command::new("insmod")
        .args([module::path(NAME).to_str().unwrap(), &path, "wait=killable"])
        .spawn()
        .unwrap();
    line_of("/tmp/out");
    insmod.kill().unwrap();
    insmod.wait().unwrap();
    log.wait_for("is left alone: killed while waiting");
    wait_until("Live", || proc_modules(NAME).unwrap().state == "Live");
    assert_eq!(proc_modules(NAME).unwrap().use_count, 1);
    assert_eq!(module::unload(NAME), Err(Errno::EAGAIN));

    gate.open(1);
    log.wait_for("cleanup hook");
    wait_until("unload", || module::unload(NAME).is_ok());
}

/// One that a process handles, a stop: they wait for the program as well.
#[test]
fn signals_that_do_not_kill_do_not_end_the_waiting() {
    extern "C" fn ignore(_: i32) {}
    for wait in ["proc", "killable"] {
        let mut gate = Gate::new();
        let path = script(&format!("echo $$ >/tmp/out; {WAIT_AT_GATE}"));
        let mut log = Log::bookmark();
        let insmod = Child::spawn(|| {
            // SAFETY: The handler does nothing.
            unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(ignore)) }.unwrap();
            let module = Module::load(NAME, &format!("{path} wait={wait}"));
            module.map_or_else(
                |errno| errno as i32,
                |module| module.unload().map_or(1, |()| 0),
            )
        });
        line_of("/tmp/out");
        for signal in [Signal::SIGUSR1, Signal::SIGSTOP, Signal::SIGCONT] {
            insmod.signal(signal);
            thread::sleep(Duration::from_millis(20));
        }
        gate.open(1);
        assert_eq!(insmod.exit_status(), 0);
        let line = format!("{SCRIPT} exited with 0");
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{wait}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    for params in [
        "wait=ever",
        "wait=",
        "count=0",
        "count=1001",
        "refuse=4096",
        "timeout_ms=3600001",
        "timeout_ms=1 wait=none",
        "timeout_ms=1 wait=exec",
        "timeout_ms=-1",
        "timeout_ms=soon",
    ] {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, params);
        assert_eq!(load.unwrap_err(), Errno::EINVAL, "{params}");
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines.len(), init, cleanup), (1, 0, 0), "{params}");
    }
}
