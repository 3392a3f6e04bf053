// SPDX-License-Identifier: GPL-2.0

//! `cat_noblock`, the program that does not wait.

use guest::{module::Module, process::as_nobody};
use std::{
    fs::{self, File},
    io::Write,
    process::{Command, Stdio},
};

/// Returns the exit status, standard output and standard error.
fn cat_noblock(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new("cat_noblock")
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn prints_a_file() {
    let content: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
    fs::write("/tmp/file", &content).unwrap();
    let output = Command::new("cat_noblock")
        .arg("/tmp/file")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, content);
    assert_eq!(output.stderr, b"");
}

#[test]
fn prints_proc_sleep_when_it_is_free() {
    let _module = Module::load("sleep_rs", "").unwrap();
    fs::write("/proc/sleep", "hello\n").unwrap();
    let expected = (0, "Last input:hello\n".into(), String::new());
    assert_eq!(cat_noblock(&["/proc/sleep"]), expected);
}

#[test]
fn says_that_open_would_block() {
    let module = Module::load("sleep_rs", "").unwrap();
    let file = File::open("/proc/sleep").unwrap();
    let expected = (1, "Open would block\n".into(), String::new());
    assert_eq!(cat_noblock(&["/proc/sleep"]), expected);
    assert_eq!(module.use_count(), 1);
    drop(file);
    assert_eq!(cat_noblock(&["/proc/sleep"]).0, 0);
}

#[test]
fn names_the_errno() {
    let error = "cat_noblock: /nowhere: ENOENT: No such file or directory\n";
    assert_eq!(cat_noblock(&["/nowhere"]), (1, String::new(), error.into()));

    // Opening a folder works, reading it does not.
    let error = "cat_noblock: /tmp: EISDIR: Is a directory\n";
    assert_eq!(cat_noblock(&["/tmp"]), (1, String::new(), error.into()));

    fs::write("/tmp/secret", "").unwrap();
    fs::set_permissions(
        "/tmp/secret",
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    as_nobody(|| {
        let error = "cat_noblock: /tmp/secret: EACCES: Permission denied\n";
        assert_eq!(
            cat_noblock(&["/tmp/secret"]),
            (1, String::new(), error.into())
        );
        Ok(())
    })
    .unwrap();

    let full = File::options().write(true).open("/dev/full").unwrap();
    fs::write("/tmp/file", "x").unwrap();
    let output = Command::new("cat_noblock")
        .arg("/tmp/file")
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.ends_with("ENOSPC: No space left on device\n"),
        "{error}"
    );
}

#[test]
fn tells_its_usage() {
    let (status, stdout, _) = cat_noblock(&["--help"]);
    assert_eq!(status, 0);
    assert!(stdout.contains("Usage: cat_noblock <FILE>"), "{stdout}");
    for wrong in [&[][..], &["--nosuch"], &["a", "b"]] {
        let (status, stdout, stderr) = cat_noblock(wrong);
        assert_eq!((status, stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(stderr.contains("Usage: cat_noblock"), "{stderr}");
    }
}

/// A FIFO without a writer opens at once, and is empty; one with a writer and
/// nothing to read would block, but not its open.
#[test]
fn reading_that_would_block_is_an_error() {
    let path = "/tmp/fifo";
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(cat_noblock(&[path]), (0, String::new(), String::new()));
    let mut writer = File::options().read(true).write(true).open(path).unwrap();
    writer.write_all(b"x").unwrap();
    let (status, stdout, stderr) = cat_noblock(&[path]);
    assert_eq!((status, stdout.as_str()), (1, "x"));
    assert!(stderr.contains("EAGAIN"), "{stderr}");
}
