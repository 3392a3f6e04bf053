// SPDX-License-Identifier: GPL-2.0

//! `hello_rs` and `hello_multi_rs`: the same two lines, the second module's from
//! two source files.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
};
use nix::errno::Errno;
use std::{path::Path, process::Command};

const MODULES: [&str; 2] = ["hello_rs", "hello_multi_rs"];
const HELLO: &str = "Hello, world - this is the kernel speaking";
const GOODBYE: &str = "Short is the life of a kernel module";

#[test]
fn load_and_unload_each_log_their_line_twice() {
    for name in MODULES {
        for _ in 0..2 {
            let mut log = Log::bookmark();
            let module = Module::load(name, "").unwrap();
            assert_eq!(log.lines_of(name), [HELLO]);
            module.unload().unwrap();
            assert_eq!(log.lines_of(name), [GOODBYE]);
        }
    }
}

#[test]
fn both_lines_are_information() {
    for name in MODULES {
        let mut log = Log::bookmark();
        Module::load(name, "").unwrap().unload().unwrap();
        assert_eq!(
            log.records_of(name),
            [(6, HELLO.to_string()), (6, GOODBYE.to_string())]
        );
    }
}

#[test]
fn loaded_module_is_live_and_unused() {
    for name in MODULES {
        let sysfs = format!("/sys/module/{name}");
        assert_eq!(proc_modules(name), None);

        let module = Module::load(name, "").unwrap();
        let line = proc_modules(name).unwrap();
        assert_eq!((line.use_count, line.state.as_str()), (0, "Live"));
        assert!(Path::new(&sysfs).exists());

        module.unload().unwrap();
        assert_eq!(proc_modules(name), None);
        assert!(!Path::new(&sysfs).exists());
    }
}

#[test]
fn both_modules_live_side_by_side() {
    let first = Module::load("hello_rs", "").unwrap();
    let _second = Module::load("hello_multi_rs", "").unwrap();
    let mut log = Log::bookmark();
    first.unload().unwrap();
    assert_eq!(log.lines_of("hello_rs"), [GOODBYE]);
    assert!(proc_modules("hello_multi_rs").is_some());
}

#[test]
fn second_load_returns_eexist_and_logs_nothing() {
    for name in MODULES {
        let _module = Module::load(name, "").unwrap();
        let mut log = Log::bookmark();
        assert_eq!(Module::load(name, "").unwrap_err(), Errno::EEXIST);
        assert_eq!(log.lines_of(name), [""; 0]);
        assert!(proc_modules(name).is_some());
    }
}

#[test]
fn unload_of_absent_module_returns_enoent() {
    for name in MODULES {
        assert_eq!(module::unload(name), Err(Errno::ENOENT));
    }
}

#[test]
fn user_may_neither_load_nor_unload() {
    let as_nobody = |program: &str, argument: &str| {
        let output = Command::new("su")
            .args(["-s", "/bin/sh", "nobody", "-c"])
            .arg(format!("{program} {argument}"))
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for name in MODULES {
        let error = as_nobody("insmod", module::path(name).to_str().unwrap());
        assert!(error.contains("Operation not permitted"), "{error}");
        assert_eq!(proc_modules(name), None);

        let _module = Module::load(name, "").unwrap();
        let error = as_nobody("rmmod", name);
        assert!(error.contains("Operation not permitted"), "{error}");
        assert!(proc_modules(name).is_some());
    }
}
