// SPDX-License-Identifier: GPL-2.0

//! `abstractions/cdev.rs`: what `chardev_rs` and `chardev_ioctl_rs` cannot show by
//! themselves, with the help of a module that is in their way
//! (`tests/faulty/chardev_faulty.rs`).

use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Module},
    PATIENCE,
};
use nix::{
    errno::Errno,
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::stat::{makedev, mknod, Mode, SFlag},
};
use std::{
    fs::{self, File},
    io::Read,
    os::fd::{AsFd, AsRawFd},
    path::Path,
    thread,
    time::{Duration, Instant},
};

const FAULTY: &str = "faulty/chardev_faulty";

/// All that a registration of this name can leave: its lines in `/proc/devices`, and
/// which of its files exist.
fn traces(name: &str) -> (Vec<String>, Vec<String>) {
    let devices = fs::read_to_string("/proc/devices").unwrap();
    let lines = devices
        .lines()
        .filter(|line| line.ends_with(&format!(" {name}")));
    let paths = [format!("/dev/{name}"), format!("/sys/class/{name}")];
    (
        lines.map(String::from).collect(),
        paths
            .into_iter()
            .filter(|path| Path::new(path).exists())
            .collect(),
    )
}

fn no_traces() -> (Vec<String>, Vec<String>) {
    (vec![], vec![])
}

#[test]
fn major_number_that_is_taken_refuses_the_load() {
    let faulty = Module::load(FAULTY, "major=100 device=other").unwrap();
    let before = traces("other");
    for _ in 0..2 {
        let result = Module::load("chardev_ioctl_rs", "");
        assert_eq!(result.unwrap_err(), Errno::EBUSY);
        assert_eq!(proc_modules("chardev_ioctl_rs"), None);
        assert_eq!(traces("char_dev"), no_traces());
        assert_eq!(traces("other"), before);
    }
    assert_eq!(before.0, ["100 other"]);
    faulty.unload().unwrap();
    assert_eq!(traces("other"), no_traces());
    Module::load("chardev_ioctl_rs", "").unwrap();
}

#[test]
fn name_that_is_taken_refuses_the_load() {
    for (module, name) in [
        ("chardev_ioctl_rs", "char_dev"),
        ("chardev_rs", "chardev_rs"),
    ] {
        let faulty = Module::load(FAULTY, &format!("device={name}")).unwrap();
        let before = traces(name);
        assert_eq!((before.0.len(), before.1.len()), (1, 2));
        for _ in 0..2 {
            let mut log = Log::bookmark();
            // The kernel makes it of the EEXIST that `init` fails with, since from
            // `finit_module(2)` that says that the module is loaded already.
            assert_eq!(Module::load(module, "").unwrap_err(), Errno::EBUSY);
            log.wait_for(&format!("failed for {name} with -EEXIST"));
            assert_eq!(proc_modules(module), None);
            // The numbers were given back, and what is the other's was not touched.
            assert_eq!(traces(name), before);
        }
        let mut start = [0; 6];
        let mut node = File::open(format!("/dev/{name}")).unwrap();
        node.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"faulty");
        drop(node);

        faulty.unload().unwrap();
        assert_eq!(traces(name), no_traces());
        Module::load(module, "").unwrap();
    }
}

#[test]
fn wrong_major_numbers_are_refused() {
    for major in ["512", "4095", "4096", "4294967295"] {
        let result = Module::load(FAULTY, &format!("major={major}"));
        assert_eq!(result.unwrap_err(), Errno::EINVAL, "{major}");
        assert_eq!(traces("chardev_faulty"), no_traces());
    }
    Module::load(FAULTY, "major=511").unwrap();
}

#[test]
fn name_may_have_a_folder() {
    let module = Module::load(FAULTY, "device=a/b").unwrap();
    for path in ["/dev/a/b", "/sys/class/a!b"] {
        assert!(Path::new(path).exists(), "{path}");
    }
    module.unload().unwrap();
    for path in ["/dev/a", "/sys/class/a!b"] {
        assert!(!Path::new(path).exists(), "{path}");
    }
}

#[test]
fn all_dynamic_numbers_are_given_back() {
    // There are fewer than this.
    for _ in 0..300 {
        Module::load(FAULTY, "").unwrap().unload().unwrap();
    }
    assert_eq!(traces("chardev_faulty"), no_traces());
}

#[test]
fn data_is_dropped_once_with_the_registration() {
    let mut log = Log::bookmark();
    let module = Module::load(FAULTY, "").unwrap();
    drop(File::open("/dev/chardev_faulty").unwrap());
    assert_eq!(log.lines_of("chardev_faulty"), ["released"]);
    module.unload().unwrap();
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);

    // Also where the registration fails: there is a class `misc`.
    let result = Module::load(FAULTY, "device=misc");
    assert_eq!(result.unwrap_err(), Errno::EBUSY);
    let lines = log.lines_of("chardev_faulty");
    assert_eq!(lines, ["data dropped"]);
}

/// A load that fails after its device could be opened: the module is not freed before
/// the file is closed.
#[test]
fn failing_load_waits_for_files_that_were_opened() {
    let path = "/dev/before_the_load";
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(99, 3)).unwrap();
    let mut log = Log::bookmark();

    let load = thread::spawn(|| Module::load(FAULTY, "major=99 fail=1").map(drop));
    let deadline = Instant::now() + PATIENCE;
    let mut file = loop {
        // Before that, an open would only keep `modprobe` busy.
        if traces("chardev_faulty").0.is_empty() {
            assert!(Instant::now() < deadline, "the load does not begin");
            continue;
        }
        match File::open(path) {
            Ok(file) => break file,
            Err(error) => assert_eq!(error.raw_os_error(), Some(Errno::ENXIO as i32)),
        }
        assert!(Instant::now() < deadline, "the device does not open");
    };
    // The device is taken back, the module stays. (Its node may not be there yet now.)
    while proc_modules("chardev_faulty").is_some_and(|line| line.use_count < 3)
        || traces("chardev_faulty")
            .1
            .contains(&"/dev/chardev_faulty".into())
        || Path::new("/sys/dev/char/99:0").exists()
    {
        assert!(Instant::now() < deadline, "the node does not go");
    }
    for _ in 0..20 {
        assert!(!load.is_finished());
        assert_eq!(proc_modules("chardev_faulty").unwrap().state, "Loading");
        let mut buffer = [0; 6];
        file.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"faulty");
        thread::sleep(Duration::from_millis(5));
    }
    drop(file);
    assert_eq!(load.join().unwrap(), Err(Errno::ENODEV));

    let lines = log.lines_of("chardev_faulty");
    assert_eq!(lines, ["released", "data dropped"]);
    assert_eq!(proc_modules("chardev_faulty"), None);
    assert_eq!(traces("chardev_faulty"), no_traces());
    assert_eq!(errno(File::open(path)), Errno::ENXIO);
    fs::remove_file(path).unwrap();
}

#[test]
fn optional_callbacks_have_their_defaults() {
    let _module = Module::load(FAULTY, "").unwrap();
    let node = "/dev/chardev_faulty";
    let mut options = File::options();
    let file = options.read(true).write(true).open(node).unwrap();
    // Several may be open: nothing here is exclusive.
    let other = File::open(node).unwrap();

    let mut files = [PollFd::new(file.as_fd(), PollFlags::all())];
    assert_eq!(poll(&mut files, PollTimeout::ZERO), Ok(1));
    assert_eq!(files[0].revents(), Some(PollFlags::POLLPRI));

    // SAFETY: The device takes the argument as a number.
    let ioctl =
        |command, n: usize| Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command, n) });
    assert_eq!(ioctl(0x6400, 42), Ok(42));
    assert_eq!(ioctl(0x6401, 42), Err(Errno::ENOTTY));
    // SAFETY: The call takes no pointer.
    let seek = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_SET) };
    assert_eq!(Errno::result(seek), Err(Errno::ESPIPE));
    assert_eq!(nix::unistd::write(&file, b"x"), Err(Errno::EINVAL));
    assert_eq!(errno(file.sync_all()), Errno::EINVAL);
    drop(other);
}
