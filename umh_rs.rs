// SPDX-License-Identifier: GPL-2.0

//! Runs a user-space program from the kernel, as root: `/usr/bin/logger help!`.
//!
//! `path=` names another program and `arg=` its argument; `wait=` says what to wait for:
//! `none`, `exec` (it has been started), `proc` (it has ended, the default), or `killable`
//! (the same, but the wait ends when `insmod` is killed). `timeout_ms=` kills a program
//! that is waited for when it takes longer. The log says how the program ended. If it
//! cannot be started, the load fails, unless nobody waits.
//!
//! ```sh
//! insmod umh_rs.ko
//! dmesg | tail -n 2     # help!
//!                       # umh_rs: /usr/bin/logger exited with 0
//! rmmod umh_rs
//! insmod umh_rs.ko path=/no/such/program     # No such file or directory
//! insmod umh_rs.ko path=/bin/sleep arg=60 timeout_ms=200
//! dmesg | tail -n 1     # umh_rs: /bin/sleep was killed by signal 9 after 200 ms
//! ```
//!
//! `abstractions/umh.rs` tells how the kernel starts a program, and who waits for it. Most
//! of what this can do is better done in user space, by a program that waits for an event
//! of the kernel.
//!
//! The original allocates memory as if it could not sleep, though it can, and throws the
//! exit status away.
//!
//! Source: "Invoking user-space applications from the kernel", listings 1 to 3.

use abstractions::{
    param::string_parameters,
    series,
    umh::{
        Command,
        Helpers,
        Hooks,
        Wait, //
    }, //
};
use kernel::{
    prelude::*,
    time::Delta, //
};

mod abstractions;

module! {
    type: Umh,
    name: "umh_rs",
    authors: ["lkmpg-rs authors"],
    description: "Runs a program in user space when loaded",
    license: "GPL",
    params: {
        count: u32 {
            default: 1,
            description: "How often to run the program, 1 to 1000",
        },
        refuse: u32 {
            default: 0,
            description: "Let the init hook fail with this errno",
        },
        timeout_ms: u32 {
            default: 0,
            description: "Kill the program after so long, 1 to 3600000 ms; 0: never",
        },
    },
}

string_parameters! {
    module: "umh_rs",
    path: "The program to run, /usr/bin/logger if not given",
    arg: "Its argument, help! if not given",
    wait: "What to wait for: none, exec, proc or killable",
}

/// The largest `count`.
const MAX_COUNT: u32 = 1000;

/// The largest `timeout_ms`.
const MAX_TIMEOUT_MS: u32 = 3_600_000;

/// Says what the two hooks are called for.
struct Announce {
    refuse: i32,
}

impl Hooks for Announce {
    fn init(&self) -> Result {
        // Runs in the new process.
        pr_info!("init hook, pid {}\n", current!().pid());
        match self.refuse {
            0 => Ok(()),
            errno => Err(Error::from_errno(-errno)),
        }
    }

    fn cleanup(self) {
        pr_info!("cleanup hook\n");
    }
}

struct Umh {
    // Dropping it waits for what is under way.
    _helpers: Helpers,
}

impl kernel::Module for Umh {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let helpers = Helpers::new(module)?;
        run(&helpers)?;
        Ok(Self { _helpers: helpers })
    }
}

/// Runs the program as the parameters tell, and logs how it ended.
fn run(helpers: &Helpers) -> Result {
    let path = string_parameters::path
        .value()
        .unwrap_or(c"/usr/bin/logger");
    let arg = string_parameters::arg.value().unwrap_or(c"help!");
    let wait = match string_parameters::wait.value().map(CStr::to_bytes) {
        Some(b"none") => Wait::None,
        Some(b"exec") => Wait::Exec,
        Some(b"proc") | None => Wait::Proc,
        Some(b"killable") => Wait::Killable,
        Some(_) => {
            pr_err!("wait= must be none, exec, proc or killable\n");
            return Err(EINVAL);
        }
    };
    let count: u32 = series::param_value(module_parameters::count.value());
    let refuse: u32 = series::param_value(module_parameters::refuse.value());
    if !(1..=MAX_COUNT).contains(&count) || refuse > 4095 {
        pr_err!("count={count} is not between 1 and {MAX_COUNT}, or refuse={refuse} is no errno\n");
        return Err(EINVAL);
    }
    let timeout_ms: u32 = series::param_value(module_parameters::timeout_ms.value());
    let waits = matches!(wait, Wait::Proc | Wait::Killable);
    if timeout_ms > MAX_TIMEOUT_MS || timeout_ms > 0 && !waits {
        pr_err!("timeout_ms={timeout_ms} is above {MAX_TIMEOUT_MS}, or nobody waits\n");
        return Err(EINVAL);
    }

    for _ in 0..count {
        let hooks = Announce {
            refuse: refuse as i32,
        };
        let mut command = Command::new(path)?.arg(arg)?;
        if timeout_ms > 0 {
            command = command.timeout(Delta::from_millis(timeout_ms.into()));
        }
        // ANCHOR: outcome
        match command.run(helpers, hooks, wait) {
            Ok(Some(status)) => pr_info!("{path} {status}\n"),
            Ok(None) => pr_info!("{path} started\n"),
            // Not a failure of the load, which would have to wait all the same.
            Err(ERESTARTSYS) => pr_info!("{path} is left alone: killed while waiting\n"),
            Err(error) => {
                pr_err!("cannot run {path}: {}\n", error.to_errno());
                return Err(error);
            }
        }
        // ANCHOR_END: outcome
    }
    Ok(())
}
