//! The bytes of a client that speaks Noise properly and then whatever it wants.

use basalt_net::noise::{Handshake, Identity, Opener, Sealer};
use basalt_net::yamux::{Flags, HEADER, Header, Kind};
use basalt_net::{Keypair, noise, yamux};

pub(crate) fn keypair(index: u32) -> Keypair {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&index.to_be_bytes());
    Keypair::from_seed(seed)
}

/// One line of multistream-select.
pub(crate) fn line(text: &str) -> Vec<u8> {
    let mut line = vec![text.len() as u8 + 1];
    line.extend_from_slice(text.as_bytes());
    line.push(b'\n');
    line
}

pub(crate) fn proposal(protocol: &str) -> Vec<u8> {
    [line("/multistream/1.0.0"), line(protocol)].concat()
}

pub(crate) fn header(kind: Kind, flags: Flags, stream: u32, length: u32) -> [u8; HEADER] {
    let header = Header {
        kind,
        flags,
        stream,
        length,
    };
    header.emit()
}

/// Opens a stream with its first bytes.
pub(crate) fn syn(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = header(Kind::Data, Flags::SYN, stream, bytes.len() as u32).to_vec();
    frame.extend_from_slice(bytes);
    frame
}

pub(crate) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let mut frame = header(Kind::Data, Flags(0), stream, bytes.len() as u32).to_vec();
    frame.extend_from_slice(bytes);
    frame
}

/// A client in the middle of the handshake.
pub(crate) struct Dialer {
    identity: Identity,
    handshake: Handshake,
}

impl Dialer {
    /// A client with identity `index`, and what it says first.
    pub(crate) fn new(index: u32) -> (Self, Vec<u8>) {
        let mut entropy = [5; 32];
        entropy[..4].copy_from_slice(&index.to_be_bytes());
        let identity = Identity::new(&keypair(index), entropy);
        let mut handshake = Handshake::new(&identity, entropy, true);
        let mut hello = proposal(noise::PROTOCOL);
        handshake.write(&identity, &mut hello).expect("a message");
        let dialer = Self {
            identity,
            handshake,
        };
        (dialer, hello)
    }

    /// Bytes of the answer, before which it is not whole.
    pub(crate) fn is_whole(answer: &[u8]) -> bool {
        let start = proposal(noise::PROTOCOL).len();
        answer
            .get(start..)
            .is_some_and(|rest| whole(rest).is_some())
    }

    /// Takes the whole answer; the channel, and what opens it.
    pub(crate) fn answer(mut self, answer: &[u8]) -> (Channel, Vec<u8>) {
        let message = &answer[proposal(noise::PROTOCOL).len() + noise::PREFIX..];
        let read = self.handshake.read(&self.identity, message);
        read.expect("the other side's identity");
        let mut wire = Vec::new();
        let written = self.handshake.write(&self.identity, &mut wire);
        written.expect("a message");
        let (seal, open, _) = self.handshake.finish().expect("a channel");
        let mut channel = Channel { seal, open };
        wire.extend(channel.seal(&proposal(yamux::PROTOCOL)));
        (channel, wire)
    }
}

/// Noise's two directions.
pub(crate) struct Channel {
    seal: Sealer,
    open: Opener,
}

impl Channel {
    /// The messages that carry `bytes`.
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        let most = noise::MAX_MESSAGE - noise::TAG;
        let mut wire = Vec::with_capacity(bytes.len() + 64);
        for text in bytes.chunks(most) {
            let mut message = vec![0; noise::PREFIX + text.len() + noise::TAG];
            message[noise::PREFIX..][..text.len()].copy_from_slice(text);
            self.seal.seal(&mut message, text.len());
            wire.extend_from_slice(&message);
        }
        wire
    }

    /// Takes the whole messages off the front of `wire`; what they carry.
    pub(crate) fn open(&mut self, wire: &mut Vec<u8>) -> Vec<u8> {
        let (mut rest, mut heard) = (&mut wire[..], Vec::new());
        while let Some(len) = whole(rest) {
            let (message, later) = rest.split_at_mut(noise::PREFIX + len);
            let text = self.open.open(&mut message[noise::PREFIX..]);
            heard.extend_from_slice(text.expect("a message of the other side"));
            rest = later;
        }
        let left = rest.len();
        let taken = wire.len() - left;
        wire.drain(..taken);
        heard
    }
}

/// Length of the message at the front of `wire`, if all of it is there.
fn whole(wire: &[u8]) -> Option<usize> {
    noise::message_len(wire).filter(|len| wire.len() >= noise::PREFIX + len)
}
