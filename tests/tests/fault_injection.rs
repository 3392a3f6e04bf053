// SPDX-License-Identifier: GPL-2.0

//! Each allocation and user copy fails once: while a module is loaded, and in the system
//! calls on its files. Only the debug guest can do this: `make test DEBUG=1`, or
//! `DEBUG=1 scripts/test.sh --test fault_injection`.
//!
//! A failure must end in ENOMEM or EFAULT, or in success where the kernel does without
//! the memory; it leaves nothing behind, and the same call succeeds afterwards. Leaks are
//! looked for after the last one (`qemu/run-tests-debug`); one module alone is run by
//! `DEBUG=1 scripts/test.sh --test fault_injection sleep_rs`.

use guest::{
    fault::{enable, fail_each},
    module::{self, proc_modules, Module},
};
use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::stat::{fstat, Mode},
    unistd::{lseek, read, write, Whence},
    Result,
};
use std::{
    ffi::CString,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

/// A system call on an open file.
type Call = (&'static str, fn(&OwnedFd) -> Result<()>);

const READ: Call = ("read", |file| read(file, &mut [0; 100]).map(drop));
const LSEEK: Call = ("lseek", |file| lseek(file, 0, Whence::SeekSet).map(drop));
const FSTAT: Call = ("fstat", |file| fstat(file).map(drop));
const POLL: Call = ("poll", |file| {
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).map(drop)
});
const WRITE: Call = ("write", |file| write(file, b"a few bytes").map(drop));
const SET_MSG: Call = ("IOCTL_SET_MSG", |file| {
    ioctl(file, 0x8008_6400, c"a message".as_ptr() as usize)
});
const GET_MSG: Call = ("IOCTL_GET_MSG", |file| {
    ioctl(file, 0x8008_6401, [0_u8; 100].as_mut_ptr() as usize)
});
const GET_NTH_BYTE: Call = ("IOCTL_GET_NTH_BYTE", |file| ioctl(file, 0xc004_6402, 0));

fn ioctl(file: &OwnedFd, command: u32, argument: usize) -> Result<()> {
    // SAFETY: The callers pass what the command wants.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command.into(), argument) };
    Errno::result(result).map(drop)
}

/// Fails each allocation of loading the module, then of each call on the file.
#[track_caller]
fn fail_all(name: &str, params: &str, allowed: &[Errno], file: Option<(&str, OFlag, &[Call])>) {
    let check = |what: &str, n, result: Result<()>| match result {
        Ok(()) | Err(Errno::ENOMEM | Errno::EFAULT) => {}
        Err(errno) => assert!(allowed.contains(&errno), "{what}, failure {n}: {errno}"),
    };
    enable();
    // Copies of the name and of the arguments are made here, not in the load.
    let (ko, params) = (module::open(name), CString::new(params).unwrap());
    let load = || Module::load_file(name, &ko, &params);
    let (mut injected, module) = fail_each(load, |n, result| {
        let failed = result.is_err();
        check("load", n, result.map(drop));
        assert!(!failed || proc_modules(name).is_none(), "load, failure {n}");
    });
    assert!(injected > 0);
    let module = module.expect("the load after all failures");

    if let Some((path, flags, calls)) = file {
        let open = || open(path, flags, Mode::empty());
        let (failures, file) = fail_each(open, |n, result| check("open", n, result.map(drop)));
        injected += failures;
        let file = file.expect("the open after all failures");
        for (what, call) in calls {
            let (failures, last) = fail_each(|| call(&file), |n, result| check(what, n, result));
            injected += failures;
            assert_eq!(last, Ok(()), "{what} after all failures");
        }
    }
    module.unload().unwrap();
    println!("{name}: {injected} failures injected");
}

/// Makes a test for each module, of its name.
macro_rules! modules {
    ($($name:ident $params:literal $(allows $errno:ident)? $(: $path:literal $flags:ident [$($call:ident),*])?;)+) => { $(
        #[test]
        fn $name() {
            let file: &[(&str, OFlag, &[Call])] = &[$(($path, OFlag::$flags, &[$($call),*]))?];
            let allowed = &[$(Errno::$errno)?];
            fail_all(stringify!($name), $params, allowed, file.first().copied());
        }
    )+ };
}

modules! {
    hello_rs "";
    hello_multi_rs "";
    param_rs "str1=a";
    chardev_rs "": "/dev/chardev_rs" O_RDONLY [READ, LSEEK, FSTAT, POLL];
    chardev_ioctl_rs "": "/dev/char_dev" O_RDWR
        [WRITE, READ, LSEEK, FSTAT, POLL, SET_MSG, GET_MSG, GET_NTH_BYTE];
    procfs_rs "": "/proc/test" O_RDONLY [READ, LSEEK, FSTAT, POLL];
    procfs_rw_rs "": "/proc/rw_test" O_RDWR [WRITE, READ, LSEEK, FSTAT, POLL];
    sleep_rs "": "/proc/sleep" O_RDWR [WRITE, READ, LSEEK, FSTAT, POLL];
    sched_rs "": "/proc/sched" O_RDONLY [READ, LSEEK, FSTAT, POLL];
    irq_kbd_rs "";
    print_string_rs "";
    syscall_rs "uid=65534";
    // It fails a case of its self test, as it should.
    usercopy_test_rs "" allows EINVAL;
    umh_rs "path=/bin/true wait=proc";
    export_server_rs "";
}

#[test]
fn export_client_rs() {
    let _server = Module::load("export_server_rs", "").unwrap();
    fail_all("export_client_rs", "", &[], None);
}

#[test]
fn demand_load_rs() {
    // What it asks for would stay loaded; modprobe is run for one that is there as well.
    let _hello = Module::load("hello_rs", "").unwrap();
    fail_all("demand_load_rs", "name=hello_rs", &[Errno::ENOENT], None);
}
