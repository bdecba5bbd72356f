//! Host names are looked up on threads of their own, because the system's resolver blocks.

use std::collections::HashSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use basalt_net::multiaddr::Host;
use basalt_net::swarm::ConnId;
use mio::Waker;

/// What became of a lookup.
type Resolved = (ConnId, Result<SocketAddr, String>);

/// Lookups under way.
pub(super) struct Names {
    waker: Arc<Waker>,
    sender: Sender<Resolved>,
    receiver: Receiver<Resolved>,
    wanted: HashSet<ConnId>,
}

impl Names {
    pub(super) fn new(waker: Arc<Waker>) -> Names {
        let (sender, receiver) = channel();
        Names {
            waker,
            sender,
            receiver,
            wanted: HashSet::new(),
        }
    }

    /// Looks up a name for a connection that is to be dialed. The swarm bounds the number of dials.
    pub(super) fn resolve(&mut self, conn: ConnId, host: Host, port: u16) {
        self.wanted.insert(conn);
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        std::thread::spawn(move || {
            // If nobody takes the answer, the loop has ended.
            let _ = sender.send((conn, look_up(&host, port)));
            let _ = waker.wake();
        });
    }

    /// Takes the lookups that are done and still wanted.
    pub(super) fn take(&mut self) -> Vec<Resolved> {
        let wanted = &mut self.wanted;
        self.receiver
            .try_iter()
            .filter(|(conn, _)| wanted.remove(conn))
            .collect()
    }

    /// The connection is not wanted any more.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.wanted.remove(&conn);
    }
}

fn look_up(host: &Host, port: u16) -> Result<SocketAddr, String> {
    let name = match host {
        Host::Ip(ip) => return Ok(SocketAddr::new(*ip, port)),
        Host::Dns(name) | Host::Dns4(name) | Host::Dns6(name) => name.as_str(),
    };
    let fits = |address: &SocketAddr| match host {
        Host::Dns4(_) => address.is_ipv4(),
        Host::Dns6(_) => address.is_ipv6(),
        _ => true,
    };
    let mut addresses = (name, port)
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    addresses
        .find(fits)
        .ok_or_else(|| format!("{name} has no address of the wanted kind"))
}
