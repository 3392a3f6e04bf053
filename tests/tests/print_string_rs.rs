// SPDX-License-Identifier: GPL-2.0

//! `print_string_rs`: a line on the terminal of whoever loads or unloads it.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
    monitor::Monitor,
    process::wait_until,
    terminal::{on_terminal, without_terminal, Pty},
    PATIENCE,
};
use nix::{
    errno::Errno,
    fcntl::{fcntl, FcntlArg, OFlag},
    sys::termios::{tcflow, FlowArg},
    unistd::gettid,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "print_string_rs";
const INSERTED: &[u8] = b"Module Inserted\r\n";
const REMOVED: &[u8] = b"Module Removed\r\n";

/// Unloads the module at the end of a test that failed in between.
struct Unload;

impl Drop for Unload {
    fn drop(&mut self) {
        let _ = module::unload(NAME);
    }
}

/// Runs `insmod` or `rmmod` on a terminal, or without, and has it succeed in time.
#[track_caller]
fn succeed(mut command: Command, argument: &str) {
    let mut child = command
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?}: {status}");
            return;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} is blocked");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn insmod_path() -> String {
    module::path(NAME).to_str().unwrap().into()
}

#[test]
fn load_and_unload_each_write_their_line_to_a_pty_twice() {
    let _unload = Unload;
    let mut pty = Pty::open();
    for _ in 0..2 {
        succeed(on_terminal(&pty.slave, "insmod"), &insmod_path());
        assert_eq!(pty.read_exact(INSERTED.len()), INSERTED);
        succeed(on_terminal(&pty.slave, "rmmod"), NAME);
        assert_eq!(pty.read_exact(REMOVED.len()), REMOVED);
    }
    assert!(!pty.has_output());
}

#[test]
fn each_process_gets_the_line_on_its_own_terminal() {
    let _unload = Unload;
    let (mut first, mut second) = (Pty::open(), Pty::open());
    succeed(on_terminal(&first.slave, "insmod"), &insmod_path());
    succeed(on_terminal(&second.slave, "rmmod"), NAME);
    assert_eq!(first.read_exact(INSERTED.len()), INSERTED);
    assert_eq!(second.read_exact(REMOVED.len()), REMOVED);
    assert!(!first.has_output() && !second.has_output());
}

/// Loads and unloads the module on a terminal, in one session: when its leader
/// ends, the kernel hangs up any terminal but a pty.
fn session(terminal: &File) -> Child {
    let script = format!("insmod {}; rmmod {NAME}; exec sleep 60", insmod_path());
    on_terminal(terminal, "sh")
        .args(["-c", &script])
        .spawn()
        .unwrap()
}

/// The monitor takes the lines for commands, and says what it thinks of them.
#[test]
fn serial_line_gets_the_lines() {
    let mut monitor = Monitor::open();
    let line = File::open("/dev/ttyS2").unwrap();
    let mut session = session(&line);
    let answers = monitor.read(|text| text.matches("unknown command: 'Module'").count() == 2);
    session.kill().unwrap();
    session.wait().unwrap();
    for line in ["Module Inserted", "Module Removed"] {
        assert!(answers.contains(line), "{answers}");
    }
}

/// What leaves a serial port that has nobody behind it, byte for byte; the monitor shows
/// a CR as `\\u000D`, and ends its own lines in CR LF.
#[test]
fn serial_port_sends_the_lines_byte_for_byte() {
    let mut monitor = Monitor::open();
    let port = File::open("/dev/ttyS3").unwrap();
    monitor.run("ringbuf_read sent 4096");
    let mut session = session(&port);
    let deadline = Instant::now() + PATIENCE;
    let mut sent = String::new();
    while !sent.contains("Removed\\u000D") {
        assert!(Instant::now() < deadline, "{sent:?}");
        let answer = monitor.run("ringbuf_read sent 4096");
        let answer = answer.trim_end_matches("(qemu) ").replace("\r\n", "\n");
        // After the echo of the command.
        sent += answer.split_once('\n').unwrap().1;
    }
    session.kill().unwrap();
    session.wait().unwrap();
    assert_eq!(
        sent.replace('\n', ""),
        "Module Inserted\\u000DModule Removed\\u000D"
    );
}

#[test]
fn virtual_console_shows_the_lines() {
    let mut console = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty3")
        .unwrap();
    console.write_all(b"\x1b[H\x1b[J").unwrap();
    let mut session = session(&console);
    // Padded with blanks to the width of the screen: the CR LF was obeyed.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let screen = fs::read_to_string("/dev/vcs3").unwrap();
        let lines: Vec<_> = screen
            .split("  ")
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if lines == ["Module Inserted", "Module Removed"] {
            break;
        }
        assert!(Instant::now() < deadline, "{lines:?}");
        thread::sleep(Duration::from_millis(5));
    }
    session.kill().unwrap();
    session.wait().unwrap();
}

#[test]
fn process_without_terminal_gets_nothing_and_no_error() {
    let _unload = Unload;
    let pty = Pty::open();
    let mut log = Log::bookmark();
    for _ in 0..2 {
        succeed(without_terminal("insmod"), &insmod_path());
        assert!(proc_modules(NAME).is_some());
        succeed(without_terminal("rmmod"), NAME);
    }
    assert_eq!(log.lines_of(NAME), [""; 0]);
    assert!(!pty.has_output());
}

/// The kernel runs its modprobe for an open of an unknown device, and here that
/// is asked for from a terminal: it is not modprobe's.
#[test]
fn modprobe_run_by_the_kernel_has_no_terminal() {
    const SETTING: &str = "/proc/sys/kernel/modprobe";
    let _unload = Unload;
    let before = fs::read_to_string(SETTING).unwrap();
    let script = format!("#!/bin/sh\nexec insmod {}\n", insmod_path());
    fs::write("/tmp/modprobe", script).unwrap();
    let run = |command: &str| {
        let status = Command::new("sh").args(["-ec", command]).status().unwrap();
        assert!(status.success(), "{command}");
    };
    run("chmod 755 /tmp/modprobe; mknod /tmp/unknown c 240 7");
    fs::write(SETTING, "/tmp/modprobe").unwrap();

    let pty = Pty::open();
    let status = on_terminal(&pty.slave, "sh")
        .args(["-c", ": </tmp/unknown"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    fs::write(SETTING, before.trim_end()).unwrap();
    run("rm /tmp/modprobe /tmp/unknown");
    assert!(!status.success(), "there is no such device");
    assert!(proc_modules(NAME).is_some());
    assert!(!pty.has_output());
}

#[test]
fn kernel_thread_has_no_terminal() {
    let mut log = Log::bookmark();
    let _module = Module::load("faulty/kernel_thread", "").unwrap();
    log.wait_for("kernel_thread: terminal: none");
}

#[test]
fn stopped_terminal_neither_blocks_nor_gets_the_line() {
    let _unload = Unload;
    let mut pty = Pty::open();
    // As Ctrl-S does, only that here it is known when it took effect.
    tcflow(&pty.slave, FlowArg::TCOOFF).unwrap();
    succeed(on_terminal(&pty.slave, "insmod"), &insmod_path());
    assert!(proc_modules(NAME).is_some());
    tcflow(&pty.slave, FlowArg::TCOON).unwrap();
    assert!(!pty.has_output());

    succeed(on_terminal(&pty.slave, "rmmod"), NAME);
    assert_eq!(pty.read_exact(REMOVED.len()), REMOVED);
}

/// A writer that waits on a stopped terminal holds the terminal's lock for
/// writers meanwhile.
#[test]
fn writer_that_is_blocked_does_not_block_the_load() {
    let _unload = Unload;
    let mut pty = Pty::open();
    pty.type_in(b"\x13"); // Ctrl-S
    let mut slave = pty.slave.try_clone().unwrap();
    let stopped = || {
        fcntl(&pty.slave, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let result = (&pty.slave).write(b".");
        fcntl(&pty.slave, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    wait_until("Ctrl-S to stop the pty", stopped);
    let (sender, receiver) = mpsc::channel();
    let writer = thread::spawn(move || {
        sender.send(gettid()).unwrap();
        slave.write_all(b"at last\n")
    });
    let stat = format!("/proc/self/task/{}/stat", receiver.recv().unwrap());
    let asleep = || fs::read_to_string(&stat).unwrap().contains(") S ");
    wait_until("the writer to wait", asleep);

    succeed(on_terminal(&pty.slave, "insmod"), &insmod_path());
    assert!(!writer.is_finished());
    pty.type_in(b"\x11"); // Ctrl-Q
    writer.join().unwrap().unwrap();
    let shown = pty.read_exact(b"at last\r\n".len());
    assert!(String::from_utf8_lossy(&shown).ends_with("at last\r\n"));
    assert!(!pty.has_output());
}

#[test]
fn full_terminal_does_not_block() {
    let _unload = Unload;
    let mut pty = Pty::open();
    fcntl(&pty.slave, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut filled = 0;
    loop {
        match (&pty.slave).write(&[b'x'; 4096]) {
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    succeed(on_terminal(&pty.slave, "insmod"), &insmod_path());
    succeed(on_terminal(&pty.slave, "rmmod"), NAME);
    // What was there before is all still there.
    let shown = pty.read_exact(filled);
    assert!(shown[..filled].iter().all(|byte| *byte == b'x'));
}

#[test]
fn terminal_that_was_hung_up_gets_nothing_and_no_error() {
    let _unload = Unload;
    let mut pty = Pty::open();
    // It says when the signal would no longer end it.
    let script = format!(
        "trap '' HUP; echo ready >/dev/tty; read line; insmod {}",
        insmod_path()
    );
    let mut child = on_terminal(&pty.slave, "sh")
        .args(["-c", &script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(pty.read_exact(7), b"ready\r\n");
    // The shell's read ends when the terminal goes.
    drop(pty);
    assert!(child.wait().unwrap().success());
    assert!(proc_modules(NAME).is_some());
}

#[test]
fn second_load_returns_eexist_and_writes_nothing() {
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(Module::load(NAME, "").unwrap_err(), Errno::EEXIST);
    let pty = Pty::open();
    let status = on_terminal(&pty.slave, "insmod")
        .arg(insmod_path())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    assert!(!pty.has_output());
}
