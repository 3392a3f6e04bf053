// SPDX-License-Identifier: GPL-2.0

//! `netloop_rs`: an interface that returns its own frames.

use guest::{
    errno,
    module::Module,
    net::{
        address, attribute, counters, folder, frame, rename, set_up, Address, Counters, Received,
        Socket, EXPERIMENT, HEADER, LONGEST, NETLOOP,
    },
    process::{as_nobody, wait_until},
    race::Stop,
    state::{assert_unchanged, state},
};
use nix::{
    errno::Errno,
    libc,
    poll::{poll, PollFd, PollFlags, PollTimeout},
};
use std::{
    collections::BTreeSet,
    fs,
    os::fd::AsFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

const NAME: &str = "netloop_rs";

const BROADCAST: Address = [0xff; 6];

/// Where a frame of these tests has its number.
const NUMBER: usize = HEADER;

/// Loads the module, and brings its interface up.
fn load() -> Module {
    let module = Module::load(NAME, "").unwrap();
    set_up(NETLOOP, true).unwrap();
    module
}

/// Returns a frame for everybody, with a number.
fn numbered(number: u64, length: usize) -> Vec<u8> {
    let mut frame = frame(BROADCAST, [2; 6], length, number);
    frame[NUMBER..NUMBER + 8].copy_from_slice(&number.to_be_bytes());
    frame
}

/// Returns the number of a frame, whose other bytes have to be those that were sent.
#[track_caller]
fn number((received, _): &Received) -> u64 {
    let number = received[NUMBER..NUMBER + 8].try_into().unwrap();
    let number = u64::from_be_bytes(number);
    assert_eq!(*received, numbered(number, received.len()));
    number
}

/// Waits for the error that a socket has when its interface goes down.
#[track_caller]
fn told_that_it_is_down(socket: &Socket) {
    let mut polled = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    assert_eq!(poll(&mut polled, PollTimeout::ZERO), Ok(1));
    assert_eq!(polled[0].revents(), Some(PollFlags::POLLERR));
    assert_eq!(socket.receive().unwrap_err(), Errno::ENETDOWN);
    assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
}

#[test]
fn frame_comes_back_byte_for_byte() {
    let _module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    let own = address(NETLOOP);
    let mut bytes = 0;
    for (n, length) in [HEADER, HEADER + 1, 60, 100, LONGEST - 1, LONGEST]
        .into_iter()
        .enumerate()
    {
        let sent = frame(own, own, length, n as u64);
        socket.send(&sent).unwrap();
        let (received, from) = socket.receive().unwrap();
        assert_eq!(received, sent);
        assert_eq!(from.protocol(), EXPERIMENT.to_be());
        assert_eq!(from.pkttype(), libc::PACKET_HOST);
        assert_eq!(from.addr(), Some(own));
        bytes += length as u64;
        assert_eq!(counters(NETLOOP), Counters::returned(n as u64 + 1, bytes));
    }
    assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
}

#[test]
fn frame_is_for_whom_its_address_says() {
    let _module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    let own = address(NETLOOP);
    let mut other = own;
    other[5] ^= 1;
    let group = [0x01, 0, 0x5e, 0, 0, 1];
    for (to, kind) in [
        (own, libc::PACKET_HOST),
        (BROADCAST, libc::PACKET_BROADCAST),
        (group, libc::PACKET_MULTICAST),
        (other, libc::PACKET_OTHERHOST),
    ] {
        let sent = frame(to, other, 60, 0);
        socket.send(&sent).unwrap();
        let (received, from) = socket.receive().unwrap();
        assert_eq!(
            (received, from.pkttype(), from.addr()),
            (sent, kind, Some(other))
        );
    }
}

#[test]
fn protocol_is_that_of_the_frame() {
    let _module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    // From 0x0600 on it is a protocol, below that a length.
    for (bytes, protocol) in [
        ([0x08, 0x00], 0x0800),
        ([0x86, 0xdd], 0x86dd),
        ([0x06, 0x00], 0x0600),
        ([0x05, 0xff], libc::ETH_P_802_2 as u16),
        ([0x00, 0x00], libc::ETH_P_802_2 as u16),
    ] {
        let mut sent = frame(BROADCAST, [2; 6], 60, 0);
        sent[12..14].copy_from_slice(&bytes);
        socket.send(&sent).unwrap();
        let (received, from) = socket.receive().unwrap();
        assert_eq!(received, sent);
        assert_eq!(u16::from_be(from.protocol()), protocol);
    }
}

#[test]
fn frames_that_cannot_be_sent_are_refused_and_not_counted() {
    let _module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    let whole = frame(BROADCAST, [2; 6], 2000, 0);
    for (length, error) in [
        (1, Errno::EINVAL),
        (HEADER - 1, Errno::EINVAL),
        (LONGEST + 1, Errno::EMSGSIZE),
        (2000, Errno::EMSGSIZE),
    ] {
        assert_eq!(socket.send(&whole[..length]), Err(error), "{length}");
    }
    assert_eq!(counters(NETLOOP), Counters::default());
    assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
}

#[test]
fn mtu_can_be_made_smaller() {
    let _module = load();
    let mtu = folder(NETLOOP).join("mtu");
    let socket = Socket::bound(NETLOOP).unwrap();
    fs::write(&mtu, "100").unwrap();
    let whole = numbered(0, HEADER + 101);
    assert_eq!(socket.send(&whole), Err(Errno::EMSGSIZE));
    socket.send(&whole[..HEADER + 100]).unwrap();
    assert_eq!(socket.receive().unwrap().0, whole[..HEADER + 100]);
    for wrong in ["1501", "67", "0", "-1"] {
        assert_eq!(errno(fs::write(&mtu, wrong)), Errno::EINVAL, "{wrong}");
    }
    fs::write(&mtu, "1500").unwrap();
    socket.send(&whole).unwrap();
    assert_eq!(socket.receive().unwrap().0, whole);
}

#[test]
fn interface_is_an_ethernet_with_an_address_of_its_own() {
    let mut addresses = BTreeSet::new();
    for _ in 0..3 {
        let _module = Module::load(NAME, "").unwrap();
        let shown = |file| attribute(NETLOOP, file).unwrap();
        assert_eq!(shown("type"), libc::ARPHRD_ETHER.to_string());
        assert_eq!(shown("mtu"), "1500");
        // Broadcast and multicast, as any Ethernet has them.
        assert_eq!(shown("flags"), "0x1002");
        assert_eq!(shown("broadcast"), "ff:ff:ff:ff:ff:ff");
        // It was made by chance, and says so.
        assert_eq!(shown("addr_assign_type"), "1");
        let address = address(NETLOOP);
        assert_eq!(address[0] & 3, 2, "local, and of no group: {address:x?}");
        addresses.insert(address);

        assert_eq!(shown("operstate"), "down");
        assert_eq!(errno(attribute(NETLOOP, "carrier")), Errno::EINVAL);
        set_up(NETLOOP, true).unwrap();
        assert_eq!(shown("flags"), "0x1003");
        assert_eq!(shown("carrier"), "1");
        assert_eq!(shown("operstate"), "unknown");
        assert_eq!(counters(NETLOOP), Counters::default());
    }
    assert_eq!(addresses.len(), 3);
}

#[test]
fn each_socket_has_the_frame() {
    let _module = load();
    let sender = Socket::seeing_all(NETLOOP).unwrap();
    let other = Socket::bound(NETLOOP).unwrap();
    let all = Socket::seeing_all(NETLOOP).unwrap();
    let sent = numbered(1, 200);
    sender.send(&sent).unwrap();
    for socket in [&sender, &other, &all] {
        if std::ptr::eq(socket, &all) {
            // What is sent by others as well.
            let (received, from) = socket.receive().unwrap();
            assert_eq!((received, from.pkttype()), (sent.clone(), 4));
        }
        let (received, from) = socket.receive().unwrap();
        assert_eq!((&received, from.pkttype()), (&sent, libc::PACKET_BROADCAST));
        assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
    }
    assert_eq!(counters(NETLOOP), Counters::returned(1, 200));
}

/// A frame that nobody wants is received, and dropped by the kernel.
#[test]
fn frame_that_nobody_wants_is_counted() {
    let _module = load();
    let socket = Socket::deaf(NETLOOP).unwrap();
    socket.send(&numbered(1, 100)).unwrap();
    let expected = Counters {
        rx_dropped: 1,
        ..Counters::returned(1, 100)
    };
    wait_until("the drop", || counters(NETLOOP) == expected);
}

/// The original says that it computes checksums, and does not.
#[test]
fn checksum_is_there_when_the_kernel_had_left_it_to_the_interface() {
    let _module = load();
    let sender = Socket::bound(NETLOOP).unwrap();
    let receiver = Socket::bound(NETLOOP).unwrap();
    sender.set(libc::PACKET_VNET_HDR, 1).unwrap();
    // Behind an Ethernet header, and an IP header.
    let start = HEADER + 20;
    let mut sent = frame(BROADCAST, [2; 6], 100, 7);
    sent[start..start + 2].fill(0);
    // struct virtio_net_hdr: to be computed from `start` on, and put there.
    let header = [1, 0, 0, 0, 0, 0, start as u8, 0, 0, 0];
    sender.send(&[&header[..], &sent].concat()).unwrap();
    let received = receiver.receive().unwrap().0;
    assert_eq!(received[..start], sent[..start]);
    assert_eq!(received[start + 2..], sent[start + 2..]);
    let sum = received[start..]
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum::<u32>();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
}

#[test]
fn nothing_is_sent_while_it_is_down() {
    let _module = Module::load(NAME, "").unwrap();
    let socket = Socket::bound(NETLOOP).unwrap();
    // It was down when the socket was bound.
    told_that_it_is_down(&socket);
    let sent = numbered(0, 60);
    for round in 1..=100 {
        assert_eq!(socket.send(&sent), Err(Errno::ENETDOWN));
        set_up(NETLOOP, true).unwrap();
        socket.send(&sent).unwrap();
        assert_eq!(socket.receive().unwrap().0, sent);
        set_up(NETLOOP, false).unwrap();
        told_that_it_is_down(&socket);
        assert_eq!(counters(NETLOOP), Counters::returned(round, round * 60));
    }
}

#[test]
fn goes_down_while_frames_are_on_their_way() {
    let _module = load();
    let stop = AtomicBool::new(false);
    let sent = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let socket = Socket::bound(NETLOOP).unwrap();
                while !stop.load(Relaxed) {
                    match socket.send(&numbered(0, 1000)) {
                        Ok(()) => drop(sent.fetch_add(1, Relaxed)),
                        Err(errno) => {
                            let known = [Errno::ENETDOWN, Errno::ENOBUFS];
                            assert!(known.contains(&errno), "{errno}");
                        }
                    }
                }
            });
        }
        let _stop = Stop(&stop);
        for _ in 0..100 {
            let before = sent.load(Relaxed);
            wait_until("frames", || sent.load(Relaxed) > before + 10);
            set_up(NETLOOP, false).unwrap();
            set_up(NETLOOP, true).unwrap();
        }
    });
    // What waited to be sent when it went down is gone, and so may be what waited to be received.
    let seen = counters(NETLOOP);
    assert!(seen.tx_packets <= sent.load(Relaxed), "{seen:?}");
    assert!(seen.rx_packets <= seen.tx_packets, "{seen:?}");
    assert!(
        seen.tx_packets <= seen.rx_packets + seen.rx_dropped,
        "{seen:?}"
    );
    assert_eq!(seen.tx_bytes, seen.tx_packets * 1000);
    assert_eq!(seen.rx_bytes, seen.rx_packets * 1000);
    let socket = Socket::bound(NETLOOP).unwrap();
    socket.send(&numbered(9, 100)).unwrap();
    while number(&socket.receive().unwrap()) != 9 {}
}

#[test]
fn nothing_is_lost_or_doubled_by_four_senders() {
    const EACH: u64 = 2500;
    let _module = load();
    let receiver = Socket::bound(NETLOOP).unwrap();
    receiver.set_buffers(64 << 20, 4096).unwrap();
    thread::scope(|scope| {
        for sender in 0..4 {
            scope.spawn(move || {
                let socket = Socket::deaf(NETLOOP).unwrap();
                // Fewer on their way, of all together, than the 1000 that the kernel's queue takes.
                socket.set_buffers(4096, 32 << 10).unwrap();
                for n in 0..EACH {
                    let number = sender * EACH + n;
                    let length = 60 + number as usize % 1000;
                    socket.send(&numbered(number, length)).unwrap();
                }
            });
        }
        let mut missing: BTreeSet<_> = (0..4 * EACH).collect();
        for _ in 0..4 * EACH {
            let received = receiver.receive().unwrap();
            let number = number(&received);
            assert_eq!(received.0.len(), 60 + number as usize % 1000);
            assert!(missing.remove(&number), "{number} came twice");
        }
        assert_eq!(missing.len(), 0);
    });
    assert_eq!(receiver.try_receive().unwrap_err(), Errno::EAGAIN);
    assert_eq!(receiver.dropped(), 0);
    let bytes = (0..4 * EACH).map(|number| 60 + number % 1000).sum();
    assert_eq!(counters(NETLOOP), Counters::returned(4 * EACH, bytes));
}

/// How many frames the kernel keeps for the network's code; the value before on drop.
struct MaxBacklog(String);

impl MaxBacklog {
    const FILE: &str = "/proc/sys/net/core/netdev_max_backlog";

    fn set(frames: u32) -> Self {
        let before = fs::read_to_string(Self::FILE).unwrap();
        fs::write(Self::FILE, frames.to_string()).unwrap();
        Self(before)
    }
}

impl Drop for MaxBacklog {
    fn drop(&mut self) {
        fs::write(Self::FILE, &self.0).unwrap();
    }
}

/// What is sent by one processor while another one transmits is transmitted by that one as well,
/// before it comes to what is to be received. The kernel drops what does not fit, and says so.
#[test]
fn what_the_kernel_drops_is_transmitted_and_not_received() {
    const LENGTH: u64 = 100;
    let _module = load();
    let _backlog = MaxBacklog::set(0);
    let receiver = Socket::bound(NETLOOP).unwrap();
    receiver.set_buffers(64 << 20, 4096).unwrap();
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let socket = Socket::deaf(NETLOOP).unwrap();
                wait_until("dropped frames", || {
                    for _ in 0..100 {
                        let number = next.fetch_add(1, Relaxed);
                        socket.send(&numbered(number, LENGTH as usize)).unwrap();
                    }
                    counters(NETLOOP).rx_dropped >= 10
                });
            });
        }
    });
    let sent = next.load(Relaxed);
    let seen = counters(NETLOOP);
    let received = seen.rx_packets;
    assert_eq!(
        seen,
        Counters {
            rx_packets: received,
            rx_bytes: received * LENGTH,
            rx_dropped: sent - received,
            ..Counters::returned(sent, sent * LENGTH)
        }
    );
    let numbers: BTreeSet<_> = (0..received)
        .map(|_| number(&receiver.receive().unwrap()))
        .collect();
    assert_eq!(numbers.len() as u64, received);
    assert_eq!(receiver.try_receive().unwrap_err(), Errno::EAGAIN);
    assert_eq!(receiver.dropped(), 0);
}

#[test]
fn interface_that_is_used_does_not_hold_the_module() {
    let module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    let opened = fs::File::open(folder(NETLOOP).join("statistics/rx_packets")).unwrap();
    socket.send(&numbered(0, 100)).unwrap();
    assert_eq!(module.use_count(), 0);
    module.unload().unwrap();
    assert!(!folder(NETLOOP).exists());
    assert_eq!(errno(std::io::read_to_string(opened)), Errno::ENODEV);

    // It has what it has received, and is told.
    assert_eq!(
        socket.receive().map(|_| ()).err(),
        Some(Errno::ENETDOWN),
        "before what was received"
    );
    assert_eq!(number(&socket.receive().unwrap()), 0);
    assert_eq!(socket.send(&numbered(1, 100)), Err(Errno::ENXIO));
    assert_eq!(socket.try_receive().unwrap_err(), Errno::EAGAIN);
    // Another one of the name is not the one that it was bound to.
    let _module = load();
    assert_eq!(socket.send(&numbered(1, 100)), Err(Errno::ENXIO));
    assert_eq!(counters(NETLOOP), Counters::default());
}

#[test]
fn renamed_interface_is_the_same() {
    let module = load();
    let socket = Socket::bound(NETLOOP).unwrap();
    set_up(NETLOOP, false).unwrap();
    told_that_it_is_down(&socket);
    rename(NETLOOP, "lkmpg").unwrap();
    assert!(!folder(NETLOOP).exists());
    set_up("lkmpg", true).unwrap();
    socket.send(&numbered(5, 100)).unwrap();
    assert_eq!(number(&socket.receive().unwrap()), 5);
    assert_eq!(counters("lkmpg"), Counters::returned(1, 100));
    module.unload().unwrap();
    assert!(!folder("lkmpg").exists());
    drop(load());
}

#[test]
fn name_is_the_first_that_is_free() {
    let other = Module::load("faulty/net_fixture", "interface=netloop0").unwrap();
    let module = Module::load(NAME, "").unwrap();
    set_up("netloop1", true).unwrap();
    let socket = Socket::bound("netloop1").unwrap();
    socket.send(&numbered(1, 100)).unwrap();
    assert_eq!(number(&socket.receive().unwrap()), 1);
    assert_eq!(
        counters("netloop0"),
        Counters {
            tx_bytes: u64::MAX,
            ..Counters::default()
        }
    );
    module.unload().unwrap();
    assert!(folder("netloop0").exists() && !folder("netloop1").exists());
    other.unload().unwrap();
    let _module = Module::load(NAME, "").unwrap();
    assert!(folder(NETLOOP).exists());
}

#[test]
fn only_root_sends_and_brings_it_up() {
    let _module = Module::load(NAME, "").unwrap();
    let up = || set_up(NETLOOP, true);
    assert_eq!(as_nobody(up), Err(Errno::EACCES));
    up().unwrap();
    let socket = || Ok(Socket::bound(NETLOOP)?);
    assert_eq!(as_nobody(socket), Err(Errno::EPERM));
    let read = || attribute(NETLOOP, "statistics/tx_packets");
    assert_eq!(as_nobody(read), Ok(()));
}

#[test]
fn unloading_races_with_those_who_send() {
    let before = state();
    let stop = AtomicBool::new(false);
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let senders = [(); 3].map(|()| {
            scope.spawn(|| {
                let send = || {
                    let socket = Socket::bound(NETLOOP)?;
                    loop {
                        socket.send(&numbered(0, 1000))?;
                        sent.fetch_add(1, Relaxed);
                        match socket.try_receive() {
                            Ok(frame) => {
                                number(&frame);
                                received.fetch_add(1, Relaxed);
                            }
                            Err(Errno::EAGAIN) => {}
                            Err(errno) => return Err::<(), _>(errno),
                        }
                    }
                };
                while !stop.load(Relaxed) {
                    let errno = send().unwrap_err();
                    // There is none, or it is not up, or not any more.
                    let known = [Errno::ENODEV, Errno::ENXIO, Errno::ENETDOWN, Errno::ENOBUFS];
                    assert!(known.contains(&errno), "{errno}");
                }
            })
        });
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                // It may go at any time.
                let _ = attribute(NETLOOP, "statistics/tx_packets");
            }
        });
        let _stop = Stop(&stop);
        for round in 0..50 {
            let (so_far, back) = (sent.load(Relaxed), received.load(Relaxed));
            let module = load();
            wait_until("frames", || {
                assert!(!senders.iter().any(|sender| sender.is_finished()));
                sent.load(Relaxed) > so_far && received.load(Relaxed) > back
            });
            thread::sleep(Duration::from_millis(round % 4));
            module.unload().unwrap();
        }
    });
    assert_unchanged(&before, "unloading under load");
}
