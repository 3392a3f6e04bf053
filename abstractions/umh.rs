// SPDX-License-Identifier: GPL-2.0

//! Running user-space programs from the kernel, in the manner of
//! `std::process::Command`.
//!
//! In the book: [The world outside](../../../book/outside.html).
//!
//! C header: [`include/linux/umh.h`](srctree/include/linux/umh.h)
//!
//! The functions of the "user-mode helper API", as it was in Linux 2.6.27, and what
//! has become of them:
//!
//! | then | today | here |
//! |---|---|---|
//! | `call_usermodehelper_setup` | takes the hooks as well | [`Command::new`] |
//! | `call_usermodehelper_setcleanup` | an argument of `_setup` | [`Hooks::cleanup`] |
//! | `call_usermodehelper_setkeys` | gone; an init hook sets the credentials, as `umh_keys_init()` in `security/keys/request_key.c` does | [`Hooks::init`] runs at that point; there is no wrapper for credentials |
//! | `call_usermodehelper_stdinpipe` | gone; an init hook puts the pipe in place, as `umh_coredump_setup()` in `fs/coredump.c` does | not for modules: `replace_fd()` is not exported |
//! | `call_usermodehelper_exec` | the same | [`Command::run`] |
//! | `call_usermodehelper` | the same: `_setup` and `_exec` in one | [`Command::run`] |
//! | `call_usermodehelper_keys` | gone: `_setup` with that init hook, then `_exec` | as `_setkeys` |
//! | `call_usermodehelper_pipe` | gone: `_setup` with that init hook, then `_exec` | as `_stdinpipe` |
//!
//! The program runs as root with all capabilities, in the folder of PID 1, with
//! nothing open; it is a child of a kernel thread. The kernel has no timeout for it; one
//! of [`Command::timeout`] is a timer that the init hook starts in the new process, with
//! a reference to that, and that is cancelled before the cleanup hook.
//!
//! The kernel's own cleanup hook is not used. The kernel calls it as the last thing that
//! it does with a command: nothing tells when that function has returned, and the module
//! may be gone by then. So each command here is waited for with
//! `call_usermodehelper_exec()`, which returns when the kernel is done with it, and the
//! cleanup hook is a call of ours. Where the caller does not wait, or may be killed while
//! it waits, a work item does it, on a queue that [`Helpers`] owns.
//!
//! Unloading: a [`Helpers`] pins the module for each command, until a program that nobody
//! waits for has been started, and until one that is waited for has ended. The program
//! itself, once started without waiting, goes on without the module. Dropping the
//! `Helpers` *waits* until no work item is in the module's code any more; the pins do not
//! do that, nor do they count where a load fails.
//!
//! Upstream would ask for something else first: a process that waits for what the kernel has
//! to tell, by a uevent or a netlink message. This is for a program that has to be started.
//!
//! Not supported: kernels with `CONFIG_STATIC_USERMODEHELPER`, whose one program
//! stands for all, work but may not run the program; waiting freezably.

use super::{
    bindings,
    pid::Pid,
    work::OwnedQueue, //
};
use core::ptr;
use kernel::{
    error::from_result,
    fmt,
    impl_has_hr_timer,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            AtomicFlag,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        SetOnce, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    },
    types::Opaque, //
};

/// What [`Command::run`] waits for.
///
/// With `Exec` and `Proc` nothing ends the waiting before its time: a signal, also one that
/// kills, a stop, a debugger (`ptrace(2)`) and the freezer of a cgroup take effect
/// afterwards. With `Killable` a signal that kills ends it, and nothing else does. The
/// system does not suspend before the end of a program that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing: whether the program could be started stays unknown.
    None,
    /// Until the program has been started.
    Exec,
    /// Until the program has ended.
    Proc,
    /// Until the program has ended, or the one who waits is killed.
    Killable,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// It exited with this code, 0 to 255.
    Code(u8),
    /// This signal killed it.
    Signal(u8),
    /// It was killed when this time, that of [`Command::timeout`], was over.
    TimedOut(Delta),
}

impl ExitStatus {
    /// Takes a status as `wait(2)` gives it apart.
    pub(super) fn from_raw(status: u32) -> Self {
        // CAST: The masks leave 7 and 8 bits.
        match status & 0x7f {
            0 => Self::Code((status >> 8 & 0xff) as u8),
            signal => Self::Signal(signal as u8),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with {code}"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::TimedOut(time) => write!(
                f,
                "was killed by signal {} after {} ms",
                bindings::SIGKILL,
                time.as_millis()
            ),
        }
    }
}

/// What to do around a program's life; `()` does nothing.
///
/// # Examples
///
/// ```
/// use abstractions::umh::Hooks;
///
/// struct Announce;
///
/// impl Hooks for Announce {
///     fn init(&self) -> Result {
///         pr_info!("Process {} becomes the program.\n", current!().pid());
///         Ok(())
///     }
///
///     fn cleanup(self) {
///         pr_info!("The kernel is done with the command.\n");
///     }
/// }
/// ```
pub(crate) trait Hooks: Send + 'static {
    /// Runs in the new process before it becomes the program. Process context, may
    /// sleep; an error keeps the program from being started.
    fn init(&self) -> Result {
        Ok(())
    }

    /// Runs exactly once for each [`Command::run`], whatever came of it, when the
    /// kernel is done with the command. Process context, may sleep: that of the
    /// caller, or of a kernel thread.
    fn cleanup(self)
    where
        Self: Sized,
    {
    }
}

impl Hooks for () {}

/// A program to run, with its arguments and its environment.
///
/// # Examples
///
/// ```
/// use abstractions::umh::{
///     Command,
///     ExitStatus,
///     Helpers,
///     Wait, //
/// };
/// use kernel::time::Delta;
///
/// fn sync(helpers: &Helpers) -> Result<bool> {
///     let command = Command::new(c"/bin/sync")?
///         .arg(c"--data")?
///         .env(c"LANG=C")?
///         .timeout(Delta::from_secs(10));
///     let status = command.run(helpers, (), Wait::Killable)?;
///     Ok(status == Some(ExitStatus::Code(0)))
/// }
/// ```
pub(crate) struct Command {
    program: CString,
    args: KVec<CString>,
    env: KVec<CString>,
    timeout: Option<Delta>,
}

impl Command {
    /// Creates a command for a program, given by its absolute path, with no argument
    /// but its path, and an environment of `HOME=/`, `TERM=linux` and
    /// `PATH=/sbin:/bin:/usr/sbin:/usr/bin`. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn new(program: &CStr) -> Result<Self> {
        Self {
            program: program.try_into()?,
            args: KVec::new(),
            env: KVec::new(),
            timeout: None,
        }
        .arg(program)?
        .env(c"HOME=/")?
        .env(c"TERM=linux")?
        .env(c"PATH=/sbin:/bin:/usr/sbin:/usr/bin")
    }

    /// Adds an argument. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn arg(mut self, arg: &CStr) -> Result<Self> {
        self.args.push(arg.try_into()?, GFP_KERNEL)?;
        Ok(self)
    }

    /// Adds a `NAME=value` to the environment. May sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn env(mut self, variable: &CStr) -> Result<Self> {
        self.env.push(variable.try_into()?, GFP_KERNEL)?;
        Ok(self)
    }

    /// Has the program killed when it has not ended after `time`, counted from
    /// [`Hooks::init`]. For a program that is waited for: the kernel does not tell the
    /// end of others. The children of the program, such as those of a script, go on.
    pub(crate) fn timeout(mut self, time: Delta) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Runs the program, and returns how it ended if that was waited for. Process
    /// context, may sleep.
    ///
    /// # Errors
    ///
    /// ENODEV while the module is being unloaded; EINVAL for a timeout without waiting for
    /// the end; ENOMEM; ERESTARTSYS when the waiter was killed ([`Wait::Killable`]): the
    /// program goes on then, until its time is over.
    ///
    /// But for [`Wait::None`], also what `execve(2)` gives (ENOENT, EACCES, ...); an error
    /// of [`Hooks::init`]; EAGAIN with too many processes; EBUSY while the system suspends.
    pub(crate) fn run<H: Hooks>(
        self,
        helpers: &Helpers,
        hooks: H,
        wait: Wait,
    ) -> Result<Option<ExitStatus>> {
        let hooks = CleanedUp(Some(hooks));
        // The kernel would take an empty path for one that has succeeded.
        if self.program.is_empty() {
            return Err(ENOENT);
        }
        let watch = match self.timeout {
            Some(time) if matches!(wait, Wait::Proc | Wait::Killable) => {
                Some(Arc::pin_init(Watch::new(time), GFP_KERNEL)?)
            }
            Some(_) => return Err(EINVAL),
            None => None,
        };
        let call = Call {
            hooks,
            watch,
            command: self,
            _pin: helpers.pin()?,
        };
        match wait {
            Wait::None => {
                helpers.queue.spawn(|| {
                    // Nobody is there to be told.
                    let _ = call.run(bindings::UMH_WAIT_EXEC);
                })?;
                Ok(None)
            }
            Wait::Exec => call.run(bindings::UMH_WAIT_EXEC).map(|_| None),
            Wait::Proc => call.run(bindings::UMH_WAIT_PROC).map(Some),
            Wait::Killable => {
                let end = Arc::pin_init(End::new(), GFP_KERNEL)?;
                let told = end.clone();
                // A worker is never killed, but one that waits killably does not count as
                // hung: the kernel warns of others after two minutes.
                let flags = bindings::UMH_WAIT_PROC | bindings::UMH_KILLABLE;
                helpers.queue.spawn(move || told.tell(call.run(flags)))?;
                end.wait().map(Some)
            }
        }
    }
}

/// What is there until the kernel is done with a command. Dropped in this order: the
/// cleanup hook runs while the module is still pinned.
struct Call<H: Hooks> {
    hooks: CleanedUp<H>,
    watch: Option<Arc<Watch>>,
    command: Command,
    _pin: Pinned,
}

impl<H: Hooks> Call<H> {
    /// Runs the command, and returns how it ended; with `UMH_WAIT_EXEC`, that it has been
    /// started. `wait` is that or `UMH_WAIT_PROC`; `UMH_KILLABLE` is for a work item only.
    fn run(self, wait: u32) -> Result<ExitStatus> {
        let mut argv = pointers(&self.command.args)?;
        let mut envp = pointers(&self.command.env)?;
        let mut start = Start {
            hooks: &self.hooks,
            watch: self.watch.clone(),
            alarm: None,
        };
        // SAFETY:
        // - The path and what the arrays point to are NUL-terminated strings of `self`, and
        //   the arrays end with a null pointer; neither moves nor changes before this
        //   function returns, when the kernel needs none of it any more: see below.
        // - `init::<H>` wants a `Start<H>`, which nobody touches until then.
        let info = unsafe {
            bindings::call_usermodehelper_setup(
                self.command.program.as_char_ptr(),
                argv.as_mut_ptr(),
                envp.as_mut_ptr(),
                bindings::GFP_KERNEL,
                Some(init::<H>),
                None,
                (&raw mut start).cast(),
            )
        };
        if info.is_null() {
            return Err(ENOMEM);
        }
        // SAFETY: `info` is fresh from `call_usermodehelper_setup`, and not used after
        // this, which frees it. It returns when the program has been executed or has ended
        // (`umh_complete()`), or was not even started; the new process has left `init` by
        // then, and has its own copy of the strings. It would return earlier without
        // waiting, which is not asked for, or when killed while it waits killably, and the
        // work items that do are kernel threads, which ignore all signals.
        let result = unsafe { bindings::call_usermodehelper_exec(info, wait as c_int) };
        // Cancels the timer and waits for it, before the program is judged, and before the
        // cleanup hook.
        drop(start);
        let status = u32::try_from(result).map_err(|_| Error::from_errno(result))?;
        let status = ExitStatus::from_raw(status);
        Ok(self
            .watch
            .as_ref()
            .map_or(status, |watch| watch.judge(status)))
    }
}

/// Returns the pointers to some strings, and a null pointer.
fn pointers(strings: &[CString]) -> Result<KVec<*mut c_char>> {
    let mut pointers = KVec::with_capacity(strings.len() + 1, GFP_KERNEL)?;
    for string in strings {
        pointers.push(string.as_char_ptr().cast_mut(), GFP_KERNEL)?;
    }
    pointers.push(ptr::null_mut(), GFP_KERNEL)?;
    Ok(pointers)
}

/// What the new process gets to see of a command.
struct Start<'a, H: Hooks> {
    hooks: &'a CleanedUp<H>,
    watch: Option<Arc<Watch>>,
    alarm: Option<ArcHrTimerHandle<Watch>>,
}

/// # Safety
///
/// To be called by the kernel only, for a command whose `data` is a `Start<H>` that nobody
/// else uses meanwhile.
unsafe extern "C" fn init<H: Hooks>(
    info: *mut bindings::subprocess_info,
    _cred: *mut bindings::cred,
) -> c_int {
    // SAFETY: `info` is valid by the kernel's contract, its `data` by ours.
    let start = unsafe { &mut *(*info).data.cast::<Start<'_, H>>() };
    from_result(|| {
        start.hooks.0.as_ref().map_or(Ok(()), H::init)?;
        start.alarm = start.watch.take().map(Watch::start).transpose()?;
        Ok(0)
    })
}

/// How a program ended, for one who waits for it and may be killed.
#[pin_data]
struct End {
    #[pin]
    known: Opaque<bindings::completion>,
    // Set before `known` is completed.
    result: SetOnce<Result<ExitStatus>>,
}

// SAFETY: The C functions that take the completion may be called from any thread, and
// at the same time; the other field is `Send` and `Sync`.
unsafe impl Send for End {}
// SAFETY: As above.
unsafe impl Sync for End {}

impl End {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            known <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is valid memory for a completion, which is to become one.
                unsafe { bindings::init_completion(slot) };
            }),
            result: SetOnce::new(),
        })
    }

    /// Tells the one who waits. To be called once.
    fn tell(&self, result: Result<ExitStatus>) {
        self.result.populate(result);
        // SAFETY: `new` initialised the completion.
        unsafe { bindings::complete_all(self.known.get()) };
    }

    /// Waits, and returns what was told, or ERESTARTSYS when killed before.
    fn wait(&self) -> Result<ExitStatus> {
        // Its result says no more than what was told, or was not.
        // SAFETY: `new` initialised the completion.
        unsafe { bindings::wait_for_completion_killable(self.known.get()) };
        self.result.copy().unwrap_or(Err(ERESTARTSYS))
    }
}

/// Kills a program when its time is over.
#[pin_data]
struct Watch {
    #[pin]
    timer: HrTimer<Self>,
    time: Delta,
    // There before the timer is started.
    program: SetOnce<Pid>,
    killed: AtomicFlag,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Watch {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl Watch {
    fn new(time: Delta) -> impl PinInit<Self> {
        pin_init!(Self {
            timer <- HrTimer::new(),
            time,
            program: SetOnce::new(),
            killed: AtomicFlag::new(false),
        })
    }

    /// Starts to watch the process that runs this; ends on drop of the result, which
    /// waits for [`Watch::run`].
    fn start(this: Arc<Self>) -> Result<ArcHrTimerHandle<Self>> {
        this.program.populate(Pid::current()?);
        let time = this.time;
        Ok(HrTimerPointer::start(this, time))
    }

    /// Returns how the program ended, which was not watched any more when it had.
    fn judge(&self, status: ExitStatus) -> ExitStatus {
        // It may have ended by itself just when it was to be killed.
        let by_kill = status == ExitStatus::from_raw(bindings::SIGKILL);
        if by_kill && self.killed.load(Relaxed) {
            ExitStatus::TimedOut(self.time)
        } else {
            status
        }
    }
}

impl HrTimerCallback for Watch {
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        if this.program.as_ref().is_some_and(|pid| pid.kill().is_ok()) {
            this.killed.store(true, Relaxed);
        }
        HrTimerRestart::NoRestart
    }
}

/// Runs a module's programs: a [registration](super#registrations) of what is under way.
/// Dropping it sleeps, and must not happen in a hook.
///
/// # Examples
///
/// ```
/// use abstractions::umh::{
///     Command,
///     Helpers,
///     Wait, //
/// };
///
/// struct Example {
///     _helpers: Helpers,
/// }
///
/// impl kernel::Module for Example {
///     fn init(module: &'static ThisModule) -> Result<Self> {
///         let helpers = Helpers::new(module)?;
///         Command::new(c"/bin/true")?.run(&helpers, (), Wait::None)?;
///         Ok(Self { _helpers: helpers })
///     }
/// }
/// ```
pub(crate) struct Helpers {
    module: &'static ThisModule,
    queue: OwnedQueue,
}

impl Helpers {
    /// Gets ready to run a module's programs. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// ENOMEM.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            module,
            queue: OwnedQueue::new(c"umh_helpers")?,
        })
    }

    /// Pins the module for a command.
    fn pin(&self) -> Result<Pinned> {
        // SAFETY: The module's code runs, so its struct exists, or the pointer is null:
        // the code is built into the kernel.
        if !unsafe { bindings::try_module_get(self.module.as_ptr()) } {
            return Err(ENODEV);
        }
        // INVARIANT: This is the reference.
        Ok(Pinned(self.module))
    }
}

/// A pin on a module, given back on drop.
///
/// # Invariants
///
/// Owns a reference to the module, where it is one.
struct Pinned(&'static ThisModule);

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the reference is ours, or the pointer is null.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}

/// Hooks, there until drop, which runs [`Hooks::cleanup`].
struct CleanedUp<H: Hooks>(Option<H>);

impl<H: Hooks> Drop for CleanedUp<H> {
    fn drop(&mut self) {
        if let Some(hooks) = self.0.take() {
            hooks.cleanup();
        }
    }
}
