// SPDX-License-Identifier: GPL-2.0

//! What `abstractions/umh.rs` can do and `umh_rs` does not: many programs at the same
//! time, each started and waited for by a work item; a program started when it is too
//! late for one; a cleanup hook that takes long, also in a load that fails. For
//! `tests/tests/umh_rs.rs`; never installed.

use abstractions::{
    param::string_parameters,
    series,
    umh::{
        Command,
        Helpers,
        Hooks,
        Wait, //
    },
    work::{
        self,
        Handle,
        Run, //
    }, //
};
use kernel::{
    new_delayed_work,
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

mod abstractions;

module! {
    type: Fixture,
    name: "umh_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Runs programs in user space, many at once",
    license: "GPL",
    params: {
        count: u32 {
            default: 0,
            description: "How many programs to run at once, waiting for each in another way",
        },
        first: u32 {
            default: 0,
            description: "The way of the first one: 0 none, 1 exec, 2 proc, 3 killable",
        },
        timeout_ms: u32 {
            default: 0,
            description: "Kill the program after so long, which only who waits for its end may ask; 0: never",
        },
        cleanup_ms: u32 {
            default: 0,
            description: "How long the cleanup hook takes",
        },
        fail: u32 {
            default: 0,
            description: "Run the program without waiting, and fail to load (EIO)",
        },
        at_exit: u32 {
            default: 0,
            description: "Try to run the program when unloaded, in each wait mode",
        },
    },
}

string_parameters! {
    module: "umh_fixture",
    path: "The program to run",
}

/// The wait modes.
const WAITS: [Wait; 4] = [Wait::None, Wait::Exec, Wait::Proc, Wait::Killable];

struct Fixture {
    // Dropped first: waits until no item uses the helpers.
    _items: KVec<work::Item<Program>>,
    shared: Arc<Shared>,
}

impl kernel::Module for Fixture {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let helpers = Helpers::new(module)?;
        let shared = Arc::new(Shared { helpers }, GFP_KERNEL)?;
        if series::param_value::<u32>(module_parameters::fail.value()) != 0 {
            shared.run(Wait::None);
            return Err(EIO);
        }
        let count: u32 = series::param_value(module_parameters::count.value());
        let first: u32 = series::param_value(module_parameters::first.value());
        let mut items = KVec::new();
        let waits = WAITS.into_iter().cycle().skip(first as usize);
        for wait in waits.take(count as usize) {
            let shared = shared.clone();
            let item = work::Item::new(new_delayed_work!("umh_fixture"), Program { shared, wait })?;
            let program = item.handle();
            items.push(item, GFP_KERNEL)?;
            program.enqueue(work::system_percpu());
        }
        Ok(Self {
            _items: items,
            shared,
        })
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if series::param_value::<u32>(module_parameters::at_exit.value()) != 0 {
            for wait in WAITS {
                self.shared.run(wait);
            }
        }
    }
}

struct Shared {
    helpers: Helpers,
}

impl Shared {
    /// Runs the program, and logs what came of it.
    fn run(&self, wait: Wait) {
        let path = string_parameters::path.value().unwrap_or(c"");
        let timeout_ms: u32 = series::param_value(module_parameters::timeout_ms.value());
        let result = Command::new(path).and_then(|mut command| {
            if timeout_ms > 0 {
                command = command.timeout(Delta::from_millis(timeout_ms.into()));
            }
            command.run(&self.helpers, Announce, wait)
        });
        match result {
            Ok(Some(status)) => pr_info!("{path} {status}\n"),
            Ok(None) => pr_info!("{path} started\n"),
            Err(error) => pr_info!("cannot run {path}: {}\n", error.to_errno()),
        }
    }
}

/// Says what the two hooks are called for.
struct Announce;

impl Hooks for Announce {
    fn init(&self) -> Result {
        pr_info!("init hook, pid {}\n", current!().pid());
        Ok(())
    }

    fn cleanup(self) {
        pr_info!("cleanup hook\n");
        let ms: u32 = series::param_value(module_parameters::cleanup_ms.value());
        if ms > 0 {
            fsleep(Delta::from_millis(ms.into()));
            pr_info!("end of the cleanup hook\n");
        }
    }
}

/// A program to run, beside others.
struct Program {
    shared: Arc<Shared>,
    wait: Wait,
}

impl Run for Program {
    fn run(program: &Handle<Self>) {
        program.shared.run(program.wait);
    }
}
