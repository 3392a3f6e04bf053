// SPDX-License-Identifier: GPL-2.0

//! Each allocation and user copy fails once: while a module is loaded, in the system calls
//! on its files, and while it is unloaded. Only the debug guest can do this: `make test
//! DEBUG=1`, or `DEBUG=1 scripts/test.sh --test fault_injection`.
//!
//! A failure must end in ENOMEM or EFAULT, or in success where the kernel does without
//! the memory; it leaves nothing behind, and the same call succeeds afterwards. Leaks are
//! looked for after the last one (`qemu/run-tests-debug`); one module alone is run by
//! `DEBUG=1 scripts/test.sh --test fault_injection sleep_rs`. The guest has one CPU, not
//! four as for the other tests: see `qemu/run-test.sh`.

use guest::{
    fault::{enable, fail_each, fail_nth},
    gpio::Chip,
    module::{self, proc_modules, Module},
    net::{frame, Socket, LONGEST, NETLOOP},
    user::{self, Edge},
};
use nix::{
    errno::Errno,
    fcntl::{fcntl, open, openat, FcntlArg, OFlag},
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        stat::{fstat, mkdirat, Mode},
        uio::{pread, pwrite, readv, writev},
    },
    unistd::{close, dup, lseek, read, unlinkat, write, UnlinkatFlags, Whence},
    Result,
};
use std::{
    ffi::CString,
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::LazyLock,
};

/// A system call on an open file.
type Call = (&'static str, fn(&OwnedFd) -> Result<()>);

const READS: &[Call] = &[
    ("read", |file| read(file, &mut [0; 100]).map(drop)),
    ("pread", |file| pread(file, &mut [0; 100], 1).map(drop)),
    ("lseek", |file| lseek(file, 0, Whence::SeekSet).map(drop)),
    ("readv", |file| {
        let (mut one, mut two) = ([0; 5], [0; 100]);
        let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        readv(file, &mut buffers).map(drop)
    }),
    ("fstat", |file| fstat(file).map(drop)),
    ("poll", |file| {
        let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).map(drop)
    }),
    ("dup", |file| dup(file).map(drop)),
    ("F_SETFL", |file| {
        fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
    }),
];

const WRITES: &[Call] = &[
    ("write", |file| write(file, b"a few bytes").map(drop)),
    ("pwrite", |file| pwrite(file, b"others", 1).map(drop)),
    ("writev", |file| {
        let buffers = [IoSlice::new(b"of "), IoSlice::new(b"two")];
        writev(file, &buffers).map(drop)
    }),
];

/// To a file that takes numbers, or has no place to write to.
const NUMBERS: &[Call] = &[("write", |file| write(file, b"7\n").map(drop))];

const IOCTLS: &[Call] = &[
    ("IOCTL_SET_MSG", |file| {
        ioctl(file, 0x8008_6400, c"a message".as_ptr() as usize)
    }),
    ("IOCTL_GET_MSG", |file| {
        ioctl(file, 0x8008_6401, [0_u8; 100].as_mut_ptr() as usize)
    }),
    ("IOCTL_GET_NTH_BYTE", |file| ioctl(file, 0xc004_6402, 0)),
    ("32-bit IOCTL_SET_MSG", |file| {
        ioctl_32(file, 0x8004_6400, *LOW_MEMORY)
    }),
    ("32-bit IOCTL_GET_MSG", |file| {
        ioctl_32(file, 0x8004_6401, *LOW_MEMORY)
    }),
    ("32-bit IOCTL_GET_NTH_BYTE", |file| {
        ioctl_32(file, 0xc004_6402, 0)
    }),
];

const VALUES: &[Call] = &[
    ("IOCTL_VALSET", |file| {
        ioctl(file, 0x4008_6600, [5_u32, 0].as_ptr() as usize)
    }),
    ("IOCTL_VALGET", |file| {
        ioctl(file, 0x8008_6601, [0_u32; 2].as_mut_ptr() as usize)
    }),
    ("IOCTL_VALGET_NUM", |file| {
        ioctl(file, 0x8004_6602, [0_u32; 2].as_mut_ptr() as usize)
    }),
    ("IOCTL_VALSET_NUM", |file| ioctl(file, 0x4004_6603, 5)),
    ("32-bit IOCTL_VALSET", |file| {
        ioctl_32(file, 0x4008_6600, *LOW_MEMORY)
    }),
];

const KEY: &[Call] = &[
    ("enable", |file| write(file, b"enable").map(drop)),
    ("disable", |file| write(file, b"disable").map(drop)),
];

/// With a press for the read: it waits until the line's thread has run.
const PRESSES: &[Call] = &[
    ("write", |file| write(file, b"1").map(drop)),
    ("press and read", |file| {
        let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().expect("an errno"));
        let chip = Chip::board().map_err(errno)?;
        chip.pull(1, false).map_err(errno)?;
        chip.pull(1, true).map_err(errno)?;
        read(file, &mut [0; 100]).map(drop)
    }),
];

/// Past the page cache, by a file of their own.
const SECTORS: &[Call] = &[("direct write and read", |_| {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let flags = OFlag::O_RDWR | OFlag::O_DIRECT;
    let file = open("/dev/ramdisk_rs", flags, Mode::empty())?;
    let mut page = Page([1; 4096]);
    pwrite(&file, &page.0, 4096)?;
    pread(&file, &mut page.0[512..1024], 512).map(drop)
})];

/// On the folder in which a folder is a keyboard. Shift alone is no character.
const KEYBOARDS: &[Call] = &[("mkdir, type, rmdir", |folder| {
    const NAME: &str = "a name that is longer than those that lie in the struct";
    mkdirat(folder, NAME, Mode::S_IRWXU)?;
    let typed = || {
        let path = format!("{NAME}/event");
        let event = openat(folder, &*path, OFlag::O_RDWR, Mode::empty())?;
        write(&event, b"+42")?;
        write(&event, b"-42")?;
        read(&event, &mut [0; 100])
    };
    let typed = typed();
    let remove = || unlinkat(folder, NAME, UnlinkatFlags::RemoveDir);
    // Once more without a failure.
    typed.and(remove().inspect_err(|_| remove().expect("rmdir")))
})];

/// On the flags of an interface. Where the kernel lacks memory, a frame is not sent, or not received;
/// its network's code says ENOBUFS, and ENFILE for a socket.
const FRAMES: &[Call] = &[
    ("up", |flags| pwrite(flags, b"0x1003", 0).map(drop)),
    ("send and receive", |_| {
        let lacks = |errno| match errno {
            Errno::ENOBUFS | Errno::ENFILE => Errno::ENOMEM,
            other => other,
        };
        let socket = Socket::bound(NETLOOP).map_err(lacks)?;
        let sent = socket.send(&frame([0xff; 6], [2; 6], LONGEST, 0));
        sent.map_err(lacks)?;
        match socket.try_receive() {
            Ok(_) | Err(Errno::EAGAIN) => Ok(()),
            Err(errno) => Err(errno),
        }
    }),
    ("down", |flags| pwrite(flags, b"0x1002", 0).map(drop)),
];

/// The address of 100 zero bytes that a 32-bit process can name.
static LOW_MEMORY: LazyLock<u32> = LazyLock::new(|| {
    let memory = Edge::unmapped_32();
    let address = memory.address(100);
    std::mem::forget(memory);
    address.try_into().expect("an address of 32 bits")
});

fn ioctl(file: &OwnedFd, command: u32, argument: usize) -> Result<()> {
    // SAFETY: The callers pass what the command wants.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command.into(), argument) };
    Errno::result(result).map(drop)
}

fn ioctl_32(file: &OwnedFd, command: u32, argument: u32) -> Result<()> {
    // SAFETY: Nothing else uses the memory that the callers pass.
    unsafe { user::ioctl_32(file.as_fd(), command, argument) }.map(drop)
}

/// Fails each allocation of loading the module, of each call on the file, of unloading.
#[track_caller]
fn fail_all(name: &str, params: &str, allowed: &[Errno], file: Option<(&str, OFlag, &[&[Call]])>) {
    let check = |what: &str, n, result: Result<()>| match result {
        Ok(()) | Err(Errno::ENOMEM | Errno::EFAULT) => {}
        Err(errno) => assert!(allowed.contains(&errno), "{what}, failure {n}: {errno}"),
    };
    enable();
    LazyLock::force(&LOW_MEMORY);
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
        for (what, call) in calls.iter().copied().flatten() {
            let (failures, last) = fail_each(|| call(&file), |n, result| check(what, n, result));
            injected += failures;
            assert_eq!(last, Ok(()), "{what} after all failures");
        }
        let (closed, _) = fail_nth(1, || close(file));
        assert_eq!(closed, Ok(()));
    }
    let (failures, unloaded) = fail_each(
        || module.try_unload(),
        |n, result| {
            check("unload", n, result);
            if result.is_ok() {
                std::mem::forget(load().expect("the next load"));
            }
            assert!(proc_modules(name).is_some(), "unload, failure {n}");
        },
    );
    injected += failures;
    assert_eq!(unloaded, Ok(()), "the unload after all failures");
    println!("{name}: {injected} failures injected");
}

/// Makes a test for each module, of its name.
macro_rules! modules {
    ($($name:ident $params:literal $(allows $errno:ident)? $(: $path:literal $flags:ident [$($calls:ident),*])?;)+) => { $(
        #[test]
        fn $name() {
            let file: &[(&str, OFlag, &[&[Call]])] = &[$(($path, OFlag::$flags, &[$($calls),*]))?];
            let allowed = &[$(Errno::$errno)?];
            fail_all(stringify!($name), $params, allowed, file.first().copied());
        }
    )+ };
}

modules! {
    hello_rs "";
    hello_multi_rs "";
    param_rs "str1=a": "/sys/module/param_rs/parameters/str1" O_RDONLY [READS];
    param_watch_rs "watched=1": "/sys/module/param_watch_rs/parameters/watched" O_RDWR [READS, NUMBERS];
    chardev_rs "": "/dev/chardev_rs" O_RDONLY [READS];
    chardev_ioctl_rs "": "/dev/char_dev" O_RDWR [WRITES, READS, IOCTLS];
    misc_rs "": "/dev/misc_rs" O_RDONLY [READS, VALUES];
    // What the kernel makes of a faux device for which memory lacks.
    gpio_rs "" allows ENODEV: "/dev/gpio_rs" O_RDWR [PRESSES];
    // What the kernel says where memory for the link between driver and module lacks.
    edu_rs "" allows EINVAL: "/dev/edu_rs" O_RDWR [NUMBERS, READS];
    // What the kernel says where memory for the disk's name lacks.
    ramdisk_rs "mib=1" allows EINVAL: "/dev/ramdisk_rs" O_RDWR [WRITES, READS, SECTORS];
    // What the kernel says where memory for the name of an interface lacks.
    netloop_rs "" allows EINVAL: "/sys/class/net/netloop0/flags" O_RDWR [FRAMES];
    procfs_rs "": "/proc/test" O_RDONLY [READS];
    procfs_rw_rs "": "/proc/rw_test" O_RDWR [WRITES, READS];
    procfs_seq_rs "": "/proc/iter" O_RDWR [NUMBERS, READS];
    sleep_rs "": "/proc/sleep" O_RDWR [WRITES, READS];
    static_key_rs "": "/proc/key_state" O_RDWR [READS, KEY];
    sysfs_rs "": "/sys/kernel/sysfs_rs/value" O_RDWR [READS, NUMBERS];
    debugfs_rs "": "/sys/kernel/debug/debugfs_rs/message" O_RDWR [WRITES, READS];
    sched_rs "": "/proc/sched" O_RDONLY [READS];
    irq_kbd_rs "";
    completions_rs "";
    // The kernel says so where memory for a device's name, or for the links between driver and
    // module, lacks.
    platform_rs "devices=2" allows EINVAL;
    kbleds_rs "interval_ms=60000";
    // What the kernel says where memory for the name of an input device lacks.
    vinput_rs "" allows EINVAL: "/sys/kernel/config/vinput" O_DIRECTORY [KEYBOARDS];
    locks_rs "steps=10";
    slab_rs "";
    workqueue_rs "";
    print_string_rs "";
    // Of a file of the watched user.
    syscall_rs "uid=0": "/etc/passwd" O_RDONLY [READS];
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

/// The page that it copies by.
#[test]
fn edu_rs_with_its_memory() {
    let file = ("/dev/edu_rs_memory", OFlag::O_RDWR, &[WRITES, READS][..]);
    fail_all("edu_rs", "", &[Errno::EINVAL], Some(file));
}

/// Its bottom half is a thread, made while it loads.
#[test]
fn irq_kbd_rs_with_a_thread() {
    fail_all("irq_kbd_rs", "threaded=1", &[], None);
}

/// One more after the other, and one for a timer that does not end.
#[test]
fn workqueue_rs_with_a_delay() {
    fail_all("workqueue_rs", "bh=1 delay_ms=60000", &[], None);
}

/// A timer and a work item for each program, which ends long before.
#[test]
fn umh_rs_with_a_timeout() {
    let params = "path=/bin/true wait=proc timeout_ms=3600000";
    fail_all("umh_rs", params, &[], None);
}
