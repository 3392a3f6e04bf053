// SPDX-License-Identifier: GPL-2.0

//! A button and an LED on two lines of a GPIO chip: each press toggles the LED.
//!
//! `/dev/gpio_rs` reports the presses, and sets the LED. A read waits for the next press since
//! the last read, or since the file was opened. It returns the newest one, with its number and
//! the time since the module was loaded; a number that is missing belongs to a press that came
//! while nobody was reading. `poll` reports when there is one. A read of fewer than 64 bytes
//! fails with EINVAL.
//!
//! A press is an edge of the button's line, from low to high, and interrupts. The top half notes
//! number and time, and must not sleep. It asks for the line's thread, which may: a chip can be
//! behind a slow bus, and setting a line takes a while then.
//!
//! The guest has a simulated chip of this label, with two lines. On other machines `gpioinfo`
//! lists the chips and their lines. Both lines are active high.
//!
//! ```sh
//! insmod gpio_rs.ko             # or with: chip=pinctrl-bcm2711 led=4 button=17
//! cat /dev/gpio_rs &
//! cd /sys/devices/platform/gpio-sim.0/gpiochip0
//! echo pull-up >sim_gpio1/pull  # press 1 after 2.345678 s
//! cat sim_gpio0/value           # 1
//! echo 0 >/dev/gpio_rs
//! cat sim_gpio0/value           # 0
//! kill %1; rmmod gpio_rs
//! ```
//!
//! The originals number the lines of all chips in one sequence, which changes from boot to boot,
//! and one never sets the direction of its line. Their work may still run when the module has
//! gone. A write of something that is no number sets the LED all the same; an empty write repeats
//! the one before.
//!
//! Source: today's LKMPG, chapter "Hardware Integration", `led.c`, `intrpt.c`, `bottomhalf.c`,
//! `bh_threaded.c`.

use abstractions::{
    file::{
        OpenFile,
        Operations,
        PollTable,
        READABLE,
        WRITABLE, //
    },
    gpio::{
        Direction,
        Edges,
        Line,
        Trigger, //
    },
    iov::{
        take_all,
        Dest, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
    misc::Registration,
    param::string_parameters,
    series::{
        faux_device,
        new_spinlock_irq,
        param_value,
        SpinLockIrq, //
    },
};
use core::fmt::Write;
use kernel::{
    faux,
    iov::IovIterSource,
    new_mutex, new_poll_condvar,
    prelude::*,
    str::Formatter,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        poll::PollCondVar,
        Arc,
        ArcBorrow,
        Mutex, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};

mod abstractions;

module! {
    type: Gpio,
    name: "gpio_rs",
    authors: ["lkmpg-rs authors"],
    description: "Switches an LED when a button is pressed",
    license: "GPL",
    params: {
        led: u16 {
            default: 0,
            description: "The line of the LED",
        },
        button: u16 {
            default: 1,
            description: "The line of the button",
        },
    },
}

string_parameters! {
    module: "gpio_rs",
    chip: "The label of the chip" = c"gpio_rs",
}

/// A read has to have room for so many bytes, as a line is not read in pieces.
const LONGEST_LINE: usize = 64;

struct Gpio {
    // Dropped in this order.
    _node: Registration<Open>,
    _button: Pin<KBox<Edges<Button>>>,
    _device: faux::Registration,
}

impl kernel::Module for Gpio {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let device = faux::Registration::new(c"gpio_rs", None)?;
        let line = |offset, name, direction| {
            let chip = string_parameters::chip.value().unwrap_or_default();
            let line = Line::get(faux_device(&device), chip, offset, name, direction);
            line.map_err(|error| {
                if error == EPROBE_DEFER {
                    pr_err!("there is no chip {chip}\n");
                    return ENODEV;
                }
                pr_err!(
                    "cannot have line {offset} of {chip}: {}\n",
                    error.to_errno()
                );
                error
            })
        };
        let led = line(
            param_value(module_parameters::led.value()),
            c"led",
            Direction::Out(false),
        )?;
        let button = line(
            param_value(module_parameters::button.value()),
            c"button",
            Direction::In,
        )?;
        let circuit = Arc::pin_init(Circuit::new(led), GFP_KERNEL)?;
        let handler = Button {
            circuit: circuit.clone(),
            loaded: Instant::now(),
        };
        let edges = Edges::new(button, Trigger::Rising, c"gpio_rs", handler);
        Ok(Self {
            _button: KBox::pin_init(edges, GFP_KERNEL)?,
            _node: Registration::new(c"gpio_rs", 0o600, circuit)?,
            _device: device,
        })
    }
}

/// A press of the button: how many there have been with it, and the time since the module was
/// loaded.
#[derive(Clone, Copy)]
struct Press {
    number: u64,
    time: Delta,
}

impl Press {
    const NONE: Self = Self {
        number: 0,
        time: Delta::ZERO,
    };
}

/// The LED, and what is known of the button.
#[pin_data]
struct Circuit {
    /// The last press: what the top half notes.
    #[pin]
    noted: SpinLockIrq<Press>,
    #[pin]
    state: Mutex<State>,
    /// Notified when there is another press in `state`.
    #[pin]
    pressed: PollCondVar,
}

struct State {
    led: Line,
    on: bool,
    /// The last press that the LED, and readers, know of.
    press: Press,
}

impl Circuit {
    fn new(led: Line) -> impl PinInit<Self> {
        let state = State {
            led,
            on: false,
            press: Press::NONE,
        };
        pin_init!(Self {
            noted <- new_spinlock_irq!(Press::NONE),
            state <- new_mutex!(state),
            pressed <- new_poll_condvar!(),
        })
    }
}

impl State {
    /// Sets the LED. It may have another value already.
    fn set_led(&mut self, on: bool) -> Result {
        self.led.set(on)?;
        self.on = on;
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // The chip may have gone.
        let _ = self.led.set(false);
    }
}

struct Button {
    circuit: Arc<Circuit>,
    loaded: Instant<Monotonic>,
}

// ANCHOR: halves
impl Handler for Button {
    fn handle(&self) -> IrqReturn {
        let mut noted = self.circuit.noted.lock();
        noted.number += 1;
        noted.time = self.loaded.elapsed();
        IrqReturn::WakeThread
    }

    fn thread(&self) {
        let noted = *self.circuit.noted.lock();
        let mut state = self.circuit.state.lock();
        // There may have been several; each switches over.
        let on = state.on ^ ((noted.number - state.press.number) % 2 == 1);
        state.press = noted;
        if let Err(error) = state.set_led(on) {
            pr_err!("cannot set the LED: {}\n", error.to_errno());
        }
        self.circuit.pressed.notify_all();
    }
}
// ANCHOR_END: halves

/// An open file.
struct Open {
    circuit: Arc<Circuit>,
    /// The number of the last press that was read. Changed with the circuit's state locked.
    read: Atomic<u64>,
}

#[vtable]
impl Operations for Open {
    type Data = Arc<Circuit>;
    type Ptr = Arc<Self>;

    fn open(circuit: ArcBorrow<'_, Circuit>, _file: &OpenFile) -> Result<Arc<Self>> {
        let read = Atomic::new(circuit.state.lock().press.number);
        let open = Self {
            circuit: circuit.into(),
            read,
        };
        Ok(Arc::new(open, GFP_KERNEL)?)
    }

    // ANCHOR: read
    fn read_iter(
        open: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        let mut line = [0; LONGEST_LINE];
        if iov.len() < line.len() {
            return Err(EINVAL);
        }
        let mut state = open.circuit.state.lock();
        let before = open.read.load(Relaxed);
        while open.read.load(Relaxed) == state.press.number {
            if iov.is_nonblocking() {
                return Err(EAGAIN);
            }
            if open.circuit.pressed.wait_interruptible(&mut state) {
                return Err(ERESTARTSYS);
            }
        }
        let press = state.press;
        open.read.store(press.number, Relaxed);
        // The memory of the reader may take its time to come.
        drop(state);

        let mut text = Formatter::new(&mut line);
        let micros = press.time.as_nanos() / 1000;
        let (secs, micros) = (micros / 1_000_000, micros % 1_000_000);
        text.write_fmt(fmt!("press {} after {secs}.{micros:06} s\n", press.number))?;
        let length = text.bytes_written();
        if iov.copy_to_iter(&line[..length]) < length {
            // Nobody has seen this press.
            let _ = open.read.cmpxchg(press.number, before, Relaxed);
            return Err(EFAULT);
        }
        Ok(length)
    }
    // ANCHOR_END: read

    fn write_iter(
        open: ArcBorrow<'_, Self>,
        _position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut buffer = [0; 2];
        let text = take_all(iov, &mut buffer)?;
        let on = match text {
            b"" => return Ok(0),
            b"0" | b"0\n" => false,
            b"1" | b"1\n" => true,
            _ => return Err(EINVAL),
        };
        open.circuit.state.lock().set_led(on)?;
        Ok(text.len())
    }

    fn poll<'p>(open: &'p ArcBorrow<'_, Self>, table: &PollTable<'p>) -> u32 {
        // First, so that a press after the look at it wakes the caller.
        table.register(&open.circuit.pressed);
        if open.read.load(Relaxed) == open.circuit.state.lock().press.number {
            WRITABLE
        } else {
            READABLE | WRITABLE
        }
    }
}
