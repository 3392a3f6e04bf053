// SPDX-License-Identifier: GPL-2.0

//! `usercopy_test_rs`: the copies between kernel and user memory, tested by the
//! module itself.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
    process::Child,
};
use nix::{
    errno::Errno,
    sys::resource::{setrlimit, Resource},
};

const NAME: &str = "usercopy_test_rs";

/// The module's cases.
const CASES: [&str; 27] = [
    "copy_round_trip",
    "copy_over_page_border",
    "copy_whole_pages",
    "copy_from_partly_unmapped",
    "copy_to_partly_unmapped",
    "clear",
    "clear_partly_unmapped",
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

/// Returns the mappings of this process.
fn mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().count()
}

#[test]
fn all_cases_pass_twice_in_a_row() {
    for _ in 0..2 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, "").unwrap();
        let lines = log.lines_of(NAME);
        assert_eq!(lines, ["27 of 27 cases passed", "tests passed."]);
        module.unload().unwrap();
    }
}

#[test]
fn wrong_expectation_refuses_the_load_with_the_name_of_its_case() {
    // Five at a time, to save time.
    for cases in CASES.chunks(5) {
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("wrong={}", cases.join(",")));
        assert_eq!(load.unwrap_err(), Errno::EINVAL, "{cases:?}");
        let lines = log.lines_of(NAME);
        for (case, line) in cases.iter().zip(&lines) {
            assert!(line.starts_with(&format!("{case}: ")), "{lines:?}");
            assert!(line.contains("expected anything but "), "{lines:?}");
        }
        // All others have run, and passed.
        let passed = CASES.len() - cases.len();
        assert_eq!(
            lines[cases.len()..],
            [format!("{passed} of 27 cases passed")]
        );
        assert_eq!(proc_modules(NAME), None);
    }
}

#[test]
fn wrong_expectation_of_one_case_refuses_the_load() {
    let mut log = Log::bookmark();
    assert_eq!(
        Module::load(NAME, "wrong=strnlen").unwrap_err(),
        Errno::EINVAL
    );
    let lines = log.lines_of(NAME);
    assert!(lines[0].starts_with("strnlen: "), "{lines:?}");
    assert_eq!(lines[1..], ["26 of 27 cases passed"]);
    // A name that is none has no effect.
    Module::load(NAME, "wrong=str").unwrap().unload().unwrap();
}

/// Turned around, the expectation fails: so the check is made.
#[test]
fn what_a_copy_must_leave_alone_is_looked_at() {
    let copies = [
        "copy_round_trip",
        "copy_over_page_border",
        "clear",
        "put_get_u8",
        "put_get_u16",
        "put_get_u32",
        "put_get_u64",
    ];
    let refused = &CASES[20..];
    for (check, cases) in [
        ("the byte before untouched", &copies[..]),
        ("the byte behind untouched", &copies),
        ("the tail zeroed", &["copy_from_partly_unmapped"]),
        ("what is mapped untouched", &["put_get_partly_unmapped"]),
        ("the rest untouched", &["strncpy"]),
        ("kernel memory untouched", &["kernel_address"]),
        ("the destination zeroed", refused),
    ] {
        let wrong: Vec<_> = cases.iter().map(|case| format!("{case}/{check}")).collect();
        let mut log = Log::bookmark();
        let load = Module::load(NAME, &format!("wrong=\"{}\"", wrong.join(",")));
        assert_eq!(load.unwrap_err(), Errno::EINVAL, "{check}");
        let lines = log.lines_of(NAME);
        assert_eq!(lines.len(), cases.len() + 1, "{lines:?}");
        for (case, line) in cases.iter().zip(&lines) {
            assert!(line.starts_with(&format!("{case}: {check} is ")), "{line}");
        }
    }
}

#[test]
fn kernel_thread_has_no_user_memory() {
    let mut log = Log::bookmark();
    let _module = Module::load("faulty/kernel_thread", "").unwrap();
    // ESRCH.
    log.wait_for("kernel_thread: user memory: error -3");
}

#[test]
fn memory_of_no_pages_or_too_many_is_refused() {
    let mut log = Log::bookmark();
    let _module = Module::load("faulty/kernel_thread", "").unwrap();
    let lines = log.lines_of("kernel_thread");
    let refused =
        [0, usize::MAX, usize::MAX / 4096].map(|pages| format!("{pages} pages: error -22"));
    assert!(lines.starts_with(&refused), "{lines:?}");
}

#[test]
fn memory_that_cannot_be_mapped_refuses_the_load() {
    let child = Child::spawn_fallible(|| {
        let file = module::open(NAME);
        // As much as it has, and no more.
        setrlimit(Resource::RLIMIT_AS, 1, 1)?;
        Ok(Module::load_file(NAME, &file, c"")?)
    });
    assert_eq!(child.exit_status(), Errno::ENOMEM as i32);
    assert_eq!(proc_modules(NAME), None);
}

#[test]
fn memory_is_unmapped_after_success_and_after_failure() {
    // The first load may make the allocator map something.
    Module::load(NAME, "").unwrap().unload().unwrap();
    let before = mappings();
    Module::load(NAME, "").unwrap().unload().unwrap();
    Module::load(NAME, "wrong=strncpy").unwrap_err();
    assert_eq!(mappings(), before);
}
