// SPDX-License-Identifier: GPL-2.0

//! Network interfaces, and sockets through which a program sends and receives whole frames.

use nix::{
    errno::Errno,
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
    sys::{
        socket::{
            bind, recvfrom, send, setsockopt, socket, sockopt, AddressFamily, LinkAddr, MsgFlags,
            SockFlag, SockProtocol, SockType, SockaddrLike,
        },
        time::TimeVal,
    },
    Result,
};
use std::{
    ffi::CString,
    fs, io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

/// The interface of netloop_rs.
pub const NETLOOP: &str = "netloop0";

/// The protocol that IEEE 802 leaves to experiments.
pub const EXPERIMENT: u16 = 0x88b5;

/// The bytes of an Ethernet header: two addresses, and the protocol.
pub const HEADER: usize = 14;

/// The bytes of the longest frame on an interface whose MTU is not changed.
pub const LONGEST: usize = 1514;

/// An Ethernet address.
pub type Address = [u8; 6];

/// Returns the folder of an interface in sysfs.
pub fn folder(interface: &str) -> PathBuf {
    Path::new("/sys/class/net").join(interface)
}

/// Returns what a file of an interface shows, without the end of the line.
///
/// # Errors
///
/// The errno of `open(2)` or `read(2)`.
pub fn attribute(interface: &str, file: &str) -> io::Result<String> {
    let text = fs::read_to_string(folder(interface).join(file))?;
    Ok(text.trim_end().into())
}

/// Returns the number of an interface. `if_nametoindex(3)` wants a socket of a family that the
/// guest does not have.
///
/// # Errors
///
/// ENODEV: there is none; the errno of `open(2)` or `read(2)`.
///
/// # Panics
///
/// When it is no number.
pub fn index(interface: &str) -> Result<i32> {
    let index = attribute(interface, "ifindex").map_err(|error| match error.raw_os_error() {
        // EINVAL: it is being removed.
        Some(libc::ENOENT | libc::EINVAL) | None => Errno::ENODEV,
        Some(errno) => Errno::from_raw(errno),
    })?;
    Ok(index.parse().expect("a number"))
}

/// Returns the address of an interface.
///
/// # Panics
///
/// When it has none.
pub fn address(interface: &str) -> Address {
    let text = attribute(interface, "address").expect("an address");
    let bytes: Vec<_> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
        .collect();
    bytes.try_into().expect("six bytes")
}

/// Brings an interface up, or down: what `ip link set` does.
///
/// # Errors
///
/// The errno of `open(2)` or `write(2)`.
pub fn set_up(interface: &str, up: bool) -> io::Result<()> {
    let flags = attribute(interface, "flags")?;
    let flags = i32::from_str_radix(&flags[2..], 16).expect("flags") & !libc::IFF_UP;
    let flags = flags | if up { libc::IFF_UP } else { 0 };
    fs::write(folder(interface).join("flags"), format!("{flags:#x}"))
}

/// What an interface has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames that came and were dropped.
    pub rx_dropped: u64,
    /// Frames transmitted.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
    /// Frames that were to be transmitted, and dropped.
    pub tx_dropped: u64,
}

impl Counters {
    /// Returns those of an interface that has returned so many frames, of so many bytes together.
    pub fn returned(packets: u64, bytes: u64) -> Self {
        Self {
            rx_packets: packets,
            rx_bytes: bytes,
            tx_packets: packets,
            tx_bytes: bytes,
            ..Self::default()
        }
    }
}

/// Returns what an interface has counted.
///
/// # Panics
///
/// When it is not there.
pub fn counters(interface: &str) -> Counters {
    let counter = |name: &str| {
        let text = attribute(interface, &format!("statistics/{name}")).expect(name);
        text.parse().expect("a number")
    };
    Counters {
        rx_packets: counter("rx_packets"),
        rx_bytes: counter("rx_bytes"),
        rx_dropped: counter("rx_dropped"),
        tx_packets: counter("tx_packets"),
        tx_bytes: counter("tx_bytes"),
        tx_dropped: counter("tx_dropped"),
    }
}

/// Gives an interface another name.
///
/// # Errors
///
/// The errno of `ioctl(2)`.
///
/// # Panics
///
/// When a name is too long.
pub fn rename(interface: &str, name: &str) -> Result<()> {
    // SAFETY: Zeroes are an `ifreq`.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    let put = |to: &mut [libc::c_char; libc::IFNAMSIZ], text: &str| {
        let text = CString::new(text).expect("a name");
        for (to, from) in to.iter_mut().zip(text.to_bytes_with_nul()) {
            *to = *from as libc::c_char;
        }
    };
    put(&mut request.ifr_name, interface);
    let mut to = [0; libc::IFNAMSIZ];
    put(&mut to, name);
    request.ifr_ifru.ifru_newname = to;
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: The command takes an `ifreq` with two names.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFNAME as _, &request) };
    Errno::result(result).map(drop)
}

/// Returns a frame of `length` bytes, whose content is made of `seed`.
pub fn frame(to: Address, from: Address, length: usize, seed: u64) -> Vec<u8> {
    let mut frame = [&to[..], &from, &EXPERIMENT.to_be_bytes()].concat();
    let mut rng = fastrand::Rng::with_seed(seed);
    frame.resize_with(length, || rng.u8(..));
    frame
}

/// A frame, and what the kernel tells of it.
pub type Received = (Vec<u8>, LinkAddr);

/// A socket for the frames of an interface.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Binds one to an interface that receives what that does, of all protocols, and not what is
    /// sent by others.
    ///
    /// # Errors
    ///
    /// The errno of `socket(2)`, of `bind(2)`, or ENODEV.
    pub fn bound(interface: &str) -> Result<Self> {
        let socket = Self::seeing_all(interface)?;
        socket.set(libc::PACKET_IGNORE_OUTGOING, 1)?;
        Ok(socket)
    }

    /// Binds one to an interface that receives what others send on it as well.
    ///
    /// # Errors
    ///
    /// As for [`Socket::bound`].
    pub fn seeing_all(interface: &str) -> Result<Self> {
        Self::of_protocol(interface, SockProtocol::EthAll as u16)
    }

    /// Binds one to an interface that receives nothing.
    ///
    /// # Errors
    ///
    /// As for [`Socket::bound`].
    pub fn deaf(interface: &str) -> Result<Self> {
        Self::of_protocol(interface, 0)
    }

    fn of_protocol(interface: &str, protocol: u16) -> Result<Self> {
        let index = index(interface)?;
        // No protocol before it is bound, or it would receive from all interfaces meanwhile.
        let fd = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        // SAFETY: Zeroes are a `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = index;
        let length = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: It is an address of this length, and its family says which.
        let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) };
        bind(fd.as_raw_fd(), &address.ok_or(Errno::EINVAL)?)?;
        // What does not come fails a test, instead of going on for ever; so does room.
        let patience = TimeVal::new(crate::PATIENCE.as_secs() as i64, 0);
        setsockopt(&fd, sockopt::ReceiveTimeout, &patience)?;
        setsockopt(&fd, sockopt::SendTimeout, &TimeVal::new(30, 0))?;
        Ok(Self(fd))
    }

    /// Sets an option of packet sockets.
    ///
    /// # Errors
    ///
    /// The errno of `setsockopt(2)`.
    pub fn set(&self, option: libc::c_int, value: libc::c_int) -> Result<()> {
        let length = mem::size_of_val(&value) as libc::socklen_t;
        let fd = self.0.as_raw_fd();
        // SAFETY: The value is there, and of this length.
        let result = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_PACKET,
                option,
                (&raw const value).cast(),
                length,
            )
        };
        Errno::result(result).map(drop)
    }

    /// Has the kernel keep this many bytes of what was received, and of what is being sent; it
    /// doubles both, and counts more than the frames.
    ///
    /// # Errors
    ///
    /// The errno of `setsockopt(2)`.
    pub fn set_buffers(&self, receive: usize, send: usize) -> Result<()> {
        setsockopt(&self.0, sockopt::RcvBufForce, &receive)?;
        setsockopt(&self.0, sockopt::SndBuf, &send)
    }

    /// Sends a frame. Waits for room in the send buffer.
    ///
    /// # Errors
    ///
    /// The errno of `send(2)`; EAGAIN where there is no room for long.
    ///
    /// # Panics
    ///
    /// When it was sent in part.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty())?;
        assert_eq!(sent, frame.len());
        Ok(())
    }

    /// Waits for a frame.
    ///
    /// # Errors
    ///
    /// The errno of `recvfrom(2)`; EAGAIN after [`PATIENCE`](crate::PATIENCE).
    pub fn receive(&self) -> Result<Received> {
        let mut bytes = vec![0; 4096];
        let (length, address) = recvfrom(self.0.as_raw_fd(), &mut bytes)?;
        bytes.truncate(length);
        Ok((bytes, address.expect("an address")))
    }

    /// Returns a frame if there is one.
    ///
    /// # Errors
    ///
    /// The errno of `recvfrom(2)`, EAGAIN if there is none.
    pub fn try_receive(&self) -> Result<Received> {
        let mut polled = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, PollTimeout::ZERO)? {
            0 => Err(Errno::EAGAIN),
            _ => self.receive(),
        }
    }

    /// Returns how many frames the socket had no room for, since it was last asked.
    ///
    /// # Panics
    ///
    /// When the kernel does not say it.
    pub fn dropped(&self) -> u32 {
        let mut stats = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut length = mem::size_of_val(&stats) as libc::socklen_t;
        let fd = self.0.as_raw_fd();
        // SAFETY: There is room for what is asked for.
        let result = unsafe {
            libc::getsockopt(
                fd,
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut stats).cast(),
                &mut length,
            )
        };
        assert_eq!(result, 0);
        stats.tp_drops
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}
