// SPDX-License-Identifier: GPL-2.0

//! `demand_load_rs`, and the ways to have a module loaded that need no code.

use guest::{
    errno,
    kmsg::Log,
    module::{self, proc_modules, Module},
};
use nix::{
    errno::Errno,
    sys::stat::{makedev, mknod, Mode, SFlag},
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

const NAME: &str = "demand_load_rs";
const NODE: &str = "/dev/char_dev";

/// A file with other contents, or none; as it was before on drop.
struct Changed {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

impl Changed {
    fn new(path: impl Into<PathBuf>, contents: Option<&str>) -> Self {
        let path = path.into();
        let before = fs::read(&path).ok();
        match contents {
            Some(contents) => fs::write(&path, contents).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        Self { path, before }
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        match &self.before {
            Some(before) => fs::write(&self.path, before).unwrap(),
            None => fs::remove_file(&self.path).unwrap(),
        }
    }
}

/// Returns the path of a file of depmod.
fn depmod_file(name: &str) -> PathBuf {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    Path::new("/lib/modules")
        .join(release.trim_end())
        .join(name)
}

/// Has the module ask for another one, and returns what it logged.
fn ask_for(name: &str) -> Vec<String> {
    let mut log = Log::bookmark();
    let module = Module::load(NAME, &format!("name={name}")).unwrap();
    module.unload().unwrap();
    log.lines_of(NAME)
}

/// Makes the device node with major 100, as there is none while nothing is loaded.
fn make_node() {
    let _ = fs::remove_file(NODE);
    mknod(
        NODE,
        SFlag::S_IFCHR,
        Mode::from_bits_truncate(0o600),
        makedev(100, 0),
    )
    .unwrap();
}

#[test]
fn module_that_exists_is_loaded() {
    for _ in 0..2 {
        assert_eq!(ask_for("hello_rs"), ["hello_rs: modprobe exited with 0"]);
        module::unload("hello_rs").unwrap();
    }
}

#[test]
fn module_that_is_loaded_already_counts_as_loaded() {
    let _hello = Module::load("hello_rs", "").unwrap();
    assert_eq!(ask_for("hello_rs"), ["hello_rs: modprobe exited with 0"]);
}

#[test]
fn what_a_module_depends_on_is_loaded_with_it() {
    let lines = ask_for("export_client_rs");
    assert_eq!(lines, ["export_client_rs: modprobe exited with 0"]);
    assert_eq!(
        proc_modules("export_server_rs").unwrap().users,
        ["export_client_rs"]
    );
    module::unload("export_client_rs").unwrap();
    module::unload("export_server_rs").unwrap();
}

#[test]
fn alias_names_a_module_too() {
    let lines = ask_for("char-major-100-7");
    assert_eq!(lines, ["char-major-100-7: modprobe exited with 0"]);
    module::unload("chardev_ioctl_rs").unwrap();
}

#[test]
fn module_that_does_not_exist_is_told() {
    for name in ["nosuch", "%s%n"] {
        assert_eq!(ask_for(name), [format!("{name}: modprobe exited with 1")]);
    }
}

#[test]
fn module_that_refuses_its_load_is_told() {
    fs::create_dir_all("/etc/modprobe.d").unwrap();
    let _options = Changed::new(
        "/etc/modprobe.d/test.conf",
        Some("options param_rs count=0\n"),
    );
    assert_eq!(ask_for("param_rs"), ["param_rs: modprobe exited with 1"]);
    assert_eq!(proc_modules("param_rs"), None);
}

#[test]
fn request_that_cannot_be_made_refuses_the_load() {
    #[track_caller]
    fn refused(name: &str, errno: Errno, reason: &str) {
        let mut log = Log::bookmark();
        let error = Module::load(NAME, &format!("name={name}")).unwrap_err();
        assert_eq!(error, errno);
        assert_eq!(log.records_of(NAME), [(3, format!("{name}: {reason}"))]);
        assert_eq!(proc_modules(NAME), None);
    }
    let reason = "cannot be asked for (err -36)";
    refused(&"x".repeat(56), Errno::ENAMETOOLONG, reason);
    for itself in [NAME, "demand-load-rs"] {
        refused(itself, Errno::EINVAL, "is waiting for itself");
    }
    let _no_modprobe = Changed::new("/proc/sys/kernel/modprobe", Some("\n"));
    refused("hello_rs", Errno::ENOENT, "cannot be asked for (err -2)");
}

#[test]
fn without_a_name_it_says_how_to_give_one() {
    let mut log = Log::bookmark();
    Module::load(NAME, "").unwrap().unload().unwrap();
    let usage = "Next time, do insmod demand_load_rs.ko name=<module>";
    assert_eq!(log.lines_of(NAME), [usage]);
}

#[test]
fn opening_its_device_node_loads_chardev_ioctl_rs() {
    for _ in 0..2 {
        make_node();
        assert_eq!(proc_modules("chardev_ioctl_rs"), None);
        let file = File::open(NODE).unwrap();
        assert_ne!(proc_modules("chardev_ioctl_rs").unwrap().use_count, 0);
        assert_eq!(module::unload("chardev_ioctl_rs"), Err(Errno::EAGAIN));
        drop(file);
        module::unload("chardev_ioctl_rs").unwrap();
    }
    let _ = fs::remove_file(NODE);
}

#[test]
fn opening_a_device_node_without_alias_gives_enxio() {
    make_node();
    let _no_alias = Changed::new(depmod_file("modules.alias"), None);
    assert_eq!(errno(File::open(NODE)), Errno::ENXIO);
    assert_eq!(proc_modules("chardev_ioctl_rs"), None);
    fs::remove_file(NODE).unwrap();
}
