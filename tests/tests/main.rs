// SPDX-License-Identifier: GPL-2.0

//! The tests of the guest, a file for each module or program. One binary, for each
//! binary costs a boot: `cargo test param_rs::` runs those of one file. Beside it,
//! `syscall_rs` has a guest of its own: see `qemu/run-test.sh`.

mod bad_input;
mod cat_noblock;
mod cdev;
mod chardev_ioctl_rs;
mod chardev_rs;
mod completions_rs;
mod debugfs_rs;
mod demand_load_rs;
mod edu_rs;
mod export_rs;
mod fuzz;
mod gpio;
mod gpio_rs;
mod hello_rs;
mod ioctl;
mod irq_kbd_rs;
mod kbleds_rs;
mod life_cycles;
mod loading;
mod locks_rs;
mod misc;
mod misc_rs;
mod netloop;
mod netloop_rs;
mod param_rs;
mod param_watch_rs;
mod pci;
mod platform_rs;
mod print_string_rs;
mod procfs;
mod procfs_rs;
mod procfs_rw_rs;
mod procfs_seq_rs;
mod races;
mod ramdisk;
mod ramdisk_rs;
mod sched_rs;
mod slab;
mod slab_rs;
mod sleep_rs;
mod sysfs_rs;
mod umh_rs;
mod unload;
mod usercopy_test_rs;
mod vinput;
mod vinput_rs;
mod workqueue_rs;
