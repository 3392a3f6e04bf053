// SPDX-License-Identifier: GPL-2.0

//! Caches of objects: what `slab_rs` does not use of `abstractions/slab.rs`.

use guest::{
    kmsg::Log,
    module::Module,
    slab::{attribute, caches}, //
};

const NAME: &str = "faulty/slab_fixture";

/// Returns the fixture's caches.
fn of_the_fixture() -> Vec<String> {
    caches("slab_fixture")
}

/// Each object is dropped once, and its cache stays as long as one of them, whoever else has gone.
#[test]
fn cache_goes_with_its_last_object_or_handle() {
    for _ in 0..3 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "").unwrap();
        let expected = ["3000 of 3000 are right", "2999 dropped", "a byte: 7"];
        assert_eq!(log.lines_of("slab_fixture"), expected);
        assert_eq!(of_the_fixture(), ["slab_fixture", "slab_fixture_pages"]);
        module.unload().unwrap();
        assert_eq!(of_the_fixture(), [""; 0]);
    }
}

/// The type's own alignment, and that of the processor's cache.
#[test]
fn cache_has_the_size_and_the_alignment_of_its_type() {
    let module = Module::load(NAME, "").unwrap();
    for (cache, size, align) in [("slab_fixture", 256, 256), ("slab_fixture_pages", 8192, 64)] {
        assert_eq!(attribute(cache, "object_size"), size);
        assert_eq!(attribute(cache, "align"), align);
    }
    module.unload().unwrap();
}
