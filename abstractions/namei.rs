// SPDX-License-Identifier: GPL-2.0

//! Watching the kernel open files by name.
//!
//! In the book: [The world outside](../../../book/outside.html).
//!
//! C sources: [`fs/namei.c`](srctree/fs/namei.c) (`do_file_open`),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h) (`struct filename`)
//!
//! All of `open`, `openat`, `openat2` and `creat` come through the one function, and so do
//! `execve`'s open of a program, of its interpreter and what the kernel opens itself on
//! behalf of a process. `open_by_handle_at` does not: it has no name.
//!
//! Upstream would refuse a module that watches users by probes (see [`kprobe`]). A program
//! watches opens by `fanotify(7)` or the audit system, a security module by its `file_open`
//! hook.
//!
//! Unloading *waits* for the [`Watcher`], as for any [`kprobe::Probe`], and not for opens
//! that sleep (of a FIFO, say).

use super::{
    bindings,
    kprobe, //
};
use kernel::prelude::*;

/// Is told of opens.
pub(crate) trait Watcher: Send + Sync + 'static {
    /// Called before the current process, whose real user ID is `uid` (as the initial
    /// user namespace numbers it), opens `path`, whether that succeeds or not. `path`
    /// is as the process gave it, at most 4095 bytes, any but NUL among them.
    ///
    /// As [`kprobe::Handler::hit`]: must not sleep.
    fn opening(&self, uid: u32, path: &CStr);

    /// Called after the current process, whose real user ID is `uid`, has tried to open
    /// a file: with success, or with an error.
    ///
    /// As [`kprobe::ReturnHandler::returned`]: must not sleep.
    fn opened(&self, uid: u32, result: Result);
}

/// The function, which has had more than one name.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    /// Linux 7.2 and later.
    DoFileOpen,
    /// Before.
    DoFilpOpen,
}

impl Function {
    /// Returns the function of that name, if it is one of the two.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"do_file_open" => Some(Self::DoFileOpen),
            b"do_filp_open" => Some(Self::DoFilpOpen),
            _ => None,
        }
    }

    /// Returns the name.
    pub(crate) fn name(self) -> &'static CStr {
        match self {
            Self::DoFileOpen => c"do_file_open",
            Self::DoFilpOpen => c"do_filp_open",
        }
    }
}

/// A probe that tells `T` of opens to come, removed on drop: a
/// [registration](super#registrations).
pub(crate) type OpenProbe<T> = kprobe::Probe<Adapter<T>>;

/// A probe that tells `T` how opens have ended, removed on drop: a
/// [registration](super#registrations).
pub(crate) type ResultProbe<T> = kprobe::ReturnProbe<Adapter<T>>;

/// How many opens at a time a [`ResultProbe`] can wait for.
const MAX_ACTIVE: u16 = 64;

/// Watches opens by `function`; for the errors, see [`kprobe::Probe::new`].
///
/// # Examples
///
/// ```
/// use abstractions::namei::{
///     self,
///     Function,
///     OpenProbe,
///     ResultProbe,
///     Watcher, //
/// };
///
/// struct Log;
///
/// impl Watcher for Log {
///     fn opening(&self, uid: u32, path: &CStr) {
///         pr_info!("{uid} opens {path}\n");
///     }
///
///     fn opened(&self, uid: u32, result: Result) {
///         pr_info!("{uid}: {result:?}\n");
///     }
/// }
///
/// type Probes = (Pin<KBox<OpenProbe<Log>>>, Pin<KBox<ResultProbe<Log>>>);
///
/// fn watch(name: &[u8]) -> Result<Probes> {
///     let function = Function::from_name(name).ok_or(EINVAL)?;
///     pr_info!("probing {}\n", function.name());
///     Ok((
///         KBox::pin_init(namei::watch(function, Log), GFP_KERNEL)?,
///         KBox::pin_init(namei::watch_results(function, Log), GFP_KERNEL)?,
///     ))
/// }
/// ```
pub(crate) fn watch<T: Watcher>(
    function: Function,
    watcher: T,
) -> impl PinInit<OpenProbe<T>, Error> {
    // INVARIANT: Either function is `struct file *(int dfd, struct filename *, const
    // struct open_flags *)`.
    kprobe::Probe::new(function.name(), Adapter(watcher))
}

/// Watches how opens by `function` end; of more than 64 at a time, some are missed. For
/// the errors, see [`kprobe::ReturnProbe::new`].
pub(crate) fn watch_results<T: Watcher>(
    function: Function,
    watcher: T,
) -> impl PinInit<ResultProbe<T>, Error> {
    // INVARIANT: As in `watch`.
    kprobe::ReturnProbe::new(function.name(), MAX_ACTIVE, Adapter(watcher))
}

/// Takes apart what the function is given and what it returns.
///
/// # Invariants
///
/// It is the handler of a probe on a [`Function`] only.
#[doc(hidden)]
pub(crate) struct Adapter<T>(T);

impl<T: Watcher> kprobe::Handler for Adapter<T> {
    fn hit(&self, registers: &kprobe::Registers) {
        let filename = registers.second_argument();
        // Where the user's pointer was bad, it is an errno instead.
        if filename == 0 || error_of(filename).is_some() {
            return;
        }
        let filename = filename as *const bindings::__filename_head;
        // SAFETY: By the type invariants this is the function's second argument, and it
        // is no errno: a `struct filename`, which begins with this head, and which the
        // function's caller keeps, and does not change, until the function has returned.
        let name = unsafe { (*filename).name };
        // SAFETY: The name is the kernel's own copy, in resident memory, constant and
        // NUL-terminated (`getname_flags()`), and kept as long.
        let path = unsafe { CStr::from_char_ptr(name) };
        self.0.opening(current_uid(), path);
    }
}

impl<T: Watcher> kprobe::ReturnHandler for Adapter<T> {
    fn returned(&self, registers: &kprobe::Registers) {
        let result = error_of(registers.return_value()).map_or(Ok(()), Err);
        self.0.opened(current_uid(), result);
    }
}

/// Returns the errno that lies in a register instead of a pointer, if one does
/// (`IS_ERR()`).
fn error_of(pointer: usize) -> Option<Error> {
    let value = pointer as isize;
    (-(bindings::MAX_ERRNO as isize)..0)
        .contains(&value)
        .then(|| Error::from_errno(value as c_int))
}

/// Returns the real user ID of the current process.
fn current_uid() -> u32 {
    kernel::current!().uid().into_raw().val
}
