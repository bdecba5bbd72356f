//! A client over TCP that speaks for itself: Noise properly, and then whatever it wants.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::place::Place;
use crate::wire::{Channel, Dialer, syn};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    channel: Channel,
    /// The next stream.
    next: u32,
}

impl Client {
    /// A client with identity `index`.
    pub(crate) fn connect(place: Place, index: u32) -> io::Result<Client> {
        let mut stream = place.connect()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (dialer, hello) = Dialer::new(index);
        stream.write_all(&hello)?;
        let mut wire = Vec::new();
        while !Dialer::is_whole(&wire) {
            read(&mut stream, &mut wire)?;
        }
        let (channel, proof) = dialer.answer(&wire);
        stream.write_all(&proof)?;
        Ok(Client {
            stream,
            channel,
            next: 1,
        })
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wire = self.channel.seal(bytes);
        self.stream.write_all(&wire)
    }

    /// The numbers of the next `count` streams.
    pub(crate) fn numbers(&mut self, count: u32) -> impl Iterator<Item = u32> + use<> {
        let first = self.next;
        self.next += 2 * count;
        (first..self.next).step_by(2)
    }

    /// Opens a stream with its first bytes; gives its number.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> io::Result<u32> {
        let stream = self.next;
        self.next += 2;
        self.say(&syn(stream, bytes))?;
        Ok(stream)
    }

    /// Reads and forgets what comes in, on a thread of its own, until the connection is over.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        let mut stream = self.stream.try_clone()?;
        stream.set_read_timeout(None)?;
        std::thread::spawn(move || io::copy(&mut stream, &mut io::sink()));
        Ok(())
    }
}

/// Reads what there is.
fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let len = stream.read(&mut buffer)?;
    into.extend_from_slice(&buffer[..len]);
    match len {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
