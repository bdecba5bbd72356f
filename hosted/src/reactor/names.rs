//! Host names are looked up on threads of their own: addresses by the system's resolver, which blocks, and TXT records,
//! which it does not know, at the name servers that it is set up with.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use basalt_net::dns::{Kind, Limits, Lookup, Record, Step};
use basalt_net::multiaddr::{Endpoint, Host};
use basalt_net::swarm::ConnId;
use mio::Waker;

use crate::clock::Clocks;

/// What became of a lookup.
type Resolved = (ConnId, Result<Found, String>);

/// What a name has.
pub(super) enum Found {
    /// Addresses, the best first; one at least.
    Addresses(Vec<SocketAddr>),
    /// TXT records.
    Texts(Vec<Vec<u8>>),
}

/// Lookups under way.
pub(super) struct Names {
    waker: Arc<Waker>,
    sender: Sender<Resolved>,
    receiver: Receiver<Resolved>,
    wanted: HashSet<ConnId>,
    /// Name servers; none: those of the system.
    pub(super) servers: Vec<SocketAddr>,
}

impl Names {
    pub(super) fn new(waker: Arc<Waker>) -> Names {
        let (sender, receiver) = channel();
        Names {
            waker,
            sender,
            receiver,
            wanted: HashSet::new(),
            servers: Vec::new(),
        }
    }

    /// Looks up the addresses of a host that is to be dialed. The swarm bounds the number of dials.
    pub(super) fn resolve(&mut self, conn: ConnId, endpoint: Endpoint) {
        self.start(conn, move || addresses(&endpoint).map(Found::Addresses));
    }

    /// Looks up the TXT records of a name.
    pub(super) fn look_up(&mut self, conn: ConnId, name: String) {
        let servers = self.servers.clone();
        self.start(conn, move || texts(&name, servers).map(Found::Texts));
    }

    fn start(
        &mut self,
        conn: ConnId,
        work: impl FnOnce() -> Result<Found, String> + Send + 'static,
    ) {
        self.wanted.insert(conn);
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        std::thread::spawn(move || {
            // If nobody takes the answer, the loop has ended.
            let _ = sender.send((conn, work()));
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

fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let name = match &endpoint.host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, endpoint.port)]),
        Host::Dns(name) | Host::Dns4(name) | Host::Dns6(name) => name.as_str(),
    };
    let fits = |address: &SocketAddr| match endpoint.host {
        Host::Dns4(_) => address.is_ipv4(),
        Host::Dns6(_) => address.is_ipv6(),
        _ => true,
    };
    let all = (name, endpoint.port)
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    let mut addresses: Vec<SocketAddr> = all.filter(fits).collect();
    if addresses.is_empty() {
        return Err(format!("{name} has no address of the wanted kind"));
    }
    addresses.retain(|address| endpoint.scope.admits(address.ip()));
    addresses.truncate(Limits::default().max_records);
    match addresses.is_empty() {
        true => Err(format!("{name} has no public address")),
        false => Ok(addresses),
    }
}

fn texts(name: &str, mut servers: Vec<SocketAddr>) -> Result<Vec<Vec<u8>>, String> {
    if servers.is_empty() {
        // As the system's resolver does without a file.
        let file = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        servers = name_servers(&file);
    }
    let error = |error: &dyn std::fmt::Display| format!("the TXT records of {name}: {error}");
    let number = getrandom::u32().map_err(|e| error(&e))? as u16;
    let limits = Limits::default();
    let mut answer = vec![0; limits.max_answer];
    let mut lookup =
        Lookup::new(name, Kind::Txt, servers, number, limits).map_err(|e| error(&e))?;
    let clocks = Clocks::start();
    let mut socket = None;
    loop {
        match lookup.poll(clocks.now()) {
            Step::Send(to, question) => {
                // A port that the system draws by lot. A server that cannot be reached is as good as a silent one.
                socket = socket_to(to).ok();
                if let Some(socket) = &socket {
                    let _ = socket.send(&question);
                }
            }
            Step::Wait(until) => {
                let patience = until.since(clocks.now());
                let Some(socket) = socket.as_ref().filter(|_| !patience.is_zero()) else {
                    std::thread::sleep(patience);
                    continue;
                };
                socket
                    .set_read_timeout(Some(patience))
                    .map_err(|e| error(&e))?;
                let (Ok(len), Ok(from)) = (socket.recv(&mut answer), socket.peer_addr()) else {
                    continue;
                };
                if let Some(result) = lookup.receive(from, &answer[..len]) {
                    let text = |record| match record {
                        Record::Text(text) => Some(text),
                        Record::Address(_) => None,
                    };
                    let records = result.map_err(|e| error(&e))?;
                    return Ok(records.into_iter().filter_map(text).collect());
                }
            }
            Step::Failed(e) => return Err(error(&e)),
        }
    }
}

/// A socket that hears this server alone.
fn socket_to(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

/// The name servers in the text of a `resolv.conf`; this machine if there are none (resolv.conf(5)).
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let server = line.trim().strip_prefix("nameserver")?;
        let server = server.split_whitespace().next()?;
        Some(SocketAddr::new(server.parse().ok()?, 53))
    });
    let mut servers: Vec<SocketAddr> = servers.collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_the_system() {
        let text = "# comment\nsearch example\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # local\n\
                    nameserver nonsense\noptions ndots:1\n";
        let servers = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|server| server.parse().unwrap());
        assert_eq!(name_servers(text), servers);
        assert_eq!(name_servers(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}
