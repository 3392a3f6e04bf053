// SPDX-License-Identifier: GPL-2.0

//! Random numbers that can be had again: `FUZZ_SEED=`.

use fastrand::Rng;
use std::{
    env, fs,
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

/// Returns the seed of `FUZZ_SEED=`, or another one each time, and tells it.
///
/// It is written to standard error past the test runner, which would only show it when
/// the test fails, and to the kernel log, which is what is left when the guest dies.
pub fn seed(test: &str) -> u64 {
    let seed = match env::var("FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("FUZZ_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            Rng::with_seed(now.expect("a clock").as_nanos() as u64).u64(..)
        }
    };
    let line = format!("{test}: FUZZ_SEED={seed}\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr");
    fs::write("/dev/kmsg", line).expect("/dev/kmsg");
    seed
}

/// Returns a number of the environment, or `default`.
pub fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().expect(name))
}
