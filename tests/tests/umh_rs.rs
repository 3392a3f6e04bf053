// SPDX-License-Identifier: GPL-2.0

//! `umh_rs`: programs that the kernel runs.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
};
use nix::errno::Errno;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "umh_rs";
const SCRIPT: &str = "/tmp/helper";

/// Writes the program that the module is to run, and returns parameters for it.
fn script(commands: &str) -> String {
    fs::write(SCRIPT, format!("#!/bin/sh\n{commands}\n")).unwrap();
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o755)).unwrap();
    for file in ["/tmp/out", "/tmp/go"] {
        let _ = fs::remove_file(file);
    }
    format!("path={SCRIPT}")
}

/// Waits until something holds.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
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
    let (hooks, lines): (Vec<_>, Vec<_>) = log
        .lines_of(NAME)
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

#[test]
fn missing_program_gives_enoent() {
    for wait in ["exec", "proc", "killable"] {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("path=/no/such wait={wait}"));
        assert_eq!(load.unwrap_err(), Errno::ENOENT, "{wait}");
        let line = "/no/such cannot be run (err -2)".to_string();
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{wait}");
        assert_eq!(proc_modules(NAME), None);
    }
}

#[test]
fn program_that_is_not_executable_gives_eacces() {
    let path = script("exit 0");
    fs::set_permissions(SCRIPT, fs::Permissions::from_mode(0o644)).unwrap();
    for wait in ["exec", "proc", "killable"] {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("{path} wait={wait}"));
        assert_eq!(load.unwrap_err(), Errno::EACCES, "{wait}");
        let (_, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((init, cleanup), (1, 1), "{wait}");
    }
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
        let path = script("until [ -e /tmp/go ]; do usleep 1000; done; echo done >/tmp/out");
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("{path} wait={wait}")).unwrap();
        unload_when_idle(module);
        let line = format!("{SCRIPT} started");
        assert_eq!(lines_and_hooks(&mut log), (vec![line], 1, 1), "{wait}");
        // It still runs, without the module.
        assert!(!Path::new("/tmp/out").exists());
        fs::write("/tmp/go", "").unwrap();
        assert_eq!(line_of("/tmp/out"), "done\n");
    }
}

#[test]
fn unload_right_after_a_start_without_waiting_is_refused_or_safe() {
    for _ in 0..50 {
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
fn hundred_programs_at_once_each_run() {
    for wait in ["none", "exec", "proc", "killable"] {
        let path = script("echo line >>/tmp/out");
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("{path} wait={wait} count=100")).unwrap();
        wait_until("100 lines", || {
            fs::read_to_string("/tmp/out").unwrap_or_default() == "line\n".repeat(100)
        });
        unload_when_idle(module);
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines.len(), init, cleanup), (100, 100, 100), "{wait}");
    }
}

#[test]
fn killed_insmod_stops_waiting_and_the_program_pins_the_module() {
    let path = script("echo $$ >/tmp/out; until [ -e /tmp/go ]; do usleep 1000; done");
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

    fs::write("/tmp/go", "").unwrap();
    log.wait_for("cleanup hook");
    wait_until("unload", || module::unload(NAME).is_ok());
}

#[test]
fn parameters_out_of_range_are_refused() {
    for params in ["wait=ever", "wait=", "count=0", "count=1001", "refuse=4096"] {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, params);
        assert_eq!(load.unwrap_err(), Errno::EINVAL, "{params}");
        let (lines, init, cleanup) = lines_and_hooks(&mut log);
        assert_eq!((lines.len(), init, cleanup), (1, 0, 0), "{params}");
    }
}
