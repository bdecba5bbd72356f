//! Host names are looked up on threads of their own: addresses by the system's resolver, which
//! blocks, and TXT records, which it does not know, at the name servers that it is set up with.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use basalt_edge::sockets::{Found, Question};
use basalt_net::dns::{Kind, Limits, Lookup, Record, Step};
use mio::Waker;

use crate::clock::Clocks;

/// What became of a lookup.
type Resolved = (u64, Result<Found, String>);

/// Lookups under way.
pub(super) struct Names {
    waker: Arc<Waker>,
    sender: Sender<Resolved>,
    receiver: Receiver<Resolved>,
    next: u64,
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
            next: 0,
            servers: Vec::new(),
        }
    }

    /// Looks up a name. The swarm bounds the number of dials, and so of threads.
    pub(super) fn look_up(&mut self, name: String, question: Question) -> u64 {
        self.next += 1;
        let (lookup, servers) = (self.next, self.servers.clone());
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        std::thread::spawn(move || {
            let found = match question {
                Question::Texts => texts(&name, servers).map(Found::Texts),
                _ => addresses(&name, question).map(Found::Addresses),
            };
            // If nobody takes the answer, the loop has ended.
            let _ = sender.send((lookup, found));
            let _ = waker.wake();
        });
        lookup
    }

    /// The lookups that are done.
    pub(super) fn take(&mut self) -> Vec<Resolved> {
        self.receiver.try_iter().collect()
    }
}

fn addresses(name: &str, question: Question) -> Result<Vec<IpAddr>, String> {
    let fits = |ip: &IpAddr| match question {
        Question::V4 => ip.is_ipv4(),
        Question::V6 => ip.is_ipv6(),
        _ => true,
    };
    let all = (name, 0)
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    let addresses = all.map(|address| address.ip()).filter(fits);
    Ok(addresses.take(Limits::default().max_records).collect())
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
                // A port that the system draws by lot. A server that cannot be reached is as good
                // as a silent one.
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

/// The name servers in the text of a `resolv.conf`; this machine if there are none
/// (resolv.conf(5)).
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
