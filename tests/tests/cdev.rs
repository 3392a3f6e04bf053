// SPDX-License-Identifier: GPL-2.0

//! `abstractions/cdev.rs`: what `chardev_rs` and `chardev_ioctl_rs` cannot show by
//! themselves, with the help of a module that is in their way
//! (`tests/faulty/chardev_faulty.rs`).

use guest::{
    careless, errno,
    kmsg::Log,
    module::{proc_modules, Loading, Module},
    process::{wait_until, Child},
    user,
};
use nix::{
    errno::Errno,
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::select::{select, FdSet},
    sys::stat::{makedev, mknod, Mode, SFlag},
};
use std::{
    fs::{self, File},
    io::Read,
    os::fd::{AsFd, AsRawFd},
    path::Path,
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

/// Sends the device a command; none of them takes a pointer.
fn command(file: &File, command: u64, argument: usize) -> nix::Result<i32> {
    // SAFETY: The device takes the argument as a number.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), command, argument) })
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
    for major in ["0", "512", "4095", "4096", "4294967295"] {
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
    assert_eq!(log.lines_of("chardev_faulty"), ["released 0"]);
    module.unload().unwrap();
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);

    // Also where the registration fails: there is a class `misc`.
    let result = Module::load(FAULTY, "device=misc");
    assert_eq!(result.unwrap_err(), Errno::EBUSY);
    let lines = log.lines_of("chardev_faulty");
    assert_eq!(lines, ["data dropped"]);
}

/// Nobody gets in before `init` has returned, so one that fails has nobody to wait for,
/// not even with many at the door.
#[test]
fn device_of_a_module_that_still_loads_cannot_be_opened() {
    let path = "/dev/before_the_load";
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(99, 3)).unwrap();
    let mut log = Log::bookmark();

    let load = Loading::begin(FAULTY, "major=99 hold=1");
    wait_until("the node", || Path::new("/dev/chardev_faulty").exists());
    for _ in 0..100 {
        assert_eq!(errno(File::open(path)), Errno::ENXIO);
        assert_eq!(errno(File::open("/dev/chardev_faulty")), Errno::ENXIO);
        assert_eq!(proc_modules("chardev_faulty").unwrap().state, "Loading");
    }
    careless::nobody_opens_while_it_loads(load, Path::new(path), Errno::ENXIO);
    assert_eq!(proc_modules("chardev_faulty"), None);

    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    assert_eq!(traces("chardev_faulty"), no_traces());
    assert_eq!(errno(File::open(path)), Errno::ENXIO);
    fs::remove_file(path).unwrap();
}

/// A registration may be dropped before the module goes: open files live on, and keep
/// what they share; there are no new ones, though their inode still knows the device.
#[test]
fn open_file_outlives_its_registration() {
    let path = "/dev/stays_behind";
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(99, 7)).unwrap();
    let mut log = Log::bookmark();
    let module = Module::load(FAULTY, "major=99").unwrap();
    let mut file = File::open(path).unwrap();
    assert_eq!(command(&file, 0x6402, 0), Ok(0));

    assert_eq!(traces("chardev_faulty"), no_traces());
    assert_eq!(errno(File::open(path)), Errno::ENXIO);
    let mut buffer = [0; 6];
    file.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"faulty");
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(log.lines_of("chardev_faulty"), Vec::<String>::new());
    drop(file);
    assert_eq!(log.lines_of("chardev_faulty"), ["released 7"]);
    module.unload().unwrap();
    assert_eq!(log.lines_of("chardev_faulty"), ["data dropped"]);
    fs::remove_file(path).unwrap();
}

/// It can be opened at once when the module has been loaded.
#[test]
fn device_may_come_after_the_load() {
    let module = Module::load(FAULTY, "").unwrap();
    for _ in 0..2 {
        let file = File::open("/dev/chardev_faulty").unwrap();
        assert_eq!(command(&file, 0x6402, 0), Ok(0));
        assert_eq!(traces("chardev_faulty"), no_traces());
        assert_eq!(command(&file, 0x6403, 0), Ok(0));
    }
    module.unload().unwrap();
    assert_eq!(traces("chardev_faulty"), no_traces());
}

/// What a callback claims beyond what it has moved is an error of it, not believed.
#[test]
fn counts_of_a_careless_driver_are_not_believed() {
    let node = Path::new("/dev/chardev_faulty");
    let module = Module::load(FAULTY, "").unwrap();
    careless::moves_what_it_says(node, b"faulty");
    module.unload().unwrap();
    for params in ["claim=1", "claim=4096", "claim=1000000", "queue=1"] {
        let _module = Module::load(FAULTY, params).unwrap();
        careless::is_refused(node);
    }
}

/// `poll(2)` and `select(2)` are woken by what the callback has registered.
#[test]
fn who_polls_is_woken() {
    let module = Module::load(FAULTY, "").unwrap();
    let file = File::open("/dev/chardev_faulty").unwrap();
    let polls = Child::spawn_fallible(|| {
        let file = File::open("/dev/chardev_faulty")?;
        let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut files, PollTimeout::NONE), Ok(1));
        assert_eq!(files[0].revents(), Some(PollFlags::POLLIN));
        Ok(())
    });
    let selects = Child::spawn_fallible(|| {
        let file = File::open("/dev/chardev_faulty")?;
        let mut files = FdSet::new();
        files.insert(file.as_fd());
        assert_eq!(select(None, &mut files, None, None, None), Ok(1));
        Ok(())
    });
    wait_until("two that wait", || polls.sleeps() && selects.sleeps());
    assert_eq!(command(&file, 0x6401, 0), Ok(0));
    assert_eq!(polls.exit_status(), 0);
    assert_eq!(selects.exit_status(), 0);
    drop(file);
    module.unload().unwrap();
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

    assert_eq!(command(&file, 0x6400, 42), Ok(42));
    assert_eq!(command(&file, 0x6409, 42), Err(Errno::ENOTTY));
    // Without commands of its own, a 32-bit process has the same ones.
    for (command, result) in [(0x6400, Ok(42)), (0x6409, Err(Errno::ENOTTY))] {
        // SAFETY: As in `command`.
        let ioctl = unsafe { user::ioctl_32(file.as_fd(), command, 42) };
        assert_eq!(ioctl, result);
    }
    // SAFETY: The call takes no pointer.
    let seek = unsafe { libc::lseek(file.as_raw_fd(), 0, libc::SEEK_SET) };
    assert_eq!(Errno::result(seek), Err(Errno::ESPIPE));
    assert_eq!(errno(file.sync_all()), Errno::EINVAL);
    drop(other);
}
