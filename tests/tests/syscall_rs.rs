// SPDX-License-Identifier: GPL-2.0

//! `syscall_rs`: the log of the files that one user opens. And what other modules do that
//! only a probe can see.

use guest::{
    kmsg::Log,
    module::{proc_modules, Module},
    process::{wait_until, Child},
    NOBODY,
};
use nix::{
    errno::Errno,
    libc,
    sys::stat::Mode,
    unistd::{mkfifo, setresuid, setuid},
};
use std::{
    ffi::CString,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

mod probed;
mod static_key_rs;

const NAME: &str = "syscall_rs";

/// Returns whether a probe is registered.
fn probed() -> bool {
    let list = fs::read_to_string("/sys/kernel/debug/kprobes/list").unwrap();
    assert!(list.is_empty() || list.contains("do_file_open"), "{list}");
    !list.is_empty()
}

/// Runs `body` as a user, in a process of its own.
fn as_user(uid: u32, body: impl FnOnce()) -> Child {
    Child::spawn(|| {
        setuid(uid.into()).unwrap();
        body();
        0
    })
}

/// What the module logged when a user had run `body`: the files, and the last line.
#[track_caller]
fn watched(params: &str, user: u32, body: impl FnOnce()) -> (Vec<String>, String) {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, params).unwrap();
    assert_eq!(as_user(user, body).exit_status(), 0);
    module.unload().unwrap();
    let mut lines = log.lines_of(NAME);
    let last = lines.pop().unwrap();
    (lines, last)
}

/// The numbers of the module's last line: opens, failed, not logged.
#[track_caller]
fn counts(last: &str) -> [u64; 3] {
    let words: Vec<_> = last.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let [opens, "opens", "by", "65534", failed, "failed", not_logged, "not", "logged"] = words[..]
    else {
        panic!("{last}");
    };
    [opens, failed, not_logged].map(|number| number.parse().unwrap())
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
        assert_eq!(last, "3 opens by 65534, 2 failed, 0 not logged");
    }
}

#[test]
fn opens_of_others_are_not_logged() {
    for (watched_user, user) in [(NOBODY, 1000), (1000, NOBODY), (NOBODY, 0)] {
        let (lines, last) = watched(&format!("uid={watched_user}"), user, || {
            open("/etc/passwd");
            open("/no/such/file");
        });
        assert_eq!(lines, [""; 0], "{watched_user} {user}");
        let expected = format!("0 opens by {watched_user}, 0 failed, 0 not logged");
        assert_eq!(last, expected, "{user}");
    }
}

/// Not the effective one, by which files can be opened or not.
#[test]
fn user_is_the_real_one() {
    for (real, effective, opens) in [(NOBODY, 0, 1), (0, NOBODY, 0)] {
        let (lines, last) = watched("uid=65534", 0, || {
            setresuid(real.into(), effective.into(), 0.into()).unwrap();
            open("/etc/passwd");
        });
        assert_eq!(lines.len(), opens, "{real} {effective}");
        assert_eq!(counts(&last), [opens as u64, 0, 0], "{real} {effective}");
    }
}

/// Errnos from the first on.
#[test]
fn failures_are_counted_whatever_their_errno() {
    let (_, last) = watched("uid=65534", NOBODY, || {
        for (path, flags, errno) in [
            // Not the user's own file.
            (c"/etc/passwd", libc::O_NOATIME, Errno::EPERM),
            (c"/no/such/file", 0, Errno::ENOENT),
            (c"/etc/passwd", libc::O_WRONLY, Errno::EACCES),
            (c"/etc/passwd", libc::O_DIRECTORY, Errno::ENOTDIR),
            (c"/etc", libc::O_WRONLY, Errno::EISDIR),
            (c"/proc/self/exe", libc::O_NOFOLLOW, Errno::ELOOP),
        ] {
            // SAFETY: The path is NUL-terminated.
            let opened = unsafe { libc::open(path.as_ptr(), flags) };
            assert_eq!(Errno::result(opened), Err(errno), "{path:?}");
        }
    });
    assert_eq!(last, "6 opens by 65534, 6 failed, 0 not logged");
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

/// Seconds count from the load on. The limit begins anew with each one in which there is an
/// open, here two at least.
#[test]
fn rate_limits_the_log_of_each_second_and_keeps_the_count() {
    for rate in [1, 5] {
        let start = Instant::now();
        let (lines, last) = watched(&format!("uid=65534 rate={rate}"), NOBODY, || {
            for _ in 0..1000 {
                open("/etc/passwd");
                thread::sleep(Duration::from_micros(2500));
            }
        });
        let seconds = start.elapsed().as_secs() as usize + 1;
        let logged = lines.len();
        assert!(
            (2 * rate..=seconds * rate).contains(&logged),
            "{logged} in {seconds} s"
        );
        assert_eq!(counts(&last), [1000, 0, 1000 - logged as u64]);
    }
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
    let [opens, failed, not_logged] = counts(&last);
    assert_eq!((opens, not_logged), (lines.len() as u64, 0));
    assert!((400..=opens).contains(&failed), "{last}");
}

#[test]
fn unknown_symbol_fails_clearly_and_leaves_nothing() {
    let mut log = Log::bookmark();
    // The name of the function in older kernels.
    let error = Module::load(NAME, "symbol=do_filp_open").unwrap_err();
    assert_eq!(error, Errno::ENOENT);
    assert_eq!(
        log.lines_of(NAME),
        ["cannot put a probe on do_filp_open: -2"]
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

/// A FIFO, an open of which sleeps until the other end is opened.
struct Fifo;

impl Fifo {
    const PATH: &str = "/tmp/fifo";

    fn new() -> Self {
        mkfifo(Self::PATH, Mode::from_bits_truncate(0o666)).unwrap();
        Self
    }

    /// Starts a process of nobody that opens it, and waits until the open sleeps.
    fn sleeping_reader(&self) -> Child {
        let reader = as_user(NOBODY, || drop(fs::File::open(Self::PATH).unwrap()));
        wait_until("an open that sleeps", || reader.sleeps());
        reader
    }

    /// Lets all readers go on.
    #[track_caller]
    fn wake(&self, readers: Vec<Child>) {
        let _writer = fs::OpenOptions::new().write(true).open(Self::PATH).unwrap();
        for reader in readers {
            assert_eq!(reader.exit_status(), 0);
        }
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        fs::remove_file(Self::PATH).unwrap();
    }
}

/// The open returns when there is no module to return to any more.
#[test]
fn unload_does_not_wait_for_an_open_that_sleeps() {
    let fifo = Fifo::new();
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "uid=65534").unwrap();
        let readers = vec![fifo.sleeping_reader()];
        module.unload().unwrap();
        assert_eq!(
            log.lines_of(NAME),
            [
                "Opened file by 65534: /tmp/fifo",
                "1 opens by 65534, 0 failed, 0 not logged",
            ]
        );
        fifo.wake(readers);
    }
}

/// The opens of others count as well, those of this test among them.
#[test]
fn results_of_more_than_64_opens_at_a_time_are_missed_and_counted() {
    let fifo = Fifo::new();
    for (sleepers, least_missed) in [(63, 0), (70, 6)] {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "uid=65534 rate=1").unwrap();
        let readers = (0..sleepers).map(|_| fifo.sleeping_reader()).collect();
        module.unload().unwrap();
        let lines = log.lines_of(NAME);
        let missed: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("results missed, with too many opens at a time: "))
            .map(|count| count.parse::<u32>().unwrap())
            .collect();
        match least_missed {
            0 => assert_eq!(missed, [0; 0]),
            _ => assert!(missed.len() == 1 && missed[0] >= least_missed, "{lines:?}"),
        }
        assert_eq!(counts(lines.last().unwrap())[0], sleepers);
        fifo.wake(readers);
    }
}

/// The last line is the last, and has counted all that was logged before.
#[test]
fn unload_under_load_200_times() {
    let openers: Vec<_> = (0..4)
        .map(|_| {
            as_user(NOBODY, || loop {
                open("/etc/passwd");
                open("/no/such/file");
                thread::sleep(Duration::from_millis(2));
            })
        })
        .collect();
    let mut log = Log::bookmark();
    let mut sum = 0;
    for _ in 0..200 {
        Module::load(NAME, "uid=65534 rate=100000")
            .unwrap()
            .unload()
            .unwrap();
        assert!(!probed());
        let mut lines = log.lines_of(NAME);
        let [opens, failed, not_logged] = counts(&lines.pop().unwrap());
        assert_eq!((opens, not_logged), (lines.len() as u64, 0));
        assert!(failed <= opens);
        sum += opens;
    }
    assert!(openers.iter().all(|opener| !opener.ended()));
    assert!(sum > 200, "only {sum} opens met the probe");
}
