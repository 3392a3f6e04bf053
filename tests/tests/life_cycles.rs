// SPDX-License-Identifier: GPL-2.0

//! Loading and unloading again and again leaves nothing behind, and neither does opening and
//! closing.
//!
//! `LKMPG_CYCLES=` says how often for each module. `full`, which is what `make cycles`
//! takes, is 1,000, in the debug guest 200. `make test` takes [`FEW`], for a cycle costs
//! 10 to 200 ms.

use guest::{
    debug_kernel,
    kmsg::Log,
    module::{self, depends, Module, ALL, FILES},
    state::{assert_unchanged, state},
    terminal::{on_terminal, Pty},
};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::Read,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// The cycles in `make test`.
const FEW: u64 = 10;

/// The number of cycles of a full run, for which the leak is 64 bytes a cycle.
const FULL: u64 = 1000;

const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";

/// Loads and unloads a module once, the one it depends on as well.
fn cycle(name: &str, params: &str) {
    let server = depends(name).map(|server| Module::load(server, "").expect(server));
    Module::load(name, params)
        .expect(name)
        .unload()
        .expect(name);
    if let Some(server) = server {
        server.unload().expect(name);
    }
}

/// The kernel's memory in use, in bytes, by the names of `/proc/meminfo`.
type Memory = BTreeMap<&'static str, i64>;

/// Returns the least that is in use within some time: what a load needed only at its
/// start, with up to 2 MiB for the text around it, is freed when RCU and a work of the
/// kernel's have come to it, which may be after the unload.
fn memory_within(time: Duration) -> Memory {
    let mut least = memory();
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
        for (kind, used) in memory() {
            least
                .entry(kind)
                .and_modify(|least| *least = used.min(*least));
        }
    }
    least
}

fn memory() -> Memory {
    // Each processor keeps its last 64 KiB of changes to itself for up to a second, but for this.
    fs::read("/proc/sys/vm/stat_refresh").unwrap();
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    // Bytes: what MemFree lost is what others gained.
    [
        ("MemFree", -1024),
        ("SUnreclaim", 1024),
        ("VmallocUsed", 1024),
        ("Percpu", 1024),
    ]
    .map(|(name, unit)| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let kilobytes: i64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        (name, kilobytes * unit)
    })
    .into()
}

/// How much memory `cycles` cycles may take for good, in bytes.
///
/// Half of what the smallest leak makes, which is 16 bytes a cycle in slabs, a page
/// elsewhere. But not less than what was seen of noise: slabs come by 32 KiB, the others
/// by what the processors keep in store.
fn tolerance(name: &str, cycles: u64) -> i64 {
    let (a_cycle, noise) = match name {
        "SUnreclaim" => (8, 32 << 10),
        _ => (2048, 512 << 10),
    };
    (cycles as i64 * a_cycle).max(noise)
}

/// Runs cycles, and returns by how much the memory has grown: what is more than noise.
fn growth(cycle: &impl Fn(), cycles: u64) -> Memory {
    let settle = Duration::from_millis(50);
    let before = memory_within(settle);
    (0..cycles).for_each(|_| cycle());
    let grown = |mut after: Memory| {
        for (kind, used) in &mut after {
            *used -= before[kind];
        }
        after.retain(|kind, grown| *grown >= tolerance(kind, cycles));
        after
    };
    let grown_soon = grown(memory_within(settle));
    match grown_soon.is_empty() {
        true => grown_soon,
        false => grown(memory_within(40 * settle)),
    }
}

/// Loads and unloads a module again and again, and returns the memory that was leaked.
fn leaks(name: &str, params: &str, cycles: u64) -> Vec<String> {
    leaks_of(name, &|| cycle(name, params), cycles)
}

/// Runs cycles, and returns the memory that they leaked, as words; nothing if none.
///
/// What grows once is a cache. A leak grows each time: in three runs one after another.
fn leaks_of(name: &str, cycle: &impl Fn(), cycles: u64) -> Vec<String> {
    cycle();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let grown = growth(cycle, cycles);
        if grown.is_empty() {
            return Vec::new();
        }
        runs.push(grown);
    }
    let mut leaks = Vec::new();
    for kind in runs[0].keys() {
        let growth: Vec<_> = runs.iter().filter_map(|run| run.get(kind)).collect();
        if growth.len() == runs.len() {
            leaks.push(format!("{name}: {kind} grew by {growth:?} bytes"));
        }
    }
    leaks
}

/// Runs cycles that have to leak nothing. In the debug guest it is one, after which kmemleak
/// looks.
#[track_caller]
fn leave_nothing(name: &str, cycle: &impl Fn(), cycles: u64) {
    if Path::new(KMEMLEAK).exists() {
        cycle();
    } else {
        assert_eq!(leaks_of(name, cycle, cycles), [""; 0]);
    }
}

/// How many cycles to run for each module.
fn cycles() -> u64 {
    match env::var("LKMPG_CYCLES").as_deref() {
        Err(_) => FEW,
        Ok("full") if debug_kernel() => 200,
        Ok("full") => FULL,
        Ok(number) => number.parse().expect("LKMPG_CYCLES"),
    }
}

#[test]
fn cycles_leave_nothing_behind() {
    let cycles = cycles();
    for &name in ALL.iter() {
        let before = state();
        if Path::new(KMEMLEAK).exists() {
            // `/proc/meminfo` is of no use here, for KASAN keeps what was freed for a
            // while. `qemu/run-tests-debug` has kmemleak look after these tests.
            (0..cycles).for_each(|_| cycle(name, ""));
        } else {
            assert_eq!(leaks(name, "", cycles), [""; 0]);
        }
        assert_unchanged(&before, &format!("{cycles} cycles of {name}"));
        eprintln!("{name}: {cycles} cycles");
    }
}

/// Each load starts two threads, of which one waits for the other, and each unload waits for
/// both.
#[test]
fn threads_keep_their_order_in_each_cycle() {
    let name = "completions_rs";
    for _ in 0..cycles() {
        let mut log = Log::bookmark();
        cycle(name, "");
        assert_eq!(log.lines_of(name), ["Turn the crank", "Flywheel spins up"]);
    }
}

/// Opens each file, reads it and closes it. So often that 32 bytes each time are seen.
#[test]
fn opens_leave_nothing_behind() {
    const OPENS: u64 = 2000;
    for (name, path) in FILES {
        let module = Module::load(name, "").unwrap();
        let open = || _ = File::open(path).unwrap().read(&mut [0; 100]).unwrap();
        leave_nothing(path, &open, OPENS);
        module.unload().unwrap();
    }
}

/// A terminal that was written to goes with its last user.
#[test]
fn terminals_leave_nothing_behind() {
    const NAME: &str = "print_string_rs";
    let cycle = || {
        let pty = Pty::open();
        let insmod = on_terminal(&pty.slave, "insmod")
            .arg(module::path(NAME))
            .status();
        assert!(insmod.unwrap().success());
        module::unload(NAME).unwrap();
    };
    // Enough for a `struct tty_struct` each time to be seen.
    leave_nothing(NAME, &cycle, 60);
}

/// The check above finds a leak of 64 bytes a cycle of a full run; in a shorter one it has
/// to be larger than the noise.
#[test]
fn leaks_are_found() {
    const NAME: &str = "faulty/faulty";
    let (cycles, bytes) = match cycles() {
        FULL.. => (FULL, 64),
        // More than the caches of `kmalloc()` have: there it could fill the holes that others
        // have left in their slabs, and nothing would grow.
        few => (few.max(20), 16 << 10),
    };
    if Path::new(KMEMLEAK).exists() {
        // That it finds leaks is for tests/debug/caught.bats to show: it says so in the
        // kernel log, and that fails a run.
        return;
    }
    assert_eq!(leaks(NAME, "leak=0", cycles), [""; 0]);
    let found = leaks(NAME, &format!("leak={bytes}"), cycles);
    assert!(
        found.iter().any(|line| line.contains("SUnreclaim")),
        "{found:?}"
    );
}
