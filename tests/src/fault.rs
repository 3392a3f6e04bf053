// SPDX-License-Identifier: GPL-2.0

//! Making the kernel's allocations and user copies fail, in the debug guest.
//!
//! Kernel documentation: `Documentation/fault-injection/fault-injection.rst`

use nix::Result;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
};

/// Lets allocations that may sleep fail as well, and without a stack trace for each.
///
/// Without those of an interrupt's files in `/proc/irq`: where one of them cannot be made, the
/// kernel goes on, and warns of it when it removes them all (7.2 and 7.3).
///
/// # Panics
///
/// When the kernel cannot inject faults: only the debug guest's can.
pub fn enable() {
    let set = |file: &str, value: &str| {
        let path = format!("/sys/kernel/debug/{file}");
        fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
    };
    set("failslab/ignore-gfp-wait", "N");
    set("failslab/verbose", "0");
    set("fail_usercopy/verbose", "0");
    let (start, end) = function("register_irq_proc");
    set("failslab/stacktrace-depth", "32");
    set("failslab/reject-start", &start.to_string());
    set("failslab/reject-end", &end.to_string());
}

/// Returns where a function of the kernel begins, and where the next one does.
fn function(name: &str) -> (u64, u64) {
    let symbols = fs::read_to_string("/proc/kallsyms").expect("/proc/kallsyms");
    let addresses = || {
        symbols.lines().filter_map(|line| {
            let (address, rest) = line.split_once(' ')?;
            Some((u64::from_str_radix(address, 16).ok()?, rest))
        })
    };
    let is_wanted = |rest: &str| rest.split(' ').nth(1) == Some(name);
    let wanted = addresses().find(|(_, rest)| is_wanted(rest));
    let start = wanted.expect("a function of the kernel").0;
    let next = addresses().map(|(address, _)| address);
    let end = next.filter(|address| *address > start).min();
    (start, end.expect("a function behind it"))
}

/// Runs `call` with the `n`th of its allocations and user copies failing, from 1 on.
/// Returns its result, and whether it came as far as to the `n`th.
pub fn fail_nth<T>(n: u32, call: impl FnOnce() -> Result<T>) -> (Result<T>, bool) {
    let path = "/proc/thread-self/fail-nth";
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(path).expect(path);
    file.write_all_at(n.to_string().as_bytes(), 0).expect(path);
    let result = call();
    let mut left = [0; 2];
    // Where one more would fail now, it is the copy of this read: not zero then.
    let injected = file.read_at(&mut left, 0).is_ok() && left == *b"0\n";
    // The write's own copy may be the one to fail.
    while file.write_all_at(b"0", 0).is_err() {}
    (result, injected)
}

/// Runs `call` with its 1st, 2nd, 3rd, ... allocation or user copy failing, until it
/// comes to its end without a failure; of a call that makes more than 450, ever fewer
/// (the self test of user copies makes tens of thousands, and each try makes all that come
/// before). Each result is given to `check`. Returns how many failures there were, and the
/// last result.
pub fn fail_each<T>(
    mut call: impl FnMut() -> Result<T>,
    mut check: impl FnMut(u32, Result<T>),
) -> (u32, Result<T>) {
    let mut n = 1;
    for failures in 0.. {
        let (result, injected) = fail_nth(n, &mut call);
        if !injected {
            return (failures, result);
        }
        check(n, result);
        n += 1 + n / 450 * 90;
    }
    unreachable!("there are fewer allocations than numbers");
}
