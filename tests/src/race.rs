// SPDX-License-Identifier: GPL-2.0

//! Processes that race for a device.

use nix::{
    errno::Errno,
    libc,
    sched::sched_yield,
    sys::{
        mman::{mmap_anonymous, munmap, MapFlags, ProtFlags},
        wait::{waitpid, WaitStatus},
    },
    unistd::{fork, ForkResult},
};
use std::{
    fs::File,
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
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
    arrivals: AtomicUsize,
    winners: AtomicUsize,
    wrong: AtomicUsize,
    others: AtomicUsize,
}

impl Course {
    /// Waits until all `n` processes have come here `times` times in all.
    fn meet(&self, n: usize, times: usize) {
        self.arrivals.fetch_add(1, SeqCst);
        while self.arrivals.load(SeqCst) < n * times {
            let _ = sched_yield();
        }
    }
}

/// Lets `n` processes open `path` at the same time, `rounds` times.
///
/// # Panics
///
/// When in a round not exactly one of them succeeds, or another one fails with another
/// error than EBUSY.
#[track_caller]
pub fn exclusive_open(path: &str, n: usize, rounds: usize) {
    let size = NonZeroUsize::new(size_of::<Course>()).unwrap();
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: A new mapping changes none that exists.
    let memory = unsafe { mmap_anonymous(None, size, protection, MapFlags::MAP_SHARED) }
        .expect("shared memory");
    // SAFETY: The mapping is of this size, aligned to a page, and of zeroes, which are a
    // `Course`; it stays until after the last use.
    let course: &Course = unsafe { memory.cast().as_ref() };

    processes(n, |_| {
        for round in 0..rounds {
            course.meet(n, 3 * round + 1);
            let file = File::open(path);
            match &file {
                Ok(_) => drop(course.winners.fetch_add(1, SeqCst)),
                Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {}
                Err(_) => drop(course.others.fetch_add(1, SeqCst)),
            }
            // All have tried; the winner still has it open.
            course.meet(n, 3 * round + 2);
            if course.winners.load(SeqCst) != round + 1 {
                course.wrong.fetch_add(1, SeqCst);
            }
            drop(file);
            course.meet(n, 3 * round + 3);
        }
        true
    });

    let (winners, wrong, others) = (
        course.winners.load(SeqCst),
        course.wrong.load(SeqCst),
        course.others.load(SeqCst),
    );
    // SAFETY: The mapping is ours, and `course` is not used any more.
    unsafe { munmap(memory, size.get()) }.expect("munmap");
    assert_eq!((winners, wrong, others), (rounds, 0, 0));
}
