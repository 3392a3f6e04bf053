// SPDX-License-Identifier: GPL-2.0

//! The kernel's rules of loading and unloading, on our modules. Each test is named
//! after its rule.

use guest::{
    config,
    kmsg::Log,
    module::{self, proc_modules, Module},
    process::wait_until,
    release,
};
use nix::{errno::Errno, kmod::init_module, sys::stat::Mode, unistd::mkfifo};
use std::{fs, os::unix::fs::PermissionsExt, process::Command, thread};

const SERVER: &str = "export_server_rs";
const CLIENT: &str = "export_client_rs";

/// Returns a module's file with one string in it replaced by another as long.
fn patched(name: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = fs::read(module::path(name)).unwrap();
    let places: Vec<_> = (0..file.len())
        .filter(|at| file[*at..].starts_with(from.as_bytes()))
        .collect();
    assert_eq!(places.len(), 1, "{from} in {name}");
    file[places[0]..][..to.len()].copy_from_slice(to.as_bytes());
    file
}

/// Loads a module's file, which the kernel has to refuse, and returns its log.
#[track_caller]
fn refused(file: &[u8], errno: Errno) -> Vec<String> {
    let mut log = Log::bookmark();
    assert_eq!(init_module(file, c"").unwrap_err(), errno);
    log.lines()
}

/// Runs a program that has to succeed.
#[track_caller]
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn proc_modules_shows_state_and_use_count() {
    let server = Module::load(SERVER, "").unwrap();
    let line = proc_modules(SERVER).unwrap();
    assert_eq!((line.use_count, line.state.as_str()), (0, "Live"));
    let client = Module::load(CLIENT, "").unwrap();
    let line = proc_modules(SERVER).unwrap();
    assert_eq!((line.use_count, line.state.as_str()), (1, "Live"));
    drop((client, server));
    assert_eq!(proc_modules(SERVER), None);
}

#[test]
fn module_that_is_being_loaded_is_shown_so_and_not_unloaded() {
    let _ = fs::remove_file("/tmp/gate");
    mkfifo("/tmp/gate", Mode::S_IRWXU).unwrap();
    fs::write("/tmp/wait", "#!/bin/sh\nread _ </tmp/gate\n").unwrap();
    fs::set_permissions("/tmp/wait", fs::Permissions::from_mode(0o755)).unwrap();
    let load = thread::spawn(|| Module::load("umh_rs", "path=/tmp/wait").unwrap());
    wait_until("being loaded", || {
        proc_modules("umh_rs").is_some_and(|line| line.state == "Loading")
    });
    // EAGAIN while the program pins it as well, EBUSY otherwise.
    let errno = module::unload("umh_rs").unwrap_err();
    fs::write("/tmp/gate", "\n").unwrap();
    let module = load.join().unwrap();
    assert_eq!(errno, Errno::EBUSY);
    assert_eq!(proc_modules("umh_rs").unwrap().state, "Live");
    module.unload().unwrap();
}

#[test]
fn unload_is_refused_while_in_use() {
    let server = Module::load(SERVER, "").unwrap();
    let client = Module::load(CLIENT, "").unwrap();
    for _ in 0..2 {
        assert_eq!(server.try_unload(), Err(Errno::EAGAIN));
        assert_eq!(proc_modules(SERVER).unwrap().use_count, 1);
    }
    client.unload().unwrap();
    server.unload().unwrap();
}

/// By its vermagic, patched here; `tests/cross` has one that was really built so.
#[test]
fn load_of_a_module_built_for_another_kernel_is_refused() {
    let release = release();
    // Another configuration, another version, the other series.
    let other_series = if release.starts_with("7.3") {
        "7.2"
    } else {
        "7.3"
    };
    for (from, to) in [
        ("mod_unload ", "mod_unlaod "),
        (
            &format!("vermagic={release} "),
            &format!("vermagic={}X ", &release[..release.len() - 1]),
        ),
        (
            &format!("vermagic={}", &release[..3]),
            &format!("vermagic={other_series}"),
        ),
    ] {
        let log = refused(&patched("hello_rs", from, to), Errno::ENOEXEC);
        let line = log
            .iter()
            .find(|line| line.starts_with("hello_rs: version magic '"));
        let line = line.unwrap_or_else(|| panic!("{log:?}"));
        assert!(
            line.contains(to.trim_start_matches("vermagic=").trim_end()),
            "{line}"
        );
        assert!(line.contains(&format!("should be '{release} ")), "{line}");
        assert_eq!(proc_modules("hello_rs"), None);
    }
}

#[test]
fn load_with_an_unresolved_symbol_is_refused() {
    let file = fs::read(module::path(CLIENT)).unwrap();
    let log = refused(&file, Errno::ENOENT);
    let line = format!("{CLIENT}: Unknown symbol yohda (err -2)");
    assert!(log.contains(&line), "{log:?}");
    assert_eq!(proc_modules(CLIENT), None);
}

#[test]
fn load_of_a_truncated_file_is_refused() {
    let file = fs::read(module::path("hello_rs")).unwrap();
    for (length, line) in [
        (0, None),
        (63, None),
        (file.len() / 2, Some("Invalid ELF section header overflow")),
        (file.len() - 1, Some("Invalid ELF section header overflow")),
    ] {
        let log = refused(&file[..length], Errno::ENOEXEC);
        // Less than a header is refused without a word.
        if let Some(line) = line {
            assert!(log.contains(&line.into()), "{length}: {log:?}");
        }
    }
    let mut file = file;
    file[0] = b'X';
    let log = refused(&file, Errno::ENOEXEC);
    assert!(
        log.iter()
            .any(|line| line.contains("Invalid ELF header magic")),
        "{log:?}"
    );
}

#[test]
fn load_with_a_parameter_of_the_wrong_type_is_refused() {
    let mut log = Log::bookmark();
    let load = Module::load("umh_rs", "count=many");
    assert_eq!(load.unwrap_err(), Errno::EINVAL);
    assert_eq!(
        log.lines_of("umh_rs"),
        ["`many' invalid for parameter `count'"]
    );
    assert_eq!(proc_modules("umh_rs"), None);
}

#[test]
fn second_load_of_the_same_module_is_refused() {
    let module = Module::load(SERVER, "").unwrap();
    let mut log = Log::bookmark();
    assert_eq!(Module::load(SERVER, "").unwrap_err(), Errno::EEXIST);
    assert_eq!(log.lines_of(SERVER), [""; 0]);
    module.unload().unwrap();
}

/// A kernel that knows signatures refuses what is none, even where it forces none.
#[test]
fn load_of_a_module_with_a_wrong_signature_is_refused_where_signatures_are_known() {
    let mut file = fs::read(module::path("hello_rs")).unwrap();
    file.extend(b"none~Module signature appended~\n");
    if config("MODULE_SIG").is_some() {
        refused(&file, Errno::EBADMSG);
        return;
    }
    init_module(&file, c"").unwrap();
    assert_eq!(proc_modules("hello_rs").unwrap().state, "Live");
    module::unload("hello_rs").unwrap();
}

#[test]
fn module_without_gpl_licence_does_not_get_gpl_only_symbols() {
    let server = Module::load(SERVER, "").unwrap();
    let file = patched(CLIENT, "license=GPL\0", "license=XXX\0");
    let log = refused(&file, Errno::ENOENT);
    for symbol in ["yohda", "yohda_add"] {
        let line = format!("{CLIENT}: Unknown symbol {symbol} (err -2)");
        assert!(log.contains(&line), "{log:?}");
    }
    assert_eq!(server.use_count(), 0);
    server.unload().unwrap();
}

#[test]
fn symbols_are_gone_after_unload() {
    Module::load(SERVER, "").unwrap().unload().unwrap();
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
    assert!(!symbols.contains("yohda"));
    assert_eq!(Module::load(CLIENT, "").unwrap_err(), Errno::ENOENT);
}

#[test]
fn dependencies_are_resolved_by_modprobe_after_depmod() {
    let dep = format!("/lib/modules/{}/modules.dep", release());
    // The file that `make modules_install` made, then none, then the guest's own.
    for depmod in [false, true] {
        if depmod {
            fs::remove_file(&dep).unwrap();
            let output = Command::new("modprobe").arg(CLIENT).output().unwrap();
            assert!(!output.status.success(), "{output:?}");
            run("depmod", &[]);
        }
        run("modprobe", &[CLIENT]);
        assert_eq!(proc_modules(SERVER).unwrap().users, [CLIENT]);
        run("modprobe", &["-r", CLIENT]);
        assert_eq!(proc_modules(CLIENT), None);
        assert_eq!(proc_modules(SERVER), None);
    }
}

#[test]
fn modinfo_shows_what_a_module_says_of_itself() {
    // All of them by their files, and one by its name.
    let mut files: Vec<_> = fs::read_dir("/root")
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_string())
        .filter(|path| path.ends_with(".ko"))
        .collect();
    files.push(CLIENT.into());
    let arguments: Vec<_> = files.iter().map(String::as_str).collect();
    let all = run("modinfo", &arguments);
    let infos: Vec<_> = all.split("filename:").skip(1).collect();
    assert_eq!(infos.len(), files.len(), "{all}");
    let vermagic = format!("vermagic:       {} SMP", release());
    for info in &infos {
        for field in [
            "description:    ",
            "license:        GPL\n",
            "depends:",
            &vermagic,
        ] {
            assert!(info.contains(field), "{info}");
        }
    }
    for line in [
        "/updates/export_client_rs.ko\n",
        "depends:        export_server_rs\n",
        "alias:          char-major-100-*\n",
        "parm:           str1:The first string to log\n",
        "parm:           count:How often to log the strings, 1 to 100\n",
    ] {
        assert!(all.contains(line), "{all}");
    }
}
