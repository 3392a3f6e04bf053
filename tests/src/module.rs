// SPDX-License-Identifier: GPL-2.0

//! Loading and unloading kernel modules.

use crate::process::Child;
use nix::{
    errno::Errno,
    kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags},
    libc::c_int,
    sys::signal::{signal, SigHandler, Signal},
    Result,
};
use std::{
    ffi::{CStr, CString},
    fs,
    fs::File,
    path::PathBuf,
    sync::LazyLock,
};

/// Where the guest keeps the modules.
const FOLDER: &str = "/root";

/// All modules of the project that the kernel has the options for, each behind those that it
/// depends on. (`qemu/run-test.sh` tells of the others.)
pub static ALL: LazyLock<Vec<&str>> =
    LazyLock::new(|| NAMES.into_iter().filter(|name| is_built(name)).collect());

const NAMES: [&str; 34] = [
    "chardev_ioctl_rs",
    "chardev_rs",
    "completions_rs",
    "debugfs_rs",
    "demand_load_rs",
    "edu_rs",
    "export_server_rs",
    "export_client_rs",
    "gpio_rs",
    "hello_multi_rs",
    "hello_rs",
    "irq_kbd_rs",
    "kbleds_rs",
    "locks_rs",
    "misc_rs",
    "netloop_rs",
    "param_rs",
    "param_watch_rs",
    "platform_rs",
    "print_string_rs",
    "procfs_rs",
    "procfs_rw_rs",
    "procfs_seq_rs",
    "ramdisk_rs",
    "sched_rs",
    "slab_rs",
    "sleep_rs",
    "static_key_rs",
    "syscall_rs",
    "sysfs_rs",
    "umh_rs",
    "usercopy_test_rs",
    "vinput_rs",
    "workqueue_rs",
];

/// The modules with a file that can be opened, and the file.
pub const FILES: [(&str, &str); 9] = [
    ("chardev_ioctl_rs", "/dev/char_dev"),
    ("chardev_rs", "/dev/chardev_rs"),
    ("misc_rs", "/dev/misc_rs"),
    ("procfs_rs", "/proc/test"),
    ("procfs_rw_rs", "/proc/rw_test"),
    ("procfs_seq_rs", "/proc/iter"),
    ("sched_rs", "/proc/sched"),
    ("sleep_rs", "/proc/sleep"),
    ("static_key_rs", "/proc/key_state"),
];

/// The files that do not hold their module while they are open.
pub const IN_SYSFS: [(&str, &str); 7] = [
    ("debugfs_rs", "/sys/kernel/debug/debugfs_rs/blob"),
    ("debugfs_rs", "/sys/kernel/debug/debugfs_rs/counter"),
    ("debugfs_rs", "/sys/kernel/debug/debugfs_rs/enabled"),
    ("debugfs_rs", "/sys/kernel/debug/debugfs_rs/message"),
    (
        "param_watch_rs",
        "/sys/module/param_watch_rs/parameters/watched",
    ),
    ("sysfs_rs", "/sys/kernel/sysfs_rs/squared"),
    ("sysfs_rs", "/sys/kernel/sysfs_rs/value"),
];

/// Returns whether the guest has a module.
pub fn is_built(name: &str) -> bool {
    path(name).exists()
}

/// Returns the module that a module depends on.
pub fn depends(name: &str) -> Option<&'static str> {
    (name == "export_client_rs").then_some("export_server_rs")
}

/// A loaded module; unloaded on drop, so that a failed assertion leaves a clean
/// state to the next test.
#[derive(Debug)]
pub struct Module {
    name: String,
}

impl Module {
    /// Loads `/root/<name>.ko` with `params`, a string of `name=value` words. A module
    /// of the tests is `faulty/<name>`, a C twin `c/<name>`.
    ///
    /// # Errors
    ///
    /// The errno of `finit_module(2)`.
    pub fn load(name: &str, params: &str) -> Result<Self> {
        let params = CString::new(params).map_err(|_| Errno::EINVAL)?;
        Self::load_bytes(name, &params)
    }

    /// Loads a module with parameters that need not be UTF-8.
    ///
    /// # Errors
    ///
    /// The errno of `finit_module(2)`.
    pub fn load_bytes(name: &str, params: &CStr) -> Result<Self> {
        Self::load_file(name, &open(name), params)
    }

    /// Loads a module from a file that was opened before.
    ///
    /// # Errors
    ///
    /// The errno of `finit_module(2)`.
    pub fn load_file(name: &str, file: &File, params: &CStr) -> Result<Self> {
        finit_module(file, params, ModuleInitFlags::empty())?;
        let name = name.rsplit('/').next().unwrap_or(name).into();
        Ok(Self { name })
    }

    /// Unloads the module, as `rmmod` does: without waiting for its users.
    ///
    /// # Errors
    ///
    /// The errno of `delete_module(2)`; EAGAIN while the module is in use.
    pub fn unload(self) -> Result<()> {
        let result = unload(&self.name);
        if result.is_ok() {
            std::mem::forget(self);
        }
        result
    }

    /// Tries to unload the module and keeps it on failure.
    ///
    /// # Errors
    ///
    /// As for [`Module::unload`].
    pub fn try_unload(&self) -> Result<()> {
        unload(&self.name)
    }

    /// Returns the module's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the module's use count, as `lsmod` shows it.
    pub fn use_count(&self) -> u32 {
        proc_modules(&self.name).expect("a loaded module").use_count
    }
}

/// A load that stays in the module's `init` until a signal comes.
#[derive(Debug)]
pub struct Loading(Child);

impl Loading {
    /// Begins to load a module, in a process of its own.
    pub fn begin(name: &str, params: &str) -> Self {
        let (name, params) = (String::from(name), String::from(params));
        Self(Child::spawn_fallible(move || {
            extern "C" fn nothing(_signal: c_int) {}
            // SAFETY: The handler does nothing.
            unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(nothing)) }?;
            let result = Module::load(&name, &params);
            result.map(std::mem::forget).map_err(std::io::Error::from)
        }))
    }

    /// Sends the signal, and returns the errno with which the load then fails.
    ///
    /// # Panics
    ///
    /// When it does not end within [`PATIENCE`](crate::PATIENCE), or not with an errno.
    #[track_caller]
    pub fn interrupt(self) -> Errno {
        self.0.signal(Signal::SIGUSR1);
        Errno::from_raw(self.0.exit_status())
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        match unload(&self.name) {
            // A test may have unloaded it by other means.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) if std::thread::panicking() => {
                eprintln!("{} stays loaded: {errno}", self.name);
            }
            Err(errno) => panic!("{} stays loaded: {errno}", self.name),
        }
    }
}

/// Unloads a module by name, without waiting for its users.
///
/// # Errors
///
/// The errno of `delete_module(2)`.
pub fn unload(name: &str) -> Result<()> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    delete_module(&name, DeleteModuleFlags::O_NONBLOCK)
}

/// Opens a module's file.
///
/// # Panics
///
/// When the guest has none.
pub fn open(name: &str) -> File {
    File::open(path(name)).expect("the module is in the guest")
}

/// Returns the path of a module's file in the guest.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(name).with_extension("ko")
}

/// A line of `/proc/modules`.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// How many hold the module.
    pub use_count: u32,
    /// The memory that it takes, in bytes: whole pages.
    pub size: u64,
    /// The modules that use it, by name.
    pub users: Vec<String>,
    /// `Live`, `Loading` or `Unloading`.
    pub state: String,
}

/// Returns a module's line in `/proc/modules`, if it is loaded.
pub fn proc_modules(name: &str) -> Option<Line> {
    let modules = fs::read_to_string("/proc/modules").expect("/proc/modules");
    let line = modules
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|words| words[0] == name)?;
    Some(Line {
        use_count: line[2].parse().expect("a use count"),
        size: line[1].parse().expect("a size"),
        users: line[3]
            .split(',')
            .filter(|user| !matches!(*user, "" | "-"))
            .map(String::from)
            .collect(),
        state: line[4].into(),
    })
}
