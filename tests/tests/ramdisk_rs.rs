// SPDX-License-Identifier: GPL-2.0

//! `ramdisk_rs`: a disk in memory.

use fastrand::Rng;
use guest::{
    errno,
    kmsg::Log,
    module::{proc_modules, Module},
    process::as_nobody,
    race::{unload_while_held, Stop},
    seed::seed,
    state::{assert_unchanged, state},
    user::{self, Pages, BAD_ADDRESSES, PAGE},
};
use nix::{
    errno::Errno,
    fcntl::{fallocate, FallocateFlags},
    libc::{self, O_DIRECT, O_EXCL},
    mount::{mount, umount, MsFlags},
    sys::{
        mman::{munmap, MapFlags, ProtFlags},
        uio::{preadv, pwritev},
    },
};
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write},
    num::NonZeroUsize,
    ops::Range,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

const NAME: &str = "ramdisk_rs";
const DISK: &str = "/dev/ramdisk_rs";
const MIB: usize = 1 << 20;
const SECTOR: usize = 512;

nix::ioctl_none!(blkrrpart, 0x12, 95);
nix::ioctl_none!(blkflsbuf, 0x12, 97);
nix::ioctl_write_ptr_bad!(blkroset, libc::_IO(0x12, 93), libc::c_int);
nix::ioctl_read_bad!(blkroget, libc::_IO(0x12, 94), libc::c_int);
nix::ioctl_read_bad!(blksszget, libc::_IO(0x12, 104), libc::c_int);
nix::ioctl_read_bad!(blkpbszget, libc::_IO(0x12, 123), libc::c_uint);
nix::ioctl_read!(blkgetsize64, 0x12, 114, usize);
nix::ioctl_write_ptr_bad!(blkdiscard, libc::_IO(0x12, 119), [u64; 2]);

fn load(mib: usize) -> Module {
    Module::load(NAME, &format!("mib={mib}")).unwrap()
}

fn open(path: &str, flags: i32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags);
    options.open(path)
}

/// A file that goes through the page cache.
fn cached() -> File {
    open(DISK, 0).unwrap()
}

/// A file whose calls are requests to the disk.
fn direct() -> File {
    open(DISK, O_DIRECT).unwrap()
}

fn random(rng: &mut Rng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill(&mut bytes);
    bytes
}

fn is_full_of(byte: u8, bytes: &[u8]) -> bool {
    *bytes == vec![byte; bytes.len()]
}

/// All that is on the disk.
fn content(mut file: File) -> Pages {
    let size = file.seek(SeekFrom::End(0)).unwrap();
    let mut content = Pages::new(size as usize);
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

/// Returns the first place where two disks differ, which is shorter to print than they are.
fn difference(one: &[u8], other: &[u8]) -> Option<usize> {
    assert_eq!(one.len(), other.len());
    if one == other {
        return None;
    }
    one.iter().zip(other).position(|(one, other)| one != other)
}

fn sysfs(file: &str) -> String {
    let text = fs::read_to_string(format!("/sys/block/{NAME}/{file}")).unwrap();
    text.trim_end().into()
}

#[test]
fn load_makes_a_disk_of_zeros() {
    let before = state();
    for (params, mib) in [("", 8), ("mib=1", 1), ("mib=3", 3), ("mib=16", 16)] {
        let mut log = Log::bookmark();
        let module = Module::load(NAME, params).unwrap();
        assert_eq!(log.lines_of(NAME), [format!("{mib} MiB")]);
        let node = fs::metadata(DISK).unwrap();
        assert!(node.file_type().is_block_device());
        assert_eq!((node.mode() & 0o777, node.uid(), node.gid()), (0o600, 0, 0));
        assert_eq!(sysfs("size"), (mib * MIB / SECTOR).to_string());
        for file in [cached(), direct()] {
            let content = content(file);
            assert_eq!(content.len(), mib * MIB);
            assert!(is_full_of(0, &content));
        }
        assert_eq!(module.use_count(), 0);
        module.unload().unwrap();
        assert!(!Path::new(DISK).exists());
        assert_unchanged(&before, params);
    }
}

#[test]
fn disk_has_sectors_of_512_bytes_and_does_not_turn() {
    let _module = load(2);
    let file = cached();
    let (mut size, mut sector, mut block, mut read_only) = (0, 0, 0, 1);
    // SAFETY: They write to these variables, which have the types that they want.
    unsafe {
        blkgetsize64(file.as_raw_fd(), &mut size).unwrap();
        blksszget(file.as_raw_fd(), &mut sector).unwrap();
        blkpbszget(file.as_raw_fd(), &mut block).unwrap();
        blkroget(file.as_raw_fd(), &mut read_only).unwrap();
    }
    assert_eq!((size, sector, block, read_only), (2 * MIB, 512, 512, 0));
    assert_eq!(sysfs("queue/rotational"), "0");
    assert_eq!(sysfs("ro"), "0");
    assert_eq!(sysfs("removable"), "0");
}

#[test]
fn content_does_not_outlive_the_module() {
    let mut numbers = BTreeSet::new();
    for _ in 0..20 {
        let module = load(1);
        assert!(is_full_of(0, &content(cached())));
        cached().write_all_at(&[b'x'; MIB], 0).unwrap();
        numbers.insert(fs::metadata(DISK).unwrap().rdev());
        module.unload().unwrap();
    }
    // The kernel takes the number of a disk that was freed again, if it has come to that.
    assert!(numbers.len() < 20, "{numbers:?}");
}

/// Writes and reads of any length at any place, with a copy of what should be there.
fn writes_and_reads(file: &File, unit: usize, rng: &mut Rng) {
    const SIZE: usize = 2 * MIB;
    let mut expected = content(cached());
    let mut memory = Pages::new(SIZE);
    for round in 0..150 {
        let longest = if round % 10 == 0 { SIZE } else { 20_000 };
        let length = rng.usize(1..=longest / unit) * unit;
        let start = rng.usize(..=(SIZE - length) / unit) * unit;
        // Where it begins in its page.
        let offset = rng.usize(..=(SIZE - length).min(PAGE) / unit) * unit;
        let (place, memory) = (start..start + length, &mut memory[offset..][..length]);
        if rng.bool() {
            rng.fill(memory);
            assert_eq!(file.write_at(memory, start as u64).unwrap(), length);
            expected[place].copy_from_slice(memory);
        } else {
            assert_eq!(file.read_at(memory, start as u64).unwrap(), length);
            let difference = difference(memory, &expected[place.clone()]);
            assert_eq!(difference, None, "{place:?}");
        }
    }
    file.sync_all().unwrap();
    for file in [cached(), direct()] {
        assert_eq!(difference(&content(file), &expected), None);
    }
}

#[test]
fn what_is_written_is_read() {
    let mut rng = Rng::with_seed(seed("ramdisk"));
    let _module = load(2);
    writes_and_reads(&cached(), 1, &mut rng);
    writes_and_reads(&direct(), SECTOR, &mut rng);
    writes_and_reads(&cached(), 1, &mut rng);
}

/// A request of many pieces, of which each begins and ends anywhere in its page.
#[test]
fn request_has_pieces_of_memory() {
    let mut rng = Rng::with_seed(seed("pieces"));
    let _module = load(1);
    let file = direct();
    for _ in 0..20 {
        let mut memory: Vec<_> = (0..30)
            .map(|_| Pages::with(&random(&mut rng, 3 * PAGE)))
            .collect();
        let parts: Vec<Range<usize>> = memory
            .iter()
            .map(|_| {
                let start = rng.usize(..12);
                start * SECTOR..rng.usize(start + 1..=24) * SECTOR
            })
            .collect();
        let pieces = || memory.iter().zip(&parts);
        let written: Vec<u8> = pieces()
            .flat_map(|(pages, part)| &pages[part.clone()])
            .copied()
            .collect();
        let place = (rng.usize(..MIB - written.len()) / SECTOR * SECTOR) as i64;
        let from: Vec<_> = pieces()
            .map(|(pages, part)| IoSlice::new(&pages[part.clone()]))
            .collect();
        assert_eq!(pwritev(&file, &from, place), Ok(written.len()));
        let mut read = vec![0; written.len()];
        cached().read_exact_at(&mut read, place as u64).unwrap();
        assert_eq!(difference(&read, &written), None);

        // What is beside the pieces stays.
        let mut expected: Vec<Vec<u8>> = memory.iter().map(|pages| pages.to_vec()).collect();
        rng.shuffle(&mut expected);
        for (pages, expected) in memory.iter_mut().zip(&expected) {
            pages.copy_from_slice(expected);
        }
        let mut rest = &written[..];
        for (expected, part) in expected.iter_mut().zip(&parts) {
            let (piece, behind) = rest.split_at(part.len());
            expected[part.clone()].copy_from_slice(piece);
            rest = behind;
        }
        let mut to: Vec<_> = memory
            .iter_mut()
            .zip(&parts)
            .map(|(pages, part)| IoSliceMut::new(&mut pages[part.clone()]))
            .collect();
        assert_eq!(preadv(&file, &mut to, place), Ok(written.len()));
        for (pages, expected) in memory.iter().zip(&expected) {
            assert_eq!(difference(pages, expected), None);
        }
    }
}

#[test]
fn direct_calls_are_for_whole_sectors() {
    let _module = load(1);
    let file = direct();
    let mut memory = Pages::with(&[b'x'; 2 * PAGE]);
    for (offset, length, place) in [(0, 511, 0), (0, 512, 1), (0, 513, 512), (1, 512, 0)] {
        let memory = &mut memory[offset..][..length];
        assert_eq!(errno(file.read_at(memory, place)), Errno::EINVAL);
        assert_eq!(errno(file.write_at(memory, place)), Errno::EINVAL);
    }
    assert_eq!(file.write_at(&memory[512..][..512], 512).unwrap(), 512);
    let content = content(cached());
    assert_eq!(content.iter().filter(|byte| **byte == b'x').count(), 512);
    assert!(is_full_of(b'x', &content[512..1024]));
}

#[test]
fn nothing_is_behind_the_end() {
    let _module = load(1);
    let end = MIB as u64;
    let memory = &mut Pages::with(&[b'x'; 2 * PAGE]);
    for file in [cached(), direct()] {
        for place in [end, end + 512, 1 << 40] {
            assert_eq!(file.read_at(memory, place).unwrap(), 0);
            assert_eq!(errno(file.write_at(memory, place)), Errno::ENOSPC);
        }
        // As far as there is room.
        assert_eq!(file.write_at(memory, end - 512).unwrap(), 512);
        assert_eq!(file.read_at(memory, end - 1024).unwrap(), 1024);
        assert!(is_full_of(0, &memory[..512]));
        assert!(is_full_of(b'x', &memory[512..]));
        file.write_all_at(&[0; 512], end - 512)
            .or_else(|_| file.write_all_at(&Pages::new(512), end - 512))
            .unwrap();
        memory.fill(b'x');
    }
    let mut file = cached();
    assert_eq!(file.seek(SeekFrom::End(0)).unwrap(), end);
    assert_eq!(errno(file.seek(SeekFrom::Start(end + 1))), Errno::EINVAL);
    assert_eq!(errno(file.set_len(end)), Errno::EINVAL);
}

#[test]
fn bad_pointer_changes_nothing() {
    let _module = load(1);
    cached().write_all_at(&[b'x'; PAGE], 0).unwrap();
    for file in [cached(), direct()] {
        // Those that begin a sector, as a direct call wants.
        for address in BAD_ADDRESSES.into_iter().filter(|at| at % SECTOR == 0) {
            // SAFETY: There is no memory at the address.
            let read = unsafe { user::read(file.as_fd(), address, PAGE) };
            assert_eq!(read, Err(Errno::EFAULT));
            let written = user::write(file.as_fd(), address, PAGE);
            assert_eq!(written, Err(Errno::EFAULT));
        }
    }
    let content = content(direct());
    assert!(is_full_of(b'x', &content[..PAGE]));
    assert!(is_full_of(0, &content[PAGE..]));
}

/// A request for one page is one piece, and under one lock.
#[test]
fn page_is_never_half_of_one_write_and_half_of_another() {
    let _module = load(1);
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for byte in [b'a', b'b'] {
            let (stop, written) = (&stop, &written);
            scope.spawn(move || {
                let (file, page) = (direct(), Pages::with(&[byte; PAGE]));
                while !stop.load(Relaxed) {
                    file.write_all_at(&page, 0).unwrap();
                    written.fetch_add(1, Relaxed);
                }
            });
        }
        let _stop = Stop(&stop);
        let (file, mut page) = (direct(), Pages::new(PAGE));
        while written.load(Relaxed) < 2000 {
            file.read_exact_at(&mut page, 0).unwrap();
            assert!(is_full_of(page[0], &page));
        }
    });
}

#[test]
fn several_write_at_a_time() {
    const PART: usize = MIB;
    let _module = load(4);
    thread::scope(|scope| {
        for (i, seed) in (0..4).zip([11, 22, 33, 44]) {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                let file = if i % 2 == 0 { cached() } else { direct() };
                let mut pages = Pages::new(PART);
                for _ in 0..10 {
                    rng.fill(&mut pages);
                    for (n, part) in pages.chunks(16 * PAGE).enumerate() {
                        let place = i * PART + n * 16 * PAGE;
                        file.write_all_at(part, place as u64).unwrap();
                    }
                    let mut read = Pages::new(PART);
                    let place = (i * PART) as u64;
                    file.read_exact_at(&mut read, place).unwrap();
                    assert_eq!(difference(&read, &pages), None);
                }
            });
        }
    });
}

/// A file system on the disk, mounted until drop.
struct Mounted(&'static str);

impl Mounted {
    const FOLDER: &'static str = "/tmp/mounted";

    fn make_file_system(device: &str) {
        let made = Command::new("mke2fs").arg(device).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    fn new(device: &'static str) -> Self {
        fs::create_dir_all(Self::FOLDER).unwrap();
        let none = None::<&str>;
        mount(
            Some(device),
            Self::FOLDER,
            Some("ext2"),
            MsFlags::empty(),
            none,
        )
        .unwrap();
        Self(device)
    }

    fn unmount(self) {
        umount(Self::FOLDER).unwrap_or_else(|errno| panic!("{}: {errno}", self.0));
        std::mem::forget(self);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount(Self::FOLDER);
    }
}

#[test]
fn file_system_keeps_files_and_the_module() {
    let mut rng = Rng::with_seed(seed("files"));
    let module = load(8);
    Mounted::make_file_system(DISK);
    let files: Vec<_> = (0..20)
        .map(|i| {
            let length = rng.usize(..200_000);
            (format!("{}/{i}", Mounted::FOLDER), random(&mut rng, length))
        })
        .collect();
    let mounted = Mounted::new(DISK);
    assert!(module.use_count() > 0);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    assert_eq!(errno(open(DISK, O_EXCL)), Errno::EBUSY);
    for (path, content) in &files {
        fs::write(path, content).unwrap();
    }
    mounted.unmount();
    assert_eq!(module.use_count(), 0);

    for _ in 0..2 {
        let mounted = Mounted::new(DISK);
        for (path, content) in &files {
            assert!(fs::read(path).unwrap() == *content, "{path}");
        }
        mounted.unmount();
    }
    module.unload().unwrap();
}

#[test]
fn full_file_system_is_enospc() {
    let _module = load(1);
    Mounted::make_file_system(DISK);
    let mounted = Mounted::new(DISK);
    let path = format!("{}/large", Mounted::FOLDER);
    let mut file = File::create(&path).unwrap();
    let full = errno(io::copy(&mut io::repeat(b'x'), &mut file));
    assert_eq!(full, Errno::ENOSPC);
    let length = file.metadata().unwrap().len();
    assert!((MIB as u64 / 2..MIB as u64).contains(&length));
    assert!(is_full_of(b'x', &fs::read(&path).unwrap()));
    drop(file);
    mounted.unmount();
}

#[test]
fn open_disk_keeps_the_module() {
    let module = load(1);
    let (one, other) = (cached(), direct());
    assert_eq!(module.use_count(), 2);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    drop(one);
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    other.write_all_at(&Pages::with(&[b'x'; 512]), 0).unwrap();
    drop(other);
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
}

/// One partition, from sector 100 on: what is written to it is on the disk from there on.
#[test]
fn disk_has_partitions() {
    const START: u32 = 100;
    const SECTORS: u32 = 50;
    const PARTITION: &str = "/dev/ramdisk_rs1";
    let module = load(1);
    let mut table = [0; SECTOR];
    table[510..].copy_from_slice(&[0x55, 0xaa]);
    // The kind of its file system, where it begins, how long it is.
    table[446 + 4] = 0x83;
    table[446 + 8..][..4].copy_from_slice(&START.to_le_bytes());
    table[446 + 12..][..4].copy_from_slice(&SECTORS.to_le_bytes());
    let disk = cached();
    disk.write_all_at(&table, 0).unwrap();
    // SAFETY: It has no argument.
    unsafe { blkrrpart(disk.as_raw_fd()) }.unwrap();
    drop(disk);

    let partition = open(PARTITION, O_DIRECT).unwrap();
    assert_eq!(module.try_unload(), Err(Errno::EAGAIN));
    let page = Pages::with(&[b'x'; PAGE]);
    partition.write_all_at(&page, 512).unwrap();
    let end = u64::from(SECTORS) * SECTOR as u64;
    assert_eq!(errno(partition.write_at(&page, end)), Errno::ENOSPC);
    assert_eq!(partition.write_at(&page, end - 1024).unwrap(), 1024);
    drop(partition);
    let content = content(direct());
    let place = (START as usize + 1) * SECTOR;
    let end = (START + SECTORS) as usize * SECTOR;
    for (i, byte) in content.iter().enumerate().skip(SECTOR) {
        let written = (place..place + PAGE).contains(&i) || (end - 1024..end).contains(&i);
        assert_eq!(*byte, if written { b'x' } else { 0 }, "{i}");
    }
    module.unload().unwrap();
    assert!(!Path::new(PARTITION).exists());
}

#[test]
fn mapped_memory_is_the_disk() {
    let _module = load(1);
    let file = cached();
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let size = NonZeroUsize::new(PAGE).unwrap();
    // SAFETY: A new mapping changes none that exists.
    let mapped =
        unsafe { nix::sys::mman::mmap(None, size, protection, MapFlags::MAP_SHARED, &file, 8192) };
    let mapped = mapped.unwrap();
    // SAFETY: The page is ours, and is there until it is unmapped.
    unsafe { mapped.cast::<[u8; 5]>().write(*b"hello") };
    file.sync_all().unwrap();
    let mut page = Pages::new(PAGE);
    direct().read_exact_at(&mut page, 8192).unwrap();
    assert_eq!(page[..6], *b"hello\0");
    // SAFETY: It is ours, and nobody uses it any more.
    unsafe { munmap(mapped, PAGE) }.unwrap();
}

#[test]
fn disk_that_is_set_read_only_cannot_be_written() {
    let _module = load(1);
    let file = direct();
    // SAFETY: It reads the number.
    unsafe { blkroset(file.as_raw_fd(), &1) }.unwrap();
    let page = Pages::with(&[b'x'; PAGE]);
    assert_eq!(errno(file.write_at(&page, 0)), Errno::EPERM);
    assert_eq!(sysfs("ro"), "1");
    // SAFETY: As above.
    unsafe { blkroset(file.as_raw_fd(), &0) }.unwrap();
    file.write_all_at(&page, 0).unwrap();
}

/// What a disk can do besides, it says that it cannot. Zeros the kernel can write by itself.
#[test]
fn other_requests_are_refused() {
    let _module = load(1);
    let file = direct();
    file.write_all_at(&Pages::with(&[b'x'; 2 * PAGE]), 0)
        .unwrap();
    // SAFETY: It reads the two numbers.
    let discarded = unsafe { blkdiscard(file.as_raw_fd(), &[0, 4096]) };
    assert_eq!(discarded, Err(Errno::EOPNOTSUPP));
    let keep = FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let punched = fallocate(&file, FallocateFlags::FALLOC_FL_PUNCH_HOLE | keep, 0, 4096);
    assert_eq!(punched, Err(Errno::EOPNOTSUPP));
    assert!(is_full_of(b'x', &content(direct())[..2 * PAGE]));
    let zeroed = fallocate(&file, FallocateFlags::FALLOC_FL_ZERO_RANGE | keep, 0, 4096);
    assert_eq!(zeroed, Ok(()));
    assert!(is_full_of(0, &content(direct())[..PAGE]));
    assert!(is_full_of(b'x', &content(direct())[PAGE..2 * PAGE]));
    // SAFETY: It has no argument.
    unsafe { blkflsbuf(file.as_raw_fd()) }.unwrap();
    file.sync_all().unwrap();
}

#[test]
fn disk_is_for_root_alone() {
    let _module = load(1);
    let opened = as_nobody(|| File::open(DISK).map(drop));
    assert_eq!(opened, Err(Errno::EACCES));
}

/// Nothing of the load is left, and the kernel has not complained of the size.
#[test]
fn more_than_there_is_memory_is_enomem() {
    let before = state();
    let mut log = Log::bookmark();
    assert_eq!(Module::load(NAME, "mib=1024").unwrap_err(), Errno::ENOMEM);
    let lines = log.lines();
    assert!(
        !lines.iter().any(|line| line.contains("alloc")),
        "{lines:?}"
    );
    assert_unchanged(&before, "a load without memory");
}

#[test]
fn unload_while_the_disk_is_used() {
    let (stop, opened) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for seed in 0..2 {
            let (stop, opened) = (&stop, &opened);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                let mut pages = Pages::new(4 * PAGE);
                while !stop.load(Relaxed) {
                    // Long enough that the disk is not open at times, on a slow machine as well.
                    thread::sleep(Duration::from_millis(rng.u64(..30)));
                    let flags = if rng.bool() { O_DIRECT } else { 0 };
                    let file = match open(DISK, flags) {
                        Ok(file) => file,
                        Err(error) => {
                            let errno = errno::<File>(Err(error));
                            assert!([Errno::ENOENT, Errno::ENXIO].contains(&errno), "{errno}");
                            continue;
                        }
                    };
                    opened.fetch_add(1, Relaxed);
                    let place = rng.u64(..100) * 512;
                    file.write_all_at(&pages, place).unwrap();
                    file.read_exact_at(&mut pages, place).unwrap();
                }
            });
        }
        let _stop = Stop(&stop);
        let enough = |unloaded| unloaded >= 20 && opened.load(Relaxed) >= 100;
        unload_while_held(NAME, "mib=1", enough);
    });
    let _ = guest::module::unload(NAME);
    assert_eq!(proc_modules(NAME), None);
}

/// Written by `write(2)`, and only to be seen on the disk after the last close.
#[test]
fn last_close_writes_what_the_cache_has() {
    let module = load(1);
    let mut file = cached();
    file.write_all(b"hello").unwrap();
    let reader = direct();
    drop(file);
    drop(reader);
    let mut page = Pages::new(PAGE);
    direct().read_exact_at(&mut page, 0).unwrap();
    assert_eq!(page[..6], *b"hello\0");
    module.unload().unwrap();
}

#[test]
fn text_is_read_by_any_reader() {
    let _module = load(1);
    cached().write_all(b"hello\n").unwrap();
    let mut head = String::new();
    cached().take(6).read_to_string(&mut head).unwrap();
    assert_eq!(head, "hello\n");
}
