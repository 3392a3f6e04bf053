// SPDX-License-Identifier: GPL-2.0

//! System calls that have to wait for the memory that they are given.

use crate::{
    process::{wait_until, Child},
    user::PAGE,
};
use nix::{
    libc,
    sys::{
        mman::{mmap_anonymous, munmap, MapFlags, ProtFlags},
        uio::{pread, pwrite},
        wait::waitpid,
    },
    unistd::{fork, ForkResult},
    Result,
};
use std::{
    ffi::c_void,
    fs::{self, File},
    num::NonZeroUsize,
    ptr::NonNull,
    slice, thread,
};

/// The memory of a process whose fork takes long.
const MUCH: usize = 48 << 20;

/// The memory that its calls are given, a page each.
const UNTOUCHED: usize = 4096 * PAGE;

/// So many tries without success are no accident; the first or second is one, as a rule.
const ENOUGH: usize = 300;

/// There while the calls are to go on.
const GO_ON: &str = "/tmp/stalling";

/// Runs `other` until it has come to its end while a `call` was waiting for its memory.
///
/// `call` makes the system call of that number, with the address of a page that was never
/// used before. It does so in a process that forks all the time: this keeps page faults
/// waiting (`dup_mmap()` in `kernel/fork.c`), the longer the more memory there is.
///
/// # Panics
///
/// When `other` always waits for the call: for something that it has locked.
#[track_caller]
pub fn runs_beside(
    number: libc::c_long,
    call: impl Fn(usize) -> Result<()> + Sync,
    mut other: impl FnMut(),
) {
    fs::write(GO_ON, "").expect(GO_ON);
    let process = Child::spawn_with_files(|| make_calls(call));
    let tasks = format!("/proc/{}/task", process.pid());
    // If a call waits: how often its thread has gone to sleep so far.
    let waiting = || {
        let mut tasks = fs::read_dir(&tasks).expect("tasks").flatten();
        let caller = tasks.find(|task| *task.file_name() != *process.pid().to_string())?;
        let read = |file| fs::read_to_string(caller.path().join(file)).ok();
        let waits = read("syscall")?.starts_with(&format!("{number} "));
        // It takes no signal while it waits for memory, as it would elsewhere.
        let status = read("status").filter(|text| waits && text.contains("\nState:\tD"))?;
        let sleeps = status.lines().find(|line| line.starts_with("voluntary"));
        Some(sleeps.expect("a count").to_string())
    };
    let mut tries = 0;
    wait_until("the end of one call while another waits for memory", || {
        assert!(!process.ended(), "the call fails");
        let before = waiting();
        before.is_some() && {
            other();
            tries += 1;
            assert!(tries < ENOUGH, "each time it waits for the call");
            // It has not been woken meanwhile.
            waiting() == before
        }
    });
    // Killed, it would leave a process behind that has its files.
    fs::remove_file(GO_ON).expect(GO_ON);
    assert_eq!(process.exit_status(), 0);
}

/// As [`runs_beside`], of a `pread(2)` of the file's first 80 bytes.
#[track_caller]
pub fn runs_beside_read(file: &File, other: impl FnMut()) {
    runs_beside_copy(libc::SYS_pread64, |memory| pread(file, memory, 0), other);
}

/// As [`runs_beside`], of a `pwrite(2)` of 80 bytes to the file's beginning.
#[track_caller]
pub fn runs_beside_write(file: &File, other: impl FnMut()) {
    runs_beside_copy(libc::SYS_pwrite64, |memory| pwrite(file, memory, 0), other);
}

#[track_caller]
fn runs_beside_copy(
    number: libc::c_long,
    copy: impl Fn(&mut [u8]) -> Result<usize> + Sync,
    other: impl FnMut(),
) {
    let call = |page| {
        // SAFETY: The page is mapped, and nobody else's.
        let memory = unsafe { slice::from_raw_parts_mut(page as *mut u8, 80) };
        copy(memory).map(drop)
    };
    runs_beside(number, call, other);
}

/// Makes calls, and forks, as long as it is to go on; returns the errno of a call that fails.
fn make_calls(call: impl Fn(usize) -> Result<()> + Sync) -> i32 {
    map(MUCH, MapFlags::MAP_POPULATE);
    thread::scope(|scope| {
        let caller = scope.spawn(|| loop {
            let memory = map(UNTOUCHED, MapFlags::empty());
            for offset in (0..UNTOUCHED).step_by(PAGE) {
                if fs::metadata(GO_ON).is_err() {
                    return 0;
                }
                if let Err(errno) = call(memory.as_ptr() as usize + offset) {
                    return errno as i32;
                }
            }
            // SAFETY: Nobody has a reference into this memory.
            unsafe { munmap(memory, UNTOUCHED) }.expect("munmap");
        });
        while !caller.is_finished() {
            // SAFETY: The child only leaves.
            match unsafe { fork() }.expect("fork") {
                // SAFETY: No requirements.
                ForkResult::Child => unsafe { libc::_exit(0) },
                ForkResult::Parent { child } => drop(waitpid(child, None)),
            }
        }
        caller.join().expect("the errno")
    })
}

/// Maps memory.
fn map(size: usize, flags: MapFlags) -> NonNull<c_void> {
    let size = NonZeroUsize::new(size).expect("a size");
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: A new mapping changes none that exists.
    unsafe { mmap_anonymous(None, size, protection, flags | MapFlags::MAP_PRIVATE) }.expect("mmap")
}
