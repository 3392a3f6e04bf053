// SPDX-License-Identifier: GPL-2.0

//! System calls at random, with wrong and right arguments, from several processes.
//!
//! `FUZZ_SECONDS=` says how long (20); `FUZZ_SEED=` gives each process the same calls
//! again. What they return matters only to the count at the end: the kernel's complaints,
//! which `qemu/boot.sh` finds, fail the run.

use fastrand::Rng;
use guest::{
    gpio::Chip,
    module::{self, proc_modules, Module, ALL, FILES, IN_SYSFS},
    net::{set_up, Socket, NETLOOP},
    process::{catch, wait_until, Child},
    seed::{number, seed},
    state::{assert_unchanged, state},
    user::{Edge, BAD_ADDRESSES, PAGE},
    NOBODY,
};
use nix::{
    libc,
    sys::signal::{SaFlags, Signal},
    unistd::{setgid, setuid},
};
use std::{
    ffi::CString,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::fd::{IntoRawFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

/// The processes that use the files; one more loads and unloads.
const PROCESSES: u64 = 4;

/// How many files a process keeps open at most.
const SLOTS: usize = 6;

/// A keyboard of vinput_rs.
const KEYBOARD: &str = "/sys/kernel/config/vinput/fuzz";

/// A pointer: before the end of memory that may be used, or a bad one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pointer {
    BeforeEnd(usize),
    Address(usize),
}

/// A system call, with its number, arguments and what of these is a file or a pointer.
#[derive(Debug, Clone, PartialEq)]
enum Call {
    /// Opens a file into a slot, closing what is there.
    Open {
        slot: usize,
        path: &'static str,
        flags: i32,
    },
    Close {
        slot: usize,
    },
    /// A call whose first argument is a file, the second a pointer.
    Pointer {
        number: i64,
        slot: usize,
        pointer: Pointer,
        rest: [u64; 3],
    },
    /// A call whose first argument is a file, the others numbers.
    Numbers {
        number: i64,
        slot: usize,
        rest: [u64; 4],
    },
    Ioctl {
        slot: usize,
        command: u64,
        pointer: Pointer,
    },
    /// Presses the button of gpio_rs, or lets go.
    Pull {
        up: bool,
    },
    /// Makes a keyboard of vinput_rs, or removes it.
    Keyboard {
        there: bool,
    },
    /// Presses Shift on it, or releases it: a key that is no character of the console's.
    Shift {
        pressed: bool,
    },
    /// Opens a socket into a slot, bound to the interface of netloop_rs.
    Socket {
        slot: usize,
    },
    /// Brings that interface up, or down.
    Interface {
        up: bool,
    },
    Poll {
        slots: [usize; 3],
        events: i16,
    },
    Load {
        name: &'static str,
        params: String,
    },
    Unload {
        name: &'static str,
    },
}

/// A number as it is given by mistake: at a border, small, or anything.
fn odd_number(rng: &mut Rng) -> u64 {
    const BORDERS: [u64; 12] = [
        0,
        1,
        79,
        80,
        81,
        PAGE as u64,
        i32::MAX as u64,
        u32::MAX as u64,
        1 << 32,
        i64::MAX as u64,
        1 << 63,
        u64::MAX,
    ];
    match rng.u8(..4) {
        0 => rng.u64(..),
        1 => rng.u64(..200),
        _ => BORDERS[rng.usize(..BORDERS.len())],
    }
}

fn pointer(rng: &mut Rng) -> Pointer {
    match rng.u8(..4) {
        0 => Pointer::Address(BAD_ADDRESSES[rng.usize(..BAD_ADDRESSES.len())]),
        1 => Pointer::BeforeEnd(rng.usize(..=PAGE)),
        _ => Pointer::BeforeEnd(rng.usize(..=90)),
    }
}

/// Returns a module with a file, and the file.
fn file(rng: &mut Rng) -> (&'static str, &'static str) {
    // What is in no list of files: a read waits for a press, others want a device, or are a disk.
    const MORE: [(&str, &str); 4] = [
        ("gpio_rs", "/dev/gpio_rs"),
        ("edu_rs", "/dev/edu_rs"),
        ("edu_rs", "/dev/edu_rs_memory"),
        ("ramdisk_rs", "/dev/ramdisk_rs"),
    ];
    let n = rng.usize(..FILES.len() + MORE.len());
    match MORE.get(n) {
        Some(&file) if module::is_built(file.0) => file,
        _ => FILES[n % FILES.len()],
    }
}

fn any<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

impl Call {
    /// Returns a call on the files.
    fn on_files(rng: &mut Rng) -> Self {
        use libc::*;
        let slot = rng.usize(..SLOTS);
        match rng.u8(..100) {
            0..25 => {
                let access = any(rng, &[O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, 3]);
                // None that makes a file.
                let odd = rng.i32(..) & !(O_CREAT | O_TMPFILE | O_PATH);
                // Mostly O_NONBLOCK, or /proc/sleep takes all the time.
                let more = any(
                    rng,
                    &[O_NONBLOCK, O_NONBLOCK, O_NONBLOCK, O_NONBLOCK, 0, odd],
                );
                let path = match rng.u8(..5) {
                    0 => any(rng, &IN_SYSFS).1,
                    _ => file(rng).1,
                };
                Self::Open {
                    slot,
                    path,
                    flags: access | more,
                }
            }
            25..35 => Self::Close { slot },
            35..70 => Self::Pointer {
                number: any(
                    rng,
                    &[
                        SYS_read,
                        SYS_read,
                        SYS_write,
                        SYS_write,
                        SYS_pread64,
                        SYS_pwrite64,
                        SYS_readv,
                        SYS_writev,
                        SYS_preadv2,
                        SYS_pwritev2,
                        SYS_getdents64,
                        SYS_fstat,
                        SYS_fstatfs,
                    ],
                ),
                slot,
                pointer: pointer(rng),
                rest: [odd_number(rng), odd_number(rng), odd_number(rng)],
            },
            70..85 => Self::Numbers {
                number: any(
                    rng,
                    &[
                        SYS_lseek,
                        SYS_lseek,
                        SYS_lseek,
                        SYS_dup,
                        SYS_ftruncate,
                        SYS_fallocate,
                        SYS_fsync,
                        SYS_fchmod,
                        SYS_fadvise64,
                        SYS_readahead,
                        SYS_sync_file_range,
                    ],
                ),
                slot,
                rest: [
                    odd_number(rng),
                    any(rng, &[0, 1, 2, 3, 4, 5, u64::MAX]),
                    odd_number(rng),
                    odd_number(rng),
                ],
            },
            85..87 => Self::Pull { up: rng.bool() },
            87 => Self::Keyboard { there: rng.bool() },
            88..90 => Self::Shift {
                pressed: rng.bool(),
            },
            90 => Self::Socket { slot },
            91 => Self::Interface {
                up: rng.u8(..4) != 0,
            },
            92..96 => Self::Ioctl {
                slot,
                command: match rng.u8(..6) {
                    0 => odd_number(rng),
                    // Those of chardev_ioctl_rs, and their neighbours.
                    1 => 0x8008_6400 | rng.u64(..5),
                    2 => 0x4008_6400 | rng.u64(..5),
                    // Those of misc_rs.
                    3 => 0x8008_6600 | rng.u64(..5),
                    4 => 0x4008_6600 | rng.u64(..5),
                    _ => 0xc004_6402,
                },
                pointer: match rng.bool() {
                    true => pointer(rng),
                    false => Pointer::Address(rng.usize(..90)),
                },
            },
            _ => Self::Poll {
                slots: [slot, rng.usize(..SLOTS), rng.usize(..SLOTS)],
                events: rng.i16(..),
            },
        }
    }

    /// Returns a call that loads or unloads a module.
    fn on_modules(rng: &mut Rng) -> Self {
        let name = match rng.bool() {
            true => any(rng, &ALL),
            // The others are to have files to work with.
            false => file(rng).0,
        };
        // syscall_rs stays: QEMU may crash when a probe goes while others open files
        // (docs/known-issues.md); its own tests do that, in a guest of one thread.
        if rng.u8(..3) == 0 && name != "syscall_rs" {
            return Self::Unload { name };
        }
        let params = match name {
            "locks_rs" => format!("threads={} steps=100", rng.u8(..5)),
            "param_rs" => format!("str1=a str2=b count={}", rng.u8(..5)),
            "param_watch_rs" => format!("watched={}", rng.i8(-2..102)),
            "edu_rs" => format!("timeout_ms={}", rng.u8(..3) * 100),
            "ramdisk_rs" => format!("mib={}", rng.u8(..3)),
            "kbleds_rs" => format!("interval_ms={}", rng.u8(..)),
            "slab_rs" => format!("objects={}", rng.u8(..20)),
            "sched_rs" => format!("interval_ms={}", rng.i8(-2..60)),
            "completions_rs" => format!("crank_ms={}", rng.u8(..30)),
            "irq_kbd_rs" => format!("threaded={} ports={}", rng.u8(..3), rng.u8(..3)),
            "syscall_rs" => format!("uid=65534 rate={}", rng.u8(..3)),
            "demand_load_rs" => format!("name={}", any(rng, &ALL)),
            "platform_rs" => format!("devices={} broken={}", rng.u8(..7), rng.i8(-2..6)),
            "workqueue_rs" => format!(
                "items={} bh={} delay_ms={}",
                rng.u8(..20),
                rng.u8(..3),
                any(rng, &[0, 1, 50_000])
            ),
            "umh_rs" => format!("path={}", any(rng, &["/bin/true", "/bin/false", "/", ""])),
            _ => String::new(),
        };
        Self::Load { name, params }
    }

    /// Makes the call.
    fn run(&self, slots: &mut [i32; SLOTS], memory: &Edge) -> nix::Result<()> {
        let address = |pointer| match pointer {
            Pointer::BeforeEnd(n) => memory.address(n) as u64,
            Pointer::Address(address) => address as u64,
        };
        // SAFETY: The calls write to memory only before the end of `memory`, which
        // nothing else uses, or to addresses at which there is none.
        let result = unsafe {
            match self {
                Self::Open { slot, path, flags } => {
                    libc::close(slots[*slot]);
                    let path = CString::new(*path).unwrap();
                    slots[*slot] = libc::open(path.as_ptr(), *flags, 0o600);
                    slots[*slot].into()
                }
                Self::Close { slot } => {
                    let closed = libc::close(slots[*slot]);
                    slots[*slot] = -1;
                    closed.into()
                }
                Self::Pointer {
                    number,
                    slot,
                    pointer,
                    rest: [a, b, c],
                } => libc::syscall(*number, slots[*slot], address(*pointer), *a, *b, *c, *a),
                Self::Numbers {
                    number,
                    slot,
                    rest: [a, b, c, d],
                } => {
                    let result = libc::syscall(*number, slots[*slot], *a, *b, *c, *d);
                    if *number == libc::SYS_dup && result >= 0 {
                        libc::close(result as i32);
                    }
                    result
                }
                Self::Ioctl {
                    slot,
                    command,
                    pointer,
                } => libc::ioctl(slots[*slot], *command, address(*pointer)).into(),
                Self::Poll { slots: of, events } => {
                    let mut fds = of.map(|slot| libc::pollfd {
                        fd: slots[slot],
                        events: *events,
                        revents: 0,
                    });
                    libc::poll(fds.as_mut_ptr(), fds.len() as u64, 1).into()
                }
                // A kernel may lack GPIO, and nobody may not.
                Self::Pull { up } => {
                    let pulled = Chip::board().and_then(|board| board.pull(1, *up));
                    pulled.map_or(-1, |()| 0)
                }
                Self::Keyboard { there: true } => fs::create_dir(KEYBOARD).map_or(-1, |()| 0),
                Self::Keyboard { there: false } => fs::remove_dir(KEYBOARD).map_or(-1, |()| 0),
                Self::Shift { pressed } => {
                    let event = if *pressed { "+42" } else { "-42" };
                    let file = OpenOptions::new()
                        .write(true)
                        .open(format!("{KEYBOARD}/event"));
                    let written = file.and_then(|mut file| file.write(event.as_bytes()));
                    written.map_or(-1, |_| 0)
                }
                Self::Socket { slot } => {
                    libc::close(slots[*slot]);
                    // A read of it waits, at most until the next signal.
                    slots[*slot] = Socket::bound(NETLOOP)
                        .map_or(-1, |socket| OwnedFd::from(socket).into_raw_fd());
                    slots[*slot].into()
                }
                Self::Interface { up } => set_up(NETLOOP, *up).map_or(-1, |()| 0),
                Self::Load { name, params } => {
                    return Module::load(name, params).map(std::mem::forget);
                }
                Self::Unload { name } => return module::unload(name),
            }
        };
        nix::errno::Errno::result(result).map(drop)
    }
}

/// The calls of a process, without end: the seed says which, and nothing else.
fn calls(seed: u64, process: u64) -> impl Iterator<Item = Call> {
    let mut rng = Rng::with_seed(seed.wrapping_add(process));
    std::iter::from_fn(move || {
        Some(match process {
            PROCESSES => Call::on_modules(&mut rng),
            _ => Call::on_files(&mut rng),
        })
    })
}

/// Makes calls for a while, and leaves their count and that of the successful ones.
fn process(seed: u64, process: u64, time: Duration) -> io::Result<()> {
    catch(Signal::SIGALRM, SaFlags::empty())?;
    // A sleep on /proc/sleep ends with the next signal.
    let tick = libc::timeval {
        tv_sec: 0,
        tv_usec: 20_000,
    };
    let timer = libc::itimerval {
        it_interval: tick,
        it_value: tick,
    };
    if process < PROCESSES {
        // SAFETY: The timer is valid, and the old one not asked for.
        let set = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
        nix::errno::Errno::result(set)?;
    }
    if process == 0 {
        setgid(NOBODY.into())?;
        setuid(NOBODY.into())?;
    }

    let memory = Edge::unmapped();
    let mut slots = [-1; SLOTS];
    let (mut made, mut succeeded) = (0, 0);
    let start = Instant::now();
    for call in calls(seed, process) {
        made += 1;
        succeeded += usize::from(call.run(&mut slots, &memory).is_ok());
        if start.elapsed() >= time {
            break;
        }
    }
    fs::write(
        format!("/tmp/fuzz.{process}"),
        format!("{made} {succeeded}"),
    )
}

#[test]
fn random_calls_end_cleanly() {
    let seed = seed("fuzz");
    let time = Duration::from_secs(number("FUZZ_SECONDS", 20));
    let before = state();
    let children: Vec<_> = (0..=PROCESSES)
        .map(|i| Child::spawn_fallible(|| process(seed, i, time)))
        .collect();
    thread::sleep(time);
    for child in children {
        assert_eq!(child.exit_status(), 0);
    }
    for i in 0..=PROCESSES {
        let path = format!("/tmp/fuzz.{i}");
        let text = fs::read_to_string(&path).unwrap();
        let (made, succeeded) = text.split_once(' ').unwrap();
        eprintln!("process {i}: {made} calls, {succeeded} succeeded");
        assert_ne!(succeeded, "0", "process {i}");
        fs::remove_file(path).unwrap();
    }
    let _ = fs::remove_dir(KEYBOARD);
    for &name in ALL.iter() {
        if let Some(line) = proc_modules(name) {
            assert_eq!(line.use_count, line.users.len() as u32, "{name}");
        }
    }
    wait_until("all modules unloaded", || {
        // Those that others depend on come later.
        for name in ALL.iter().rev() {
            let _ = module::unload(name);
        }
        ALL.iter().all(|name| proc_modules(name).is_none())
    });
    assert_unchanged(&before, "the calls");
}

#[test]
fn a_seed_gives_the_same_calls_again() {
    for i in 0..=PROCESSES {
        let first = |seed| calls(seed, i).take(1000).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
    assert!(calls(1, 0).take(100).ne(calls(1, 1).take(100)));
}
