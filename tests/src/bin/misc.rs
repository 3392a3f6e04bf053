// SPDX-License-Identifier: GPL-2.0

//! Talks to the device of `misc_rs` through `ioctl(2)`.
//!
//! Exit status: 0, 1 when a call failed, 2 for wrong usage.

use clap::Parser;
use nix::{errno::Errno, libc::c_int};
use std::{
    error::Error,
    fs::File,
    io::{stdout, Write},
    os::fd::AsRawFd,
    path::PathBuf,
    process::ExitCode,
};

/// Set the value of a file of misc_rs, and the number of all its files; print both.
#[derive(Parser)]
struct Arguments {
    /// The device
    #[arg(long, value_name = "PATH", default_value = "/dev/misc_rs")]
    device: PathBuf,

    /// The number that all files share (IOCTL_VALSET_NUM)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    number: Option<c_int>,

    /// The value of the file that this program opens (IOCTL_VALSET)
    value: Option<u32>,
}

/// The commands of the device.
mod raw {
    use nix::{ioctl_read, ioctl_write_int_bad, ioctl_write_ptr, request_code_write};
    use std::ffi::c_int;

    const IOC_MAGIC: u8 = 0x66;

    /// The same for 32-bit and 64-bit programs.
    #[derive(Default)]
    #[repr(C)]
    pub struct IoctlArg {
        pub val: u32,
        /// None is known yet.
        pub flags: u32,
    }

    ioctl_write_ptr!(valset, IOC_MAGIC, 0, IoctlArg);
    ioctl_read!(valget, IOC_MAGIC, 1, IoctlArg);
    ioctl_read!(valget_num, IOC_MAGIC, 2, c_int);
    // The number itself.
    ioctl_write_int_bad!(
        valset_num,
        request_code_write!(IOC_MAGIC, 3, size_of::<c_int>())
    );
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let path = &arguments.device.display();
    let failed = |what: &'static str| move |errno: Errno| format!("{path}: {what}: {errno}");
    let device = File::open(&arguments.device)
        .map_err(|error| Errno::try_from(error).unwrap_or(Errno::UnknownErrno))
        .map_err(failed("open"))?;
    let fd = device.as_raw_fd();

    if let Some(number) = arguments.number {
        // SAFETY: The argument is a number.
        unsafe { raw::valset_num(fd, number) }.map_err(failed("IOCTL_VALSET_NUM"))?;
    }
    if let Some(val) = arguments.value {
        let new = raw::IoctlArg { val, flags: 0 };
        // SAFETY: The device reads the struct.
        unsafe { raw::valset(fd, &new) }.map_err(failed("IOCTL_VALSET"))?;
    }
    let (mut now, mut number) = (raw::IoctlArg::default(), 0);
    // SAFETY: The device fills in the struct.
    unsafe { raw::valget(fd, &mut now) }.map_err(failed("IOCTL_VALGET"))?;
    // SAFETY: The device writes an `int`.
    unsafe { raw::valget_num(fd, &mut number) }.map_err(failed("IOCTL_VALGET_NUM"))?;
    let text = format!(
        "value of this file: {}\nnumber of all files: {number}\n",
        now.val
    );
    Ok(stdout().write_all(text.as_bytes())?)
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("misc: {error}");
            ExitCode::FAILURE
        }
    }
}
