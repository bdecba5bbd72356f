//! A gateway outside the interface's own subnet.
//!
//! Hosting providers hand out addresses like `203.0.113.7/32` whose gateway (`172.31.1.1`, say) is
//! on the same wire but not in the subnet. smoltcp takes ARP packets only from inside its own
//! prefix, so it could never learn such a gateway's hardware address. Here it is told instead that
//! it has a second address [`STAND_IN_OWN`] and routes by [`STAND_IN_GATEWAY`] on the same made-up
//! subnet, and the ARP packets (nothing else carries these addresses) are translated at the device:
//! on the wire only the real addresses appear.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpPacket, EthernetFrame, EthernetProtocol, Ipv4Address, Ipv4Cidr, Ipv4Packet,
};

/// The made-up gateway: RFC 6333 section 5.7 reserves 192.0.0.0/29 for a link whose addresses never
/// leave the two ends of it.
pub(super) const STAND_IN_GATEWAY: Ipv4Address = Ipv4Address::new(192, 0, 0, 1);

/// The made-up own address on the made-up subnet.
pub(super) const STAND_IN_OWN: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(192, 0, 0, 2), 29);

/// The real addresses behind the stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffSubnet {
    pub(super) own: Ipv4Address,
    pub(super) gateway: Ipv4Address,
}

/// An Ethernet header and an ARP packet for IPv4.
const ARP_FRAME_LEN: usize = 14 + 28;

/// What becomes of an incoming frame.
enum Inbound {
    Unchanged,
    Replaced([u8; ARP_FRAME_LEN]),
    Dropped,
}

impl OffSubnet {
    fn inbound(&self, bytes: &[u8]) -> Inbound {
        let Ok(frame) = EthernetFrame::new_checked(bytes) else {
            return Inbound::Unchanged;
        };
        match frame.ethertype() {
            EthernetProtocol::Arp => {
                let Some(Ok(head)) = bytes
                    .get(..ARP_FRAME_LEN)
                    .map(<[u8; ARP_FRAME_LEN]>::try_from)
                else {
                    return Inbound::Dropped;
                };
                let mut copy = head;
                let Some(mut arp) = arp_of(&mut copy) else {
                    return Inbound::Dropped;
                };
                let made_up = |address: &[u8]| STAND_IN_OWN.contains_addr(&address_of(address));
                if made_up(arp.source_protocol_addr()) || made_up(arp.target_protocol_addr()) {
                    return Inbound::Dropped;
                }
                if address_of(arp.source_protocol_addr()) == self.gateway {
                    arp.set_source_protocol_addr(&STAND_IN_GATEWAY.octets());
                    return Inbound::Replaced(copy);
                }
                Inbound::Unchanged
            }
            EthernetProtocol::Ipv4 => match Ipv4Packet::new_checked(frame.payload()) {
                Ok(packet) if STAND_IN_OWN.contains_addr(&packet.dst_addr()) => Inbound::Dropped,
                _ => Inbound::Unchanged,
            },
            _ => Inbound::Unchanged,
        }
    }

    fn outbound(&self, bytes: &mut [u8]) {
        if let Some(mut arp) = arp_of(bytes) {
            if address_of(arp.target_protocol_addr()) == STAND_IN_GATEWAY {
                arp.set_target_protocol_addr(&self.gateway.octets());
            }
            if address_of(arp.source_protocol_addr()) == STAND_IN_OWN.address() {
                arp.set_source_protocol_addr(&self.own.octets());
            }
        }
    }
}

/// The ARP packet in an Ethernet frame, if it is one about IPv4 addresses.
fn arp_of(bytes: &mut [u8]) -> Option<ArpPacket<&mut [u8]>> {
    let frame = EthernetFrame::new_checked(bytes).ok()?;
    if frame.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    let bytes = frame.into_inner();
    let arp = ArpPacket::new_checked(bytes.get_mut(14..)?).ok()?;
    (arp.protocol_len() == 4 && arp.hardware_len() == 6).then_some(arp)
}

fn address_of(bytes: &[u8]) -> Ipv4Address {
    <[u8; 4]>::try_from(bytes).map_or(Ipv4Address::UNSPECIFIED, Ipv4Address::from)
}

/// The device as smoltcp sees it.
pub(super) struct Translated<'d, D> {
    pub(super) device: &'d mut D,
    pub(super) gateway: Option<OffSubnet>,
}

impl<D: Device> Device for Translated<'_, D> {
    type RxToken<'a>
        = Token<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Token<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let gateway = self.gateway;
        let (rx, tx) = self.device.receive(timestamp)?;
        Some((Token { inner: rx, gateway }, Token { inner: tx, gateway }))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        let gateway = self.gateway;
        self.device
            .transmit(timestamp)
            .map(|inner| Token { inner, gateway })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A receive or transmit token with the translation in front.
pub(super) struct Token<T> {
    inner: T,
    gateway: Option<OffSubnet>,
}

impl<T: RxToken> RxToken for Token<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let gateway = self.gateway;
        self.inner.consume(
            |bytes| match gateway.map(|gateway| gateway.inbound(bytes)) {
                None | Some(Inbound::Unchanged) => f(bytes),
                Some(Inbound::Replaced(bytes)) => f(&bytes),
                // Too short for an Ethernet header: smoltcp drops it.
                Some(Inbound::Dropped) => f(&[]),
            },
        )
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

impl<T: TxToken> TxToken for Token<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let gateway = self.gateway;
        self.inner.consume(len, |bytes| {
            let result = f(bytes);
            if let Some(gateway) = gateway {
                gateway.outbound(bytes);
            }
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.inner.set_meta(meta);
    }
}
