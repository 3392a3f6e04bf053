// SPDX-License-Identifier: GPL-2.0

//! The program `ioctl`, with `chardev_ioctl_rs`.

use guest::{module::Module, user::su_nobody};
use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::ffi::OsStrExt,
    process::{Command, Output, Stdio},
};

const DEVICE: &str = "/dev/char_dev";
const HELP: &str = "For more information, try '--help'.";

fn load() -> Module {
    Module::load("chardev_ioctl_rs", "").unwrap()
}

fn ioctl<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    let mut command = Command::new("ioctl");
    command.args(arguments).output().expect("ioctl")
}

/// Asserts success, with this output and nothing else.
#[track_caller]
fn prints(arguments: &[&str], stdout: &[u8]) {
    let output = ioctl(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(stdout)
    );
    assert_eq!(output.stdout, stdout);
    assert_eq!(output.status.code(), Some(0));
}

/// Asserts a failure, with this message and nothing else.
#[track_caller]
fn fails(output: &Output, stderr: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn without_a_command_does_what_the_guide_does() {
    let _module = load();
    prints(&[], b"get_nth_byte message:\nget_msg message:\n");
    let message = "Message passed by ioctl\n";
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message);
    let again = format!("get_nth_byte message:{message}\nget_msg message:{message}\n");
    prints(&[], again.as_bytes());
    prints(&["--device", DEVICE], again.as_bytes());
    assert_eq!(fs::read_to_string(DEVICE).unwrap(), message);
}

#[test]
fn commands_get_set_and_nth() {
    let _module = load();
    prints(&["get"], b"get_msg message:\n");
    prints(&["set", "Hello"], b"");
    assert_eq!(fs::read(DEVICE).unwrap(), b"Hello");
    prints(&["get"], b"get_msg message:Hello\n");
    prints(&["nth", "0"], b"get_nth_byte message:H\n");
    prints(&["nth", "4"], b"get_nth_byte message:o\n");
    prints(&["nth", "5"], b"get_nth_byte message:\0\n");
    prints(&["set", ""], b"");
    prints(&["--device=/dev/char_dev", "get"], b"get_msg message:\n");
    prints(&["set", "--", "--help"], b"");
    prints(&["get"], b"get_msg message:--help\n");
}

#[test]
fn message_need_not_be_utf8_and_is_cut_at_80_bytes() {
    let _module = load();
    let output = ioctl(&[OsStr::new("set"), OsStr::from_bytes(b"\xff\x80")]);
    assert!(output.status.success());
    prints(&["get"], b"get_msg message:\xff\x80\n");
    prints(&["nth", "1"], b"get_nth_byte message:\x80\n");

    prints(&["set", &"x".repeat(81)], b"");
    prints(
        &["get"],
        format!("get_msg message:{}\n", "x".repeat(80)).as_bytes(),
    );
    // Up to its first NUL.
    fs::write(DEVICE, "a\0b").unwrap();
    prints(&["get"], b"get_msg message:a\n");
    prints(&["nth", "2"], b"get_nth_byte message:b\n");
    prints(&[], b"get_nth_byte message:a\nget_msg message:a\n");
}

#[test]
fn failure_names_the_errno_and_exits_with_1() {
    let open_fails = |arguments: &[&str], text: &str| {
        fails(&ioctl(arguments), &format!("ioctl: {text}\n"));
    };
    open_fails(
        &[],
        "/dev/char_dev: open: ENOENT: No such file or directory",
    );
    open_fails(
        &["--device", "/dev/nosuch", "get"],
        "/dev/nosuch: open: ENOENT: No such file or directory",
    );
    for (arguments, call) in [
        (&[][..], "IOCTL_GET_NTH_BYTE of byte 0"),
        (&["get"], "IOCTL_GET_MSG"),
        (&["set", "x"], "IOCTL_SET_MSG"),
    ] {
        let output = ioctl(&[&["--device", "/dev/null"], arguments].concat());
        let text = format!("ioctl: /dev/null: {call}: ENOTTY: Not a typewriter\n");
        fails(&output, &text);
    }

    let _module = load();
    for n in ["1", "-1", "2147483647", "-2147483648"] {
        let text = format!("IOCTL_GET_NTH_BYTE of byte {n}: EINVAL: Invalid argument");
        open_fails(&["nth", n], &format!("/dev/char_dev: {text}"));
    }
    let file = File::open(DEVICE).unwrap();
    for arguments in [&[][..], &["get"], &["set", "x"]] {
        open_fails(
            arguments,
            "/dev/char_dev: open: EBUSY: Device or resource busy",
        );
    }
    drop(file);
    prints(&["get"], b"get_msg message:\n");
}

#[test]
fn user_is_refused() {
    let _module = load();
    for arguments in ["", "get", "set x", "nth 0"] {
        let output = su_nobody(&format!("/root/ioctl {arguments}"));
        fails(
            &output,
            "ioctl: /dev/char_dev: open: EACCES: Permission denied\n",
        );
    }
    assert_eq!(fs::read(DEVICE).unwrap(), b"");
}

#[test]
fn full_output_is_a_failure() {
    let _module = load();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new("ioctl");
    command.stdout(full).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    fails(
        &output,
        "ioctl: standard output: ENOSPC: No space left on device\n",
    );
    // It stopped there.
    assert_eq!(fs::read(DEVICE).unwrap(), b"");
}

#[test]
fn help_is_printed_without_a_device() {
    for arguments in [&["--help"][..], &["-h"], &["help"]] {
        let output = ioctl(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        for word in ["Usage: ioctl", "--device <PATH>", "get", "set", "nth"] {
            assert!(text.contains(word), "no {word} in {text}");
        }
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["nosuch"][..],
        &["--nosuch"],
        &["set"],
        &["set", "two", "texts"],
        &["nth"],
        &["nth", "one"],
        &["nth", "2147483648"],
        &["--device"],
    ] {
        let output = ioctl(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with("error: ") && text.contains(HELP), "{text}");
        assert!(output.stdout.is_empty());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
