//! Frames (RFC 6455 section 5).

use alloc::vec::Vec;

use super::error::WebSocketError;

/// Longest frame taken, in bytes: what rust-libp2p takes. Frames are not collected in memory, so
/// this only stops peers that send nonsense.
pub const MAX_FRAME: u64 = 256 * 1024 * 1024;

/// Which side of a WebSocket connection; the client masks what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that sent the HTTP request.
    Client,
    /// The side that answered it.
    Server,
}

/// Longest header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;
/// Longest payload of a control frame.
const MAX_CONTROL: usize = 125;

/// The opcodes that are defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Goes on with a message.
    Continuation,
    /// A message of text; its bytes are taken like those of a binary one.
    Text,
    /// A binary message.
    Binary,
    /// The sender sends nothing more.
    Close,
    /// Wants a pong with the same payload.
    Ping,
    /// Answers a ping.
    Pong,
}

impl Opcode {
    fn parse(code: u8) -> Option<Self> {
        Some(match code {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    const fn code(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    const fn is_control(self) -> bool {
        self.code() >= 0x8
    }
}

/// Writes the header of an unfragmented frame of `len` bytes into the front of `out` and gives its
/// size. A client gives the mask, which it then also applies to the payload.
pub fn header(opcode: Opcode, len: usize, mask: Option<[u8; 4]>, out: &mut [u8]) -> usize {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out[0] = 0x80 | opcode.code();
    let mut at = 2;
    if len < 126 {
        out[1] = masked | len as u8;
    } else if let Ok(len) = u16::try_from(len) {
        out[1] = masked | 126;
        out[2..4].copy_from_slice(&len.to_be_bytes());
        at = 4;
    } else {
        out[1] = masked | 127;
        out[2..10].copy_from_slice(&(len as u64).to_be_bytes());
        at = 10;
    }
    if let Some(mask) = mask {
        out[at..at + 4].copy_from_slice(&mask);
        at += 4;
    }
    at
}

/// Masks or unmasks `bytes`, the first of which is byte `offset` of its frame.
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let turned = u32::from_ne_bytes(core::array::from_fn(|i| mask[(offset + i) % 4]));
    let wide = u64::from(turned) << 32 | u64::from(turned);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (index, byte) in tail.iter_mut().enumerate() {
        *byte ^= turned.to_ne_bytes()[index % 4];
    }
}

/// A control frame that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// To be answered with a pong of the same payload.
    Ping(Vec<u8>),
    /// An answer to a ping. Unsolicited ones are allowed and ignored.
    Pong,
    /// The other side closes; its status code if it gave one.
    Close(Option<u16>),
}

#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    mask: Option<[u8; 4]>,
    /// Bytes of the payload that are read.
    read: u64,
    len: u64,
}

/// Strips frames off a stream of bytes.
#[derive(Debug)]
pub struct Reader {
    side: Side,
    header: [u8; MAX_HEADER],
    header_len: usize,
    frame: Option<Frame>,
    /// Payload of a control frame so far.
    control: Vec<u8>,
    /// Whether a message is unfinished, so that its continuation must follow.
    in_message: bool,
}

impl Reader {
    /// A reader on `side` of the connection.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            header: [0; MAX_HEADER],
            header_len: 0,
            frame: None,
            control: Vec::new(),
            in_message: false,
        }
    }

    /// Takes bytes off the front of `bytes` and appends the payload of data frames to `out`. Stops
    /// at a control frame and gives it; `None` once the bytes are used up.
    pub fn read(
        &mut self,
        bytes: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Control>, WebSocketError> {
        loop {
            let Some(frame) = &mut self.frame else {
                if bytes.is_empty() {
                    return Ok(None);
                }
                self.read_header(bytes)?;
                continue;
            };
            let left = frame.len - frame.read;
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            if take == 0 && left > 0 {
                return Ok(None);
            }
            let (payload, rest) = bytes.split_at(take);
            *bytes = rest;
            let sink = if frame.opcode.is_control() {
                &mut self.control
            } else {
                &mut *out
            };
            let start = sink.len();
            sink.extend_from_slice(payload);
            if let Some(mask) = frame.mask {
                apply_mask(&mut sink[start..], mask, (frame.read % 4) as usize);
            }
            frame.read += take as u64;
            if frame.read < frame.len {
                continue;
            }
            let opcode = frame.opcode;
            self.frame = None;
            if opcode.is_control() {
                return Ok(Some(self.finish_control(opcode)));
            }
        }
    }

    fn finish_control(&mut self, opcode: Opcode) -> Control {
        let payload = core::mem::take(&mut self.control);
        match opcode {
            Opcode::Ping => Control::Ping(payload),
            Opcode::Close => {
                Control::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)))
            }
            _ => Control::Pong,
        }
    }

    fn read_header(&mut self, bytes: &mut &[u8]) -> Result<(), WebSocketError> {
        let wanted = match self.header_len {
            0 | 1 => 2,
            _ => header_len(self.header[1]),
        };
        let take = (wanted - self.header_len).min(bytes.len());
        self.header[self.header_len..self.header_len + take].copy_from_slice(&bytes[..take]);
        self.header_len += take;
        *bytes = &bytes[take..];
        if self.header_len < 2 || self.header_len < header_len(self.header[1]) {
            return Ok(());
        }
        self.header_len = 0;
        self.frame = Some(self.parse()?);
        Ok(())
    }

    fn parse(&mut self) -> Result<Frame, WebSocketError> {
        let [first, second, ..] = self.header;
        let (fin, masked) = (first & 0x80 != 0, second & 0x80 != 0);
        if first & 0x70 != 0 {
            return Err(WebSocketError::Reserved);
        }
        let opcode = Opcode::parse(first & 0x0f).ok_or(WebSocketError::Reserved)?;
        if masked != (self.side == Side::Server) {
            return Err(WebSocketError::Mask);
        }
        let number = |range: core::ops::Range<usize>| {
            self.header[range]
                .iter()
                .fold(0u64, |value, &byte| value << 8 | u64::from(byte))
        };
        let (len, mask_at, least) = match second & 0x7f {
            126 => (number(2..4), 4, 126),
            127 => (number(2..10), 10, 65536),
            len => (u64::from(len), 2, 0),
        };
        if len < least || len > MAX_FRAME {
            return Err(WebSocketError::Length);
        }
        if opcode.is_control() {
            if !fin || len > MAX_CONTROL as u64 {
                return Err(WebSocketError::Control);
            }
        } else {
            if (opcode == Opcode::Continuation) != self.in_message {
                return Err(WebSocketError::Fragment);
            }
            self.in_message = !fin;
        }
        let mask = masked.then(|| core::array::from_fn(|i| self.header[mask_at + i]));
        Ok(Frame {
            opcode,
            mask,
            read: 0,
            len,
        })
    }
}

/// Length of the header whose second byte this is.
fn header_len(second: u8) -> usize {
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    mask + match second & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn read_all(side: Side, mut bytes: &[u8]) -> Result<(Vec<u8>, Vec<Control>), WebSocketError> {
        let (mut reader, mut data, mut controls) = (Reader::new(side), vec![], vec![]);
        while let Some(control) = reader.read(&mut bytes, &mut data)? {
            controls.push(control);
        }
        Ok((data, controls))
    }

    #[test]
    fn examples_of_the_rfc() {
        // Section 5.7.
        let unmasked = b"\x81\x05Hello";
        assert_eq!(read_all(Side::Client, unmasked).unwrap().0, b"Hello");
        let masked = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(read_all(Side::Server, &masked).unwrap().0, b"Hello");
        let fragments = b"\x01\x03Hel\x89\x02hi\x80\x02lo";
        let (data, controls) = read_all(Side::Client, fragments).unwrap();
        assert_eq!(
            (&data[..], &controls[..]),
            (&b"Hello"[..], &[Control::Ping(b"hi".to_vec())][..])
        );
    }

    #[test]
    fn lengths_of_each_width() {
        for (len, expected) in [
            (125, &[0x82, 125][..]),
            (126, &[0x82, 126, 0, 126]),
            (65535, &[0x82, 126, 255, 255]),
            (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut frame = vec![0; MAX_HEADER];
            let size = header(Opcode::Binary, len, None, &mut frame);
            assert_eq!(&frame[..size], expected);
            frame.truncate(size);
            frame.resize(size + len, 9);
            assert_eq!(read_all(Side::Client, &frame).unwrap().0, vec![9; len]);
        }
    }

    #[test]
    fn close_with_and_without_a_code() {
        assert_eq!(
            read_all(Side::Client, b"\x88\x00").unwrap().1,
            [Control::Close(None)]
        );
        let code = read_all(Side::Client, b"\x88\x02\x03\xe8").unwrap().1;
        assert_eq!(code, [Control::Close(Some(1000))]);
        assert_eq!(
            read_all(Side::Client, b"\x8a\x01x").unwrap().1,
            [Control::Pong]
        );
    }

    #[test]
    fn violations() {
        let client = |bytes: &[u8]| read_all(Side::Client, bytes).unwrap_err();
        assert_eq!(client(b"\xc2\x00"), WebSocketError::Reserved);
        assert_eq!(client(b"\x83\x00"), WebSocketError::Reserved);
        assert_eq!(client(b"\x82\x80abcd"), WebSocketError::Mask);
        assert_eq!(
            read_all(Side::Server, b"\x82\x00"),
            Err(WebSocketError::Mask)
        );
        assert_eq!(client(b"\x09\x00"), WebSocketError::Control);
        assert_eq!(client(b"\x89\x7e\x00\x7e"), WebSocketError::Control);
        assert_eq!(client(b"\x82\x7e\x00\x7d"), WebSocketError::Length);
        assert_eq!(
            client(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
            WebSocketError::Length
        );
        assert_eq!(client(b"\x80\x00"), WebSocketError::Fragment);
        assert_eq!(client(b"\x02\x00\x82\x00"), WebSocketError::Fragment);
    }

    proptest! {
        #[test]
        fn split_anywhere(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..6),
            mask: [u8; 4], cut in 1usize..50,
        ) {
            let mut wire = vec![];
            for message in &messages {
                let mut head = [0; MAX_HEADER];
                let len = header(Opcode::Binary, message.len(), Some(mask), &mut head);
                wire.extend_from_slice(&head[..len]);
                let start = wire.len();
                wire.extend_from_slice(message);
                apply_mask(&mut wire[start..], mask, 0);
            }
            let (mut reader, mut data) = (Reader::new(Side::Server), vec![]);
            for mut piece in wire.chunks(cut) {
                prop_assert_eq!(reader.read(&mut piece, &mut data), Ok(None));
            }
            prop_assert_eq!(data, messages.concat());
        }
    }
}
