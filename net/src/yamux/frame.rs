//! The header of a Yamux frame: version, type, flags, stream, length, big-endian (yamux spec,
//! "Framing").

use super::error::YamuxError;

/// Bytes of a header.
pub const HEADER: usize = 12;

/// Offsets within the header.
mod field {
    pub(super) const VERSION: usize = 0;
    pub(super) const KIND: usize = 1;
    pub(super) const FLAGS: core::ops::Range<usize> = 2..4;
    pub(super) const STREAM: core::ops::Range<usize> = 4..8;
    pub(super) const LENGTH: core::ops::Range<usize> = 8..12;
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `length` bytes of a stream follow.
    Data,
    /// `length` more bytes may be sent.
    WindowUpdate,
    /// `length` is an opaque value to be sent back.
    Ping,
    /// No new streams; `length` says why.
    GoAway,
}

/// The flags of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// Opens a stream, or asks for an answer to a ping.
    pub const SYN: Self = Self(1);
    /// Accepts a stream, or answers a ping.
    pub const ACK: Self = Self(2);
    /// The sender has nothing more to say on the stream.
    pub const FIN: Self = Self(4);
    /// The stream is dead.
    pub const RST: Self = Self(8);

    /// Whether all flags of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags, and those of `other` if `condition` holds.
    #[must_use]
    pub const fn with(self, other: Self, condition: bool) -> Self {
        if condition {
            Self(self.0 | other.0)
        } else {
            self
        }
    }
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Its flags.
    pub flags: Flags,
    /// The stream it is about; 0 for the session.
    pub stream: u32,
    /// Size, credit or value, by `kind`.
    pub length: u32,
}

impl Header {
    /// Reads a header.
    pub fn parse(bytes: &[u8; HEADER]) -> Result<Self, YamuxError> {
        if bytes[field::VERSION] != 0 {
            return Err(YamuxError::Version(bytes[field::VERSION]));
        }
        let kind = match bytes[field::KIND] {
            0 => Kind::Data,
            1 => Kind::WindowUpdate,
            2 => Kind::Ping,
            3 => Kind::GoAway,
            other => return Err(YamuxError::Kind(other)),
        };
        let number = |range: core::ops::Range<usize>| {
            bytes[range]
                .iter()
                .fold(0u32, |value, &byte| value << 8 | u32::from(byte))
        };
        Ok(Self {
            kind,
            flags: Flags(number(field::FLAGS) as u16),
            stream: number(field::STREAM),
            length: number(field::LENGTH),
        })
    }

    /// Writes the header.
    pub fn emit(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[field::KIND] = self.kind as u8;
        bytes[field::FLAGS].copy_from_slice(&self.flags.0.to_be_bytes());
        bytes[field::STREAM].copy_from_slice(&self.stream.to_be_bytes());
        bytes[field::LENGTH].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_headers() {
        let open = Header {
            kind: Kind::WindowUpdate,
            flags: Flags::SYN,
            stream: 1,
            length: 0,
        };
        assert_eq!(open.emit(), [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
        let data = Header {
            kind: Kind::Data,
            flags: Flags(0),
            stream: 0x0102,
            length: 0x10000,
        };
        assert_eq!(data.emit(), [0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 0, 0]);
        assert_eq!(Header::parse(&data.emit()), Ok(data));
        assert_eq!(Header::parse(&[1; 12]), Err(YamuxError::Version(1)));
        assert_eq!(
            Header::parse(&[0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(YamuxError::Kind(4))
        );
    }
}
