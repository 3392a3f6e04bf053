// SPDX-License-Identifier: GPL-2.0

//! `slab_rs`: objects in a cache of their own.

use guest::{
    kmsg::{Log, QuietConsole},
    module::{proc_modules, Module},
    slab::{attribute, caches, is_merged},
};
use nix::errno::Errno;

const NAME: &str = "slab_rs";

/// The bytes of a line of the processor's cache.
const LINE: u64 = 64;

/// Returns where in its page each object of the log begins, in the order of their numbers.
fn starts(lines: &[String]) -> Vec<u64> {
    let mut starts = Vec::new();
    for (line, number) in lines.iter().zip(1..) {
        let start = line.strip_prefix(&format!("Object {number} begins at byte "));
        let start = start.and_then(|rest| rest.strip_suffix(" of its page"));
        starts.push(start.unwrap_or_else(|| panic!("{line}")).parse().unwrap());
    }
    starts
}

/// Each begins a line of the processor's cache, in a cache that is the module's alone, and is
/// as it was made when it goes.
#[test]
fn slab_has_as_many_objects_as_it_is_told() {
    let _quiet = QuietConsole::begin();
    for count in [1, 2, 3, 13, 14, 999, 1000] {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("objects={count}")).unwrap();
        let starts = starts(&log.lines_of(NAME));
        assert_eq!(starts.len(), count);
        assert!(
            starts
                .iter()
                .all(|start| start % LINE == 0 && *start < 4096),
            "{starts:?}"
        );
        assert_eq!(caches(NAME), [NAME]);
        assert!(!is_merged(NAME));
        module.unload().unwrap();
        assert_eq!(caches(NAME), [""; 0]);
        // The sum of 1 to 70, as often as the number says.
        let gone = |number| format!("Object {number} goes: its numbers make {}", number * 2485);
        let expected: Vec<_> = (1..=count).map(gone).collect();
        assert_eq!(log.lines_of(NAME), expected);
    }
}

/// What the head of the module says: less memory than the caches of `kmalloc()` would take.
#[test]
fn slab_has_a_size_that_kmalloc_has_not() {
    let module = Module::load(NAME, "").unwrap();
    assert_eq!(attribute(NAME, "object_size"), 284);
    assert_eq!(attribute(NAME, "align"), LINE);
    // A debug kernel keeps notes beside each object.
    let taken = attribute(NAME, "slab_size");
    assert_eq!(taken % LINE, 0);
    assert!(taken >= 320);
    if !guest::debug_kernel() {
        assert_eq!(taken, 320);
    }
    for cache in caches("kmalloc-") {
        let size = attribute(&cache, "object_size");
        assert!(!(284..512).contains(&size), "{cache}");
    }
    module.unload().unwrap();
}

#[test]
fn slab_has_two_objects_if_it_is_not_told() {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, "").unwrap();
    assert_eq!(starts(&log.lines_of(NAME)).len(), 2);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

#[test]
fn slab_of_no_objects_or_too_many_is_refused() {
    for params in ["objects=0", "objects=1001", "objects=4294967295"] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(NAME, params).unwrap_err(), Errno::EINVAL);
        assert_eq!(log.lines_of(NAME), ["objects are 1 to 1000"]);
        assert!(proc_modules(NAME).is_none());
        assert_eq!(caches(NAME), [""; 0]);
    }
}
