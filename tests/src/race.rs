// SPDX-License-Identifier: GPL-2.0

//! Processes that race for a device, and threads that race with the unloading of a module.

use crate::{
    errno,
    kmsg::QuietConsole,
    module::{proc_modules, unload, Module},
    PATIENCE,
};
use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    libc,
    sched::{sched_setaffinity, CpuSet},
    sys::{
        mman::{mmap_anonymous, munmap, MapFlags, ProtFlags},
        stat::Mode,
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult, Pid},
};
use std::{
    ffi::{CStr, CString},
    io,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// Runs `child` in `n` forked processes, with their index, and waits for them.
///
/// In a forked process of a program with threads: `child` must not allocate, nor
/// take locks.
///
/// # Panics
///
/// When one of them returns false, or dies.
#[track_caller]
pub fn processes(n: usize, child: impl Fn(usize) -> bool) {
    let pids: Vec<_> = (0..n)
        .map(|index| {
            // SAFETY: The child only runs `child`, of which the caller sees to this, and
            // leaves without running anything of the parent's.
            match unsafe { fork() }.expect("fork") {
                ForkResult::Parent { child } => child,
                ForkResult::Child => unsafe { libc::_exit(i32::from(!child(index))) },
            }
        })
        .collect();
    let statuses: Vec<_> = pids.iter().map(|&pid| waitpid(pid, None)).collect();
    for (pid, status) in pids.into_iter().zip(statuses) {
        assert_eq!(status, Ok(WaitStatus::Exited(pid, 0)));
    }
}

/// What the racing processes share. Only numbers: it lies in shared memory.
#[derive(Default)]
struct Course {
    holders: AtomicUsize,
    opened: AtomicUsize,
    busy: AtomicUsize,
    failed: AtomicUsize,
    shared: AtomicUsize,
    over: AtomicUsize,
}

impl Course {
    /// Opens the file, and closes it after `hold`.
    fn open_once(&self, path: &CStr, hold: impl Fn()) {
        match open(path, OFlag::O_RDONLY, Mode::empty()) {
            Ok(file) => {
                let others = self.holders.fetch_add(1, SeqCst);
                hold();
                self.holders.fetch_sub(1, SeqCst);
                self.shared.fetch_add(others, SeqCst);
                self.opened.fetch_add(1, SeqCst);
                drop(file);
            }
            Err(Errno::EBUSY) => drop(self.busy.fetch_add(1, SeqCst)),
            Err(_) => drop(self.failed.fetch_add(1, SeqCst)),
        }
    }

    /// Opens it again and again, while the other process interrupts this one.
    fn be_interrupted(&self, path: &CStr) {
        while self.over.load(SeqCst) == 0 {
            self.open_once(path, || ());
        }
    }

    /// Interrupts the other process so many times, at any instruction, each time opens the
    /// file, and holds it while the other goes on.
    ///
    /// The pauses differ, for how far that one comes in each depends on how busy the host is.
    fn interrupt(&self, path: &CStr, times: usize) {
        for turn in 0..times {
            thread::sleep(Duration::from_micros(turn as u64 % 128));
            self.open_once(path, || thread::sleep(Duration::from_micros(200)));
        }
        self.over.store(1, SeqCst);
    }
}

/// Stays on one CPU from here on; before all others there, if that is asked for.
pub fn stay_on(cpu: usize, first: bool) -> bool {
    let mut only = CpuSet::new();
    let priority = libc::sched_param { sched_priority: 99 };
    only.set(cpu).is_ok()
        && sched_setaffinity(Pid::from_raw(0), &only).is_ok()
        // SAFETY: The parameter is valid.
        && (!first || unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &priority) } == 0)
}

/// Lets a process open and close `path`, while another one interrupts it on its CPU, so many
/// times, at any instruction, in the kernel as well, and opens it, too: a driver that looks
/// at a flag and then sets it does not go unnoticed. Returns how often one of them succeeded.
///
/// # Panics
///
/// When two have it open at once, or one fails with another error than EBUSY.
#[track_caller]
pub fn exclusive_open(path: &str, times: usize) -> usize {
    let size = NonZeroUsize::new(size_of::<Course>()).unwrap();
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: A new mapping changes none that exists.
    let memory = unsafe { mmap_anonymous(None, size, protection, MapFlags::MAP_SHARED) }
        .expect("shared memory");
    // SAFETY: The mapping is of this size, aligned to a page, and of zeroes, which are a
    // `Course`; it stays until after the last use.
    let course: &Course = unsafe { memory.cast().as_ref() };

    let path = CString::new(path).expect("a path");
    // It may log each open.
    let quiet = QuietConsole::begin();
    processes(2, |index| {
        let interrupts = index == 1;
        let stays = stay_on(0, interrupts);
        match interrupts {
            // The other one waits for the end in any case.
            true => course.interrupt(&path, if stays { times } else { 0 }),
            false => course.be_interrupted(&path),
        }
        stays
    });
    drop(quiet);

    let number = |of: &AtomicUsize| of.load(SeqCst);
    let (opened, busy) = (number(&course.opened), number(&course.busy));
    let wrong = (number(&course.shared), number(&course.failed));
    // SAFETY: The mapping is ours, and `course` is not used any more.
    unsafe { munmap(memory, size.get()) }.expect("munmap");
    eprintln!("{path:?}: {opened} opens, {busy} times busy");
    assert_eq!(wrong, (0, 0), "opens that shared it, or failed");
    assert!(opened > 0 && busy > 0);
    opened
}

/// Tells threads to stop when it is dropped, also by a panic.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Loads and unloads a module 30 times, while two threads use it in one way, and two in
/// another.
///
/// # Panics
///
/// When none of the uses succeeds, or one fails with another error than ENOENT while its file
/// is not there, and `gone` when it has gone after it was opened.
pub fn unload_while_used(
    name: &str,
    params: &str,
    uses: [&(dyn Fn() -> io::Result<()> + Sync); 2],
    gone: Errno,
) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let users = [0, 1, 0, 1].map(|way| {
            let stop = &stop;
            scope.spawn(move || {
                let mut succeeded = 0;
                while !stop.load(SeqCst) {
                    let result = uses[way]();
                    if result.is_ok() {
                        succeeded += 1;
                        continue;
                    }
                    let errno = errno(result);
                    assert!([Errno::ENOENT, gone].contains(&errno), "{errno}");
                }
                succeeded
            })
        });
        let stop = Stop(&stop);
        for _ in 0..30 {
            Module::load(name, params).unwrap().unload().unwrap();
        }
        drop(stop);
        let succeeded: usize = users.map(|user| user.join().unwrap()).into_iter().sum();
        assert!(succeeded > 0);
    });
    assert_eq!(proc_modules(name), None);
}

/// Loads and unloads a module that others hold at times, until `enough` says so of how often it
/// was unloaded. In the end it may be loaded.
///
/// # Panics
///
/// When loading or unloading fails otherwise than by the module being there, or held; or after
/// [`PATIENCE`].
pub fn unload_while_held(name: &str, params: &str, enough: impl Fn(u64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut unloaded = 0;
    while !enough(unloaded) {
        assert!(Instant::now() < deadline, "unloaded {unloaded} times");
        let loaded = Module::load(name, params).map(std::mem::forget);
        assert!([Ok(()), Err(Errno::EEXIST)].contains(&loaded), "{loaded:?}");
        thread::sleep(Duration::from_millis(unloaded % 4));
        match unload(name) {
            Ok(()) => unloaded += 1,
            Err(errno) => assert_eq!(errno, Errno::EAGAIN),
        }
    }
}
