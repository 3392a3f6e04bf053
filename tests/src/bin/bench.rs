// SPDX-License-Identifier: GPL-2.0

//! Counts the instructions of what the modules do, of the Rust ones and of their C
//! twins, in a guest under `-icount`, where the time stamp counter counts them; and
//! makes a table and a JSON file of it on the host. `make bench` runs it.
//!
//! The result of each operation is asserted, for both alike. A figure is the median of
//! many runs, so that neither the interrupts of the timer, of which one comes every
//! million instructions, nor a page for the allocator count, which few runs meet.

use clap::Parser;
use guest::{
    kmsg::Log,
    module::{proc_modules, Module},
    process::Child,
};
use nix::{
    errno::Errno,
    fcntl::{open, OFlag},
    libc,
    sched::sched_yield,
    sys::{
        resource::{setrlimit, Resource},
        stat::Mode,
        uio::{pread, pwrite},
    },
    time::{clock_gettime, ClockId},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    fs,
    hint::black_box,
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
    process::Command,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        Arc, Barrier,
    },
    thread,
    time::Duration,
};

/// Count instructions of the modules and their C twins.
#[derive(Parser)]
enum Arguments {
    /// In the guest: measure the modules of some folders, and print JSON
    Measure {
        /// Relative to /root: `.` for the Rust modules, `c` for the twins
        folders: Vec<PathBuf>,
        /// Nothing but what one module does
        #[arg(long)]
        module: Option<String>,
    },
    /// On the host: make a report of what `measure . c` printed on standard input: the figures of
    /// the Rust modules, of their twins, and the floor
    Report(Report),
}

/// Returns how many instructions the machine has executed.
fn instructions() -> u64 {
    // SAFETY: Every x86_64 CPU has the instruction, and Linux allows it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Runs something, and returns its result and the number of instructions.
fn counted<T>(body: impl FnOnce() -> T) -> (u64, T) {
    let start = instructions();
    let result = body();
    (instructions() - start, result)
}

fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// Returns the median of `runs` figures.
fn median_of(runs: usize, mut run: impl FnMut() -> u64) -> u64 {
    median((0..runs).map(|_| run()).collect())
}

const RUNS: usize = 101;

/// The operations by name, and the number of instructions of each.
type Figures = Vec<(String, u64)>;

/// The modules of one folder, and what was measured of them.
struct Bench {
    folder: PathBuf,
    figures: Figures,
}

fn open_file(path: &str, flags: OFlag) -> OwnedFd {
    open(path, flags, Mode::empty()).expect(path)
}

impl Bench {
    fn load(&self, name: &str) -> Module {
        let path = self.folder.join(name);
        Module::load(path.to_str().expect("a name"), "").expect(name)
    }

    fn record(&mut self, operation: &str, figure: u64) {
        self.figures.push((operation.into(), figure));
    }

    /// Opens and closes a file; `read` is what it must hold then.
    fn open_close(&mut self, path: &str, content: impl Fn(usize) -> String) {
        let mut opened = 0;
        let figure = median_of(RUNS, || {
            let (figure, ()) = counted(|| drop(open_file(path, OFlag::O_RDONLY)));
            opened += 1;
            if opened % 10 == 0 {
                assert_eq!(fs::read_to_string(path).expect(path), content(opened));
                opened += 1;
            }
            figure
        });
        self.record(&format!("open and close {path}"), figure);
    }

    /// Reads `size` bytes from the beginning of a file, which holds `content`.
    fn read(&mut self, path: &str, size: usize, content: &[u8]) {
        let file = open_file(path, OFlag::O_RDONLY);
        let expected = &content[..content.len().min(size)];
        let figure = median_of(RUNS, || {
            let mut buffer = [0xaa; 4096];
            let (figure, n) = counted(|| pread(&file, &mut buffer[..size], 0));
            assert_eq!(&buffer[..n.expect(path)], expected);
            figure
        });
        self.record(&format!("read {size} bytes of {path}"), figure);
    }

    /// Writes 80 bytes to a file, which takes `taken` of them and shows `content` then.
    fn write(&mut self, path: &str, taken: usize, content: &dyn Fn(&[u8]) -> Vec<u8>) {
        let file = open_file(path, OFlag::O_RDWR);
        let mut byte = b'a';
        let figure = median_of(RUNS, || {
            let text = [byte; 80];
            byte ^= 1;
            let (figure, n) = counted(|| pwrite(&file, &text, 0));
            assert_eq!(n, Ok(taken));
            let mut buffer = [0; 100];
            let n = pread(&file, &mut buffer, 0).expect(path);
            assert_eq!(buffer[..n], content(&text[..taken]));
            figure
        });
        self.record(&format!("write 80 bytes to {path}"), figure);
    }

    fn chardev(&mut self) {
        let module = self.load("chardev_rs");
        let message = |n| format!("If I told you once, I told you {n} times Hello, world\n");
        self.open_close("/dev/chardev_rs", message);
        let file = fs::read_to_string("/dev/chardev_rs").expect("the message");
        let n: usize = file
            .split(' ')
            .nth(8)
            .and_then(|n| n.parse().ok())
            .expect("a count");
        self.read("/dev/chardev_rs", 4096, message(n + 1).as_bytes());
        module.unload().expect("unloading");
    }

    fn chardev_ioctl(&mut self) {
        const FILE: &str = "/dev/char_dev";
        let module = self.load("chardev_ioctl_rs");
        self.open_close(FILE, |_| String::new());
        self.write(FILE, 80, &|text| text.into());
        let text = fs::read(FILE).expect(FILE);
        assert_eq!(text.len(), 80);
        for size in [1, 80, 4096] {
            self.read(FILE, size, &text);
        }

        let file = open_file(FILE, OFlag::O_RDONLY);
        let ioctl = |command, argument: u64| {
            // SAFETY: The argument is a number, or points to 81 bytes.
            counted(|| unsafe { libc::ioctl(file.as_raw_fd(), command, argument) })
        };
        let mut get = [0; 81];
        let (mut get_figures, mut set_figures) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            let mut set = [b'a' + (run % 2) as u8; 81];
            set[80] = 0;
            let (figure, result) = ioctl(0x8008_6400, set.as_ptr() as u64);
            set_figures.push(figure);
            assert_eq!(result, 0);
            let (figure, result) = ioctl(0x8008_6401, get.as_mut_ptr() as u64);
            get_figures.push(figure);
            assert_eq!((result, get), (0, set));
        }
        self.record("IOCTL_SET_MSG", median(set_figures));
        self.record("IOCTL_GET_MSG", median(get_figures));
        let figure = median_of(RUNS, || {
            let (figure, byte) = ioctl(0xc004_6402, 79);
            assert_eq!(byte, i32::from(get[79]));
            figure
        });
        self.record("IOCTL_GET_NTH_BYTE", figure);
        drop(file);
        module.unload().expect("unloading");
    }

    /// The same calls of files that do nothing.
    fn floor(&mut self) {
        let module = self.load("floor");
        for path in ["/dev/floor", "/proc/floor"] {
            self.open_close(path, |_| String::new());
            for size in [1, 80, 4096] {
                self.read(path, size, b"");
            }
            self.write(path, 80, &|_| Vec::new());
        }
        let figure = median_of(RUNS, || {
            let (figure, n) = counted(|| {
                let file = open_file("/proc/floor", OFlag::O_RDONLY);
                pread(&file, &mut [0; 80], 0)
            });
            assert_eq!(n, Ok(0));
            figure
        });
        self.record("open, read and close /proc/floor", figure);
        let file = open_file("/dev/floor", OFlag::O_RDONLY);
        let figure = median_of(RUNS, || {
            // SAFETY: The driver takes no argument.
            let (figure, result) = counted(|| unsafe { libc::ioctl(file.as_raw_fd(), 0, 0) });
            assert_eq!(result, 0);
            figure
        });
        self.record("ioctl", figure);
        drop(file);
        module.unload().expect("unloading");
        self.insmod_rmmod("empty");
    }

    fn procfs(&mut self) {
        let module = self.load("procfs_rs");
        let mut number = 0;
        let figure = median_of(RUNS, || {
            let mut buffer = [0; 80];
            let (figure, n) = counted(|| {
                let file = open_file("/proc/test", OFlag::O_RDONLY);
                pread(&file, &mut buffer, 0)
            });
            number += 1;
            let suffix = match number {
                11..=13 => "th",
                _ if number % 10 == 1 => "st",
                _ if number % 10 == 2 => "nd",
                _ if number % 10 == 3 => "rd",
                _ => "th",
            };
            let text = format!("For the {number}{suffix} time, go away!\n");
            assert_eq!(&buffer[..n.expect("/proc/test")], text.as_bytes());
            figure
        });
        self.record("open, read and close /proc/test", figure);
        module.unload().expect("unloading");

        for (name, path) in [
            ("procfs_rw_rs", "/proc/rw_test"),
            ("sleep_rs", "/proc/sleep"),
        ] {
            let module = self.load(name);
            self.open_close(path, |_| "Last input:".into());
            let content = |text: &[u8]| [b"Last input:", text].concat();
            self.write(path, 79, &content);
            let text = fs::read(path).expect(path);
            assert_eq!(text.len(), 90);
            self.read(path, 80, &text);
            module.unload().expect("unloading");
        }
    }

    fn wake_all(&mut self) {
        for (sleepers, runs) in SCALE {
            let figure = median_of(runs, || self.wake(sleepers));
            self.record(&format!("wake {sleepers} sleepers"), figure);
        }
    }

    /// Opens a file many times, without closing it.
    fn open_many(&mut self) {
        let module = self.load("procfs_rw_rs");
        for (count, runs) in SCALE {
            let figure = median_of(runs, || {
                let mut files = Vec::with_capacity(count);
                let open = || open_file("/proc/rw_test", OFlag::O_RDONLY);
                counted(|| files.extend((0..count).map(|_| open()))).0
            });
            self.record(&format!("open {count} files"), figure);
        }
        module.unload().expect("unloading");
    }

    /// Reads all records of a file.
    fn records(&mut self) {
        const FILE: &str = "/proc/iter";
        for (count, runs) in SCALE {
            let module = self.load("procfs_seq_rs");
            let text = "word\n".repeat(count);
            fs::write(FILE, &text).expect(FILE);
            let mut content = vec![0; text.len() + 1];
            let figure = median_of(runs, || {
                let mut file = fs::File::open(FILE).expect(FILE);
                let (figure, n) = counted(|| {
                    let mut filled = 0;
                    loop {
                        match file.read(&mut content[filled..]).expect(FILE) {
                            0 => break filled,
                            n => filled += n,
                        }
                    }
                });
                assert_eq!(&content[..n], text.as_bytes());
                figure
            });
            self.record(&format!("read {count} records"), figure);
            module.unload().expect("unloading");
        }
    }

    /// Wakes `sleepers` threads, one after the other, until all have had the file.
    fn wake(&self, sleepers: usize) -> u64 {
        const FILE: &str = "/proc/sleep";
        let module = self.load("sleep_rs");
        let holder = open_file(FILE, OFlag::O_RDONLY);
        let last = Arc::new(AtomicU64::new(0));
        let ran = Arc::new(AtomicU64::new(0));
        // Nobody ends, which costs more than to wake up, before all have run.
        let barrier = Arc::new(Barrier::new(sleepers + 1));
        let threads: Vec<_> = (0..sleepers)
            .map(|_| {
                let (last, ran, barrier) = (last.clone(), ran.clone(), barrier.clone());
                let body = move || {
                    let file = open_file(FILE, OFlag::O_RDONLY);
                    last.store(instructions(), Relaxed);
                    ran.fetch_add(1, Relaxed);
                    drop(file);
                    barrier.wait();
                };
                let builder = thread::Builder::new().stack_size(16 << 10);
                builder.spawn(body).expect("a thread")
            })
            .collect();
        // All pin the module, and have had the time to fall asleep.
        while module.use_count() as usize != sleepers + 1 {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(ran.load(Relaxed), 0);

        let start = instructions();
        drop(holder);
        barrier.wait();
        let figure = last.load(Relaxed) - start;
        assert_eq!(ran.load(Relaxed), sleepers as u64);
        for thread in threads {
            thread.join().expect("a thread");
        }
        module.unload().expect("unloading");
        figure
    }

    /// The median of what ticks of the kernel's clock take, over many of them.
    fn kernel_tick() -> u64 {
        // Much less than a tick, and so much that reading the counter is little.
        let spin = || {
            counted(|| {
                (0..10_000u32).for_each(|i| {
                    black_box(i);
                })
            })
            .0
        };
        let quiet = median_of(RUNS, spin);
        let mut ticks = Vec::new();
        while ticks.len() < RUNS {
            let extra = spin().saturating_sub(quiet);
            // An interrupt, not what the counter is off by.
            if extra > 500 {
                ticks.push(extra);
            }
        }
        median(ticks)
    }

    /// A tick of the module's timer, which runs within each tick of the kernel's clock.
    fn tick(&mut self) {
        let count = || -> u64 {
            let line = fs::read_to_string("/proc/sched").expect("/proc/sched");
            let count = line.split(' ').nth(3).expect("a count");
            count.parse().expect("a number")
        };
        let without = Self::kernel_tick();
        let module = self.load("sched_rs");
        let start = count();
        let with = Self::kernel_tick();
        let ticks = count() - start;
        assert!(ticks >= RUNS as u64, "{ticks} ticks");
        let figure = with.checked_sub(without).expect("more work in a tick");
        self.record("tick of the timer", figure);
        module.unload().expect("unloading");
    }

    /// A key, from the controller's interrupt until its line is in the log.
    fn key(&mut self) {
        let module = self.load("irq_kbd_rs");
        let mut log = Log::bookmark();
        let mut press = |byte: &str, line: &str| {
            let (figure, lines) = counted(|| {
                fs::write("/sys/module/press_key/parameters/byte", byte).expect("a key");
                loop {
                    sched_yield().expect("sched_yield");
                    let lines = log.lines();
                    if !lines.is_empty() {
                        break lines;
                    }
                }
            });
            assert_eq!(lines, [format!("irq_kbd_rs: Scan Code {line}.")]);
            figure
        };
        let figure = median_of(RUNS, || {
            let figure = press("0x1e", "1e Pressed");
            press("0x9e", "1e Released");
            figure
        });
        self.record("key", figure);
        module.unload().expect("unloading");
    }

    /// Loads and unloads a module: the time that this process has the CPU, in
    /// nanoseconds, which are instructions; the rest of it is waiting for RCU.
    fn insmod_rmmod(&mut self, name: &str) {
        fn cpu_time() -> u64 {
            let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
            Duration::from(time).as_nanos() as u64
        }
        let (mut loads, mut unloads, mut size) = (Vec::new(), Vec::new(), 0);
        for _ in 0..11 {
            let start = cpu_time();
            let module = self.load(name);
            let loaded = cpu_time();
            let line = proc_modules(name).expect(name);
            assert_eq!(line.use_count, 0);
            size = line.size;
            let before = cpu_time();
            module.unload().expect(name);
            let end = cpu_time();
            assert_eq!(proc_modules(name), None);
            loads.push(loaded - start);
            unloads.push(end - before);
        }
        self.record(&format!("insmod {name}"), median(loads));
        self.record(&format!("rmmod {name}"), median(unloads));
        self.record(&format!("lsmod {name}"), size);
    }
}

/// Starts a process that keeps the CPU busy while nothing else wants it.
///
/// A CPU that halts is not the same in each run: QEMU's main thread, when something wakes it
/// up just then, moves the clock to the next timer before the CPU's own thread has counted
/// its last instructions (`icount_start_warp_timer()` in `accel/tcg/icount-common.c`).
fn never_idle() -> Child {
    Child::spawn(|| {
        let param = libc::sched_param { sched_priority: 0 };
        // SAFETY: The parameter is valid; 0 is this process.
        let set = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &param) };
        Errno::result(set).expect("SCHED_IDLE");
        loop {
            black_box(());
        }
    })
}

/// How many sleepers are woken, files opened, records read, and how often that is measured.
const SCALE: [(usize, usize); 4] = [(1, 11), (16, 11), (256, 5), (4096, 1)];

const MODULES: [&str; 8] = [
    "chardev_rs",
    "chardev_ioctl_rs",
    "procfs_rs",
    "procfs_rw_rs",
    "procfs_seq_rs",
    "sleep_rs",
    "sched_rs",
    "irq_kbd_rs",
];

/// A module, and what measures it.
type Step = (&'static str, fn(&mut Bench));

/// What is measured of each module; the timer first, for nothing else may run then.
const STEPS: [Step; 8] = [
    ("sched_rs", Bench::tick),
    ("chardev_rs", Bench::chardev),
    ("chardev_ioctl_rs", Bench::chardev_ioctl),
    ("procfs_rs", Bench::procfs),
    ("procfs_rw_rs", Bench::open_many),
    ("procfs_seq_rs", Bench::records),
    ("sleep_rs", Bench::wake_all),
    ("irq_kbd_rs", Bench::key),
];

fn measure(folders: Vec<PathBuf>, only: Option<&str>) -> Result<(), Box<dyn Error>> {
    // Lines on the console would cost more than all else.
    fs::write("/proc/sys/kernel/printk", "1")?;
    // Room for all the sleepers, and their files.
    fs::write("/proc/sys/kernel/threads-max", "10000")?;
    setrlimit(Resource::RLIMIT_NOFILE, 10_000, 10_000)?;
    // The kernel takes 2 MiB for the text of modules, and gives them back with the last:
    // half a million instructions. With this one there is always another.
    let press_key = Module::load("fixtures/press_key", "")?;
    let _busy = never_idle();

    let bench = |folder| Bench {
        folder,
        figures: Figures::new(),
    };
    let mut benches: Vec<_> = folders.into_iter().map(bench).collect();
    let wanted = |module: &str| only.is_none_or(|only| only == module);
    for (_, step) in STEPS.iter().filter(|(module, _)| wanted(module)) {
        benches.iter_mut().for_each(step);
    }
    for module in MODULES.into_iter().filter(|module| wanted(module)) {
        benches
            .iter_mut()
            .for_each(|bench| bench.insmod_rmmod(module));
    }
    if only.is_none() {
        let mut floor = bench("fixtures".into());
        floor.floor();
        benches.push(floor);
    }
    let all: Vec<_> = benches.into_iter().map(|bench| bench.figures).collect();
    press_key.unload()?;
    println!("{}", serde_json::to_string(&all)?);
    Ok(())
}

#[derive(clap::Args)]
struct Report {
    /// The folder of the project
    #[arg(long)]
    top: PathBuf,
    /// NAME=VALUE: what the figures are of
    #[arg(long)]
    about: Vec<String>,
    /// Print the table, and write neither results.json nor the README
    #[arg(long)]
    only_print: bool,
}

/// `bench/results.json`.
#[derive(Serialize)]
struct Results {
    about: BTreeMap<String, String>,
    instructions: Vec<Pair<u64>>,
    sizes: Vec<Pair<Size>>,
}

#[derive(Serialize)]
struct Pair<T> {
    of: String,
    rust: T,
    c: T,
    ratio: f64,
    /// What the kernel takes itself, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<T>,
}

impl<T> Pair<T> {
    fn new(of: String, rust: T, c: T, figure: impl Fn(&T) -> u64) -> Self {
        let ratio = figure(&rust) as f64 / figure(&c) as f64;
        Self {
            of,
            floor: None,
            ratio: (ratio * 1000.0).round() / 1000.0,
            rust,
            c,
        }
    }
}

/// The size of a module in bytes: as `size` tells it, of the file, and as `lsmod` tells it.
#[derive(Serialize, Deserialize)]
struct Size {
    text: u64,
    data: u64,
    file: u64,
    loaded: u64,
}

impl Size {
    fn of(path: &std::path::Path, loaded: u64) -> Result<Self, Box<dyn Error>> {
        let output = Command::new("size").arg(path).output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<u64> = text
            .lines()
            .nth(1)
            .ok_or("size printed nothing")?
            .split_whitespace()
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: numbers[0],
            data: numbers[1],
            file: fs::metadata(path)?.len(),
            loaded,
        })
    }
}

/// Returns the name of the operation that does the same to what does nothing.
fn floor_of(operation: &str) -> String {
    let words: Vec<_> = operation
        .split(' ')
        .map(|word| match word {
            _ if word.starts_with("/dev/") => "/dev/floor",
            _ if word.starts_with("/proc/") => "/proc/floor",
            _ if word.starts_with("IOCTL_") => "ioctl",
            _ if word.ends_with("_rs") => "empty",
            _ => word,
        })
        .collect();
    words.join(" ")
}

fn report(arguments: &Report) -> Result<(), Box<dyn Error>> {
    let [rust, c, floor]: [Figures; 3] = serde_json::from_reader(io::stdin())?;
    let floor: BTreeMap<_, _> = floor.into_iter().collect();
    let mut results = Results {
        about: BTreeMap::new(),
        instructions: Vec::new(),
        sizes: Vec::new(),
    };
    for about in &arguments.about {
        let (name, value) = about.split_once('=').ok_or("NAME=VALUE")?;
        results.about.insert(name.into(), value.into());
    }
    for ((of, rust), (of_c, c)) in Iterator::zip(rust.into_iter(), c) {
        assert_eq!(of, of_c);
        if let Some(name) = of.strip_prefix("lsmod ") {
            let size = |folder: &str, loaded| {
                let file = arguments.top.join(folder).join(format!("{name}.ko"));
                Size::of(&file, loaded)
            };
            let (rust, c) = (size("", rust)?, size("bench/c", c)?);
            let pair = Pair::new(name.into(), rust, c, |size| size.file);
            results.sizes.push(pair);
            continue;
        }
        let floor = floor.get(&floor_of(&of)).copied();
        results.instructions.push(Pair {
            floor,
            ..Pair::new(of, rust, c, |n| *n)
        });
    }
    let table = results.table()?;
    print!("{table}");
    if arguments.only_print {
        return Ok(());
    }
    let json = serde_json::to_string_pretty(&results)? + "\n";
    fs::write(arguments.top.join("bench/results.json"), json)?;
    replace_table(&arguments.top.join("README.md"), &table)
}

impl Results {
    fn table(&self) -> Result<String, std::fmt::Error> {
        let mut table =
            String::from("| Instructions | Rust | C | Ratio | Floor |\n|---|--:|--:|--:|--:|\n");
        for row in &self.instructions {
            let floor = row.floor.map(|n| n.to_string()).unwrap_or_default();
            let Pair {
                of, rust, c, ratio, ..
            } = row;
            writeln!(table, "| {of} | {rust} | {c} | {ratio:.3} | {floor} |")?;
        }
        table += "\n| Bytes: text, data, file, loaded | Rust | C | Ratio of the files |\n\
            |---|--:|--:|--:|\n";
        for Pair {
            of, rust, c, ratio, ..
        } in &self.sizes
        {
            let [rust, c] = [rust, c].map(|size| {
                let Size {
                    text,
                    data,
                    file,
                    loaded,
                } = size;
                format!("{text}, {data}, {file}, {loaded}")
            });
            writeln!(table, "| `{of}` | {rust} | {c} | {ratio:.3} |")?;
        }
        Ok(table)
    }
}

/// Puts the table between the two marks of a text.
fn replace_table(path: &std::path::Path, table: &str) -> Result<(), Box<dyn Error>> {
    const MARKS: [&str; 2] = ["<!-- bench -->\n", "<!-- end of bench -->\n"];
    let text = fs::read_to_string(path)?;
    let (head, rest) = text.split_once(MARKS[0]).ok_or("no mark in the README")?;
    let (_, tail) = rest.split_once(MARKS[1]).ok_or("no mark in the README")?;
    fs::write(path, [head, MARKS[0], table, MARKS[1], tail].concat())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse() {
        Arguments::Measure { folders, module } => measure(folders, module.as_deref()),
        Arguments::Report(arguments) => report(&arguments),
    }
}
