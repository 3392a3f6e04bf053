// SPDX-License-Identifier: GPL-2.0

//! What the kernel shows of modules: what must be the same after one has come and gone.

use crate::config;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// All the places where a module of the project could leave something behind, by name.
pub type State = BTreeMap<&'static str, BTreeSet<String>>;

/// Returns what there is now. Without what changes by itself: counts, processes.
pub fn state() -> State {
    let mut debugfs = BTreeSet::new();
    names(Path::new("/sys/kernel/debug"), 2, &mut debugfs);
    let mut proc = list("/proc");
    proc.retain(|name| name.parse::<u32>().is_err());
    let interrupts = fs::read_to_string("/proc/interrupts").expect("interrupts");
    let interrupts = interrupts
        .lines()
        // The names of those who listen; the columns before are counts.
        .map(|line| line.split("  ").last().unwrap_or_default().trim().into());

    // A kernel may lack them.
    let kprobes = if config("KPROBES").is_some() {
        lines("/sys/kernel/debug/kprobes/list")
    } else {
        BTreeSet::new()
    };

    BTreeMap::from([
        ("/proc/modules", lines("/proc/modules")),
        ("/proc/devices", lines("/proc/devices")),
        ("/proc/interrupts", interrupts.collect()),
        ("kprobes", kprobes),
        (
            "/sys/bus/platform/devices",
            list("/sys/bus/platform/devices"),
        ),
        (
            "/sys/bus/platform/drivers",
            list("/sys/bus/platform/drivers"),
        ),
        ("/sys/block", list("/sys/block")),
        ("/sys/bus/pci/drivers", list("/sys/bus/pci/drivers")),
        ("/sys/class", list("/sys/class")),
        ("/sys/class/input", list("/sys/class/input")),
        ("/sys/class/net", list("/sys/class/net")),
        ("/sys/kernel", list("/sys/kernel")),
        ("/sys/module", list("/sys/module")),
        ("/dev", list("/dev")),
        ("/proc", proc),
        ("debugfs", debugfs),
    ])
}

/// Checks that nothing has changed.
///
/// # Panics
///
/// When something has; `what` says after what.
#[track_caller]
pub fn assert_unchanged(before: &State, what: &str) {
    let after = state();
    for (place, before) in before {
        let after = &after[place];
        let came: Vec<_> = after.difference(before).collect();
        let went: Vec<_> = before.difference(after).collect();
        assert!(
            came.is_empty() && went.is_empty(),
            "after {what}, {place} has {came:?} and lacks {went:?}"
        );
    }
}

fn lines(path: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(path).expect(path);
    text.lines().map(String::from).collect()
}

fn list(path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    names(Path::new(path), 1, &mut found);
    found
}

/// Adds the names of what is in a folder, `depth` levels deep.
fn names(folder: &Path, depth: usize, found: &mut BTreeSet<String>) {
    // A folder may be gone by now.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.insert(entry.file_name().to_string_lossy().into());
        if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names(&entry.path(), depth - 1, found);
        }
    }
}
