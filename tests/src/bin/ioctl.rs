// SPDX-License-Identifier: GPL-2.0

//! Talks to the device of `chardev_ioctl_rs` through `ioctl(2)`.
//!
//! Exit status: 0, 1 when a call failed, 2 for wrong usage. Where the guide's
//! program prints a message's final NUL as well, this one does not.
//!
//! Source: LKMPG, chapter 5, `ioctl.c`.

use clap::{Parser, Subcommand};
use nix::{errno::Errno, libc::c_int};
use std::{
    error::Error,
    ffi::{c_char, CStr, CString, OsString},
    fs::File,
    io::{self, stdout, Write},
    os::{fd::AsRawFd, unix::ffi::OsStringExt},
    path::PathBuf,
    process::ExitCode,
};

/// Talk to the device of chardev_ioctl_rs: without a command, print the message
/// byte by byte, print it whole, then set "Message passed by ioctl\n".
///
/// A message is printed up to its first NUL.
#[derive(Parser)]
struct Arguments {
    /// The device
    #[arg(long, value_name = "PATH", default_value = "/dev/char_dev")]
    device: PathBuf,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the message (IOCTL_GET_MSG)
    Get,
    /// Set the message, of which the device keeps 80 bytes (IOCTL_SET_MSG)
    Set { text: OsString },
    /// Print byte N of the message, from 0 (IOCTL_GET_NTH_BYTE)
    Nth {
        #[arg(allow_negative_numbers = true)]
        n: c_int,
    },
}

/// The commands of `chardev.h`.
mod raw {
    use nix::{
        ioctl_read_bad, ioctl_write_int_bad, ioctl_write_ptr_bad, request_code_read,
        request_code_readwrite,
    };
    use std::ffi::{c_char, c_int};

    const MAJOR_NUM: u8 = 100;

    // `char *`, of which only the size counts.
    ioctl_write_ptr_bad!(
        set_msg,
        request_code_read!(MAJOR_NUM, 0, size_of::<*const c_char>()),
        c_char
    );
    ioctl_read_bad!(
        get_msg,
        request_code_read!(MAJOR_NUM, 1, size_of::<*mut c_char>()),
        c_char
    );
    ioctl_write_int_bad!(
        get_nth_byte,
        request_code_readwrite!(MAJOR_NUM, 2, size_of::<c_int>())
    );
}

fn set_msg(device: &File, message: &CStr) -> nix::Result<()> {
    // SAFETY: The device reads up to the NUL, and not more than 80 bytes.
    unsafe { raw::set_msg(device.as_raw_fd(), message.as_ptr()) }.map(drop)
}

fn get_msg(device: &File) -> nix::Result<Vec<u8>> {
    let mut buffer = [0; 100];
    // SAFETY: The device writes at most 80 bytes and a NUL.
    unsafe { raw::get_msg(device.as_raw_fd(), buffer.as_mut_ptr().cast::<c_char>()) }?;
    let end = buffer.iter().position(|&byte| byte == 0);
    Ok(buffer[..end.unwrap_or(buffer.len())].to_vec())
}

fn get_nth_byte(device: &File, n: c_int) -> nix::Result<u8> {
    // SAFETY: The argument is a number.
    let byte = unsafe { raw::get_nth_byte(device.as_raw_fd(), n) }?;
    u8::try_from(byte).map_err(|_| Errno::ERANGE)
}

/// Returns what went wrong, with the name of the errno.
fn text(error: io::Error) -> String {
    Errno::try_from(error).map_or_else(|error| error.to_string(), |errno| errno.to_string())
}

/// Prints one line, of bytes that need not be UTF-8.
fn print(title: &str, message: &[u8]) -> Result<(), Box<dyn Error>> {
    let line = [title.as_bytes(), message, b"\n"].concat();
    stdout()
        .write_all(&line)
        .map_err(|error| format!("standard output: {}", text(error)))?;
    Ok(())
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let path = arguments.device.display();
    let failed = |what: &str, errno: Errno| format!("{path}: {what}: {errno}");

    let device =
        File::open(&arguments.device).map_err(|error| format!("{path}: open: {}", text(error)))?;
    let get = || get_msg(&device).map_err(|errno| failed("IOCTL_GET_MSG", errno));
    let set = |text| set_msg(&device, text).map_err(|errno| failed("IOCTL_SET_MSG", errno));
    let nth = |n| {
        get_nth_byte(&device, n)
            .map_err(|errno| failed(&format!("IOCTL_GET_NTH_BYTE of byte {n}"), errno))
    };

    match arguments.command {
        Some(Command::Get) => print("get_msg message:", &get()?)?,
        Some(Command::Set { text }) => set(&CString::new(text.into_vec())?)?,
        Some(Command::Nth { n }) => print("get_nth_byte message:", &[nth(n)?])?,
        None => {
            let mut message = Vec::new();
            // Byte n of a message of n bytes is its NUL.
            for n in 0.. {
                match nth(n)? {
                    0 => break,
                    byte => message.push(byte),
                }
            }
            print("get_nth_byte message:", &message)?;
            print("get_msg message:", &get()?)?;
            set(c"Message passed by ioctl\n")?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ioctl: {error}");
            ExitCode::FAILURE
        }
    }
}
