// SPDX-License-Identifier: GPL-2.0

//! `export_server_rs` and `export_client_rs`: one module's symbols used by
//! another.

use guest::{
    kmsg::Log,
    module::{self, proc_modules, Module},
};
use nix::{errno::Errno, kmod::init_module};
use std::{ffi::CString, fs, path::Path, sync::Barrier, thread};

const SERVER: &str = "export_server_rs";
const CLIENT: &str = "export_client_rs";

/// Returns the server's lines in `/proc/kallsyms` for what it exports, as kind
/// and name.
fn kallsyms() -> Vec<(char, String)> {
    let mut symbols: Vec<_> = fs::read_to_string("/proc/kallsyms")
        .unwrap()
        .lines()
        .filter(|line| line.ends_with(&format!("\t[{SERVER}]")))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| ["yohda", "yohda_add"].contains(&words[2]))
        .map(|words| (words[1].chars().next().unwrap(), words[2].to_string()))
        .collect();
    symbols.sort();
    symbols
}

#[test]
fn client_sees_and_changes_what_the_server_exports() {
    let mut log = Log::bookmark();
    let server = Module::load(SERVER, "").unwrap();
    assert_eq!(log.lines_of(SERVER), ["yohda is 42"]);
    for n in 42..44 {
        Module::load(CLIENT, "").unwrap().unload().unwrap();
        let lines = [format!("yohda is {n}"), format!("yohda is {} now", n + 1)];
        assert_eq!(log.lines_of(CLIENT), lines);
    }
    server.unload().unwrap();
    assert_eq!(log.lines_of(SERVER), ["yohda was 44"]);
}

/// Two at a time: the module of the tests under two names.
#[test]
fn sums_of_modules_that_add_at_the_same_time_are_right() {
    const TIMES: i32 = 2_000_000;
    let server = Module::load(SERVER, "").unwrap();
    let file = fs::read(module::path("faulty/export_user")).unwrap();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for name in [b"export_user", b"export_uses"] {
            let mut file = file.clone();
            let places = (0..file.len()).filter(|at| file[*at..].starts_with(b"export_user"));
            for at in places.collect::<Vec<_>>() {
                file[at..at + name.len()].copy_from_slice(name);
            }
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let params = CString::new(format!("times={TIMES}")).unwrap();
                init_module(&file, &params).unwrap();
            });
        }
    });
    for name in ["export_user", "export_uses"] {
        module::unload(name).unwrap();
    }
    let mut log = Log::bookmark();
    server.unload().unwrap();
    let sum = 42 + 2 * TIMES;
    assert_eq!(log.lines_of(SERVER), [format!("yohda was {sum}")]);
}

#[test]
fn sum_wraps_around() {
    let _server = Module::load(SERVER, "").unwrap();
    let mut log = Log::bookmark();
    for (add, sum) in [(i32::MAX, i32::MIN + 41), (i32::MIN, 41), (-41, 0)] {
        let params = format!("add={add}");
        let user = Module::load("faulty/export_user", &params).unwrap();
        user.unload().unwrap();
        let line = format!("yohda is {sum} now");
        assert_eq!(log.lines_of("export_user"), [line]);
    }
}

#[test]
fn server_is_used_by_its_client() {
    let server = Module::load(SERVER, "").unwrap();
    let holder = format!("/sys/module/{SERVER}/holders/{CLIENT}");
    let refcnt = || fs::read_to_string(format!("/sys/module/{SERVER}/refcnt")).unwrap();
    for _ in 0..2 {
        assert_eq!(server.use_count(), 0);
        assert!(proc_modules(SERVER).unwrap().users.is_empty());
        assert_eq!(refcnt(), "0\n");
        assert!(!Path::new(&holder).exists());

        let client = Module::load(CLIENT, "").unwrap();
        assert_eq!(server.use_count(), 1);
        assert_eq!(proc_modules(SERVER).unwrap().users, [CLIENT]);
        assert_eq!(refcnt(), "1\n");
        assert!(Path::new(&holder).exists());
        assert_eq!(client.use_count(), 0);
        client.unload().unwrap();
    }
}

#[test]
fn unload_of_the_server_is_refused_while_the_client_is_loaded() {
    let server = Module::load(SERVER, "").unwrap();
    let client = Module::load(CLIENT, "").unwrap();
    let mut log = Log::bookmark();
    assert_eq!(server.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(proc_modules(SERVER).unwrap().state, "Live");
    assert_eq!(log.lines_of(SERVER), [""; 0]);

    client.unload().unwrap();
    server.unload().unwrap();
    assert_eq!(log.lines_of(SERVER), ["yohda was 43"]);
}

#[test]
fn client_alone_lacks_its_symbols() {
    let mut log = Log::bookmark();
    assert_eq!(Module::load(CLIENT, "").unwrap_err(), Errno::ENOENT);
    let mut lines = log.lines_of(CLIENT);
    lines.sort();
    assert_eq!(
        lines,
        [
            "Unknown symbol yohda (err -2)",
            "Unknown symbol yohda_add (err -2)"
        ]
    );
    assert_eq!(proc_modules(CLIENT), None);
}

#[test]
fn kallsyms_has_the_symbols_as_long_as_the_server_is_loaded() {
    assert_eq!(kallsyms(), []);
    let server = Module::load(SERVER, "").unwrap();
    let client = Module::load(CLIENT, "").unwrap();
    // Global ones: one in data, one in text.
    let symbols = [('D', "yohda".into()), ('T', "yohda_add".into())];
    assert_eq!(kallsyms(), symbols);
    client.unload().unwrap();
    server.unload().unwrap();
    assert_eq!(kallsyms(), []);
}

#[test]
fn module_symvers_has_the_symbols_for_gpl_only() {
    let symvers = fs::read_to_string("/root/Module.symvers").unwrap();
    let mut lines: Vec<_> = symvers
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|words| words[2] == SERVER)
        .map(|words| (words[1], words[3]))
        .collect();
    lines.sort();
    let kind = "EXPORT_SYMBOL_GPL";
    assert_eq!(lines, [("yohda", kind), ("yohda_add", kind)]);
}
