// SPDX-License-Identifier: GPL-2.0

//! `syscall_rs`: the log of the files that one user opens.

use guest::{
    kmsg::Log,
    module::{proc_modules, Module},
};
use nix::{
    errno::Errno,
    libc,
    sys::wait::{waitpid, WaitStatus},
    unistd::{fork, setuid, ForkResult},
};
use std::{ffi::CString, fs, process::Command, thread};

const NAME: &str = "syscall_rs";
const NOBODY: u32 = 65534;

/// Returns whether a probe is registered.
fn probed() -> bool {
    let list = fs::read_to_string("/sys/kernel/debug/kprobes/list").unwrap();
    assert!(list.is_empty() || list.contains("do_file_open"), "{list}");
    !list.is_empty()
}

/// Runs `body` as a user, in a process of its own.
#[track_caller]
fn as_user(uid: u32, body: impl FnOnce()) {
    // SAFETY: Tests run one at a time, and no other thread runs now that could hold a
    // lock which the copy would wait for.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            setuid(uid.into()).unwrap();
            body();
            // SAFETY: No requirements; without the test runner's exit handlers.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).unwrap();
            assert_eq!(status, WaitStatus::Exited(child, 0));
        }
    }
}

/// What the module logged when a user had run `body`: the files, and the last line.
#[track_caller]
fn watched(params: &str, user: u32, body: impl FnOnce()) -> (Vec<String>, String) {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, params).unwrap();
    as_user(user, body);
    module.unload().unwrap();
    let mut lines = log.lines_of(NAME);
    let last = lines.pop().unwrap();
    (lines, last)
}

/// Opens a path, and closes it again if that succeeded.
fn open(path: &str) {
    let _ = fs::File::open(path);
}

#[test]
fn opens_of_the_user_are_logged_twice() {
    for _ in 0..2 {
        let (lines, last) = watched("uid=65534", NOBODY, || {
            open("/etc/passwd");
            open("/no/such/file");
            open("relative");
        });
        assert_eq!(
            lines,
            [
                "Opened file by 65534: /etc/passwd",
                "Opened file by 65534: /no/such/file",
                "Opened file by 65534: relative",
            ]
        );
        assert_eq!(last, "3 opens by 65534, 0 not logged");
    }
}

#[test]
fn opens_of_others_are_not_logged() {
    for (params, user) in [("uid=65534", 1000), ("uid=1000", NOBODY), ("uid=65534", 0)] {
        let (lines, last) = watched(params, user, || open("/etc/passwd"));
        assert_eq!(lines, [""; 0], "{params} {user}");
        assert!(last.starts_with("0 opens by "), "{last}");
    }
}

/// Each system call by its number: libc takes `openat` for all.
#[test]
fn every_way_to_open_is_covered() {
    let (lines, _) = watched("uid=65534", NOBODY, || {
        let how = [0_u64; 3];
        // SAFETY: The paths are NUL-terminated, `how` is an `open_how`.
        unsafe {
            libc::syscall(libc::SYS_open, c"/a".as_ptr(), libc::O_RDONLY);
            libc::syscall(libc::SYS_creat, c"/b".as_ptr(), 0o600);
            libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                c"/c".as_ptr(),
                libc::O_PATH,
            );
            libc::syscall(
                libc::SYS_openat2,
                libc::AT_FDCWD,
                c"/d".as_ptr(),
                how.as_ptr(),
                size_of_val(&how),
            );
        }
        let _ = Command::new("/bin/true").status();
    });
    for path in ["/a", "/b", "/c", "/d", "/bin/true"] {
        let line = format!("Opened file by 65534: {path}");
        assert_eq!(
            lines.iter().filter(|l| **l == line).count(),
            1,
            "{path}: {lines:?}"
        );
    }
}

/// The kernel passes an errno for the name then.
#[test]
fn bad_pointers_are_not_followed() {
    let (lines, _) = watched("uid=65534", NOBODY, || {
        for pointer in [0_usize, 8, usize::MAX, 0xffff_8880_0000_0000] {
            // SAFETY: The kernel finds out that there is nothing to read.
            unsafe { libc::syscall(libc::SYS_open, pointer, libc::O_RDONLY) };
        }
        open("/etc/group");
    });
    assert_eq!(lines, ["Opened file by 65534: /etc/group"]);
}

#[test]
fn long_paths_are_cut_visibly() {
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    let (lines, _) = watched("uid=65534", NOBODY, || {
        for length in [240, 241, 4095, 4096] {
            open(&path(length));
        }
    });
    let start = path(240);
    assert_eq!(
        lines,
        [
            format!("Opened file by 65534: {start}"),
            format!("Opened file by 65534: {start}... (241 bytes)"),
            format!("Opened file by 65534: {start}... (4095 bytes)"),
            // 4096 is ENAMETOOLONG before it gets there.
        ]
    );
}

#[test]
fn unprintable_bytes_are_escaped_and_fit() {
    let (lines, _) = watched("uid=65534", NOBODY, || {
        open("/two\nlines");
        let path = CString::new([0xff; 240]).unwrap();
        // SAFETY: The path is NUL-terminated.
        unsafe { libc::open(path.as_ptr(), libc::O_RDONLY) };
    });
    // The backslash itself is escaped once more by /dev/kmsg.
    let long = r"\x5cxff".repeat(240);
    assert_eq!(
        lines,
        [
            r"Opened file by 65534: /two\x5cnlines".to_string(),
            format!("Opened file by 65534: {long}"),
        ]
    );
}

#[test]
fn rate_limits_the_log_and_keeps_the_count() {
    let (lines, last) = watched("uid=65534 rate=5", NOBODY, || {
        for _ in 0..1000 {
            open("/etc/passwd");
        }
    });
    let not_logged = 1000 - lines.len();
    assert!(not_logged > 0, "{}", lines.len());
    assert!(lines.len() >= 5, "{}", lines.len());
    assert_eq!(
        last,
        format!("1000 opens by 65534, {not_logged} not logged")
    );
}

#[test]
fn opens_from_four_threads_are_all_counted() {
    let (lines, last) = watched("uid=65534 rate=100000", NOBODY, || {
        thread::scope(|scope| {
            for name in ["/1", "/2", "/3", "/4"] {
                scope.spawn(move || (0..100).for_each(|_| open(name)));
            }
        });
    });
    for name in ["/1", "/2", "/3", "/4"] {
        let line = format!("Opened file by 65534: {name}");
        assert_eq!(lines.iter().filter(|l| **l == line).count(), 100, "{name}");
    }
    // A thread's allocator looks at the machine, too.
    let opens = lines.len();
    assert_eq!(last, format!("{opens} opens by 65534, 0 not logged"));
}

#[test]
fn unknown_symbol_fails_clearly_and_leaves_nothing() {
    let mut log = Log::bookmark();
    // The name of the function in older kernels.
    let error = Module::load(NAME, "symbol=do_filp_open").unwrap_err();
    assert_eq!(error, Errno::ENOENT);
    assert_eq!(
        log.lines_of(NAME),
        ["no probe on do_filp_open in this kernel: error -2"]
    );
    assert_eq!(proc_modules(NAME), None);
    assert!(!probed());
}

#[test]
fn bad_parameters_are_refused() {
    for params in [
        "symbol=vfs_read",
        "rate=0",
        "rate=100001",
        "uid=-1",
        "uid=root",
    ] {
        assert_eq!(
            Module::load(NAME, params).unwrap_err(),
            Errno::EINVAL,
            "{params}"
        );
        assert!(!probed());
    }
}

#[test]
fn probe_is_there_while_loaded() {
    for _ in 0..2 {
        assert!(!probed());
        let module = Module::load(NAME, "uid=65534").unwrap();
        assert!(probed());
        assert_eq!(Module::load(NAME, "").unwrap_err(), Errno::EEXIST);
        module.unload().unwrap();
        assert!(!probed());
    }
}
