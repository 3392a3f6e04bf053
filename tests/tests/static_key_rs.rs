// SPDX-License-Identifier: GPL-2.0

//! `static_key_rs`: a branch that is changed by rewriting the code; in the binary of the tests
//! that patch the kernel's code.

use guest::{
    config, errno,
    module::{self, proc_modules, Module},
    process::as_nobody,
    race::{unload_while_held, Stop},
    read_in_chunks,
    state::{assert_unchanged, state},
    user::write_from_bad_pointer,
    CHUNKS,
};
use nix::errno::Errno;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

const NAME: &str = "static_key_rs";
const PATH: &str = "/proc/key_state";

fn load() -> Module {
    Module::load(NAME, "").unwrap()
}

fn read() -> String {
    fs::read_to_string(PATH).unwrap()
}

fn open_to_write() -> io::Result<File> {
    OpenOptions::new().write(true).open(PATH)
}

/// Writes to the key. The open takes a path as well.
fn write(text: &str) -> io::Result<()> {
    open_to_write()?.write_all(text.as_bytes())
}

fn text(state: &str, fast: u64, slow: u64) -> String {
    format!("{state}\nfast path {fast}\nslow path {slow}\n")
}

#[test]
fn each_open_takes_the_path_that_the_key_says() {
    let _module = load();
    assert_eq!(read(), text("disabled", 1, 0));
    assert_eq!(read(), text("disabled", 2, 0));
    let (mut fast, mut slow) = (2, 0);
    for (word, state) in [("enable", "enabled"), ("disable\n", "disabled")]
        .into_iter()
        .cycle()
        .take(20)
    {
        write(word).unwrap();
        let taken = if state == "enabled" {
            fast += 1;
            &mut slow
        } else {
            slow += 1;
            &mut fast
        };
        *taken += 1;
        assert_eq!(read(), text(state, fast, slow));
    }
}

#[test]
fn key_that_is_as_it_should_be_stays() {
    let _module = load();
    write("disable").unwrap();
    write("enable\n").unwrap();
    write("enable").unwrap();
    assert_eq!(read(), text("enabled", 2, 2));
    // Once is enough.
    write("disable").unwrap();
    assert_eq!(read(), text("disabled", 3, 3));
}

#[test]
fn key_begins_disabled_with_each_load() {
    let before = state();
    for _ in 0..5 {
        let module = load();
        assert_eq!(read(), text("disabled", 1, 0));
        write("enable").unwrap();
        assert_eq!(read(), text("enabled", 2, 1));
        module.unload().unwrap();
        assert_eq!(proc_modules(NAME), None);
    }
    assert_unchanged(&before, "a key that was enabled");
}

#[test]
fn other_words_change_nothing() {
    let _module = load();
    write("enable").unwrap();
    let mut file = open_to_write().unwrap();
    for word in [
        "",
        "\n",
        "en",
        "enabled",
        "enable ",
        " enable",
        "Enable",
        "enable\n\n",
        "disable\n\n",
        "disable \n",
        "disabled",
        "1",
        "enable\0",
        "disabledisable",
    ] {
        assert_eq!(
            errno(file.write(word.as_bytes())),
            Errno::EINVAL,
            "{word:?}"
        );
    }
    assert_eq!(write_from_bad_pointer(&file, 7), Err(Errno::EFAULT));
    assert_eq!(read(), text("enabled", 1, 2));
    file.write_all(b"disable").unwrap();
    assert_eq!(read(), text("disabled", 2, 2));
}

#[test]
fn state_is_read_in_pieces() {
    let _module = load();
    for (opens, chunk) in (1..).zip(CHUNKS) {
        let content = read_in_chunks(&mut File::open(PATH).unwrap(), chunk).unwrap();
        assert_eq!(
            String::from_utf8(content).unwrap(),
            text("disabled", opens, 0)
        );
    }
}

/// Also where the mode would let others.
#[test]
fn only_root_changes_the_key() {
    let _module = load();
    let status = fs::metadata(PATH).unwrap();
    assert_eq!((status.mode() & 0o7777, status.uid()), (0o644, 0));
    fs::set_permissions(PATH, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(as_nobody(|| write("enable")), Err(Errno::EACCES));
    assert_eq!(as_nobody(|| File::open(PATH)), Ok(()));
    assert_eq!(read(), text("disabled", 2, 0));
}

/// Who is refused takes no path. The branch is changed under those who take it.
#[test]
fn nobody_is_lost_while_the_branch_is_changed() {
    const OPENS: u64 = 500;
    let _module = load();
    let stop = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !stop.load(Relaxed) {
                write(["enable", "disable"][written as usize % 2]).unwrap();
                written += 1;
            }
            written
        });
        let _stop = Stop(&stop);
        let readers = [(); 3].map(|()| {
            scope.spawn(|| {
                for _ in 0..OPENS {
                    File::open(PATH).unwrap();
                }
            })
        });
        for reader in readers {
            reader.join().unwrap();
        }
        stop.store(true, Relaxed);
        writer.join().unwrap()
    });
    write("disable").unwrap();
    let content = read();
    let count = |path: &str| {
        let mut words = content.lines().filter_map(|line| line.strip_prefix(path));
        words.next().unwrap().parse::<u64>().unwrap()
    };
    let (fast, slow) = (count("fast path "), count("slow path "));
    assert_eq!(fast + slow, 3 * OPENS + written + 2, "{content}");
    assert!(fast > 0 && slow > 0, "{content}");
}

/// Where the kernel can rewrite code, the module says where its branches are.
#[test]
fn branches_are_code_where_the_kernel_rewrites_it() {
    let ko = fs::read(module::path(NAME)).unwrap();
    let table = b"__jump_table\0";
    let has_table = ko.windows(table.len()).any(|bytes| bytes == table);
    assert_eq!(has_table, config("JUMP_LABEL").is_some());
}

#[test]
fn unloading_races_with_changes() {
    let before = state();
    let stop = AtomicBool::new(false);
    let changed = AtomicU64::new(0);
    thread::scope(|scope| {
        for word in ["enable", "disable"] {
            let (stop, changed) = (&stop, &changed);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    match write(word) {
                        Ok(()) => drop(changed.fetch_add(1, Relaxed)),
                        Err(error) => assert_eq!(errno::<()>(Err(error)), Errno::ENOENT),
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let _stop = Stop(&stop);
        unload_while_held(NAME, "", |unloaded| {
            unloaded >= 30 && changed.load(Relaxed) >= 100
        });
    });
    let _ = module::unload(NAME);
    assert_unchanged(&before, "unloading under load");
}
