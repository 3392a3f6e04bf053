// SPDX-License-Identifier: GPL-2.0

//! Processes that a test starts to act beside it, or as another user.

use crate::{NOBODY, PATIENCE};
use nix::{
    errno::Errno,
    libc,
    sys::{
        signal::{kill, sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal},
        wait::{waitpid, WaitPidFlag, WaitStatus},
    },
    unistd::{fork, setgid, setuid, ForkResult, Pid},
};
use std::{
    fs, io,
    panic::{catch_unwind, AssertUnwindSafe},
    time::{Duration, Instant},
};

/// Waits until `condition` holds.
///
/// # Panics
///
/// When it does not within [`PATIENCE`].
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not come: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the state of the task of a name: `D` for one that waits and takes no signal. Of
/// several, it is that of any one.
pub fn state_of(name: &str) -> Option<char> {
    let tasks = fs::read_dir("/proc").expect("/proc").flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .find_map(|stat| {
            let (_, rest) = stat.split_once(&format!("({name}) "))?;
            rest.chars().next()
        })
}

/// A process that runs a closure; killed on drop if it still runs.
#[derive(Debug)]
pub struct Child(Pid);

impl Child {
    /// Starts a process, whose exit status is what `body` returns.
    ///
    /// It is a copy of this one, but has none of its files except the standard ones:
    /// what the test opens, the test closes. A panic in it is an exit status of 101.
    pub fn spawn(body: impl FnOnce() -> i32) -> Self {
        Self::spawn_with_files(|| {
            // SAFETY: Whoever owns one of these in the copy does not come to use it.
            let closed = unsafe { libc::close_range(3, u32::MAX, 0) };
            Errno::result(closed).expect("close_range");
            body()
        })
    }

    /// The same with the files of this process.
    pub fn spawn_with_files(body: impl FnOnce() -> i32) -> Self {
        // SAFETY: Tests run one at a time (`--test-threads=1`), so no other thread of
        // this process holds a lock that the copy would wait for.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                let status = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
                // SAFETY: No requirements; ends the process without the test
                // runner's own exit handlers.
                unsafe { libc::_exit(status) }
            }
        }
    }

    /// Starts a process whose exit status is 0, or the errno with which `body` failed.
    pub fn spawn_fallible<T>(body: impl FnOnce() -> io::Result<T>) -> Self {
        Self::spawn(|| match body() {
            Ok(_) => 0,
            Err(error) => error.raw_os_error().unwrap_or(101),
        })
    }

    /// Returns the process id.
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.0, signal).expect("kill");
    }

    /// Whether the process is in an interruptible sleep.
    pub fn sleeps(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("stat");
        stat.rsplit(") ").next().is_some_and(|s| s.starts_with('S'))
    }

    /// How often the process has gone to sleep.
    pub fn switches(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("status");
        let mut lines = status.lines();
        lines
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:\t"))
            .and_then(|count| count.parse().ok())
            .expect("a count")
    }

    /// Whether the process has ended.
    pub fn ended(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("status");
        status.contains("State:\tZ")
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// When it does not come within [`PATIENCE`].
    #[track_caller]
    pub fn wait(self) -> WaitStatus {
        wait_until("the end of a process", || self.ended());
        let status = waitpid(self.0, None).expect("waitpid");
        std::mem::forget(self);
        status
    }

    /// Waits for the end, and returns the exit status.
    ///
    /// # Panics
    ///
    /// When the end does not come, or was a signal's.
    #[track_caller]
    pub fn exit_status(self) -> i32 {
        match self.wait() {
            WaitStatus::Exited(_, status) => status,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, Some(WaitPidFlag::empty()));
    }
}

/// Makes a signal interrupt this process's calls, instead of ending it; with
/// [`SaFlags::SA_RESTART`] they go on.
///
/// # Errors
///
/// The errno of `sigaction(2)`.
pub fn catch(signal: Signal, flags: SaFlags) -> nix::Result<()> {
    extern "C" fn nothing(_signal: libc::c_int) {}
    let action = SigAction::new(SigHandler::Handler(nothing), flags, SigSet::empty());
    // SAFETY: The handler does nothing.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Runs `body` as nobody, in a process of its own.
///
/// # Errors
///
/// The errno with which it failed.
#[track_caller]
pub fn as_nobody<T>(body: impl FnOnce() -> io::Result<T>) -> nix::Result<()> {
    let child = Child::spawn_fallible(|| {
        setgid(NOBODY.into())?;
        setuid(NOBODY.into())?;
        body()
    });
    match child.exit_status() {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}
