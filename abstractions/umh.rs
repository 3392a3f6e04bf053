// SPDX-License-Identifier: GPL-2.0

//! Running user-space programs from the kernel, in the manner of
//! `std::process::Command`.
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
//! Unloading: a [`Helpers`] belongs into the module's struct. It pins the module
//! while the kernel may still call a hook: until a program that nobody waits for has
//! been started, and until one that is waited for has ended. The program itself,
//! once started without waiting, goes on without the module. Where a pin does not
//! count, in a load that fails, dropping the `Helpers` waits.
//!
//! Not supported: kernels with `CONFIG_STATIC_USERMODEHELPER`, whose one program
//! stands for all, work but may not run the program; waiting freezably.

use super::{
    bindings,
    pid::Pid, //
};
use core::{
    arch::asm,
    ptr::{
        self,
        NonNull, //
    }, //
};
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
    pub(crate) fn from_raw(status: u32) -> Self {
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
pub(crate) trait Hooks: Send + 'static {
    /// Runs in the new process before it becomes the program. Process context, may
    /// sleep; an error keeps the program from being started.
    fn init(&self) -> Result {
        Ok(())
    }

    /// Runs exactly once for each [`Command::run`], whatever came of it, when the
    /// kernel is done with the command. Process context, may sleep: that of the
    /// caller, of the new process, or of a kernel thread.
    fn cleanup(self)
    where
        Self: Sized,
    {
    }
}

impl Hooks for () {}

/// A program to run, with its arguments and its environment.
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
    /// What `execve(2)` gives (ENOENT, EACCES, ...), but for [`Wait::None`]; an error
    /// of [`Hooks::init`], on the same condition; EAGAIN with too many processes; EBUSY
    /// while the system suspends; ENODEV while the module is being unloaded; EINVAL for
    /// a timeout without waiting for the end; ENOMEM; ERESTARTSYS when the waiter was
    /// killed ([`Wait::Killable`]): the program goes on then, until its time is over.
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
        let pointers = |strings: &KVec<CString>| -> Result<KVec<*mut c_char>> {
            let mut pointers = KVec::with_capacity(strings.len() + 1, GFP_KERNEL)?;
            for string in strings {
                pointers.push(string.as_char_ptr().cast_mut(), GFP_KERNEL)?;
            }
            pointers.push(ptr::null_mut(), GFP_KERNEL)?;
            Ok(pointers)
        };
        let call = KBox::new(
            Call {
                free: free::<H>,
                argv: pointers(&self.args)?,
                envp: pointers(&self.env)?,
                command: self,
                hooks,
                watch: watch.clone(),
                alarm: None,
                helpers: NonNull::from(helpers),
            },
            GFP_KERNEL,
        )?;
        helpers.pin()?;
        let call = KBox::into_raw(call);
        // SAFETY:
        // - `call` is a valid `Call<H>`; what the strings' and arrays' pointers point
        //   to is in it, and none of it moves or changes until `free` frees it,
        //   when the kernel needs none of it any more;
        // - the arrays end with a null pointer;
        // - `data` is a `Call<H>`, as `init::<H>` and, by way of `finish`, `free::<H>` want.
        let info = unsafe {
            bindings::call_usermodehelper_setup(
                (*call).command.program.as_char_ptr(),
                (*call).argv.as_mut_ptr(),
                (*call).envp.as_mut_ptr(),
                bindings::GFP_KERNEL,
                Some(init::<H>),
                Some(cleanup_and_leave()),
                call.cast(),
            )
        };
        if info.is_null() {
            // SAFETY: The kernel has not taken the call, which is ours again; and we
            // are the caller's code, so that nobody waits for us to leave.
            unsafe { bindings::complete(free::<H>(call.cast())) };
            return Err(ENOMEM);
        }

        let flags = match wait {
            Wait::None => bindings::UMH_NO_WAIT,
            Wait::Exec => bindings::UMH_WAIT_EXEC,
            Wait::Proc => bindings::UMH_WAIT_PROC,
            Wait::Killable => bindings::UMH_WAIT_PROC | bindings::UMH_KILLABLE,
        };
        // SAFETY: `info` is fresh from `call_usermodehelper_setup`; it belongs to the
        // kernel from here on, which frees it after calling its cleanup function.
        let result = unsafe { bindings::call_usermodehelper_exec(info, flags as c_int) };
        // Positive only where the end was waited for.
        let status = u32::try_from(result).map_err(|_| Error::from_errno(result))?;
        Ok(match wait {
            Wait::None | Wait::Exec => None,
            Wait::Proc | Wait::Killable => {
                let status = ExitStatus::from_raw(status);
                Some(watch.map_or(status, |watch| watch.judge(status)))
            }
        })
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

/// Those of a module's programs that the kernel is not done with; belongs into the
/// module's struct, see the head of this file.
#[pin_data(PinnedDrop)]
pub(crate) struct Helpers {
    module: &'static ThisModule,
    // Each command completes this once, as the last thing it does.
    #[pin]
    done: Opaque<bindings::completion>,
    started: Atomic<usize>,
}

// SAFETY: The C functions that take the completion may be called from any thread, and
// at the same time; the other fields are `Send` and `Sync`.
unsafe impl Send for Helpers {}
// SAFETY: As above.
unsafe impl Sync for Helpers {}

impl Helpers {
    /// Creates the list, empty, of a module's programs.
    pub(crate) fn new(module: &'static ThisModule) -> impl PinInit<Self> {
        pin_init!(Self {
            module,
            done <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is to become a completion.
                unsafe { bindings::init_completion(slot) };
            }),
            started: Atomic::new(0),
        })
    }

    /// Pins the module for a command; the pin is for [`free`] to take back.
    fn pin(&self) -> Result {
        // SAFETY: The module's code runs, so its struct exists, or the pointer is null:
        // the code is built into the kernel.
        if !unsafe { bindings::try_module_get(self.module.as_ptr()) } {
            return Err(ENODEV);
        }
        self.started.fetch_add(1, Relaxed);
        Ok(())
    }
}

#[pinned_drop]
impl PinnedDrop for Helpers {
    fn drop(self: Pin<&mut Self>) {
        // The pins keep an unload from coming here early, but not a load that fails.
        for _ in 0..self.started.load(Relaxed) {
            // SAFETY: `new` initialised it.
            unsafe { bindings::wait_for_completion(self.done.get()) };
        }
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

/// A command as the kernel holds it.
///
/// # Invariants
///
/// `free` is that of this type, and `helpers` is valid until `done` in it has been
/// completed for this command.
#[repr(C)]
struct Call<H: Hooks> {
    // First, for those who do not know `H`.
    free: unsafe fn(*mut c_void) -> *mut bindings::completion,
    hooks: CleanedUp<H>,
    watch: Option<Arc<Watch>>,
    alarm: Option<ArcHrTimerHandle<Watch>>,
    command: Command,
    argv: KVec<*mut c_char>,
    envp: KVec<*mut c_char>,
    helpers: NonNull<Helpers>,
}

/// # Safety
///
/// To be called by the kernel only, with a `data` that is a valid `Call<H>`.
unsafe extern "C" fn init<H: Hooks>(
    info: *mut bindings::subprocess_info,
    _cred: *mut bindings::cred,
) -> c_int {
    // SAFETY: `info` is valid by the kernel's contract, its `data` by ours. What the
    // kernel has of the call are pointers into its strings and arrays, not into itself;
    // and `run` is done with it, `free` comes after this.
    let call = unsafe { &mut *(*info).data.cast::<Call<H>>() };
    from_result(|| {
        call.hooks.0.as_ref().map_or(Ok(()), H::init)?;
        call.alarm = call.watch.take().map(Watch::start).transpose()?;
        Ok(0)
    })
}

/// Calls the cleanup hook, frees a command, and gives its pin back. Returns what is to
/// be completed for it.
///
/// # Safety
///
/// `call` is a valid `Call<H>` from `KBox::into_raw`, and the caller's from here on.
unsafe fn free<H: Hooks>(call: *mut c_void) -> *mut bindings::completion {
    // SAFETY: By the function's contract.
    let call = KBox::into_inner(unsafe { KBox::from_raw(call.cast::<Call<H>>()) });
    // From here on the timer does not run, so that the module may go.
    drop(call.alarm);
    drop(call.hooks);
    // SAFETY: Valid by the type invariants, until the completion that follows.
    let helpers = unsafe { call.helpers.as_ref() };
    // SAFETY: The reference that `pin` took for this command, on null or a module.
    unsafe { bindings::module_put(helpers.module.as_ptr()) };
    helpers.done.get()
}

/// Does what the cleanup function of C has to, but for the completion.
///
/// # Safety
///
/// To be called once for each command, with an `info` whose `data` is a valid `Call<H>`.
unsafe extern "C" fn finish(info: *mut bindings::subprocess_info) -> *mut bindings::completion {
    // SAFETY: `info` is valid by the kernel's contract.
    let call = unsafe { (*info).data };
    // SAFETY: `free` is the first field of any `Call`, and by its invariants the right one.
    unsafe { (*call.cast::<unsafe fn(*mut c_void) -> *mut bindings::completion>())(call) }
}

/// Returns the cleanup function for the kernel: `complete(finish(info))`.
///
/// Once the completion is done the module's text may go away, so that has to be left
/// *before*: the last instruction is a jump to `complete`, which returns to the
/// kernel. Rust cannot promise a tail call, so this is assembly.
#[inline(never)] // One copy, so that the label can have a name, for objtool.
#[allow(named_asm_labels)]
fn cleanup_and_leave() -> unsafe extern "C" fn(*mut bindings::subprocess_info) {
    let address: *const ();
    // SAFETY: Computes an address. The function behind it follows the C calling
    // convention, and keeps the stack aligned for those that it calls.
    unsafe {
        asm!(
            ".pushsection .text.lkmpg_umh, \"ax\", @progbits",
            ".balign 16",
            ".type lkmpg_umh_cleanup, @function",
            "lkmpg_umh_cleanup:",
            "endbr64",
            "sub rsp, 8",
            "call {finish}",
            "add rsp, 8",
            "mov rdi, rax",
            "jmp {complete}",
            ".size lkmpg_umh_cleanup, . - lkmpg_umh_cleanup",
            ".popsection",
            "lea {address}, [rip + lkmpg_umh_cleanup]",
            address = out(reg) address,
            finish = sym finish,
            complete = sym bindings::complete,
            options(pure, nomem, nostack, preserves_flags),
        );
        core::mem::transmute(address)
    }
}
