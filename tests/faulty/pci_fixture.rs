// SPDX-License-Identifier: GPL-2.0

//! A driver of QEMU's `pci-testdev`: what `edu_rs` does not use of `abstractions/pci.rs` and
//! `abstractions/dma.rs`. Never installed.

use abstractions::{
    dma::{
        set_address_bits,
        Buffer, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
    pci::{
        device_id,
        handle_msi, //
    },
    series::{
        pci_device_table,
        PciInfo, //
    },
};
use kernel::{
    device::Core,
    devres, new_mutex, pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

mod abstractions;

kernel::module_pci_driver! {
    type: Driver,
    name: "pci_fixture",
    authors: ["lkmpg-rs authors"],
    description: "Tries what a driver can get wrong",
    license: "GPL",
}

pci_device_table!(
    PCI_TABLE,
    MODULE_PCI_TABLE,
    (),
    [(device_id(0x1b36, 0x0005), ())]
);

struct Driver(Kept);

/// What is left when the device has been unbound.
type Kept = Arc<Mutex<Option<Buffer>>>;

/// Belongs to the device, longer than its memory: the last one comes first.
struct Late(Kept);

impl Drop for Late {
    fn drop(&mut self) {
        tell_copies("after it", &self.0);
    }
}

/// Logs whether the memory can be used.
fn tell_copies(when: &str, kept: &Kept) {
    if let Some(buffer) = &mut *kept.lock() {
        let mut byte = [0];
        let (read, written) = (buffer.copy_to(&mut byte), buffer.copy_from(&byte));
        tell("read", read);
        tell("write", written);
        pr_info!("{when}\n");
    }
}

struct Nothing;

impl Handler for Nothing {
    fn handle(&self) -> IrqReturn {
        IrqReturn::None
    }
}

/// Logs how something ended: 0, or the errno.
fn tell(what: &str, result: Result) {
    let errno = result.err().map_or(0, |error| error.to_errno());
    pr_info!("{what}: {errno}\n");
}

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<()> = &PCI_TABLE;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: PciInfo<'bound, ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        tell("0 bits", set_address_bits(device, 0));
        tell("65 bits", set_address_bits(device, 65));
        tell("1 bit", set_address_bits(device, 1));
        tell("64 bits", set_address_bits(device, 64));
        tell("32 bits", set_address_bits(device, 32));
        tell("no bytes", Buffer::new(device, 0).map(drop));
        tell("all bytes", Buffer::new(device, usize::MAX).map(drop));

        let kept = Arc::pin_init(new_mutex!(None), GFP_KERNEL)?;
        devres::register(device.as_ref(), Late(kept.clone()), GFP_KERNEL)?;
        tell("bits after another", set_address_bits(device, 32));

        let mut buffer = Buffer::new(device, 5000)?;
        pr_info!("{} bytes\n", buffer.size());
        let mut bytes = KVec::from_elem(1, 5001, GFP_KERNEL)?;
        tell("read too much", buffer.copy_to(&mut bytes));
        tell("write too much", buffer.copy_from(&bytes));
        buffer.copy_to(&mut bytes[..5000])?;
        pr_info!("sum at first {}\n", sum(&bytes[..5000]));
        bytes
            .iter_mut()
            .zip(1..)
            .for_each(|(byte, n)| *byte = n as u8);
        buffer.copy_from(&bytes[..5000])?;
        buffer.copy_from(b"")?;
        let mut read = KVec::from_elem(0, 4999, GFP_KERNEL)?;
        buffer.copy_to(&mut read)?;
        let same = read[..] == bytes[..4999];
        pr_info!("as written {same}\n");

        tell("no messages", handle_msi(device, c"pci_fixture", Nothing));
        *kept.lock() = Some(buffer);
        Ok(Self(kept))
    }

    fn unbind<'bound>(_device: &'bound pci::Device<Core<'_>>, this: Pin<&Self>) {
        tell_copies("in unbind", &this.0);
    }
}

/// Returns the sum of all bytes.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}
