// SPDX-License-Identifier: GPL-2.0

//! What is wrong, and which errno answers it: a table of all files, commands and
//! parameters. After each row everything is as before.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module, ALL, FILES},
    process::as_nobody,
    state::{assert_unchanged, state},
    user::{Edge, BAD_ADDRESSES},
};
use nix::{
    errno::Errno::{self, *},
    libc::{self, O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY},
};
use std::{
    ffi::CString,
    fs::{self, File},
    io::Read,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

const DEVICE: &str = "/dev/char_dev";

/// A row for an open file: how it is opened, what is called, what it fails with.
struct Row {
    path: &'static str,
    flags: i32,
    call: Call,
    errno: Errno,
}

/// A call on an open file. Good memory is 4096 bytes.
#[derive(Debug, Clone, Copy)]
enum Call {
    Read(Memory, usize),
    Write(Memory, usize),
    Pread(i64),
    Pwrite(i64),
    /// With so many buffers.
    Readv(i64),
    Writev(i64),
    /// With these flags of `preadv2`.
    Preadv2(i32),
    Seek(i64, i32),
    Ioctl(u64, Argument),
    Truncate(i64),
    Allocate(i64, i64),
    Map,
    ListFolder,
    ChangeTo,
    SetFlags(i32),
    Control(i32),
    /// A second open, with these flags.
    Open(i32),
}

#[derive(Debug, Clone, Copy)]
enum Memory {
    Good,
    At(usize),
}

#[derive(Debug, Clone, Copy)]
enum Argument {
    Number(u64),
    /// So many bytes before memory that is not there.
    BeforeEnd(usize),
}

impl Call {
    fn run(self, path: &str, fd: i32) -> nix::Result<i64> {
        let mut memory = Edge::unmapped();
        memory.last(4096).fill(b'x');
        let good = memory.address(4096);
        let at = |memory| match memory {
            Memory::Good => good,
            Memory::At(address) => address,
        };
        // SAFETY: Nothing is written but to the memory above: other addresses are bad.
        let result = unsafe {
            match self {
                Self::Read(to, length) => libc::syscall(libc::SYS_read, fd, at(to), length),
                Self::Write(from, length) => libc::syscall(libc::SYS_write, fd, at(from), length),
                Self::Pread(at) => libc::syscall(libc::SYS_pread64, fd, good, 10, at),
                Self::Pwrite(at) => libc::syscall(libc::SYS_pwrite64, fd, good, 10, at),
                Self::Readv(count) => libc::syscall(libc::SYS_readv, fd, good, count),
                Self::Writev(count) => libc::syscall(libc::SYS_writev, fd, good, count),
                Self::Preadv2(flags) => {
                    let iov = libc::iovec {
                        iov_base: good as *mut libc::c_void,
                        iov_len: 10,
                    };
                    libc::syscall(libc::SYS_preadv2, fd, &iov, 1, 0, 0, flags)
                }
                Self::Seek(offset, whence) => libc::syscall(libc::SYS_lseek, fd, offset, whence),
                Self::Ioctl(command, argument) => {
                    let argument = match argument {
                        Argument::Number(number) => number,
                        Argument::BeforeEnd(n) => memory.address(n) as u64,
                    };
                    libc::syscall(libc::SYS_ioctl, fd, command, argument)
                }
                Self::Truncate(length) => libc::syscall(libc::SYS_ftruncate, fd, length),
                Self::Allocate(at, length) => libc::syscall(libc::SYS_fallocate, fd, 0, at, length),
                Self::Map => libc::syscall(libc::SYS_mmap, 0, 4096, 1, 2, fd, 0),
                Self::ListFolder => libc::syscall(libc::SYS_getdents64, fd, good, 4096),
                Self::ChangeTo => libc::syscall(libc::SYS_fchdir, fd),
                Self::SetFlags(flags) => libc::syscall(libc::SYS_fcntl, fd, libc::F_SETFL, flags),
                Self::Control(command) => libc::syscall(libc::SYS_fcntl, fd, command, 0),
                Self::Open(flags) => {
                    let path = CString::new(path).unwrap();
                    libc::syscall(libc::SYS_open, path.as_ptr(), flags, 0o600)
                }
            }
        };
        Errno::result(result)
    }
}

fn is_device(path: &str) -> bool {
    path.starts_with("/dev/")
}

/// The files that can be written.
fn is_writable(path: &str) -> bool {
    [DEVICE, "/proc/iter", "/proc/rw_test", "/proc/sleep"].contains(&path)
}

/// The files whose content the kernel's `seq_file` keeps.
fn is_sequence(path: &str) -> bool {
    let others = ["/proc/iter", "/proc/key_state", "/proc/test", "/proc/sched"];
    path == "/dev/misc_rs" || others.contains(&path)
}

/// The rows of one file.
fn rows(path: &'static str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |flags, call, errno| {
        rows.push(Row {
            path,
            flags,
            call,
            errno,
        });
    };
    let (device, writable, sequence) = (is_device(path), is_writable(path), is_sequence(path));

    for address in BAD_ADDRESSES {
        row(O_RDONLY, Call::Read(Memory::At(address), 16), EFAULT);
        if writable {
            row(O_RDWR, Call::Write(Memory::At(address), 16), EFAULT);
        }
    }
    row(O_WRONLY, Call::Read(Memory::Good, 16), EBADF);
    row(O_RDONLY, Call::Write(Memory::Good, 16), EBADF);
    row(O_RDONLY, Call::Read(Memory::Good, usize::MAX), EFAULT);
    row(O_RDONLY, Call::Read(Memory::Good, 1 << 63), EFAULT);
    if !writable {
        // One takes words.
        let refuses = device || path == "/proc/key_state";
        let errno = if refuses { EINVAL } else { EIO };
        row(O_RDWR, Call::Write(Memory::Good, 16), errno);
        // A `seq_file` has no place to write to.
        let errno = if sequence { ESPIPE } else { errno };
        row(O_RDWR, Call::Pwrite(0), errno);
    }
    for offset in [-1, i64::MIN] {
        row(O_RDONLY, Call::Pread(offset), EINVAL);
        row(O_RDWR, Call::Pwrite(offset), EINVAL);
        row(O_RDONLY, Call::Seek(offset, libc::SEEK_SET), EINVAL);
        row(O_RDONLY, Call::Seek(offset, libc::SEEK_CUR), EINVAL);
    }
    for count in [-1, 1025, i64::MAX] {
        row(O_RDONLY, Call::Readv(count), EINVAL);
        row(O_RDWR, Call::Writev(count), EINVAL);
    }
    row(O_RDONLY, Call::Preadv2(1 << 30), EOPNOTSUPP);
    for whence in [-1, 5, 6, i32::MAX] {
        row(O_RDONLY, Call::Seek(0, whence), EINVAL);
    }
    if device && !sequence {
        // Beyond the end, which is 81 bytes at most; and holes.
        for offset in [82, 4096, 1 << 31, 1 << 32, i64::MAX] {
            row(O_RDONLY, Call::Seek(offset, libc::SEEK_SET), EINVAL);
            row(O_RDONLY, Call::Seek(offset, libc::SEEK_END), EINVAL);
        }
        for whence in [libc::SEEK_DATA, libc::SEEK_HOLE] {
            row(O_RDONLY, Call::Seek(0, whence), EINVAL);
        }
        row(O_RDONLY, Call::Open(O_RDONLY), EBUSY);
        row(O_RDONLY, Call::Open(O_RDWR), EBUSY);
        row(O_RDWR, Call::Open(O_RDONLY), EBUSY);
    } else if sequence {
        for whence in [libc::SEEK_END, libc::SEEK_DATA, libc::SEEK_HOLE] {
            row(O_RDONLY, Call::Seek(0, whence), EINVAL);
        }
    } else {
        row(O_RDONLY, Call::Seek(-1, libc::SEEK_END), EINVAL);
        row(O_RDONLY, Call::Seek(0, libc::SEEK_DATA), ENXIO);
        row(O_RDONLY, Call::Seek(0, libc::SEEK_HOLE), ENXIO);
    }
    row(O_RDONLY, Call::Open(O_DIRECTORY), ENOTDIR);
    row(O_RDONLY, Call::Open(O_CREAT | O_EXCL), EEXIST);
    if path == "/proc/sleep" {
        for access in [O_RDONLY, O_WRONLY, O_RDWR] {
            row(O_RDONLY, Call::Open(access | libc::O_NONBLOCK), EAGAIN);
        }
    }

    // Commands that it does not have: a terminal's, those of chardev_ioctl_rs.
    let mut commands = vec![0, 3, 0x5401, 0x5413, 0x6400, 0xffff_ffff];
    let others = [0x8008_6400, 0x4008_6400, 0x8008_6401, 0xc004_6402];
    if path == DEVICE {
        // The commands have the numbers 0 to 2, and a size and a direction each.
        commands.extend((3..32).map(|number| 0x8008_6400 + number));
        commands.extend(others.map(|command| command & 0x0000_ffff));
        commands.extend(others.map(|command| command ^ 0x0100));
        commands.extend(others.map(|command| command + (1 << 16)));
        // Those of 32-bit programs.
        commands.extend([0x8004_6400, 0x4004_6400, 0x8004_6401]);
    } else {
        commands.extend(others);
    }
    for command in commands {
        row(
            O_RDONLY,
            Call::Ioctl(command, Argument::BeforeEnd(200)),
            ENOTTY,
        );
    }

    // FIBMAP, which the kernel has for all regular files.
    let errno = if device { ENOTTY } else { EINVAL };
    row(O_RDONLY, Call::Ioctl(1, Argument::BeforeEnd(200)), errno);

    row(O_RDWR, Call::Truncate(-1), EINVAL);
    if device {
        row(O_RDWR, Call::Truncate(0), EINVAL);
    }
    row(O_RDWR, Call::Allocate(0, 0), EINVAL);
    row(O_RDWR, Call::Allocate(-1, 1), EINVAL);
    row(
        O_RDWR,
        Call::Allocate(0, 1),
        if device { ENODEV } else { EOPNOTSUPP },
    );
    row(O_RDONLY, Call::Map, if device { ENODEV } else { EIO });
    row(O_RDONLY, Call::ListFolder, ENOTDIR);
    row(O_RDONLY, Call::ChangeTo, ENOTDIR);
    row(O_RDONLY, Call::SetFlags(libc::O_DIRECT), EINVAL);
    row(O_RDONLY, Call::Control(9999), EINVAL);
    row(O_RDONLY, Call::Control(libc::F_GETPIPE_SZ), EBADF);
    rows
}

/// The rows of the commands that chardev_ioctl_rs has, with a message of 5 bytes.
fn ioctl_rows() -> Vec<Row> {
    const SET_MSG: [u64; 2] = [0x8008_6400, 0x4008_6400];
    const GET_MSG: u64 = 0x8008_6401;
    const GET_NTH_BYTE: u64 = 0xc004_6402;
    let row = |command, argument, errno| Row {
        path: DEVICE,
        flags: O_RDONLY,
        call: Call::Ioctl(command, argument),
        errno,
    };
    let mut rows = Vec::new();
    for address in BAD_ADDRESSES {
        for command in [SET_MSG[0], SET_MSG[1], GET_MSG] {
            rows.push(row(command, Argument::Number(address as u64), EFAULT));
        }
    }
    // No room for the message, or its NUL; no NUL before the end.
    for n in 0..=5 {
        rows.push(row(GET_MSG, Argument::BeforeEnd(n), EFAULT));
    }
    for n in (0..=80).step_by(10) {
        for command in SET_MSG {
            rows.push(row(command, Argument::BeforeEnd(n), EFAULT));
        }
    }
    let beyond = (6..=81).chain([1 << 31, 1 << 32, (1 << 32) + 1, u64::MAX - 4, u64::MAX]);
    for index in beyond {
        rows.push(row(GET_NTH_BYTE, Argument::Number(index), EINVAL));
    }
    rows
}

/// What can be seen of a module and its file. The count of chardev_rs's openers is the
/// `opens`-th more than it was; other numbers are not the row's doing.
fn snapshot(name: &str, path: &str, opens: &AtomicUsize) -> (module::Line, String) {
    let mut content = String::new();
    File::open(path)
        .unwrap()
        .read_to_string(&mut content)
        .unwrap();
    if name == "chardev_rs" {
        let count = opens.fetch_add(1, Relaxed);
        assert_eq!(
            content,
            format!("If I told you once, I told you {count} times Hello, world\n")
        );
    }
    if name == "chardev_rs" || is_sequence(path) {
        content.retain(|c| !c.is_ascii_digit());
        for suffix in ["st ", "nd ", "rd ", "th "] {
            content = content.replace(suffix, "th ");
        }
    }
    (proc_modules(name).unwrap(), content)
}

/// Opens a file with any flags.
fn open(path: &str, flags: i32) -> File {
    let path = CString::new(path).unwrap();
    // SAFETY: The path is valid.
    let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    // SAFETY: The descriptor is new.
    unsafe { OwnedFd::from_raw_fd(Errno::result(fd).expect("open")) }.into()
}

#[test]
fn files_and_ioctls() {
    let mut count = 0;
    for (name, path) in FILES {
        let before = state();
        let module = Module::load(name, "").unwrap();
        if is_writable(path) {
            fs::write(path, "hello").unwrap();
        }
        let mut rows = rows(path);
        if path == DEVICE {
            rows.extend(ioctl_rows());
        }
        let opens = AtomicUsize::new(0);
        for row in &rows {
            let text = format!("{} opened with {:#x}: {:x?}", row.path, row.flags, row.call);
            let before = snapshot(name, path, &opens);
            let file = open(row.path, row.flags);
            opens.fetch_add(1, Relaxed);
            let used = module.use_count();
            let mut log = Log::bookmark();
            assert_eq!(
                row.call.run(path, file.as_raw_fd()),
                Err(row.errno),
                "{text}"
            );
            let mut lines = log.lines();
            // It tells of each open, also of one that it refuses.
            lines.retain(|line| !line.starts_with("chardev_rs: Device: "));
            assert_eq!(lines, [""; 0], "{text}");
            assert_eq!(module.use_count(), used, "{text}");
            // SAFETY: Asks for the position.
            let position = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_CUR) };
            assert_eq!(position, 0, "{text}");
            drop(file);
            assert_eq!(snapshot(name, path, &opens), before, "{text}");
        }
        count += rows.len();
        module.unload().unwrap();
        assert_unchanged(&before, name);
    }
    eprintln!("{count} rows");
    assert!(count >= 350, "{count}");
}

#[test]
fn opens_of_others() {
    // Who is not root: what may be opened, what not.
    let rows = [
        (DEVICE, O_RDONLY, Err(EACCES)),
        (DEVICE, O_WRONLY, Err(EACCES)),
        (DEVICE, O_RDWR, Err(EACCES)),
        ("/dev/misc_rs", O_RDONLY, Err(EACCES)),
        ("/dev/misc_rs", O_WRONLY, Err(EACCES)),
        ("/dev/misc_rs", O_RDWR, Err(EACCES)),
        ("/dev/chardev_rs", O_RDONLY, Ok(())),
        ("/dev/chardev_rs", O_WRONLY, Err(EACCES)),
        ("/dev/chardev_rs", O_RDWR, Err(EACCES)),
        ("/proc/test", O_RDONLY, Ok(())),
        ("/proc/test", O_WRONLY, Err(EACCES)),
        ("/proc/test", O_RDWR, Err(EACCES)),
        ("/proc/rw_test", O_RDONLY, Ok(())),
        ("/proc/rw_test", O_WRONLY, Err(EACCES)),
        ("/proc/rw_test", O_RDWR, Err(EACCES)),
        ("/proc/iter", O_RDONLY, Ok(())),
        ("/proc/iter", O_WRONLY, Err(EACCES)),
        ("/proc/iter", O_RDWR, Err(EACCES)),
        ("/proc/sched", O_RDONLY, Ok(())),
        ("/proc/sched", O_WRONLY, Err(EACCES)),
        ("/proc/sched", O_RDWR, Err(EACCES)),
        ("/proc/sleep", O_RDONLY, Ok(())),
        ("/proc/sleep", O_WRONLY, Err(EACCES)),
        ("/proc/sleep", O_RDWR, Err(EACCES)),
    ];
    for (path, flags, expected) in rows {
        let (name, _) = FILES.into_iter().find(|(_, file)| *file == path).unwrap();
        let module = Module::load(name, "").unwrap();
        let opened = as_nobody(|| {
            let path = CString::new(path).unwrap();
            // SAFETY: The path is valid.
            let fd = unsafe { libc::open(path.as_ptr(), flags) };
            Ok(Errno::result(fd).map(drop)?)
        });
        assert_eq!(opened, expected, "{path} opened with {flags:#x} by nobody");
        assert_eq!(module.use_count(), 0, "{path}");
        module.unload().unwrap();
    }
    eprintln!("{} rows", rows.len());
}

/// The parameters that are numbers, with what is beside their range.
const NUMBERS: [(&str, &str, &[&str]); 25] = [
    ("param_rs", "count", &["0", "101", "4294967295"]),
    ("umh_rs", "count", &["0", "1001", "4294967295"]),
    ("umh_rs", "refuse", &["4096", "4294967295"]),
    ("syscall_rs", "rate", &["0", "100001", "4294967295"]),
    ("syscall_rs", "uid", &[]),
    ("procfs_seq_rs", "uid", &[]),
    (
        "sched_rs",
        "interval_ms",
        &["0", "-2", "60001", "2147483647", "-2147483648"],
    ),
    ("completions_rs", "crank_ms", &["10001", "4294967295"]),
    ("edu_rs", "timeout_ms", &["0", "3600001", "4294967295"]),
    ("gpio_rs", "led", &["2", "65535"]),
    ("gpio_rs", "button", &["2", "65535"]),
    ("kbleds_rs", "interval_ms", &["9", "60001", "4294967295"]),
    ("locks_rs", "threads", &["0", "33", "4294967295"]),
    ("locks_rs", "steps", &["0", "100001", "4294967295"]),
    ("platform_rs", "devices", &["0", "6", "65535"]),
    ("ramdisk_rs", "mib", &["0", "1025", "4294967295"]),
    (
        "platform_rs",
        "broken",
        &["-2", "5", "2147483647", "-2147483648"],
    ),
    ("irq_kbd_rs", "ports", &["2", "255"]),
    ("irq_kbd_rs", "threaded", &["2", "255"]),
    ("irq_kbd_rs", "delay_ms", &["60001", "4294967295"]),
    ("slab_rs", "objects", &["0", "1001", "4294967295"]),
    ("workqueue_rs", "items", &["0", "1001", "4294967295"]),
    ("workqueue_rs", "bh", &["2", "255"]),
    ("workqueue_rs", "delay_ms", &["60001", "4294967295"]),
    // Of the tests.
    ("faulty/faulty", "leak", &[]),
];

/// What is no number, for every number.
const NO_NUMBERS: [&str; 12] = [
    "=",
    "=x",
    "=1x",
    "=1.5",
    "=0x",
    "=--1",
    "=1_",
    "=4294967296",
    "=-4294967296",
    "=99999999999999999999",
    "=seven",
    "=\u{661}",
];

/// Parameters that are strings, and what is wrong with them.
const STRINGS: [(&str, &str, Errno); 44] = [
    ("gpio_rs", "chip", EINVAL),
    ("gpio_rs", "chip=", ENODEV),
    ("gpio_rs", "chip=GPIO_RS", ENODEV),
    ("locks_rs", "lock", EINVAL),
    ("locks_rs", "lock=", EINVAL),
    ("locks_rs", "lock=mutexes", EINVAL),
    ("locks_rs", "lock=Mutex", EINVAL),
    ("locks_rs", "lock=mutex,spin", EINVAL),
    ("param_rs", "str1", EINVAL),
    ("param_rs", "str2", EINVAL),
    ("param_rs", "title", EINVAL),
    ("param_rs", "numbers", EINVAL),
    ("param_rs", "numbers=", EINVAL),
    ("param_rs", "numbers=,", EINVAL),
    ("param_rs", "numbers=1,", EINVAL),
    ("param_rs", "numbers=1,,2", EINVAL),
    ("param_rs", "numbers=1,2,3,4,5", EINVAL),
    ("param_rs", "numbers=1,x", EINVAL),
    ("param_rs", "numbers=2147483648", ERANGE),
    ("param_watch_rs", "watched=", EINVAL),
    ("param_watch_rs", "watched=x", EINVAL),
    ("param_watch_rs", "watched=1x", EINVAL),
    ("param_watch_rs", "watched=-1", EINVAL),
    ("param_watch_rs", "watched=101", EINVAL),
    ("param_watch_rs", "watched=-2147483649", ERANGE),
    ("syscall_rs", "symbol", EINVAL),
    ("umh_rs", "path", EINVAL),
    ("umh_rs", "arg", EINVAL),
    ("umh_rs", "wait", EINVAL),
    ("demand_load_rs", "name", EINVAL),
    ("usercopy_test_rs", "wrong", EINVAL),
    ("syscall_rs", "symbol=", EINVAL),
    ("syscall_rs", "symbol=vfs_read", EINVAL),
    ("syscall_rs", "symbol=do_file_ope", EINVAL),
    ("syscall_rs", "symbol=do_file_open2", EINVAL),
    ("syscall_rs", "symbol=do_filp_open", ENOENT),
    ("umh_rs", "path=/no/such/program", ENOENT),
    ("umh_rs", "path=/", EACCES),
    ("umh_rs", "path=/etc/passwd", EACCES),
    ("umh_rs", "wait=", EINVAL),
    ("umh_rs", "wait=ever", EINVAL),
    ("umh_rs", "wait=PROC", EINVAL),
    ("demand_load_rs", "name=demand_load_rs", EINVAL),
    ("demand_load_rs", "name=demand-load-rs", EINVAL),
];

/// The cases of usercopy_test_rs, each of which can be turned around.
const CASES: [&str; 25] = [
    "copy_round_trip",
    "copy_over_page_border",
    "copy_whole_pages",
    "copy_from_partly_unmapped",
    "copy_to_partly_unmapped",
    "put_get_u8",
    "put_get_u16",
    "put_get_u32",
    "put_get_u64",
    "put_get_partly_unmapped",
    "strncpy",
    "strncpy_partly_unmapped",
    "strnlen",
    "strnlen_partly_unmapped",
    "check_zeroed",
    "copy_nofault",
    "user_slice",
    "user_slice_partly_unmapped",
    "kernel_address",
    "null_address",
    "unmapped_address",
    "first_address_beyond_user",
    "non_canonical_address",
    "non_canonical_kernel_address",
    "last_address",
];

/// All rows of parameters: module, parameters, errno.
fn parameter_rows() -> Vec<(&'static str, String, Errno)> {
    let mut rows = Vec::new();
    for (name, parameter, beyond) in NUMBERS {
        rows.push((name, parameter.into(), EINVAL));
        rows.push((name, format!("{parameter}=1 {parameter}=1"), EEXIST));
        for wrong in NO_NUMBERS {
            rows.push((name, format!("{parameter}{wrong}"), EINVAL));
        }
        for wrong in beyond {
            rows.push((name, format!("{parameter}={wrong}"), EINVAL));
        }
    }
    for (name, params, errno) in STRINGS {
        rows.push((name, params.into(), errno));
        if errno == EINVAL && !params.contains('=') && params != "numbers" {
            // The longest is 1024 bytes.
            for length in [1025, 2000] {
                rows.push((name, format!("{params}={}", "x".repeat(length)), ENOSPC));
            }
        }
    }
    for case in CASES {
        rows.push(("usercopy_test_rs", format!("wrong={case}"), EINVAL));
    }
    for length in [56, 100, 1024] {
        rows.push((
            "demand_load_rs",
            format!("name={}", "x".repeat(length)),
            ENAMETOOLONG,
        ));
    }
    for errno in [
        EPERM, ENOENT, EIO, ENOMEM, EACCES, EBUSY, ENODEV, EINVAL, ENOSPC,
    ] {
        rows.push(("umh_rs", format!("refuse={}", errno as i32), errno));
    }
    rows.retain(|(name, ..)| module::is_built(name));
    rows
}

/// A parameter that is refused is told of: by the kernel, if it cannot read it, or by the
/// module.
#[test]
fn parameters() {
    let before = state();
    let rows = parameter_rows();
    for (name, params, errno) in &rows {
        let text = format!("insmod {name}.ko {params:.60}");
        let mut log = Log::bookmark();
        let load = Module::load(name, params);
        assert_eq!(load.err(), Some(*errno), "{text}");
        if *errno == EINVAL {
            let told = log.records_of(name.trim_start_matches("faulty/"));
            assert!(
                told.iter().any(|(level, _)| *level == 3),
                "{text}: {told:?}"
            );
        }
        assert_unchanged(&before, &text);
    }
    eprintln!("{} rows", rows.len());
    assert!(rows.len() >= 200, "{}", rows.len());
}

#[test]
fn loads_and_unloads() {
    let before = state();
    let mut count = 0;
    for &name in ALL.iter() {
        // Not loaded.
        assert_eq!(module::unload(name), Err(ENOENT), "{name}");
        let server = module::depends(name).map(|server| {
            let missing = Module::load(name, "");
            assert_eq!(missing.err(), Some(ENOENT), "{name} without {server}");
            count += 1;
            Module::load(server, "").unwrap()
        });
        let module = Module::load(name, "").unwrap();
        // Loaded already.
        let loaded = state();
        assert_eq!(Module::load(name, "").err(), Some(EEXIST), "{name}");
        assert_unchanged(&loaded, name);
        module.unload().unwrap();
        drop(server);
        assert_unchanged(&before, name);
        count += 2;
    }
    eprintln!("{count} rows");
}
