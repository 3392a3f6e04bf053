// SPDX-License-Identifier: GPL-2.0

//! Network interfaces that are made by a module: what is sent on one is given to it frame by frame.
//!
//! In the book: [Disks and networks](../../../book/disks.html).
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)
//!
//! Unloading *waits*: the drop of a [`Device`] takes the interface down and removes it, and returns
//! after the last call of the module's functions. It does so whoever uses the interface: a socket
//! that is bound to it is told (ENETDOWN), and has no interface from then on. That is why it may be
//! used before the module's `init` has returned: where that fails, the drop waits as well.
//!
//! Not supported: other interfaces than Ethernet's, frames that are made here or changed, being told
//! when the interface is brought up or down, several queues, queues that stop, NAPI, checksums and
//! segments computed by the device.

use super::bindings;
use core::{
    marker::PhantomData,
    mem::{
        align_of,
        size_of,
        transmute,
        ManuallyDrop, //
    },
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

/// What an interface does.
pub(crate) trait Interface: Send + Sync + 'static {
    /// Called for each frame that is sent on the interface while it is up, one at a time.
    ///
    /// Bottom halves or interrupts are off: it may not sleep. What it shares with others is to be
    /// atomic, or behind a [`SpinLockIrq`](super::series::SpinLockIrq).
    fn transmit(&self, frame: Frame<'_>);

    /// Returns what has been counted so far. Called whenever somebody asks, also by several at the
    /// same time, and beside `transmit`. It may not sleep.
    fn stats(&self) -> Stats;
}

/// What an interface has counted, since it was made. The kernel adds what it counts itself, such as
/// frames that it has dropped.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stats {
    /// Frames that were received.
    pub(crate) rx_packets: u64,
    /// Their bytes, with the Ethernet header.
    pub(crate) rx_bytes: u64,
    /// Frames that were transmitted.
    pub(crate) tx_packets: u64,
    /// Their bytes, with the Ethernet header.
    pub(crate) tx_bytes: u64,
}

/// A frame that is being transmitted, from its Ethernet header on: C's `struct sk_buff`. Its drop
/// frees it, as one that has been sent.
///
/// It stays in the call of [`Interface::transmit`] that it was given to. So it cannot be kept, and
/// goes to no other interface. One that is leaked (`core::mem::forget`) keeps what it holds, such as
/// room in the send buffer of a socket.
///
/// # Invariants
///
/// `skb` is ours alone, and so is what the kernel may change of it to have it received. At least its
/// Ethernet header lies in its linear part. `device` is the interface that it is being sent on.
pub(crate) struct Frame<'a> {
    skb: NonNull<bindings::sk_buff>,
    device: NonNull<bindings::net_device>,
    _call: PhantomData<&'a ()>,
}

impl Frame<'_> {
    /// Returns its length in bytes, with the Ethernet header: 14 at least.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the type invariants it is ours.
        // CAST: A `u32` fits.
        unsafe { (*self.skb.as_ptr()).len as usize }
    }

    /// Has the interface that it is being sent on receive it: puts it in a queue of the kernel's,
    /// whose turn comes when `transmit` has returned. It is the same frame, without a copy.
    ///
    /// Returns false if the kernel has dropped it instead, and counted it in `rx_dropped`: the queue
    /// is full (`net.core.netdev_max_backlog`), or the interface is not up any more.
    pub(crate) fn receive(self) -> bool {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariants:
        // - the frame is ours alone, and goes to the kernel, whatever this returns.
        // - it has a header that can be taken off.
        // - the interface is there as long as `transmit` is being called, in which we are.
        //   The kernel drops what is in its queues for an interface before that goes.
        // - bottom halves or interrupts are off in there.
        let result = unsafe { bindings::dev_forward_skb(this.device.as_ptr(), this.skb.as_ptr()) };
        // CAST: A small number.
        result == bindings::NET_RX_SUCCESS as c_int
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is ours.
        unsafe {
            bindings::dev_kfree_skb_any_reason(
                self.skb.as_ptr(),
                bindings::skb_drop_reason_SKB_CONSUMED,
            );
        }
    }
}

/// An Ethernet interface: a [registration](super#registrations). It is there before
/// [`register`](Self::register) returns, and is not up: `ip link set netloop0 up` does that. Its
/// address is a random one, and its frames carry up to 1500 bytes.
///
/// Root can rename it, and move it to another network namespace; where that ends before the module,
/// it comes back. It is removed on drop, which takes it down first, and sleeps until nobody holds a
/// reference to it: those who do are told, and let go. Then the data is dropped. The drop must not
/// come from the functions of an [`Interface`]: it would wait for itself.
///
/// Its data is a page at most, and aligned to no more than 8 bytes; others do not compile.
///
/// # Examples
///
/// ```
/// use abstractions::net::{
///     Device,
///     Frame,
///     Interface,
///     Stats, //
/// };
/// use kernel::sync::atomic::{
///     Atomic,
///     Relaxed, //
/// };
///
/// /// Returns the short ones of its frames.
/// struct Echo(Atomic<u64>);
///
/// impl Interface for Echo {
///     fn transmit(&self, frame: Frame<'_>) {
///         if frame.len() < 100 && frame.receive() {
///             self.0.fetch_add(1, Relaxed);
///         }
///     }
///
///     fn stats(&self) -> Stats {
///         Stats {
///             rx_packets: self.0.load(Relaxed),
///             ..Stats::default()
///         }
///     }
/// }
///
/// fn make() -> Result<Device<Echo>> {
///     Device::register(c"echo%d", Echo(Atomic::new(0)))
/// }
/// ```
// Its drop comes first, then that of the field.
pub(crate) struct Device<T: Interface>(Allocated<T>);

/// An interface that is not registered, or not any more. Its drop drops the data, and frees it.
///
/// # Invariants
///
/// `0` was allocated by us, with room for a `T` as its private data, which is initialised.
struct Allocated<T>(NonNull<bindings::net_device>, PhantomData<T>);

// SAFETY: An interface belongs to no thread, and its data is `Send`.
unsafe impl<T: Interface> Send for Allocated<T> {}
// SAFETY: There is nothing that can be done with a reference.
unsafe impl<T: Interface> Sync for Allocated<T> {}

/// Any function of C's `struct net_device_ops`, which has nothing else.
type Operation = unsafe extern "C" fn();

/// What stands for that struct.
type Operations = [Option<Operation>; bindings::NET_DEVICE_OPS_SIZE / size_of::<Operation>()];

impl<T: Interface> Device<T> {
    const OPERATIONS: Operations = {
        const START_XMIT: usize = bindings::NET_DEVICE_OPS_START_XMIT / size_of::<Operation>();
        const GET_STATS64: usize = bindings::NET_DEVICE_OPS_GET_STATS64 / size_of::<Operation>();

        let mut operations: Operations = [None; size_of::<Operations>() / size_of::<Operation>()];
        // SAFETY: C takes it for a function of this type.
        operations[START_XMIT] = Some(unsafe {
            transmute::<
                unsafe extern "C" fn(
                    *mut bindings::sk_buff,
                    *mut bindings::net_device,
                ) -> bindings::netdev_tx,
                Operation,
            >(Self::start_xmit)
        });
        // SAFETY: As above.
        operations[GET_STATS64] = Some(unsafe {
            transmute::<
                unsafe extern "C" fn(*mut bindings::net_device, *mut bindings::rtnl_link_stats64),
                Operation,
            >(Self::get_stats64)
        });
        operations
    };

    /// Makes the interface. `%d` in `name` stands for the lowest number that makes it a name of its
    /// own. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// EINVAL for a name that cannot be an interface's: of 0 or more than 15 bytes, `.` or `..`, one
    /// with a slash, a colon or white space, or with another `%`. EEXIST: it is taken; ENFILE: with
    /// each number. EINTR when the calling process is being killed. ENOMEM.
    pub(crate) fn register(name: &CStr, data: T) -> Result<Self> {
        let interface = Allocated::new(name, data)?;
        let device = interface.0.as_ptr();
        // SAFETY: It is ours until it is registered, and the fields are of these types.
        unsafe {
            device
                .byte_add(bindings::NET_DEVICE_NETDEV_OPS)
                .cast::<*const Operations>()
                .write(&Self::OPERATIONS);
        }
        // SAFETY: It was allocated and set up, with functions that can be called from now on.
        to_result(unsafe { bindings::register_netdev(device) })?;
        Ok(Self(interface))
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `ndo_start_xmit` of an interface that [`Self::register`] has
    /// made, with a frame that it gives away.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        device: *mut bindings::net_device,
    ) -> bindings::netdev_tx {
        // SAFETY: The caller promises that they are valid.
        let (skb, device) =
            unsafe { (NonNull::new_unchecked(skb), NonNull::new_unchecked(device)) };
        // SAFETY: The frame is ours. `data_len` is the part of its length that is not linear.
        let linear = unsafe { (*skb.as_ptr()).len - (*skb.as_ptr()).data_len };
        if linear < bindings::ETH_HLEN {
            // SAFETY: The interface is valid, and there is such a counter. The frame is ours.
            unsafe {
                bindings::netdev_core_stats_inc(
                    device.as_ptr(),
                    bindings::NET_DEVICE_CORE_STATS_TX_DROPPED as u32,
                );
                bindings::dev_kfree_skb_any_reason(
                    skb.as_ptr(),
                    bindings::skb_drop_reason_SKB_DROP_REASON_PKT_TOO_SMALL,
                );
            }
        } else {
            // INVARIANT: The kernel gives the frame away, and shares none with an interface that
            // has no `IFF_TX_SKB_SHARING`; its linear part was looked at just now.
            let frame = Frame {
                skb,
                device,
                _call: PhantomData,
            };
            // SAFETY: It is dropped after the last call.
            unsafe { Allocated::<T>::data(device).as_ref() }.transmit(frame);
        }
        bindings::netdev_tx::NETDEV_TX_OK
    }

    /// # Safety
    ///
    /// To be called by the kernel, as `ndo_get_stats64` of an interface that [`Self::register`] has
    /// made, with counters that are zero.
    unsafe extern "C" fn get_stats64(
        device: *mut bindings::net_device,
        counters: *mut bindings::rtnl_link_stats64,
    ) {
        // SAFETY: The caller promises that it is valid.
        let device = unsafe { NonNull::new_unchecked(device) };
        // SAFETY: It is dropped after the last call.
        let stats = unsafe { Allocated::<T>::data(device).as_ref() }.stats();
        let stats = bindings::rtnl_link_stats64 {
            rx_packets: stats.rx_packets,
            rx_bytes: stats.rx_bytes,
            tx_packets: stats.tx_packets,
            tx_bytes: stats.tx_bytes,
            ..Default::default()
        };
        // SAFETY: The caller promises that they may be written; in a message of netlink they are not
        // aligned.
        unsafe { counters.write_unaligned(stats) };
    }
}

impl<T: Interface> Drop for Device<T> {
    fn drop(&mut self) {
        // SAFETY: It is registered: nobody else removes it, not even with the network namespace that
        // it is in. When this returns, no function of ours is being called, and none will be: the
        // kernel waits for the frame that is being transmitted, for readers of the counters, and
        // until nobody has a reference to the interface.
        unsafe { bindings::unregister_netdev(self.0 .0.as_ptr()) };
    }
}

impl<T> Allocated<T> {
    fn new(name: &CStr, data: T) -> Result<Self> {
        const {
            // That of what the kernel allocates, at least.
            assert!(align_of::<T>() <= size_of::<u64>());
            assert!(bindings::NET_DEVICE_PRIV % size_of::<u64>() == 0);
            assert!(size_of::<T>() <= PAGE_SIZE);
        }
        // The kernel would stop there and then.
        if name.count_bytes() >= bindings::IFNAMSIZ as usize {
            return Err(EINVAL);
        }
        // SAFETY: The name has an end, and fits; `ether_setup()` is made for this.
        // CAST: A page's size fits, and so does a small number.
        let device = NonNull::new(unsafe {
            bindings::alloc_netdev_mqs(
                size_of::<T>() as c_int,
                name.as_char_ptr(),
                bindings::NET_NAME_ENUM as c_uchar,
                Some(bindings::ether_setup),
                1,
                1,
            )
        })
        .ok_or(ENOMEM)?;
        // SAFETY: There is room for it.
        unsafe { Self::data(device).write(data) };
        // INVARIANT: It was made just now, with this data.
        let this = Self(device, PhantomData);

        // C's `eth_hw_addr_random()`: of nobody in particular, and not of a group.
        let mut address = [0_u8; bindings::ETH_ALEN as usize];
        // SAFETY: That much can be written to it.
        unsafe { bindings::get_random_bytes(address.as_mut_ptr().cast(), address.len()) };
        address[0] = address[0] & !1 | 2;
        let raw = device.as_ptr();
        // SAFETY: The interface is ours. It has an address of that length, the fields are of these
        // types, and `priv_flags` is the first half of what lies there.
        unsafe {
            bindings::dev_addr_mod(raw, 0, address.as_ptr().cast(), address.len());
            raw.byte_add(bindings::NET_DEVICE_ADDR_ASSIGN_TYPE)
                .cast::<u8>()
                .write(bindings::NET_ADDR_RANDOM as u8);
            // What is sent belongs to `Frame` alone.
            *raw.byte_add(bindings::NET_DEVICE_PRIV_FLAGS).cast::<u32>() &=
                !bindings::netdev_priv_flags_IFF_TX_SKB_SHARING;
        }
        Ok(this)
    }

    /// Returns the private data of an interface: C's `netdev_priv()`.
    ///
    /// # Safety
    ///
    /// It was allocated by [`Self::new`].
    unsafe fn data(device: NonNull<bindings::net_device>) -> NonNull<T> {
        // SAFETY: The caller promises that it lies behind it.
        unsafe { device.byte_add(bindings::NET_DEVICE_PRIV).cast() }
    }
}

impl<T> Drop for Allocated<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. It is not registered, so nobody uses it any more; where
        // something of it stays open in sysfs, it is the kernel that frees it later.
        unsafe {
            Self::data(self.0).drop_in_place();
            bindings::free_netdev(self.0.as_ptr());
        }
    }
}
