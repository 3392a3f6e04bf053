// SPDX-License-Identifier: GPL-2.0

//! `edu_rs`: QEMU's PCI device for teaching, which computes factorials and copies memory.

use guest::{
    config, errno,
    kmsg::Log,
    module::{self, proc_modules, Module},
    process::{as_nobody, catch, wait_until, Child},
    race::{unload_while_held, Stop},
    read_in_chunks, stall,
    state::{assert_unchanged, state},
    user::{read_to_bad_pointer, write_from_bad_pointer, Edge},
    CHUNKS,
};
use nix::{
    errno::Errno,
    libc,
    sys::{
        mman::{mmap, munmap, MapFlags, ProtFlags},
        signal::{SaFlags, Signal},
        uio::{pread, pwrite},
    },
};
use std::{
    ffi::c_void,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    num::NonZeroUsize,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

const NAME: &str = "edu_rs";
const FACTORIAL: &str = "/dev/edu_rs";
const MEMORY: &str = "/dev/edu_rs_memory";
const SIZE: usize = 4095;

/// Where `qemu/boot.sh` puts the device, and another one that has registers as well.
const DEVICE: &str = "0000:00:04.0";
const OTHER: &str = "0000:00:05.0";
const DRIVER: &str = "/sys/bus/pci/drivers/edu_rs";

const FACTORIALS: [u32; 13] = [
    1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600,
];

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Writes a number and reads what is made of it.
fn compute(file: &mut File, number: usize) -> io::Result<u32> {
    file.write_all(format!("{number}\n").as_bytes())?;
    let text = io::read_to_string(file)?;
    let factorial = text.strip_suffix('\n').and_then(|text| text.parse().ok());
    Ok(factorial.unwrap_or_else(|| panic!("{text:?}")))
}

/// Writes to a file of the driver.
fn tell_driver(file: &str, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(format!("{DRIVER}/{file}"))?;
    file.write_all(text.as_bytes())
}

fn is_bound(device: &str) -> bool {
    let driver = fs::read_link(format!("/sys/bus/pci/devices/{device}/driver"));
    driver.is_ok_and(|driver| driver.ends_with("bus/pci/drivers/edu_rs"))
}

/// Where the device's configuration has its command register, and the bit in it that lets it use
/// the bus: without that it sends no message, and reaches no memory.
const COMMAND: u64 = 4;
const MASTER: u8 = 1 << 2;

fn configuration() -> File {
    open(&format!("/sys/bus/pci/devices/{DEVICE}/config")).unwrap()
}

fn command() -> u8 {
    let mut command = [0];
    configuration()
        .read_exact_at(&mut command, COMMAND)
        .unwrap();
    command[0]
}

fn set_master(on: bool) {
    assert_eq!(command() & MASTER != 0, !on);
    let changed = [command() ^ MASTER];
    configuration().write_all_at(&changed, COMMAND).unwrap();
}

/// Returns the name of the interrupt's chip, and how often it has come, if it is there.
fn interrupts() -> Option<(String, u64)> {
    let text = fs::read_to_string("/proc/interrupts").unwrap();
    let line = text.lines().find(|line| line.ends_with(" edu_rs"))?;
    let words = || line.split_whitespace().skip(1);
    let count = words().map_while(|word| word.parse::<u64>().ok()).sum();
    let chip = words().find(|word| word.parse::<u64>().is_err()).unwrap();
    Some((chip.into(), count))
}

/// The device's registers, for a look that the driver does not know of.
struct Registers(NonNull<c_void>);

impl Registers {
    const SIZE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
    const INTERRUPTS: usize = 0x24;
    const DMA_SOURCE: usize = 0x80;
    const DMA_COUNT: usize = 0x90;
    const DMA_COMMAND: usize = 0x98;

    fn map() -> Self {
        let file = open(&format!("/sys/bus/pci/devices/{DEVICE}/resource0")).unwrap();
        let prot = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: The kernel chooses a place where nothing is.
        let mapped = unsafe { mmap(None, Self::SIZE, prot, MapFlags::MAP_SHARED, file, 0) };
        Self(mapped.unwrap())
    }

    /// The same while the driver has them, where the kernel allows that.
    fn map_beside_driver() -> Option<Self> {
        config("IO_STRICT_DEVMEM").is_none().then(Self::map)
    }

    fn write(&self, register: usize, value: u32) {
        // SAFETY: It is mapped, until drop; a register is written as a whole.
        unsafe {
            self.0
                .cast::<u32>()
                .byte_add(register)
                .write_volatile(value)
        };
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: As above.
        unsafe { self.0.cast::<u32>().byte_add(register).read_volatile() }
    }

    /// Whether the device copies.
    fn is_copying(&self) -> bool {
        self.read(Self::DMA_COMMAND) & 1 != 0
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: Nothing refers to it any more.
        unsafe { munmap(self.0, Self::SIZE.get()) }.unwrap();
    }
}

/// A page of bytes, another one for each seed.
fn page(seed: u8) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed.into());
    (0..SIZE).map(|_| rng.u8(..)).collect()
}

/// Reads all of the device's memory.
fn memory(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    assert_eq!(pread(file, &mut bytes, 0), Ok(SIZE));
    bytes
}

#[test]
fn device_is_found_and_let_go() {
    let before = state();
    let mut log = Log::bookmark();
    let module = load();
    // The first time, the kernel tells of the device's line, and of the first module.
    assert_eq!(
        log.lines().last().unwrap(),
        &format!("edu_rs {DEVICE}: edu 1.0")
    );
    assert!(is_bound(DEVICE));
    assert!(!is_bound(OTHER));
    assert!(command() & MASTER != 0);
    for file in ["dma_mask_bits", "consistent_dma_mask_bits"] {
        let bits = fs::read_to_string(format!("/sys/bus/pci/devices/{DEVICE}/{file}")).unwrap();
        assert_eq!(bits, "28\n", "{file}");
    }
    assert_eq!(module.use_count(), 0);
    for path in [FACTORIAL, MEMORY] {
        let status = fs::metadata(path).unwrap();
        assert_eq!(status.mode(), libc::S_IFCHR | 0o600, "{path}");
        assert_eq!((status.uid(), status.gid()), (0, 0), "{path}");
    }
    let (chip, count) = interrupts().unwrap();
    assert!(chip.contains("MSI"), "{chip}");
    assert_eq!(count, 0);
    module.unload().unwrap();
    assert!(!is_bound(DEVICE));
    assert!(command() & MASTER == 0);
    assert!(!Path::new(FACTORIAL).exists() && !Path::new(MEMORY).exists());
    assert_eq!(interrupts(), None);
    assert_eq!(log.lines(), [""; 0]);
    assert_unchanged(&before, "a load");
}

/// What `modprobe` goes by when the kernel finds such a device.
#[test]
fn module_names_its_device() {
    let ko = fs::read(module::path(NAME)).unwrap();
    let alias = b"alias=pci:v00001234d000011E8sv*sd*bc*sc*i*\0";
    assert!(ko.windows(alias.len()).any(|bytes| bytes == alias));
    let modalias = fs::read_to_string(format!("/sys/bus/pci/devices/{DEVICE}/modalias")).unwrap();
    assert!(
        modalias.starts_with("pci:v00001234d000011E8sv"),
        "{modalias}"
    );
}

#[test]
fn factorials_are_computed_with_an_interrupt_each() {
    let _module = load();
    let (mut file, registers) = (open(FACTORIAL).unwrap(), Registers::map_beside_driver());
    for (number, factorial) in FACTORIALS.into_iter().enumerate() {
        assert_eq!(compute(&mut file, number).unwrap(), factorial, "{number}");
        assert_eq!(interrupts().unwrap().1, number as u64 + 1);
        // The driver has taken notice of it.
        let pending = registers
            .as_ref()
            .map_or(0, |r| r.read(Registers::INTERRUPTS));
        assert_eq!(pending, 0);
    }
}

#[test]
fn result_is_read_in_pieces_and_again() {
    let _module = load();
    let mut file = open(FACTORIAL).unwrap();
    for chunk in CHUNKS {
        file.write_all(b" 10 ").unwrap();
        assert_eq!(read_in_chunks(&mut file, chunk).unwrap(), b"3628800\n");
        assert_eq!(file.read(&mut [0]).unwrap(), 0);
    }
    let mut bytes = [0; 3];
    assert_eq!(pread(&file, &mut bytes, 2), Ok(3));
    assert_eq!(&bytes, b"288");
    file.seek(SeekFrom::Start(6)).unwrap();
    assert_eq!(io::read_to_string(&mut file).unwrap(), "0\n");
    // Nothing is computed for a read.
    assert_eq!(interrupts().unwrap().1, CHUNKS.len() as u64);
}

#[test]
fn each_open_file_has_its_number() {
    let _module = load();
    let mut files: Vec<_> = (0..=12).map(|_| open(FACTORIAL).unwrap()).collect();
    let mut text = String::new();
    assert_eq!(files[0].read_to_string(&mut text).unwrap(), 0);
    for (number, file) in files.iter_mut().enumerate() {
        file.write_all(number.to_string().as_bytes()).unwrap();
    }
    for (file, factorial) in files.iter_mut().zip(FACTORIALS) {
        let text = io::read_to_string(file).unwrap();
        assert_eq!(text, format!("{factorial}\n"));
    }
}

#[test]
fn what_is_no_number_or_too_large_is_refused() {
    use Errno::*;
    let _module = load();
    let mut file = open(FACTORIAL).unwrap();
    assert_eq!(compute(&mut file, 5).unwrap(), 120);
    for (text, expected) in [
        ("", EINVAL),
        ("\n", EINVAL),
        ("-1", EINVAL),
        ("1 2", EINVAL),
        ("0x5", EINVAL),
        ("5\0", EINVAL),
        ("\u{b5}", EINVAL),
        ("4294967296", EINVAL),
        ("0000000000000005\n", EINVAL),
        ("13", ERANGE),
        ("4294967295", ERANGE),
    ] {
        assert_eq!(errno(file.write(text.as_bytes())), expected, "{text:?}");
    }
    assert_eq!(errno(file.write(&[0xff, b'5'])), EINVAL);
    assert_eq!(write_from_bad_pointer(&file, 2), Err(EFAULT));
    let mut bytes = [0; 8];
    assert_eq!(pread(&file, &mut bytes, 0), Ok(4));
    assert_eq!(&bytes[..4], b"120\n");
    assert_eq!(interrupts().unwrap().1, 1);
    // The longest that fits.
    file.write_all(b"00000000000005\n\n").unwrap();
    assert_eq!(io::read_to_string(&mut file).unwrap(), "120\n");
}

#[test]
fn memory_keeps_what_is_written() {
    let _module = load();
    let file = open(MEMORY).unwrap();
    let count = || interrupts().unwrap().1;
    for seed in 0..3 {
        let before = count();
        assert_eq!(pwrite(&file, &page(seed), 0), Ok(SIZE));
        assert_eq!(memory(&file), page(seed));
        assert_eq!(count(), before + 2);
    }
    // Not the driver's, but the device's: it is there after the next load.
    drop(file);
    drop(_module);
    let _module = load();
    assert_eq!(memory(&open(MEMORY).unwrap()), page(2));
}

#[test]
fn parts_of_the_memory_leave_the_rest() {
    let _module = load();
    let mut file = open(MEMORY).unwrap();
    let mut expected = page(7);
    file.write_all(&expected).unwrap();
    assert_eq!(file.stream_position().unwrap(), SIZE as u64);
    for (start, length) in [
        (0, 1),
        (1, 2),
        (7, 500),
        (2048, 2047),
        (4094, 1),
        (4000, 95),
    ] {
        let part: Vec<u8> = (0..length).map(|i| (start + 3 * i) as u8).collect();
        assert_eq!(pwrite(&file, &part, start as i64), Ok(length));
        expected[start..start + length].copy_from_slice(&part);
        let mut read = vec![0; length];
        assert_eq!(pread(&file, &mut read, start as i64), Ok(length));
        assert_eq!(read, part);
    }
    assert_eq!(memory(&file), expected);
    file.rewind().unwrap();
    assert_eq!(read_in_chunks(&mut file, 1500).unwrap(), expected);
}

#[test]
fn memory_ends() {
    use Errno::*;
    let _module = load();
    let mut file = open(MEMORY).unwrap();
    file.write_all(&page(1)).unwrap();
    let mut bytes = vec![0; SIZE + 1];
    assert_eq!(file.write(b"x").map_err(|_| ()), Err(()));
    assert_eq!(pwrite(&file, b"x", SIZE as i64), Err(ENOSPC));
    assert_eq!(pwrite(&file, b"x", i64::MAX - 5000), Err(ENOSPC));
    assert_eq!(pwrite(&file, b"", SIZE as i64), Ok(0));
    assert_eq!(pread(&file, &mut bytes, SIZE as i64), Ok(0));
    assert_eq!(pread(&file, &mut bytes, i64::MAX - 5000), Ok(0));
    assert_eq!(pread(&file, &mut bytes, -1), Err(EINVAL));
    assert_eq!(pread(&file, &mut bytes, 4090), Ok(5));
    assert_eq!(bytes[..5], page(1)[4090..]);
    assert_eq!(pwrite(&file, b"123456789", 4090), Ok(5));
    assert_eq!(memory(&file)[4090..], *b"12345");
    // More than there is, at once.
    assert_eq!(pread(&file, &mut bytes, 0), Ok(SIZE));
    assert_eq!(pwrite(&file, &bytes, 0), Ok(SIZE));
    for (to, position) in [
        (SeekFrom::End(0), Ok(SIZE as u64)),
        (SeekFrom::End(-95), Ok(4000)),
        (SeekFrom::Current(1), Ok(4001)),
        (SeekFrom::Start(SIZE as u64 + 1), Err(EINVAL)),
        (SeekFrom::End(-5000), Err(EINVAL)),
    ] {
        let result = file.seek(to);
        let result = result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap()));
        assert_eq!(result, position, "{to:?}");
    }
}

#[test]
fn bad_pointers_change_nothing() {
    let _module = load();
    let mut file = open(MEMORY).unwrap();
    file.write_all(&page(4)).unwrap();
    file.rewind().unwrap();
    assert_eq!(read_to_bad_pointer(&file, 10), Err(Errno::EFAULT));
    assert_eq!(write_from_bad_pointer(&file, 10), Err(Errno::EFAULT));
    assert_eq!(file.stream_position().unwrap(), 0);
    assert_eq!(memory(&file), page(4));
    // What is there of it is moved.
    let mut edge = Edge::unmapped();
    edge.last(5).copy_from_slice(b"first");
    let written = guest::user::write(std::os::fd::AsFd::as_fd(&file), edge.address(5), 100);
    assert_eq!(written, Ok(5));
    let mut expected = page(4);
    expected[..5].copy_from_slice(b"first");
    assert_eq!(memory(&file), expected);
}

#[test]
fn users_at_once_get_their_own() {
    let _module = load();
    thread::scope(|scope| {
        for number in [3, 7, 11] {
            scope.spawn(move || {
                let mut file = open(FACTORIAL).unwrap();
                for _ in 0..100 {
                    assert_eq!(compute(&mut file, number).unwrap(), FACTORIALS[number]);
                }
            });
        }
        for quarter in [0, 1024, 2048] {
            scope.spawn(move || {
                let file = open(MEMORY).unwrap();
                for seed in 0..3 {
                    let part = &page(seed)[quarter..quarter + 1024];
                    assert_eq!(pwrite(&file, part, quarter as i64), Ok(1024));
                    let mut read = [0; 1024];
                    assert_eq!(pread(&file, &mut read, quarter as i64), Ok(1024));
                    assert_eq!(read, *part);
                }
            });
        }
    });
}

/// Starts a process that writes pages, and is interrupted by SIGUSR1.
fn writer(flags: SaFlags, pages: impl Iterator<Item = u8>) -> Child {
    let writer = Child::spawn_fallible(|| {
        catch(Signal::SIGUSR1, flags)?;
        let file = open(MEMORY)?;
        for seed in pages {
            assert_eq!(pwrite(&file, &page(seed), 0)?, SIZE);
        }
        Ok(())
    });
    wait_until("the writer", || writer.sleeps());
    writer
}

/// A copy takes the device 0.1 s.
#[test]
fn signal_ends_the_wait_and_the_next_one_waits_for_the_device() {
    let _module = load();
    let file = open(MEMORY).unwrap();
    let mut number = open(FACTORIAL).unwrap();
    for seed in 1..6 {
        pwrite(&file, &page(0), 0).unwrap();
        let writer = writer(SaFlags::empty(), std::iter::repeat(seed));
        // Not once: it may come between two writes.
        while !writer.ended() {
            writer.signal(Signal::SIGUSR1);
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(writer.exit_status(), Errno::EINTR as i32);
        if seed % 2 == 0 {
            assert_eq!(compute(&mut number, 6).unwrap(), 720);
        }
        // What the device had begun is whole, and this comes after it.
        assert_eq!(pwrite(&file, b"x", 100), Ok(1));
        let mut expected = page(seed);
        expected[100] = b'x';
        assert_eq!(memory(&file), expected);
    }
}

#[test]
fn interrupted_copy_is_done_again() {
    let _module = load();
    let writer = writer(SaFlags::SA_RESTART, 0..20);
    while !writer.ended() {
        writer.signal(Signal::SIGUSR1);
        thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(writer.exit_status(), 0);
    assert_eq!(memory(&open(MEMORY).unwrap()), page(19));
}

/// The device, kept from its bus, computes, and its message is lost; it copies nothing.
#[test]
fn message_that_does_not_come_is_told() {
    // So long that it does not pass while a slow machine copies.
    let _module = Module::load(NAME, "timeout_ms=1500").unwrap();
    let (mut number, file) = (open(FACTORIAL).unwrap(), open(MEMORY).unwrap());
    pwrite(&file, &page(9), 0).unwrap();
    assert_eq!(compute(&mut number, 5).unwrap(), 120);
    set_master(false);
    assert_eq!(errno(number.write(b"6")), Errno::ETIMEDOUT);
    assert_eq!(pwrite(&file, &page(1), 0), Err(Errno::ETIMEDOUT));
    assert_eq!(pread(&file, &mut [0; 10], 0), Err(Errno::ETIMEDOUT));
    assert_eq!(io::read_to_string(&mut number).unwrap(), "");
    assert_eq!(pread(&number, &mut [0; 10], 0), Ok(4));
    set_master(true);
    // A message was lost, so the device may be the one to be waited for.
    wait_until("the device", || compute(&mut number, 5).is_ok());
    wait_until("a copy", || pwrite(&file, &page(2), 0).is_ok());
    assert_eq!(memory(&file), page(2));
}

/// It works on: what comes next does not begin, and leaves the page that it copies from.
#[test]
fn device_that_takes_too_long_is_left_alone() {
    let written = || {
        let module = Module::load(NAME, "timeout_ms=10").unwrap();
        let file = open(MEMORY).unwrap();
        for seed in [1, 2] {
            // A slow machine may see the copy's end before that of the wait.
            let result = pwrite(&file, &page(seed), 0);
            assert!(
                [Err(Errno::ETIMEDOUT), Ok(SIZE)].contains(&result),
                "{result:?}"
            );
        }
        drop(file);
        module.unload().unwrap();
        let _module = load();
        let written = memory(&open(MEMORY).unwrap());
        assert!([page(1), page(2)].contains(&written));
        written
    };
    // Or come to the second write when it has ended.
    assert!((0..20).any(|_| written() == page(1)));
}

/// One that still copies would do so to memory that was freed.
#[test]
fn driver_leaves_a_device_at_rest_and_waits_for_it() {
    for _ in 0..5 {
        let module = Module::load(NAME, "timeout_ms=1").unwrap();
        let file = open(MEMORY).unwrap();
        // A slow machine may see the copy's end.
        let result = pread(&file, &mut [0; 10], 0);
        assert!(
            [Err(Errno::ETIMEDOUT), Ok(10)].contains(&result),
            "{result:?}"
        );
        drop(file);
        module.unload().unwrap();
        let registers = Registers::map();
        assert!(!registers.is_copying());

        // Off its bus, from its own memory to nowhere.
        assert!(command() & MASTER == 0);
        registers.write(Registers::DMA_SOURCE, 0x40000);
        registers.write(Registers::DMA_COUNT, 16);
        registers.write(Registers::DMA_COMMAND, 0b11);
        drop(registers);
        let module = load();
        let registers = Registers::map_beside_driver();
        assert!(!registers.is_some_and(|registers| registers.is_copying()));
        assert_eq!(interrupts().unwrap().1, 0);
        module.unload().unwrap();
    }
}

#[test]
fn device_that_is_unbound_is_no_more() {
    let _module = load();
    let before = state();
    for _ in 0..3 {
        let (mut number, file) = (open(FACTORIAL).unwrap(), open(MEMORY).unwrap());
        assert_eq!(compute(&mut number, 4).unwrap(), 24);
        tell_driver("unbind", DEVICE).unwrap();
        assert!(!is_bound(DEVICE));
        assert_eq!(interrupts(), None);
        assert_eq!(errno(number.write(b"5")), Errno::ENODEV);
        assert_eq!(pread(&file, &mut [0; 10], 0), Err(Errno::ENODEV));
        assert_eq!(pwrite(&file, b"x", 0), Err(Errno::ENODEV));
        // What was computed is known.
        assert_eq!(pread(&number, &mut [0; 10], 0), Ok(3));
        assert_eq!(errno(open(FACTORIAL)), Errno::ENOENT);
        tell_driver("bind", DEVICE).unwrap();
        assert_eq!(compute(&mut open(FACTORIAL).unwrap(), 5).unwrap(), 120);
        // The old files are of what is gone.
        assert_eq!(errno(number.write(b"5")), Errno::ENODEV);
    }
    assert_unchanged(&before, "unbinding");
}

/// It is told at once, not when the wait would have ended.
#[test]
fn unbinding_ends_a_wait() {
    let _module = Module::load(NAME, "timeout_ms=3600000").unwrap();
    let file = open(MEMORY).unwrap();
    set_master(false);
    let waiting: Vec<_> = (0..3)
        .map(|_| Child::spawn_with_files(|| pread(&file, &mut [0; 10], 0).unwrap_err() as i32))
        .collect();
    wait_until("the readers", || waiting.iter().all(Child::sleeps));
    tell_driver("unbind", DEVICE).unwrap();
    for child in waiting {
        assert_eq!(child.exit_status(), Errno::ENODEV as i32);
    }
    tell_driver("bind", DEVICE).unwrap();
    assert_eq!(memory(&open(MEMORY).unwrap()).len(), SIZE);
}

#[test]
fn device_that_is_unplugged_and_found_again() {
    let _module = load();
    let mut number = open(FACTORIAL).unwrap();
    fs::write(format!("/sys/bus/pci/devices/{DEVICE}/remove"), "1").unwrap();
    assert_eq!(errno(number.write(b"5")), Errno::ENODEV);
    assert_eq!(interrupts(), None);
    assert!(!Path::new(FACTORIAL).exists());
    fs::write("/sys/bus/pci/rescan", "1").unwrap();
    assert!(is_bound(DEVICE));
    assert_eq!(compute(&mut open(FACTORIAL).unwrap(), 5).unwrap(), 120);
    assert_eq!(errno(number.write(b"5")), Errno::ENODEV);
}

/// Root can have any driver try any device.
#[test]
fn other_device_is_refused() {
    let _module = load();
    let before = state();
    let over = format!("/sys/bus/pci/devices/{OTHER}/driver_override");
    fs::write(&over, NAME).unwrap();
    for _ in 0..3 {
        let mut log = Log::bookmark();
        assert_eq!(errno(tell_driver("bind", OTHER)), Errno::ENODEV);
        let line = format!("edu_rs {OTHER}: this is no edu");
        assert!(log.lines().contains(&line));
        assert!(!is_bound(OTHER));
    }
    fs::write(&over, "\n").unwrap();
    assert_unchanged(&before, "another device");
    assert_eq!(compute(&mut open(FACTORIAL).unwrap(), 5).unwrap(), 120);
}

#[test]
fn open_files_hold_the_module() {
    let module = load();
    for path in [FACTORIAL, MEMORY] {
        let file = open(path).unwrap();
        assert_eq!(module.use_count(), 1);
        assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
        // Also when the device has gone.
        tell_driver("unbind", DEVICE).unwrap();
        assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
        tell_driver("bind", DEVICE).unwrap();
        drop(file);
        assert_eq!(module.use_count(), 0);
    }
    module.unload().unwrap();
    assert_eq!(proc_modules(NAME), None);
}

#[test]
fn others_than_root_are_kept_out() {
    let _module = load();
    for path in [FACTORIAL, MEMORY] {
        assert_eq!(as_nobody(|| open(path)), Err(Errno::EACCES));
    }
}

/// Memory that takes its time to come holds nobody up.
#[test]
fn slow_memory_of_a_user_holds_nobody_up() {
    let _module = load();
    let (memory, mut number) = (open(MEMORY).unwrap(), open(FACTORIAL).unwrap());
    let mut other = || assert_eq!(compute(&mut number, 3).unwrap(), 6);
    stall::runs_beside_read(&memory, &mut other);
    stall::runs_beside_write(&memory, &mut other);
}

#[test]
fn unloading_races_with_users_and_unbinding() {
    let before = state();
    let stop = AtomicBool::new(false);
    let (computed, copied) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let gone = |error: &io::Error| {
        let errno = Errno::from_raw(error.raw_os_error().unwrap());
        assert!(
            [Errno::ENOENT, Errno::ENODEV, Errno::ENXIO].contains(&errno),
            "{errno}"
        );
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                match open(FACTORIAL).and_then(|mut file| compute(&mut file, 8)) {
                    Ok(result) => {
                        assert_eq!(result, 40320);
                        computed.fetch_add(1, Relaxed);
                    }
                    Err(error) => gone(&error),
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                match open(MEMORY).and_then(|file| file.write_at(b"something", 100)) {
                    Ok(length) => {
                        assert_eq!(length, 9);
                        copied.fetch_add(1, Relaxed);
                    }
                    Err(error) => gone(&error),
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                for file in ["unbind", "bind"] {
                    // The driver may be gone, or the device bound again.
                    let _ = tell_driver(file, DEVICE);
                    // Longer than a copy takes.
                    thread::sleep(Duration::from_millis(250));
                }
            }
        });
        let _stop = Stop(&stop);
        unload_while_held(NAME, "", |unloaded| {
            unloaded >= 20 && computed.load(Relaxed) >= 30 && copied.load(Relaxed) >= 5
        });
    });
    let _ = module::unload(NAME);
    assert_unchanged(&before, "unloading under load");
}
