//! A VLAN tag (IEEE 802.1Q) on every frame, put on and taken off at the device.
//!
//! With a tag, the stack is on that VLAN alone: frames without the tag, or with another, do not
//! reach it. Without one, nothing is changed.

use alloc::vec::Vec;

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;

/// Bytes of the tag, between the addresses and the type.
const TAG: usize = 4;
/// Where the tag begins.
const AT: usize = 12;
/// The type that announces a tag.
const TAGGED: u16 = 0x8100;
/// The VLAN identifier's part of the tag; the rest is the priority.
const IDENTIFIER: u16 = 0x0fff;

/// The device as seen from the VLAN `id`, or as it is.
pub(super) struct Tagged<'d, D> {
    pub(super) device: &'d mut D,
    pub(super) id: Option<u16>,
}

impl<D: Device> Device for Tagged<'_, D> {
    type RxToken<'a>
        = Token<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Token<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let id = self.id;
        let (rx, tx) = self.device.receive(timestamp)?;
        Some((Token { inner: rx, id }, Token { inner: tx, id }))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        let id = self.id;
        let inner = self.device.transmit(timestamp)?;
        Some(Token { inner, id })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // A tag makes a frame longer than the largest one without: Ethernet allows for it.
        self.device.capabilities()
    }
}

/// A receive or transmit token with the tag in front.
pub(super) struct Token<T> {
    inner: T,
    id: Option<u16>,
}

/// The frame without its tag, if it has the tag `id`.
fn untagged(frame: &[u8], id: u16) -> Option<Vec<u8>> {
    let (addresses, rest) = frame.split_at_checked(AT)?;
    let (tag, rest) = rest.split_first_chunk::<TAG>()?;
    let [k0, k1, t0, t1] = *tag;
    let kind = u16::from_be_bytes([k0, k1]);
    let tag = u16::from_be_bytes([t0, t1]);
    (kind == TAGGED && tag & IDENTIFIER == id).then(|| [addresses, rest].concat())
}

impl<T: RxToken> RxToken for Token<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let id = self.id;
        self.inner.consume(|bytes| match id {
            None => f(bytes),
            // Too short for an Ethernet header: smoltcp drops it.
            Some(id) => f(&untagged(bytes, id).unwrap_or_default()),
        })
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

impl<T: TxToken> TxToken for Token<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Some(id) = self.id else {
            return self.inner.consume(len, f);
        };
        self.inner.consume(len + TAG, |bytes| {
            let result = f(&mut bytes[TAG..]);
            bytes.copy_within(TAG..TAG + AT.min(len), 0);
            if let Some(tag) = bytes.get_mut(AT..AT + TAG) {
                tag[..2].copy_from_slice(&TAGGED.to_be_bytes());
                tag[2..].copy_from_slice(&id.to_be_bytes());
            }
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.inner.set_meta(meta);
    }
}
