// SPDX-License-Identifier: GPL-2.0

//! Prints a file, and does not wait for it: opens it with `O_NONBLOCK`.
//!
//! Exit status: 0, 1 when a call failed, EAGAIN among them, 2 for wrong usage.
//!
//! Source: LKMPG, chapter 8, `cat_noblock.c`.

use clap::Parser;
use nix::{errno::Errno, libc::O_NONBLOCK};
use std::{
    fs::OpenOptions,
    io::{self, stdout, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::ExitCode,
};

/// Print a file without waiting for it: say "Open would block" where cat would
/// sleep.
#[derive(Parser)]
struct Arguments {
    /// The file
    file: PathBuf,
}

fn main() -> ExitCode {
    let path = Arguments::parse().file;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(&path);
    if matches!(&opened, Err(error) if error.kind() == ErrorKind::WouldBlock) {
        println!("Open would block");
        return ExitCode::FAILURE;
    }
    let printed = opened.and_then(|mut file| {
        io::copy(&mut file, &mut stdout())?;
        stdout().flush()
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With the errno's name, where it is one.
            let text = error.to_string();
            let text = Errno::try_from(error).map_or(text, |errno| errno.to_string());
            eprintln!("cat_noblock: {}: {text}", path.display());
            ExitCode::FAILURE
        }
    }
}
