// SPDX-License-Identifier: GPL-2.0

//! `param_rs`: string and integer parameters.

use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Module},
};
use nix::errno::Errno;
use std::{ffi::CString, fs, os::unix::fs::PermissionsExt};

const NAME: &str = "param_rs";
const USAGE: &str = "Next time, do insmod param_rs.ko str1=<something> str2=<something>";
const PARAMETERS: &str = "/sys/module/param_rs/parameters";

/// Loads the module and returns what it logged until it was unloaded again.
fn log_of(params: &str) -> Vec<String> {
    let mut log = Log::bookmark();
    Module::load(NAME, params).unwrap().unload().unwrap();
    log.lines_of(NAME)
}

/// Asserts that a load is refused, and returns all that the kernel logged.
#[track_caller]
fn refused(params: &str, errno: Errno) -> Vec<String> {
    let mut log = Log::bookmark();
    assert_eq!(Module::load(NAME, params).unwrap_err(), errno);
    assert_eq!(proc_modules(NAME), None);
    log.lines()
}

#[test]
fn both_strings_are_logged_twice_in_a_row() {
    for _ in 0..2 {
        assert_eq!(log_of("str1=Hello str2=world"), ["Strings:Hello and world"]);
    }
}

#[test]
fn missing_string_logs_the_usage() {
    for params in ["", "str1=Hello", "str2=world", "count=3"] {
        assert_eq!(log_of(params), [USAGE], "{params}");
    }
}

#[test]
fn strings_stay_strings() {
    for (params, line) in [
        ("str1=7up str2=42", "Strings:7up and 42"),
        ("str1=0x10 str2=-1", "Strings:0x10 and -1"),
        ("str1= str2=", "Strings: and "),
        ("str1=a=b str2=c,d", "Strings:a=b and c,d"),
        ("str1=\"two words\" str2=x", "Strings:two words and x"),
        ("str1=first str2=x str1=last", "Strings:last and x"),
        ("str1={} str2=%s", "Strings:{} and %s"),
    ] {
        assert_eq!(log_of(params), [line], "{params}");
    }
}

#[test]
fn bytes_that_are_not_ascii_are_escaped() {
    let params = CString::new(b"str1=gr\xc3\xbcn str2=\xff".to_vec()).unwrap();
    let mut log = Log::bookmark();
    let _module = Module::load_bytes(NAME, &params).unwrap();
    // The backslash itself is escaped once more by /dev/kmsg.
    assert_eq!(
        log.lines_of(NAME),
        [r"Strings:gr\x5cxc3\x5cxbcn and \x5cxff"]
    );
    let str1 = fs::read(format!("{PARAMETERS}/str1")).unwrap();
    assert_eq!(str1, b"gr\xc3\xbcn\n");
}

#[test]
fn longest_string_is_1024_bytes() {
    let long = "x".repeat(1024);
    let module = Module::load(NAME, &format!("str1={long} str2=y")).unwrap();
    let str1 = fs::read_to_string(format!("{PARAMETERS}/str1")).unwrap();
    assert_eq!(str1, format!("{long}\n"));
    module.unload().unwrap();

    let log = refused(&format!("str1={long}x str2=y"), Errno::ENOSPC);
    assert!(
        log.contains(&"str1: string parameter too long".into()),
        "{log:?}"
    );
}

#[test]
fn string_without_value_is_refused() {
    let log = refused("str1 str2=y", Errno::EINVAL);
    assert!(
        log.iter()
            .any(|line| line.contains("invalid for parameter `str1'")),
        "{log:?}"
    );
}

#[test]
fn file_names_the_types_for_modinfo() {
    let file = fs::read(guest::module::path(NAME)).unwrap();
    for entry in [
        "parmtype=count:u32",
        "parmtype=str1:charp",
        "parmtype=str2:charp",
        "parmtype=title:charp",
        "parmtype=numbers:array of int",
    ] {
        let entry = format!("{entry}\0");
        let found = file.windows(entry.len()).any(|at| at == entry.as_bytes());
        assert!(found, "{entry:?}");
    }
}

#[test]
fn sysfs_shows_the_strings_and_takes_none() {
    let _module = Module::load(NAME, "str1=7up").unwrap();
    let path = format!("{PARAMETERS}/str1");
    assert_eq!(fs::read_to_string(&path).unwrap(), "7up\n");
    for parameter in ["numbers", "title"] {
        let file = fs::metadata(format!("{PARAMETERS}/{parameter}")).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, 0o444, "{parameter}");
    }
    // Not given; the kernel's word for a null pointer.
    let str2 = fs::read_to_string(format!("{PARAMETERS}/str2")).unwrap();
    assert_eq!(str2, "(null)\n");

    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o444);
    assert_eq!(errno(fs::write(&path, "other")), Errno::EACCES);
    assert_eq!(fs::read_to_string(&path).unwrap(), "7up\n");
}

#[test]
fn count_repeats_the_line() {
    let lines = log_of("str1=a str2=b count=3");
    assert_eq!(lines, ["Strings:a and b"; 3]);
    assert_eq!(log_of("str1=a str2=b count=100").len(), 100);
}

#[test]
fn count_out_of_range_is_refused() {
    for count in ["0", "101", "4294967295"] {
        let log = refused(&format!("str1=a str2=b count={count}"), Errno::EINVAL);
        let line = format!("param_rs: count={count} is not between 1 and 100");
        assert!(log.contains(&line), "{log:?}");
    }
}

#[test]
fn count_that_is_no_number_is_refused() {
    for count in ["seven", "-1", "1.5", "", "4294967296"] {
        let log = refused(&format!("str1=a str2=b count={count}"), Errno::EINVAL);
        let line = format!("param_rs: `{count}' invalid for parameter `count'");
        assert!(log.contains(&line), "{log:?}");
    }
}

#[test]
fn unknown_parameter_only_warns() {
    let mut log = Log::bookmark();
    let _module = Module::load(NAME, "str1=a nosuch=1 str2=b").unwrap();
    let lines = log.lines();
    for line in [
        "param_rs: unknown parameter 'nosuch' ignored",
        "param_rs: Strings:a and b",
    ] {
        assert!(lines.contains(&line.into()), "{lines:?}");
    }
}

/// Asserts what a parameter's file holds.
#[track_caller]
fn shows(parameter: &str, text: &str) {
    let content = fs::read_to_string(format!("{PARAMETERS}/{parameter}")).unwrap();
    assert_eq!(content, text, "{parameter}");
}

#[test]
fn numbers_are_logged_with_their_count() {
    for (given, line, shown) in [
        ("7", "Numbers: 1 given, [7]", "7\n"),
        ("2,3", "Numbers: 2 given, [2, 3]", "2,3\n"),
        ("-1,0x10,010", "Numbers: 3 given, [-1, 16, 8]", "-1,16,8\n"),
        (
            "-2147483648,2147483647,0,+5",
            "Numbers: 4 given, [-2147483648, 2147483647, 0, 5]",
            "-2147483648,2147483647,0,5\n",
        ),
        // The last ones count.
        ("1,2,3 numbers=9", "Numbers: 1 given, [9]", "9\n"),
    ] {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("numbers={given}")).unwrap();
        assert_eq!(log.lines_of(NAME), [USAGE, line]);
        shows("numbers", shown);
        module.unload().unwrap();
    }
}

#[test]
fn no_numbers_are_none() {
    let mut log = Log::bookmark();
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(log.lines_of(NAME), [USAGE]);
    shows("numbers", "");
}

#[test]
fn wrong_numbers_are_refused() {
    for (given, errno) in [
        ("", Errno::EINVAL),
        ("1,", Errno::EINVAL),
        ("1,,3", Errno::EINVAL),
        ("1 ,3", Errno::EINVAL),
        ("1,two", Errno::EINVAL),
        ("1,2147483648", Errno::ERANGE),
    ] {
        refused(&format!("\"numbers={given}\""), errno);
    }
    let log = refused("numbers=1,2,3,4,5", Errno::EINVAL);
    let line = "numbers: can only take 4 arguments";
    assert!(log.contains(&line.into()), "{log:?}");
}

#[test]
fn title_has_a_default() {
    let module = Module::load(NAME, "numbers=1").unwrap();
    shows("title", "Numbers\n");
    module.unload().unwrap();

    let mut log = Log::bookmark();
    let module = Module::load(NAME, "numbers=2,3 title=Primes").unwrap();
    assert_eq!(log.lines_of(NAME), [USAGE, "Primes: 2 given, [2, 3]"]);
    shows("title", "Primes\n");
    module.unload().unwrap();

    // The one that was given is not there any more.
    let _module = Module::load(NAME, "").unwrap();
    shows("title", "Numbers\n");
}
