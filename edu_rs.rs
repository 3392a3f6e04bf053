// SPDX-License-Identifier: GPL-2.0

//! A driver for a PCI device: its registers, its interrupt, and memory that it copies by itself.
//!
//! The device is QEMU's `edu`, which is made for teaching, and does two things:
//!
//! - It computes factorials. A number that is written to `/dev/edu_rs` is passed on to it, and a
//!   read of the same open file returns what it has made of it. Above 12 a factorial does not
//!   fit into its register (ERANGE).
//! - It has 4096 bytes of memory, which the processor does not see: `/dev/edu_rs_memory` reads
//!   and writes all but the last of them. The device copies them from and to a page of ours by
//!   DMA, which takes it 0.1 s.
//!
//! ```sh
//! insmod edu_rs.ko
//! dmesg | tail -n 1             # edu_rs 0000:00:04.0: edu 1.0
//! exec 3<>/dev/edu_rs
//! echo 12 >&3; cat <&3          # 479001600
//! echo 13 >&3                   # Numerical result out of range
//! exec 3>&-
//! echo 'Hello, device' >/dev/edu_rs_memory
//! head -n 1 /dev/edu_rs_memory  # Hello, device
//! grep edu_rs /proc/interrupts  # three
//! rmmod edu_rs
//! ```
//!
//! The guest has the device; elsewhere QEMU makes it by `-device edu`. Without one the module
//! waits for it.
//!
//! Each of them ends with an interrupt, a message (MSI): the device writes it to an address that
//! the kernel has told it. Whoever asked sleeps until then, or until a signal comes; the next one
//! waits until the device is done with what nobody waits for any more. A message that does not
//! come within `timeout_ms=` is ETIMEDOUT. A device that has gone, or that root has unbound, is
//! ENODEV, also for files that are open.
//!
//! The registers and the memory belong to the device as long as it is bound to the driver, and
//! are taken away then, whoever still has a file open. Before that the driver waits until the device
//! is at rest: one that still copies would write to memory that is another's by then.
//!
//! The original maps memory for a device that it does not have, and unmaps it again: nothing is
//! copied. Its sizes have no limit.
//!
//! Source: today's LKMPG, chapter "Memory, Time, and Data Movement", `dma.c`, and the sections
//! about PCI.

use abstractions::{
    dma::{
        set_address_bits,
        Buffer, //
    },
    file::{
        OpenFile,
        Operations, //
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
    pci::{
        device_id,
        handle_msi, //
    },
    series::{
        new_spinlock_irq,
        param_value,
        pci_device_table,
        DevresBar,
        PciInfo,
        SpinLockIrq, //
    },
};
use kernel::{
    device::Core,
    driver,
    io::{
        poll::read_poll_timeout,
        register,
        Io, //
    },
    iov::IovIterSource,
    new_condvar, new_mutex, pci,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        CondVar,
        CondVarTimeoutResult,
        Mutex, //
    },
    time::{
        msecs_to_jiffies,
        Delta, //
    },
};

use core::ops::Range;

mod abstractions;

module! {
    type: Edu,
    name: "edu_rs",
    authors: ["lkmpg-rs authors"],
    description: "Has QEMU's PCI device for teaching compute and copy",
    license: "GPL",
    params: {
        timeout_ms: u32 {
            default: 10_000,
            description: "How long to wait for the device, 1 to 3600000 ms",
        },
    },
}

struct Edu {
    _driver: Pin<KBox<driver::Registration<pci::Adapter<Driver>>>>,
}

impl kernel::Module for Edu {
    fn init(module: &'static ThisModule) -> Result<Self> {
        if !(1..=3_600_000).contains(&timeout_ms()) {
            pr_err!("timeout_ms is 1 to 3600000\n");
            return Err(EINVAL);
        }
        let driver = driver::Registration::new(c"edu_rs", module);
        Ok(Self {
            _driver: KBox::pin_init(driver, GFP_KERNEL)?,
        })
    }
}

fn timeout_ms() -> u32 {
    param_value(module_parameters::timeout_ms.value())
}

// ANCHOR: registers
register! {
    IDENTIFICATION(u32) @ 0x00 {
        31:24 major;
        23:16 minor;
        15:0 kind;
    }

    /// Computes the factorial of what is written to it.
    FACTORIAL(u32) @ 0x08 {
        31:0 value;
    }

    STATUS(u32) @ 0x20 {
        7:7 interrupt_after_factorial => bool;
        0:0 computing => bool;
    }

    INTERRUPTS(u32) @ 0x24 {
        31:0 pending;
    }

    ACKNOWLEDGE(u32) @ 0x64 {
        31:0 interrupts;
    }

    DMA_SOURCE(u32) @ 0x80 {
        31:0 address;
    }

    DMA_DESTINATION(u32) @ 0x88 {
        31:0 address;
    }

    DMA_COUNT(u32) @ 0x90 {
        31:0 bytes;
    }

    DMA_COMMAND(u32) @ 0x98 {
        2:2 interrupt_after => bool;
        1:1 from_device => bool;
        0:0 start => bool;
    }
}

/// Where the last one ends.
const REGISTERS_END: usize = 0xa0;

type Registers<'a> = pci::Bar<'a, REGISTERS_END>;
// ANCHOR_END: registers

/// What [`IDENTIFICATION`] says of each such device.
const KIND: u32 = 0x00ed;

/// The device knows addresses of so many bits.
const ADDRESS_BITS: u32 = 28;

/// The device's own memory, and where it has it itself. The last byte is left out: QEMU before 8.0
/// ends itself when it is copied.
const MEMORY_SIZE: usize = 4095;
const MEMORY_ADDRESS: u32 = 0x40000;

/// Its factorial is the last one below 2^32.
const LARGEST: u32 = 12;

pci_device_table!(
    PCI_TABLE,
    MODULE_PCI_TABLE,
    (),
    [(device_id(0x1234, 0x11e8), ())]
);

/// What the driver has of the device that it is bound to.
struct Driver {
    edu: Arc<Shared>,
    _factorials: Registration<Factorial>,
    _memory: Registration<Memory>,
}

// ANCHOR: driver
impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<()> = &PCI_TABLE;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: PciInfo<'bound, ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        device.enable_device_mem()?;
        let registers = device.iomap_region_sized::<REGISTERS_END>(0, c"edu_rs")?;
        let identification = registers.read(IDENTIFICATION);
        if identification.kind() != KIND {
            dev_err!(device, "this is no edu\n");
            return Err(ENODEV);
        }
        let (major, minor) = (identification.major().get(), identification.minor().get());
        dev_info!(device, "edu {major}.{minor}\n");
        // Whoever had it before may not have waited for it, and what it copies to is another's now.
        rest(&registers)?;

        set_address_bits(device, ADDRESS_BITS)?;
        let buffer = Buffer::new(device, MEMORY_SIZE)?;
        let edu = Arc::pin_init(Shared::new(registers.into_devres()?, buffer), GFP_KERNEL)?;
        handle_msi(device, c"edu_rs", Interrupts(edu.clone()))?;
        device.set_master();
        Ok(Self {
            _factorials: Registration::new(c"edu_rs", 0o600, edu.clone())?,
            _memory: Registration::new(c"edu_rs_memory", 0o600, edu.clone())?,
            edu,
        })
    }

    fn unbind<'bound>(device: &'bound pci::Device<Core<'_>>, this: Pin<&Self>) {
        this.edu.state.lock().gone = true;
        this.edu.changed.notify_all();
        if let Err(error) = this.edu.registers.access(device.as_ref()).and_then(rest) {
            dev_err!(device, "it does not come to rest: {}\n", error.to_errno());
        }
    }
}
// ANCHOR_END: driver

/// What the driver and the open files share.
#[pin_data]
struct Shared {
    registers: DevresBar<REGISTERS_END>,
    /// Where the device copies to and from.
    #[pin]
    buffer: Mutex<Buffer>,
    #[pin]
    state: SpinLockIrq<State>,
    /// Notified when the state is another one.
    #[pin]
    changed: CondVar,
}

struct State {
    /// Somebody has the device, which does one thing at a time.
    claimed: bool,
    /// It works, whether somebody waits for it or not.
    working: bool,
    /// It is unbound.
    gone: bool,
}

/// Returns whether the device works.
fn is_working(registers: &Registers<'_>) -> bool {
    registers.read(STATUS).computing() || registers.read(DMA_COMMAND).start()
}

/// Waits until the device has nothing to do, and nothing to say.
fn rest(registers: &Registers<'_>) -> Result {
    read_poll_timeout(
        || Ok(is_working(registers)),
        |working| !working,
        Delta::from_millis(10),
        Delta::from_secs(10),
    )?;
    acknowledge(registers);
    Ok(())
}

/// Takes back the device's interrupts.
fn acknowledge(registers: &Registers<'_>) {
    let pending = registers.read(INTERRUPTS).pending();
    registers.write_reg(ACKNOWLEDGE::zeroed().with_interrupts(pending));
}

impl Shared {
    fn new(registers: DevresBar<REGISTERS_END>, buffer: Buffer) -> impl PinInit<Self> {
        let state = State {
            claimed: false,
            working: false,
            gone: false,
        };
        pin_init!(Self {
            registers,
            buffer <- new_mutex!(buffer),
            state <- new_spinlock_irq!(state),
            changed <- new_condvar!(),
        })
    }

    /// Gets the device for oneself, when it has nothing to do.
    fn claim(&self) -> Result<Claim<'_>> {
        let mut state = self.state.lock();
        while state.claimed {
            if self.changed.wait_interruptible(&mut state) {
                return Err(ERESTARTSYS);
            }
        }
        state.claimed = true;
        drop(state);
        let claim = Claim(self);
        // Whoever had it may not have waited for it.
        self.wait()?;
        Ok(claim)
    }

    // ANCHOR: wait
    /// Waits until the device is done.
    fn wait(&self) -> Result {
        let mut left = msecs_to_jiffies(timeout_ms());
        let mut state = self.state.lock();
        while state.working && !state.gone {
            left = match self.changed.wait_interruptible_timeout(&mut state, left) {
                CondVarTimeoutResult::Woken { jiffies } => jiffies,
                CondVarTimeoutResult::Signal { .. } => return Err(ERESTARTSYS),
                CondVarTimeoutResult::Timeout => {
                    // It may be done, and its message lost.
                    let registers = self.registers.try_access().ok_or(ENODEV)?;
                    state.working = is_working(&registers);
                    return Err(ETIMEDOUT);
                }
            };
        }
        if state.gone {
            return Err(ENODEV);
        }
        Ok(())
    }
    // ANCHOR_END: wait
}

/// The device is the owner's, until drop.
struct Claim<'a>(&'a Shared);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.state.lock().claimed = false;
        self.0.changed.notify_all();
    }
}

impl Claim<'_> {
    /// Has the device do what `start` tells it, and waits until it is done.
    fn run(&self, start: impl FnOnce(&Registers<'_>)) -> Result {
        {
            let mut state = self.0.state.lock();
            if state.gone {
                return Err(ENODEV);
            }
            start(&*self.0.registers.try_access().ok_or(ENODEV)?);
            state.working = true;
        }
        self.0.wait()
    }

    fn factorial(&self, number: u32) -> Result<u32> {
        self.run(|registers| {
            registers.write_reg(STATUS::zeroed().with_interrupt_after_factorial(true));
            registers.write_reg(FACTORIAL::zeroed().with_value(number));
        })?;
        let registers = self.0.registers.try_access().ok_or(ENODEV)?;
        Ok(registers.read(FACTORIAL).value().get())
    }

    /// Reads from the device's memory what begins at `start`, and lies within.
    fn read_memory(&self, start: usize, to: &mut [u8]) -> Result {
        let buffer = self.0.buffer.lock();
        let command = DMA_COMMAND::zeroed().with_from_device(true);
        let (from, address) = (MEMORY_ADDRESS + start as u32, address(&buffer)?);
        self.run(|registers| copy(registers, from, address, to.len(), command))?;
        buffer.copy_to(to)
    }

    /// Writes to the device's memory, from `start` on, what ends within.
    fn write_memory(&self, start: usize, from: &[u8]) -> Result {
        let mut buffer = self.0.buffer.lock();
        buffer.copy_from(from)?;
        let command = DMA_COMMAND::zeroed();
        let (address, to) = (address(&buffer)?, MEMORY_ADDRESS + start as u32);
        self.run(|registers| copy(registers, address, to, from.len(), command))
    }
}

/// Returns the address of our page, as the device has it.
fn address(buffer: &Buffer) -> Result<u32> {
    Ok(buffer.address().try_into()?)
}

// ANCHOR: copy
/// Has the device copy `bytes` bytes; one of the addresses is in its own memory.
fn copy(registers: &Registers<'_>, from: u32, to: u32, bytes: usize, command: DMA_COMMAND) {
    registers.write_reg(DMA_SOURCE::zeroed().with_address(from));
    registers.write_reg(DMA_DESTINATION::zeroed().with_address(to));
    registers.write_reg(DMA_COUNT::zeroed().with_bytes(bytes as u32));
    registers.write_reg(command.with_interrupt_after(true).with_start(true));
}
// ANCHOR_END: copy

struct Interrupts(Arc<Shared>);

// ANCHOR: handler
impl Handler for Interrupts {
    fn handle(&self) -> IrqReturn {
        let edu = &self.0;
        let Some(registers) = edu.registers.try_access() else {
            return IrqReturn::None;
        };
        acknowledge(&registers);
        let mut state = edu.state.lock();
        // The message may be one of what was given up.
        if state.working && !is_working(&registers) {
            state.working = false;
            edu.changed.notify_all();
        }
        IrqReturn::Handled
    }
}
// ANCHOR_END: handler

/// An open `/dev/edu_rs`.
struct Factorial {
    edu: Arc<Shared>,
    /// What is read; 0 before the first number.
    result: Atomic<u32>,
}

#[vtable]
impl Operations for Factorial {
    type Data = Arc<Shared>;
    type Ptr = Arc<Self>;

    fn open(edu: ArcBorrow<'_, Shared>, _file: &OpenFile) -> Result<Arc<Self>> {
        let open = Self {
            edu: edu.into(),
            result: Atomic::new(0),
        };
        Ok(Arc::new(open, GFP_KERNEL)?)
    }

    fn show(open: ArcBorrow<'_, Self>, _record: u64, seq: &SeqFile) -> Result {
        match open.result.load(Relaxed) {
            0 => {}
            result => seq_print!(seq, "{result}\n"),
        }
        Ok(())
    }

    fn write_iter(
        open: ArcBorrow<'_, Self>,
        position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let mut buffer = [0; 16];
        let text = take_all(iov, &mut buffer)?;
        let number = core::str::from_utf8(text).map_err(|_| EINVAL)?;
        let number: u32 = number.trim().parse().map_err(|_| EINVAL)?;
        if number > LARGEST {
            return Err(ERANGE);
        }
        open.result
            .store(open.edu.claim()?.factorial(number)?, Relaxed);
        // The next read begins with it.
        *position = 0;
        Ok(text.len())
    }
}

/// `/dev/edu_rs_memory`.
struct Memory;

/// Returns the part of the memory of `length` bytes, or of as many as there are, at a position.
fn part(position: i64, length: usize) -> Result<Range<usize>> {
    let start = usize::try_from(position)
        .map_err(|_| EINVAL)?
        .min(MEMORY_SIZE);
    Ok(start..start.saturating_add(length).min(MEMORY_SIZE))
}

#[vtable]
impl Operations for Memory {
    type Data = Arc<Shared>;
    type Ptr = Arc<Shared>;

    fn open(edu: ArcBorrow<'_, Shared>, _file: &OpenFile) -> Result<Arc<Shared>> {
        Ok(edu.into())
    }

    fn read_iter(
        edu: ArcBorrow<'_, Shared>,
        position: &mut i64,
        iov: &mut Dest<'_>,
    ) -> Result<usize> {
        let part = part(*position, iov.len())?;
        if part.is_empty() {
            return Ok(0);
        }
        let mut bytes = KVec::from_elem(0, part.len(), GFP_KERNEL)?;
        edu.claim()?.read_memory(part.start, &mut bytes)?;
        let read = iov.copy_to_iter(&bytes);
        if read == 0 {
            return Err(EFAULT);
        }
        *position += read as i64;
        Ok(read)
    }

    fn write_iter(
        edu: ArcBorrow<'_, Shared>,
        position: &mut i64,
        iov: &mut IovIterSource<'_>,
    ) -> Result<usize> {
        let part = part(*position, iov.len())?;
        if part.is_empty() {
            return if iov.is_empty() { Ok(0) } else { Err(ENOSPC) };
        }
        let mut bytes = KVec::from_elem(0, part.len(), GFP_KERNEL)?;
        let written = iov.copy_from_iter(&mut bytes);
        if written == 0 {
            return Err(EFAULT);
        }
        edu.claim()?.write_memory(part.start, &bytes[..written])?;
        *position += written as i64;
        Ok(written)
    }

    fn llseek(
        _edu: ArcBorrow<'_, Shared>,
        file: &OpenFile,
        offset: i64,
        whence: i32,
    ) -> Result<i64> {
        file.seek_in_buffer(offset, whence, MEMORY_SIZE)
    }
}
