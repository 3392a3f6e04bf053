// SPDX-License-Identifier: GPL-2.0

//! `platform_rs`: a platform driver, and devices for it that have properties.

use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Module},
};
use nix::errno::Errno;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

const NAME: &str = "platform_rs";
const DRIVER: &str = "/sys/bus/platform/drivers/platform_rs";
/// What is logged of each device, when it is bound and when it is not any more.
const BOUND: [&str; 5] = [
    "0: label zero, value 0 of 100, enabled",
    "1: label one, value 10 of 50, disabled",
    "2: label two, value 20 of 100, enabled",
    "3: label three, value 30 of 50, disabled",
    "4: label four, value 40 of 100, enabled",
];
const UNBOUND: [&str; 5] = [
    "0: label zero is unbound",
    "1: label one is unbound",
    "2: label two is unbound",
    "3: label three is unbound",
    "4: label four is unbound",
];

/// Returns what has been logged of devices, by their numbers.
fn lines(log: &mut Log) -> Vec<String> {
    let lines = log.lines().into_iter();
    let of_device = |line: String| Some(line.strip_prefix("platform_rs platform_rs.")?.into());
    lines.filter_map(of_device).collect()
}

/// Returns what is unbound when the module goes, in order.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Writes the name of a device to a file of the driver.
fn write(file: &str, device: &str) -> io::Result<()> {
    let path = format!("{DRIVER}/{file}");
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(device.as_bytes())
}

/// Whether a device is there, and bound to the driver.
fn is_bound(id: usize) -> Option<bool> {
    let device = format!("/sys/bus/platform/devices/platform_rs.{id}");
    Path::new(&device).exists().then(|| {
        let driver = fs::read_link(format!("{device}/driver"));
        driver.is_ok_and(|driver| driver.ends_with("bus/platform/drivers/platform_rs"))
    })
}

#[test]
fn devices_are_probed_and_go_with_the_module() {
    for count in 1..=5 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("devices={count}")).unwrap();
        assert_eq!(lines(&mut log), BOUND[..count]);
        for id in 0..5 {
            assert_eq!(is_bound(id), (id < count).then_some(true), "{id}");
        }
        assert_eq!(module.use_count(), 0);
        module.unload().unwrap();
        assert_eq!(sorted(lines(&mut log)), UNBOUND[..count]);
        assert_eq!([0, 1, 2, 3, 4].map(is_bound), [None; 5]);
        assert!(!Path::new(DRIVER).exists());
    }
}

#[test]
fn device_is_unbound_and_bound_again() {
    let _module = Module::load(NAME, "").unwrap();
    let mut log = Log::bookmark();
    for _ in 0..3 {
        write("unbind", "platform_rs.1").unwrap();
        assert_eq!(lines(&mut log), [UNBOUND[1]]);
        assert_eq!(
            [0, 1, 2].map(is_bound),
            [Some(true), Some(false), Some(true)]
        );
        assert_eq!(errno(write("unbind", "platform_rs.1")), Errno::ENODEV);
        write("bind", "platform_rs.1\n").unwrap();
        assert_eq!(lines(&mut log), [BOUND[1]]);
        assert_eq!([0, 1, 2].map(is_bound), [Some(true); 3]);
        assert_eq!(errno(write("bind", "platform_rs.1")), Errno::EBUSY);
        assert_eq!(lines(&mut log), [""; 0]);
    }
}

/// The driver refuses it, and is bound to the others.
#[test]
fn device_without_a_value_is_refused() {
    for broken in 0..3 {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, &format!("broken={broken}")).unwrap();
        let seen = lines(&mut log);
        assert_eq!(seen.len(), 4, "{seen:?}");
        let refused: Vec<_> = seen
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{broken}: ")))
            .collect();
        assert!(
            refused[0].ends_with("property 'value' is missing"),
            "{refused:?}"
        );
        assert_eq!(
            refused[1],
            "probe with driver platform_rs failed with error -22"
        );
        for (id, line) in BOUND.iter().enumerate().take(3) {
            assert_eq!(is_bound(id), Some(id != broken));
            assert_eq!(seen.iter().any(|seen| seen == line), id != broken);
        }

        // By hand as well, as often as one likes.
        let device = format!("platform_rs.{broken}");
        for _ in 0..3 {
            assert_eq!(errno(write("bind", &device)), Errno::EINVAL);
            assert_eq!(errno(write("unbind", &device)), Errno::ENODEV);
            let seen = lines(&mut log);
            assert_eq!(seen.len(), 2, "{seen:?}");
            assert!(seen[0].ends_with("property 'value' is missing"), "{seen:?}");
        }
        module.unload().unwrap();
        assert_eq!(lines(&mut log).len(), 2);
    }
}

#[test]
fn unknown_devices_are_not_bound() {
    let _module = Module::load(NAME, "").unwrap();
    for device in ["platform_rs.3", "platform_rs", "serial8250", "\n"] {
        assert_eq!(errno(write("bind", device)), Errno::ENODEV, "{device:?}");
        assert_eq!(errno(write("unbind", device)), Errno::ENODEV, "{device:?}");
    }
}

/// One that is not bound does not come into the way of the driver, nor of its device.
#[test]
fn unbound_device_goes_with_the_module() {
    let module = Module::load(NAME, "devices=2").unwrap();
    write("unbind", "platform_rs.0").unwrap();
    let mut log = Log::bookmark();
    let mut bind = OpenOptions::new()
        .write(true)
        .open(format!("{DRIVER}/bind"))
        .unwrap();
    module.unload().unwrap();
    assert_eq!(lines(&mut log), [UNBOUND[1]]);
    assert_eq!([0, 1].map(is_bound), [None; 2]);
    // The file that was open is dead.
    assert_eq!(errno(bind.write(b"platform_rs.0")), Errno::ENODEV);
    let _module = Module::load(NAME, "").unwrap();
    assert_eq!(errno(bind.write(b"platform_rs.0")), Errno::ENODEV);
}

/// What was bound has been unbound as often, whoever did it.
#[test]
fn unloading_races_with_binding_and_unbinding() {
    let mut log = Log::bookmark();
    let stop = AtomicBool::new(false);
    let (mut bound, mut unbound) = (0, 0);
    thread::scope(|scope| {
        for file in ["bind", "unbind", "bind", "unbind"] {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    for id in 0..2 {
                        if let Err(error) = write(file, &format!("platform_rs.{id}")) {
                            let errno = errno::<()>(Err(error));
                            let expected = [Errno::ENOENT, Errno::ENODEV, Errno::EBUSY];
                            assert!(expected.contains(&errno), "{file}: {errno}");
                        }
                    }
                }
            });
        }
        for _ in 0..30 {
            Module::load(NAME, "devices=2").unwrap().unload().unwrap();
            for line in lines(&mut log) {
                match line.ends_with("is unbound") {
                    true => unbound += 1,
                    false => bound += 1,
                }
            }
        }
        stop.store(true, Relaxed);
    });
    assert!(bound >= 60, "{bound}");
    assert_eq!(bound, unbound);
    assert_eq!(proc_modules(NAME), None);
    assert!(!Path::new(DRIVER).exists());
}

#[test]
fn wrong_parameters_are_refused() {
    for params in ["devices=0", "devices=6", "broken=-2", "broken=5"] {
        let mut log = Log::bookmark();
        assert_eq!(Module::load(NAME, params).unwrap_err(), Errno::EINVAL);
        let line = "devices are 1 to 5, broken is -1 to 4";
        assert_eq!(log.records_of(NAME), [(3, line.into())]);
        assert_eq!(proc_modules(NAME), None);
        assert_eq!(is_bound(0), None);
    }
}
