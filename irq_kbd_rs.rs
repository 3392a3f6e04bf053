// SPDX-License-Identifier: GPL-2.0

//! The keyboard's interrupt, shared with the kernel's own keyboard driver.
//!
//! The module logs the scan code of each key that is pressed or released.
//!
//! ```sh
//! insmod irq_kbd_rs.ko
//! dmesg | tail -n 2    # irq_kbd_rs: Scan Code 1e Pressed.
//!                      # irq_kbd_rs: Scan Code 1e Released.
//! grep ' 1:' /proc/interrupts
//! ```
//!
//! That was the A key. Codes of several bytes are put together: `e048` is the up key.
//!
//! An interrupt handler has two halves. The top half runs in interrupt context and does
//! almost nothing: it starts the bottom half, which may take its time. The bottom half is
//! a work item, or, with `threaded=1`, the thread of the interrupt. The bytes go from one
//! to the other through a ring, so no key is lost when somebody types faster than the
//! bottom half runs. Bytes that do not fit into the ring are counted.
//!
//! The controller gives each byte once, and the keyboard's driver takes it. So the
//! bytes come from the filter that the driver offers. With `ports=1` the module reads the
//! ports, as the original does. The byte that the driver has just taken can be read again
//! until the next one has come; bytes that come too soon are skipped, and counted. The
//! driver uses the same ports, so the module reads them within the filter, where the
//! driver does not.
//!
//! Unloading drops the fields of the module's struct in their order: each one waits until
//! what it has registered is not running any more.
//!
//! The original took the line from the kernel's driver, which left the machine without a
//! keyboard. It kept one scan code in a static, which the next key overwrote, and its
//! handler returned nothing.
//!
//! Source: LKMPG, chapter 11, `intrpt.c`.

use abstractions::{
    i8042,
    irq,
    series,
    work, //
};
use kernel::{
    new_condvar, new_delayed_work, new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        CondVar,
        CondVarTimeoutResult,
        Mutex, //
    },
    time::msecs_to_jiffies,
};

mod abstractions;

module! {
    type: IrqKbd,
    name: "irq_kbd_rs",
    authors: ["lkmpg-rs authors"],
    description: "Logs the scan codes of the keyboard",
    license: "GPL",
    params: {
        ports: u8 {
            default: 0,
            description: "1: read the ports again for each byte",
        },
        threaded: u8 {
            default: 0,
            description: "1: the bottom half is a thread instead of a work item",
        },
        delay_ms: u32 {
            default: 0,
            description: "How long the bottom half waits before it reads, 0 to 60000 ms",
        },
    },
}

/// The largest `delay_ms`. Unloading ends the wait.
const MAX_DELAY_MS: u32 = 60_000;

// ANCHOR: fields
struct IrqKbd {
    // Dropped in this order: there are no more interrupts, so no more work is queued; no
    // more bytes; no more work. Then what is left in the ring is logged.
    _line: Pin<KBox<irq::SharedLine<TopHalf>>>,
    _filter: Pin<KBox<i8042::Filter<Listener>>>,
    keyboard: work::Item<Keyboard>,
    _counts: LogCountsOnDrop,
}
// ANCHOR_END: fields

impl kernel::Module for IrqKbd {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let ports: u8 = series::param_value(module_parameters::ports.value());
        let threaded: u8 = series::param_value(module_parameters::threaded.value());
        let delay_ms: u32 = series::param_value(module_parameters::delay_ms.value());
        if ports > 1 || threaded > 1 || delay_ms > MAX_DELAY_MS {
            pr_err!("ports and threaded are 0 or 1, delay_ms at most {MAX_DELAY_MS}\n");
            return Err(EINVAL);
        }

        let keyboard = work::Item::new(new_delayed_work!("irq_kbd_rs"), Keyboard::new(delay_ms))?;
        // Dropped in the reverse order if a later step fails.
        let counts = LogCountsOnDrop(keyboard.handle());
        let listener = Listener {
            keyboard: keyboard.handle(),
            reads_ports: ports == 1,
        };
        let filter = KBox::pin_init(i8042::Filter::new(listener), GFP_KERNEL);
        let filter = filter.inspect_err(|error| {
            pr_err!("cannot install the keyboard filter: {}\n", error.to_errno());
        })?;
        let top_half = TopHalf {
            keyboard: keyboard.handle(),
            threaded: threaded == 1,
            seen: Atomic::new(0),
        };
        let (irq, name) = (i8042::KEYBOARD_IRQ, c"irq_kbd_rs");
        let line = if threaded == 1 {
            KBox::pin_init(
                irq::SharedLine::new_threaded(irq, name, top_half),
                GFP_KERNEL,
            )
        } else {
            KBox::pin_init(irq::SharedLine::new(irq, name, top_half), GFP_KERNEL)
        }
        .inspect_err(|error| pr_err!("cannot request interrupt {irq}: {}\n", error.to_errno()))?;
        Ok(Self {
            _line: line,
            _filter: filter,
            keyboard,
            _counts: counts,
        })
    }
}

impl Drop for IrqKbd {
    fn drop(&mut self) {
        // This runs before the fields are dropped, which wait for the bottom half.
        self.keyboard.decoder.lock().ending = true;
        self.keyboard.end.notify_all();
    }
}

/// What the halves share.
#[pin_data]
struct Keyboard {
    ring: Ring,
    interrupts: Atomic<u32>,
    skipped: Atomic<u32>,
    delay_ms: u32,
    /// Held while the ring is read: it has one reader at a time.
    #[pin]
    decoder: Mutex<Decoder>,
    /// Woken when `Decoder::ending` is set.
    #[pin]
    end: CondVar,
}

impl Keyboard {
    fn new(delay_ms: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            ring: Ring::new(),
            interrupts: Atomic::new(0),
            skipped: Atomic::new(0),
            delay_ms,
            decoder <- new_mutex!(Decoder::default()),
            end <- new_condvar!(),
        })
    }

    /// Logs what the ring holds. Process context.
    fn log_scan_codes(&self) {
        let mut decoder = self.decoder.lock();
        while let Some(byte) = self.ring.pop() {
            if let Some((code, pressed)) = decoder.feed(byte) {
                let what = if pressed { "Pressed" } else { "Released" };
                pr_info!("Scan Code {code:x} {what}.\n");
            }
        }
        let lost = self.ring.lost.load(Relaxed);
        let news = lost.wrapping_sub(decoder.lost);
        if news > 0 {
            decoder.lost = lost;
            pr_warn!("{news} bytes lost: the ring was full\n");
        }
    }

    fn bottom_half(&self) {
        let mut decoder = self.decoder.lock();
        let mut left = msecs_to_jiffies(self.delay_ms);
        while left > 0 && !decoder.ending {
            left = match self.end.wait_interruptible_timeout(&mut decoder, left) {
                CondVarTimeoutResult::Woken { jiffies } => jiffies,
                // A kernel thread ignores all signals, and neither a debugger nor the
                // freezer stops this one. The wait is interruptible all the same: the
                // kernel counts it neither as load nor as a hang.
                CondVarTimeoutResult::Signal { .. } | CondVarTimeoutResult::Timeout => 0,
            };
        }
        drop(decoder);
        self.log_scan_codes();
    }
}

/// The bottom half as a work item.
impl work::Run for Keyboard {
    fn run(keyboard: &work::Handle<Self>) {
        keyboard.bottom_half();
    }
}

/// The keyboard's bytes; called by the keyboard's driver before the top half is.
struct Listener {
    keyboard: work::Handle<Keyboard>,
    reads_ports: bool,
}

impl i8042::Listener for Listener {
    fn byte(&self, byte: u8, ports: &i8042::Ports<'_>) {
        let byte = if self.reads_ports {
            ports.last_byte()
        } else {
            Some(byte)
        };
        match byte {
            Some(byte) => self.keyboard.ring.push(byte),
            None => {
                self.keyboard.skipped.fetch_add(1, Relaxed);
            }
        }
    }
}

struct TopHalf {
    keyboard: work::Handle<Keyboard>,
    threaded: bool,
    /// What `Ring::received` was at the last interrupt.
    seen: Atomic<u32>,
}

// ANCHOR: top_half
impl irq::Handler for TopHalf {
    fn handle(&self) -> irq::IrqReturn {
        let keyboard = &self.keyboard;
        keyboard.interrupts.fetch_add(1, Relaxed);
        let received = keyboard.ring.received();
        if self.seen.load(Relaxed) == received {
            return irq::IrqReturn::None;
        }
        self.seen.store(received, Relaxed);
        if self.threaded {
            return irq::IrqReturn::WakeThread;
        }
        // If it is queued already, it has not begun to run, and will find this byte too.
        keyboard.enqueue(work::system_percpu());
        irq::IrqReturn::Handled
    }

    fn thread(&self) {
        self.keyboard.bottom_half();
    }
}
// ANCHOR_END: top_half

/// Logs what no bottom half came to read, and the counts.
struct LogCountsOnDrop(work::Handle<Keyboard>);

impl Drop for LogCountsOnDrop {
    fn drop(&mut self) {
        let keyboard = &self.0;
        keyboard.log_scan_codes();
        pr_info!(
            "{} interrupts, {} bytes, {} lost, {} skipped\n",
            keyboard.interrupts.load(Relaxed),
            keyboard.ring.received(),
            keyboard.ring.lost.load(Relaxed),
            keyboard.skipped.load(Relaxed),
        );
    }
}

/// A ring of bytes with one writer and one reader at a time.
///
/// The writer is in an interrupt and must not wait for the reader, so there is no
/// lock: each end has its own count, which only that end changes.
struct Ring {
    bytes: [Atomic<u32>; Self::SIZE as usize],
    written: Atomic<u32>,
    read: Atomic<u32>,
    lost: Atomic<u32>,
}

impl Ring {
    /// Pressing and releasing 128 keys of two bytes each; a power of two, so that the
    /// counts may wrap.
    const SIZE: u32 = 512;

    fn new() -> Self {
        Self {
            bytes: [const { Atomic::new(0) }; Self::SIZE as usize],
            written: Atomic::new(0),
            read: Atomic::new(0),
            lost: Atomic::new(0),
        }
    }

    fn slot(&self, count: u32) -> &Atomic<u32> {
        &self.bytes[(count % Self::SIZE) as usize]
    }

    // ANCHOR: ring
    fn push(&self, byte: u8) {
        let written = self.written.load(Relaxed);
        // Acquire: the reader is done with the slot.
        if written.wrapping_sub(self.read.load(Acquire)) == Self::SIZE {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        self.slot(written).store(byte.into(), Relaxed);
        // Release: whoever sees the new count sees the byte.
        self.written.store(written.wrapping_add(1), Release);
    }

    fn pop(&self) -> Option<u8> {
        let read = self.read.load(Relaxed);
        if read == self.written.load(Acquire) {
            return None;
        }
        let byte = self.slot(read).load(Relaxed) as u8;
        self.read.store(read.wrapping_add(1), Release);
        Some(byte)
    }
    // ANCHOR_END: ring

    /// Returns how many bytes have come, those that did not fit included.
    fn received(&self) -> u32 {
        let lost = self.lost.load(Relaxed);
        self.written.load(Relaxed).wrapping_add(lost)
    }
}

/// Puts scan codes together from bytes.
#[derive(Default)]
struct Decoder {
    /// The bytes of a code that is not complete, and how many are to come.
    code: u32,
    missing: u32,
    /// How many lost bytes have been logged.
    lost: u32,
    /// The module is being unloaded: do not wait any more.
    ending: bool,
}

impl Decoder {
    /// Returns a code and whether its key was pressed, with the last of its bytes.
    fn feed(&mut self, byte: u8) -> Option<(u32, bool)> {
        match byte {
            // The keyboard's answers to its driver's commands: "done" and "send it again".
            0xfa | 0xfe => return None,
            0xe0 | 0xe1 => {
                self.code = byte.into();
                self.missing = if byte == 0xe0 { 1 } else { 2 };
                return None;
            }
            _ => self.code = self.code << 8 | u32::from(byte & 0x7f),
        }
        self.missing = self.missing.saturating_sub(1);
        if self.missing > 0 {
            return None;
        }
        Some((core::mem::take(&mut self.code), byte & 0x80 == 0))
    }
}
