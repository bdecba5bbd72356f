//! Where an attack comes from: this machine has all addresses of 127.0.0.0/8.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// A node as seen from one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Where the connections go.
    pub(crate) target: SocketAddr,
    /// Where they come from.
    pub(crate) source: Ipv4Addr,
}

impl Place {
    /// The address with this number, which is nobody else's.
    pub(crate) fn numbered(target: SocketAddr, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        Self {
            target,
            source: Ipv4Addr::new(127, 77, high, low),
        }
    }

    /// A connection to the node.
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let tcp = (AddressFamily::INET, SocketType::STREAM);
        let socket = socket_with(tcp.0, tcp.1, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddr::from((self.source, 0)))?;
        connect(&socket, &self.target)?;
        Ok(TcpStream::from(socket))
    }

    /// An address of this machine whose connections go on to the node from here.
    pub(crate) fn relay(self, node: PeerId) -> Result<Multiaddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = Multiaddr::from_socket(listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Without an onward connection this one ends as well.
                let _ = self.connect().and_then(|onward| join(stream, onward));
            }
        });
        Ok(address.with(Protocol::P2p(node)))
    }
}

/// Passes bytes on, both ways.
fn join(one: TcpStream, other: TcpStream) -> io::Result<()> {
    let ways = [(one.try_clone()?, other.try_clone()?), (other, one)];
    for (mut from, mut to) in ways {
        from.set_nodelay(true)?;
        thread::spawn(move || {
            // However it ends, the other side learns that nothing more comes.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
