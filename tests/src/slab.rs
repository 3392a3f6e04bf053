// SPDX-License-Identifier: GPL-2.0

//! The kernel's caches of objects, as `/sys/kernel/slab` shows them.

use std::{fs, path::Path};

const FOLDER: &str = "/sys/kernel/slab";

/// Returns the caches whose names begin with `name`, sorted.
pub fn caches(name: &str) -> Vec<String> {
    let entries = fs::read_dir(FOLDER).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|found| found.starts_with(name))
        .collect();
    names.sort();
    names
}

/// Returns whether the kernel has merged a cache with another one.
pub fn is_merged(cache: &str) -> bool {
    Path::new(FOLDER).join(cache).is_symlink()
}

/// Returns a number that the kernel tells of a cache.
pub fn attribute(cache: &str, attribute: &str) -> u64 {
    let text = fs::read_to_string(format!("{FOLDER}/{cache}/{attribute}")).unwrap();
    text.trim().parse().unwrap()
}
