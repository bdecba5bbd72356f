//! The frame of a particle: `uvarint(length) || uvarint(0x0201) || MessagePack map`.
//!
//! Byte strings are written as BIN and read as BIN or as an ARRAY of integers, which is how the
//! JavaScript client writes them. [`Reader`] collects a frame from a stream; it holds what has
//! arrived and never reserves memory for what was only announced.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::byte_string::ByteString;
use super::{Authored, Particle};
use basalt_terms::msgpack::{self, MsgpackError, put};
use basalt_terms::peer_id::{PeerId, PeerIdError};
use basalt_terms::prefixed::{self, LengthError};
use basalt_terms::varint::{self, VarintError};

/// Multicodec of MessagePack.
const CODEC: u64 = 0x0201;
/// Largest body that peers accept, in bytes (100 MiB).
pub const MAX_BODY: usize = 104_857_600;

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The stream ended before the frame did.
    Truncated,
    /// The length in front is no varint.
    Length(VarintError),
    /// The body is announced with more bytes than are taken.
    TooBig(u64),
    /// The body is not MessagePack by its codec number.
    Codec(u64),
    /// The message is not what the MessagePack of a particle looks like.
    Msgpack(MsgpackError),
    /// The message is an action other than a particle.
    Action,
    /// A field is missing.
    Missing(&'static str),
    /// A field is there twice.
    Duplicate(&'static str),
    /// The author is no peer id.
    PeerId(PeerIdError),
    /// Bytes follow the message.
    Trailing,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the stream ended inside a particle"),
            Self::Length(error) => write!(f, "the length of the particle: {error}"),
            Self::TooBig(len) => write!(f, "the particle is too big: {len} bytes"),
            Self::Codec(codec) => write!(f, "the particle has codec {codec:#x}, not 0x201"),
            Self::Msgpack(error) => write!(f, "the particle: {error}"),
            Self::Action => f.write_str("the message is not a particle"),
            Self::Missing(field) => write!(f, "the particle lacks the field {field}"),
            Self::Duplicate(field) => write!(f, "the particle has the field {field} twice"),
            Self::PeerId(error) => write!(f, "the particle's author: {error}"),
            Self::Trailing => f.write_str("bytes follow the particle"),
        }
    }
}

impl core::error::Error for FrameError {}

impl From<MsgpackError> for FrameError {
    fn from(error: MsgpackError) -> Self {
        Self::Msgpack(error)
    }
}

/// The frame of a particle in two pieces, so that big data is not copied. Clones share both.
#[derive(Clone, Debug)]
pub struct Frame {
    /// All up to the data.
    pub head: Bytes,
    /// The data, which comes last.
    pub data: Bytes,
}

impl Frame {
    /// Bytes in all.
    pub fn size(&self) -> usize {
        self.head.len() + self.data.len()
    }

    /// The frame in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.head[..], &self.data].concat()
    }
}

/// Writes the whole frame of a particle.
pub fn encode(particle: &Particle) -> Frame {
    use core::fmt::Write;

    /// A peer id's text without an allocation of its own.
    struct Text<'a>(&'a mut Vec<u8>);
    impl Write for Text<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            put::str(self.0, text);
            Ok(())
        }
    }

    // Room for the names and the small fields.
    let size = 192 + particle.id.len() + particle.script.len() + particle.signature.len();
    let mut body = Vec::with_capacity(size);
    varint::write(CODEC, &mut body);
    put::map_len(&mut body, 8);
    put::str(&mut body, "action");
    put::str(&mut body, "Particle");
    put::str(&mut body, "id");
    put::str(&mut body, &particle.id);
    put::str(&mut body, "init_peer_id");
    let _ = write!(Text(&mut body), "{}", particle.init_peer_id);
    put::str(&mut body, "timestamp");
    put::uint(&mut body, particle.timestamp);
    put::str(&mut body, "ttl");
    put::uint(&mut body, u64::from(particle.ttl));
    put::str(&mut body, "script");
    put::str(&mut body, &particle.script);
    put::str(&mut body, "signature");
    put::bin(&mut body, &particle.signature);
    put::str(&mut body, "data");
    put::bin_len(&mut body, particle.data.len());

    let len = body.len() + particle.data.len();
    let mut head = Vec::with_capacity(varint::MAX_LEN + body.len());
    varint::write(len as u64, &mut head);
    head.extend_from_slice(&body);
    Frame {
        head: head.into(),
        data: particle.data.clone(),
    }
}

/// Reads the body of a frame: what follows the length.
pub fn decode(body: Vec<u8>) -> Result<Particle, FrameError> {
    let (codec, used) = varint::read(&body).map_err(|error| match error {
        VarintError::Incomplete => FrameError::Truncated,
        other => FrameError::Length(other),
    })?;
    if codec != CODEC {
        return Err(FrameError::Codec(codec));
    }
    let view = View::read(&body, used)?;
    let id = view.id.into();
    let script = view.script.into();
    let init_peer_id = view
        .init_peer_id
        .parse::<PeerId>()
        .map_err(FrameError::PeerId)?;
    let signature = view.signature.copy(&body);
    let (timestamp, ttl, data) = (view.timestamp, view.ttl, view.data);
    // Mostly data: keep the buffer. Mostly script: copy the little data there is.
    let data = match &data {
        ByteString::Bin(range) | ByteString::Array { range, .. }
            if 2 * range.len() < body.len() =>
        {
            data.copy(&body).into()
        }
        _ => data.into_bytes(body),
    };
    let authored = Authored {
        id,
        init_peer_id,
        timestamp,
        ttl,
        script,
        signature,
    };
    Ok(Particle::new(authored, data))
}

/// The checked message, still in its buffer.
struct View<'a> {
    id: &'a str,
    init_peer_id: &'a str,
    timestamp: u64,
    ttl: u32,
    script: &'a str,
    signature: ByteString,
    data: ByteString,
}

impl<'a> View<'a> {
    fn read(bytes: &'a [u8], position: usize) -> Result<Self, FrameError> {
        let mut reader = msgpack::Reader::new(&bytes[position..]);
        let mut action = None;
        let (mut id, mut init_peer_id, mut script) = (None, None, None);
        let (mut timestamp, mut ttl) = (None, None);
        let (mut signature, mut data) = (None, None);
        for _ in 0..reader.map_len()? {
            match reader.str()? {
                "action" => once(&mut action, "action", reader.str()?)?,
                "id" => once(&mut id, "id", reader.str()?)?,
                "init_peer_id" => once(&mut init_peer_id, "init_peer_id", reader.str()?)?,
                "timestamp" => once(&mut timestamp, "timestamp", reader.u64()?)?,
                "ttl" => {
                    let value = u32::try_from(reader.u64()?).map_err(|_| MsgpackError::Range)?;
                    once(&mut ttl, "ttl", value)?;
                }
                "script" => once(&mut script, "script", reader.str()?)?,
                "signature" => once(
                    &mut signature,
                    "signature",
                    ByteString::read(&mut reader, bytes.len())?,
                )?,
                "data" => once(
                    &mut data,
                    "data",
                    ByteString::read(&mut reader, bytes.len())?,
                )?,
                _ => reader.skip()?,
            }
        }
        if action.ok_or(FrameError::Missing("action"))? != "Particle" {
            return Err(FrameError::Action);
        }
        if reader.remaining() > 0 {
            return Err(FrameError::Trailing);
        }
        Ok(Self {
            id: id.ok_or(FrameError::Missing("id"))?,
            init_peer_id: init_peer_id.ok_or(FrameError::Missing("init_peer_id"))?,
            timestamp: timestamp.ok_or(FrameError::Missing("timestamp"))?,
            ttl: ttl.ok_or(FrameError::Missing("ttl"))?,
            script: script.ok_or(FrameError::Missing("script"))?,
            signature: signature.ok_or(FrameError::Missing("signature"))?,
            data: data.ok_or(FrameError::Missing("data"))?,
        })
    }
}

fn once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), FrameError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(FrameError::Duplicate(name)),
    }
}

/// Collects one frame from a stream.
#[derive(Clone, Debug)]
pub struct Reader {
    body: prefixed::Reader,
}

impl Reader {
    /// A reader that refuses bodies of more than `max_body` bytes.
    pub const fn new(max_body: usize) -> Self {
        Self {
            body: prefixed::Reader::new(max_body),
        }
    }

    /// Takes the next bytes of the stream; gives the particle once it is complete. One stream
    /// carries one particle: what follows is not read.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Option<Particle>, FrameError> {
        let body = self.body.push(&mut bytes).map_err(|error| match error {
            LengthError::Varint(error) => FrameError::Length(error),
            LengthError::TooBig(len) => FrameError::TooBig(len),
        })?;
        body.map(decode).transpose()
    }

    /// Bytes of memory held for the frame so far.
    pub fn held(&self) -> usize {
        self.body.held()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::string::String;
    use alloc::vec;
    use base64::Engine;
    use proptest::prelude::*;

    const SIGNATURE: [u8; 64] = [
        0x29, 0xc7, 0x97, 0x0e, 0x73, 0x9f, 0xa9, 0xed, 0x1d, 0x3a, 0x70, 0x31, 0x88, 0x3b, 0x32,
        0x58, 0x12, 0x2f, 0x52, 0xae, 0x96, 0x1e, 0x84, 0xf4, 0x81, 0xef, 0x95, 0x30, 0x75, 0xce,
        0x66, 0xc8, 0xd9, 0xbc, 0x23, 0x47, 0xef, 0xfd, 0x74, 0xa2, 0xe7, 0xdd, 0x95, 0x87, 0xdc,
        0x3e, 0x89, 0x9f, 0xbf, 0x6f, 0x0e, 0x9f, 0xa1, 0x3c, 0xed, 0x98, 0x43, 0x70, 0x71, 0x81,
        0x65, 0xc6, 0xfb, 0x07,
    ];

    /// The particle that the protocol's description shows byte by byte.
    pub(crate) fn known() -> (Particle, Keypair) {
        let seed = base64::engine::general_purpose::STANDARD
            .decode("7h48PQ/f1rS9TxacmgODxbD42Il9B3KC117jvOPppPE=")
            .unwrap();
        let keypair = Keypair::from_seed(seed.try_into().unwrap());
        let authored = Authored {
            id: "2883f959-e9e7-4843-8c37-205d393ca372".into(),
            init_peer_id: keypair.peer_id(),
            timestamp: 1_696_934_545_662,
            ttl: 7000,
            script: "abc".into(),
            signature: SIGNATURE.to_vec(),
        };
        (Particle::new(authored, Bytes::new()), keypair)
    }

    /// The frame up to the signature.
    fn head(prefix: &[u8]) -> Vec<u8> {
        [
            prefix,
            b"\x81\x04\x88\xa6action\xa8Particle",
            b"\xa2id\xd9\x242883f959-e9e7-4843-8c37-205d393ca372",
            b"\xacinit_peer_id\xd9\x3412D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D",
            b"\xa9timestamp\xcf\x00\x00\x01\x8b\x19\x2e\x48\xfe",
            b"\xa3ttl\xcd\x1b\x58\xa6script\xa3abc\xa9signature",
        ]
        .concat()
    }

    fn binary_form() -> Vec<u8> {
        [
            head(b"\xf7\x01"),
            b"\xc4\x40".to_vec(),
            SIGNATURE.to_vec(),
            b"\xa4data\xc4\x00".to_vec(),
        ]
        .concat()
    }

    fn array_form() -> Vec<u8> {
        let mut frame = head(b"\x9a\x02");
        frame.extend_from_slice(b"\xdc\x00\x40");
        for byte in SIGNATURE {
            put::uint(&mut frame, u64::from(byte));
        }
        frame.extend_from_slice(b"\xa4data\x90");
        frame
    }

    fn read(frame: &[u8]) -> Result<Option<Particle>, FrameError> {
        Reader::new(MAX_BODY).push(frame)
    }

    #[test]
    fn writes_the_known_frame() {
        assert_eq!(encode(&known().0).to_vec(), binary_form());
        assert_eq!(binary_form().len(), 2 + 247);
    }

    #[test]
    fn reads_both_known_forms() {
        assert_eq!(array_form().len(), 2 + 282);
        assert_eq!(read(&binary_form()), Ok(Some(known().0)));
        assert_eq!(read(&array_form()), Ok(Some(known().0)));
    }

    #[test]
    fn reads_byte_by_byte() {
        let mut reader = Reader::new(MAX_BODY);
        let frame = array_form();
        for &byte in &frame[..frame.len() - 1] {
            assert_eq!(reader.push(&[byte]), Ok(None));
        }
        assert_eq!(reader.push(&frame[frame.len() - 1..]), Ok(Some(known().0)));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused() {
        let frame = binary_form();
        assert_eq!(Reader::new(246).push(&frame), Err(FrameError::TooBig(247)));
        assert!(Reader::new(247).push(&frame).is_ok());
    }

    #[test]
    fn refusals() {
        let whole = binary_form();
        let with = |from: &[u8], to: &[u8]| {
            let at = whole.windows(from.len()).position(|w| w == from).unwrap();
            let mut body = [&whole[2..at], to, &whole[at + from.len()..]].concat();
            let mut frame = vec![];
            varint::write(body.len() as u64, &mut frame);
            frame.append(&mut body);
            read(&frame)
        };
        assert_eq!(
            with(b"\x81\x04", b"\x80\x04"),
            Err(FrameError::Codec(0x0200))
        );
        assert_eq!(
            with(b"\xa8Particle", b"\xa7Upgrade"),
            Err(FrameError::Action)
        );
        assert_eq!(
            with(b"\xa6script", b"\xa6skript"),
            Err(FrameError::Missing("script"))
        );
        assert_eq!(
            with(b"\xa6script\xa3abc", b"\xa3ttl\x01"),
            Err(FrameError::Duplicate("ttl"))
        );
        assert_eq!(
            with(b"\xcd\x1b\x58", b"\xff"),
            Err(MsgpackError::Range.into())
        );
        assert_eq!(
            with(b"D3Koo", b"D3Kll"),
            Err(FrameError::PeerId(PeerIdError::Base58))
        );
        assert_eq!(
            with(b"data\xc4\x00", b"data\xc4\x00\x00"),
            Err(FrameError::Trailing)
        );
        assert_eq!(
            with(b"data\xc4\x00", b"data\xc4\x01"),
            Err(MsgpackError::Truncated.into())
        );
        assert_eq!(read(&[1, 0x80]), Err(FrameError::Truncated));
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let whole = binary_form();
        let mut body = [
            &whole[2..4],
            b"\x89\xa1x\x92\xc0\x81\xa1y\xcb12345678",
            &whole[5..],
        ]
        .concat();
        let mut frame = vec![];
        varint::write(body.len() as u64, &mut frame);
        frame.append(&mut body);
        assert_eq!(read(&frame), Ok(Some(known().0)));
    }

    proptest! {
        #[test]
        fn round_trip_split_anywhere(
            id in ".{0,40}", script: String, timestamp: u64, ttl: u32,
            signature: Vec<u8>, data in proptest::collection::vec(any::<u8>(), 0..70_000),
            cuts in proptest::collection::vec(0usize..70_000, 0..8),
        ) {
            let init_peer_id = known().0.init_peer_id;
            let authored = Authored { id, init_peer_id, timestamp, ttl, script, signature };
            let particle = Particle::new(authored, data);
            let frame = encode(&particle).to_vec();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % frame.len()).collect();
            cuts.push(frame.len());
            cuts.sort_unstable();
            let (mut reader, mut start, mut got) = (Reader::new(MAX_BODY), 0, None);
            for cut in cuts {
                if start < cut {
                    got = reader.push(&frame[start..cut]).unwrap();
                }
                start = cut;
            }
            prop_assert_eq!(got, Some(particle));
        }
    }
}
