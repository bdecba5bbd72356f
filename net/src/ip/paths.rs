//! Path MTU discovery (RFC 1191, RFC 8201): paths that do not take the largest packets of our own
//! link.
//!
//! smoltcp forbids routers to fragment its packets, and ignores their messages that a packet was
//! too big. Here the device listens. A message about a connection that exists is believed for ten
//! minutes. TCP segments to such destinations are split at the device into segments that fit, with
//! consecutive sequence numbers. smoltcp sends the lost segment again and does not need to know.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant as Tick;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet,
    Icmpv6Message, Icmpv6Packet, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket,
};

use basalt_terms::time::Instant;

/// How long a router is believed: the path may have changed (RFC 1191 section 6.3).
const BELIEVED: Duration = Duration::from_secs(600);
/// What every host takes (RFC 791 section 3.1). No router can make us send less.
const MIN_IPV4: usize = 576;
/// What every link takes (RFC 8200 section 5).
const MIN_IPV6: usize = 1280;
/// Claims looked at per poll. Bounds a flood of them.
const MAX_CLAIMS: usize = 8;
/// Cut segments that may wait for the device; TCP sends again what is dropped.
const MAX_WAITING: usize = 64;
/// An Ethernet header.
const ETHERNET: usize = 14;
/// An IPv6 header.
const IPV6: usize = 40;

/// What a router says: packets of this connection must not be larger than `mtu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Our port of the connection.
    pub(super) port: u16,
    /// The other end of it.
    pub(super) remote: SocketAddr,
    mtu: usize,
}

#[derive(Debug)]
struct Path {
    mtu: usize,
    until: Instant,
}

/// Paths known to be narrow.
#[derive(Debug)]
pub(super) struct Paths {
    max: usize,
    known: BTreeMap<IpAddr, Path>,
    claims: Vec<Claim>,
    waiting: VecDeque<Vec<u8>>,
}

impl Paths {
    /// Remembers `max` paths at most.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            known: BTreeMap::new(),
            claims: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// What was claimed since the last time.
    pub(super) fn claims(&mut self) -> Vec<Claim> {
        core::mem::take(&mut self.claims)
    }

    /// Believes a claim about a connection that exists. True if it is news.
    pub(super) fn believe(&mut self, now: Instant, claim: Claim) -> bool {
        let to = claim.remote.ip();
        let path = Path {
            mtu: claim.mtu,
            until: now + BELIEVED,
        };
        if let Some(known) = self.known.get(&to)
            && known.mtu <= path.mtu
        {
            return false;
        }
        if self.known.len() >= self.max && !self.known.contains_key(&to) {
            let oldest = self.known.iter().min_by_key(|(_, path)| path.until);
            let Some(oldest) = oldest.map(|(&to, _)| to) else {
                return false;
            };
            self.known.remove(&oldest);
        }
        self.known.insert(to, path);
        true
    }

    /// Forgets what has been believed for long enough.
    pub(super) fn tick(&mut self, now: Instant) {
        if !self.known.is_empty() {
            self.known.retain(|_, path| path.until > now);
        }
    }

    /// Sends segments that were cut; true if there were any.
    pub(super) fn flush<D: Device>(&mut self, tick: Tick, device: &mut D) -> bool {
        let before = self.waiting.len();
        while !self.waiting.is_empty()
            && let Some(token) = device.transmit(tick)
            && let Some(frame) = self.waiting.pop_front()
        {
            token.consume(frame.len(), |bytes| bytes.copy_from_slice(&frame));
        }
        self.waiting.len() < before
    }

    /// Whether segments wait for the device.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Cuts a frame that does not fit its path: gives the first part, and keeps the others.
    fn cut(&mut self, frame: Vec<u8>) -> Vec<u8> {
        let mtu = destination(&frame).and_then(|to| self.known.get(&to).map(|path| path.mtu));
        let mut parts = match mtu {
            Some(mtu) if frame.len() > ETHERNET + mtu => segments(&frame, mtu).into_iter(),
            _ => return frame,
        };
        let Some(first) = parts.next() else {
            return frame;
        };
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(parts.take(room));
        first
    }
}

/// Where an IP packet in an Ethernet frame goes.
fn destination(frame: &[u8]) -> Option<IpAddr> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            Some(packet.dst_addr().into())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            Some(packet.dst_addr().into())
        }
        _ => None,
    }
}

/// What a router says in this frame, if it is a sound message of that kind to us about a TCP
/// segment from us.
fn claim(frame: &[u8]) -> Option<Claim> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Icmp || packet.frag_offset() != 0 {
                return None;
            }
            let bytes = packet.payload();
            let icmp = Icmpv4Packet::new_checked(bytes).ok()?;
            let too_big = icmp.msg_type() == Icmpv4Message::DstUnreachable
                && icmp.msg_code() == u8::from(Icmpv4DstUnreachable::FragRequired);
            if !too_big || !packet.verify_checksum() || !icmp.verify_checksum() {
                return None;
            }
            let mtu = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
            let quoted = bytes.get(8..)?;
            let head = Ipv4Packet::new_unchecked(quoted.first_chunk::<20>()?);
            let ports = quoted.get(usize::from(head.header_len())..)?;
            if head.next_header() != IpProtocol::Tcp || head.src_addr() != packet.dst_addr() {
                return None;
            }
            // Old routers leave the field 0 instead of saying how much they take.
            connection(
                ports,
                head.dst_addr().into(),
                usize::from(mtu).max(MIN_IPV4),
            )
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Icmpv6 {
                return None;
            }
            let icmp = Icmpv6Packet::new_checked(packet.payload()).ok()?;
            if icmp.msg_type() != Icmpv6Message::PktTooBig
                || !icmp.verify_checksum(&packet.src_addr(), &packet.dst_addr())
            {
                return None;
            }
            let (quoted, ports) = icmp.payload().split_at_checked(IPV6)?;
            let head = Ipv6Packet::new_unchecked(quoted);
            if head.next_header() != IpProtocol::Tcp || head.src_addr() != packet.dst_addr() {
                return None;
            }
            let mtu = usize::try_from(icmp.pkt_too_big_mtu()).ok()?;
            connection(ports, head.dst_addr().into(), mtu.max(MIN_IPV6))
        }
        _ => None,
    }
}

/// The connection whose segment begins with `ports`.
fn connection(ports: &[u8], to: IpAddr, mtu: usize) -> Option<Claim> {
    let [own0, own1, remote0, remote1] = *ports.first_chunk::<4>()?;
    Some(Claim {
        port: u16::from_be_bytes([own0, own1]),
        remote: SocketAddr::new(to, u16::from_be_bytes([remote0, remote1])),
        mtu,
    })
}

/// Splits the TCP segment in a frame into segments whose packets have at most `mtu` bytes. `None`
/// if nothing has to be split.
fn segments(frame: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let cut = || {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let payload = ethernet.payload();
        let (ip, packet) = match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => {
                let packet = Ipv4Packet::new_checked(payload).ok()?;
                let tcp = packet.next_header() == IpProtocol::Tcp;
                let len = usize::from(packet.total_len());
                (usize::from(packet.header_len()), tcp.then_some(len)?)
            }
            EthernetProtocol::Ipv6 => {
                let packet = Ipv6Packet::new_checked(payload).ok()?;
                let tcp = packet.next_header() == IpProtocol::Tcp;
                (IPV6, tcp.then_some(packet.total_len())?)
            }
            _ => return None,
        };
        let tcp = TcpPacket::new_checked(payload.get(ip..packet)?).ok()?;
        let head = ETHERNET + ip + usize::from(tcp.header_len());
        let data = frame.get(head..ETHERNET + packet)?;
        let piece = (ETHERNET + mtu).checked_sub(head).filter(|&len| len > 0)?;
        let count = data.len().div_ceil(piece);
        let parts = data.chunks(piece).enumerate().map(|(index, data)| {
            let mut part = [&frame[..head], data].concat();
            segment(&mut part, ip, index * piece, index + 1 == count);
            part
        });
        Some(parts.collect())
    };
    cut().unwrap_or_default()
}

/// Sets lengths, sequence number, flags and checksums of a part that lies `offset` bytes behind the
/// whole's beginning.
fn segment(part: &mut [u8], ip: usize, offset: usize, last: bool) {
    let (ethernet, packet) = part.split_at_mut(ETHERNET);
    let (len, is_ipv4) = (packet.len(), ethernet[12..] == [0x08, 0x00]);
    let (from, to): (IpAddr, IpAddr) = if is_ipv4 {
        let mut head = Ipv4Packet::new_unchecked(&mut *packet);
        head.set_total_len(len as u16);
        head.fill_checksum();
        (head.src_addr().into(), head.dst_addr().into())
    } else {
        let mut head = Ipv6Packet::new_unchecked(&mut *packet);
        head.set_payload_len((len - IPV6) as u16);
        (head.src_addr().into(), head.dst_addr().into())
    };
    let mut tcp = TcpPacket::new_unchecked(&mut packet[ip..]);
    tcp.set_seq_number(tcp.seq_number() + offset);
    if !last {
        tcp.set_fin(false);
        tcp.set_psh(false);
    }
    tcp.fill_checksum(&from.into(), &to.into());
}

/// The device with narrow paths behind it.
pub(super) struct Narrowed<'d, D> {
    pub(super) device: &'d mut D,
    pub(super) paths: &'d RefCell<Paths>,
}

impl<'d, D: Device> Device for Narrowed<'d, D> {
    type RxToken<'a>
        = Token<'d, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Token<'d, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Tick) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let paths = self.paths;
        let (rx, tx) = self.device.receive(timestamp)?;
        Some((Token { inner: rx, paths }, Token { inner: tx, paths }))
    }

    fn transmit(&mut self, timestamp: Tick) -> Option<Self::TxToken<'_>> {
        // Those that were cut come before what is made next.
        let paths = self.paths;
        paths.borrow_mut().flush(timestamp, self.device);
        if paths.borrow().is_waiting() {
            return None;
        }
        let inner = self.device.transmit(timestamp)?;
        Some(Token { inner, paths })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A receive token that listens to routers, a transmit token that cuts.
pub(super) struct Token<'d, T> {
    inner: T,
    paths: &'d RefCell<Paths>,
}

impl<T: RxToken> RxToken for Token<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let paths = self.paths;
        self.inner.consume(|bytes| {
            if let Some(claim) = claim(bytes) {
                let claims = &mut paths.borrow_mut().claims;
                if claims.len() < MAX_CLAIMS {
                    claims.push(claim);
                }
            }
            f(bytes)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

impl<T: TxToken> TxToken for Token<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        if len <= ETHERNET + MIN_IPV4 || self.paths.borrow().known.is_empty() {
            return self.inner.consume(len, f);
        }
        let mut frame = alloc::vec![0; len];
        let result = f(&mut frame);
        let frame = self.paths.borrow_mut().cut(frame);
        self.inner
            .consume(frame.len(), |bytes| bytes.copy_from_slice(&frame));
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.inner.set_meta(meta);
    }
}
