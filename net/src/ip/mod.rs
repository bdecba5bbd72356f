//! The IP stack: smoltcp with the policy of a server around it.
//!
//! [`Stack`] owns addressing, name lookups and every TCP socket of the machine. Addressing is DHCP
//! or static, with a gateway that may lie outside the subnet, a static IPv6 address beside it, and
//! a VLAN tag. It does no I/O: [`Stack::poll`] is given the time and a device (smoltcp's [`Device`]
//! trait, which each NIC driver implements), moves frames, and reports [`Event`]s;
//! [`Stack::wake_at`] says when it wants to be polled without traffic. ICMP echo is answered by
//! itself.
//!
//! | file | content |
//! |---|---|
//! | `config.rs` | what the owner decides: addressing and budgets |
//! | `names.rs` | name lookups |
//! | `sockets.rs` | the TCP sockets: backlog, half-open and closing connections, budgets |
//! | `gateway.rs` | device wrapper for a gateway outside the subnet |
//! | `vlan.rs` | device wrapper for a VLAN tag |
//! | `paths.rs` | path MTU discovery: device wrapper that listens to routers and cuts segments |

mod clock;
mod config;
mod counters;
mod error;
mod event;
mod gateway;
mod names;
mod paths;
mod pool;
mod sockets;
mod vlan;

pub use config::{Addressing, Config, Fixed6, Limits};
pub use counters::Counters;
pub use error::Error;
pub use event::{Configuration, Event, QueryId, SocketId};
pub use smoltcp::phy;
pub use smoltcp::time::Instant as Tick;
pub use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::SocketAddr;

use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::dhcpv4;
use smoltcp::wire::{DhcpOption, IpCidr};

use crate::dns;
use basalt_terms::time::{Instant, earliest};
use clock::to_tick;
use gateway::{OffSubnet, Translated};
use names::Names;
use paths::{Narrowed, Paths};
use sockets::Sockets;
use vlan::Tagged;

/// The stack of one network interface.
pub struct Stack {
    config: Config,
    seed: u64,
    interface: Option<Interface>,
    set: SocketSet<'static>,
    sockets: Sockets,
    dhcp: Option<SocketHandle>,
    names: Names,
    paths: RefCell<Paths>,
    configuration: Option<Configuration>,
    announce: bool,
    off_subnet: Option<OffSubnet>,
    backlogged: bool,
    counters: Counters,
}

impl Stack {
    /// A stack for a NIC with the address `config.mac`; `seed` feeds initial sequence numbers,
    /// ports and transaction ids and must not be guessable. Listeners may be opened at once.
    pub fn new(config: Config, seed: u64) -> Stack {
        let mut set = SocketSet::new(Vec::new());
        let dhcp = match config.addressing {
            Addressing::Dhcp => Some(set.add(dhcp_socket(config.hostname.as_deref()))),
            Addressing::Static { .. } => None,
        };
        Stack {
            sockets: Sockets::new(config.limits.clone(), seed),
            names: Names::new(&config.limits, seed),
            paths: RefCell::new(Paths::new(config.limits.max_paths)),
            config,
            seed,
            interface: None,
            set,
            dhcp,
            configuration: None,
            announce: false,
            off_subnet: None,
            backlogged: false,
            counters: Counters::default(),
        }
    }

    /// Addressing in force, once there is one.
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Connections in any state, listeners not counted.
    pub fn connections(&self) -> usize {
        self.sockets.connections()
    }

    /// Accepts connections on `port` from now on.
    ///
    /// # Errors
    /// [`Error::BadAddress`] for port 0, [`Error::PortTaken`] when it is listened on already.
    pub fn listen(&mut self, port: u16) -> Result<(), Error> {
        self.sockets.listen(port)?;
        self.sockets.refill(&mut self.set, &mut self.counters);
        Ok(())
    }

    /// Starts a connection to `remote`: [`Event::Connected`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// No address yet, no socket free, or an address one cannot connect to.
    pub fn connect(&mut self, remote: SocketAddr) -> Result<SocketId, Error> {
        let (Some(interface), Some(_)) = (&mut self.interface, &self.configuration) else {
            return Err(Error::NotConfigured);
        };
        self.sockets
            .connect(remote, interface.context(), &mut self.set)
    }

    /// Looks up what `name` has: [`Event::Resolved`] follows.
    ///
    /// # Errors
    /// No address yet, no query slot free, no name server, or not a domain name.
    pub fn resolve(&mut self, name: &str, kind: dns::Kind) -> Result<QueryId, Error> {
        if self.configuration.is_none() {
            return Err(Error::NotConfigured);
        }
        self.names.start(&mut self.set, name, kind)
    }

    /// The other end of a connection.
    pub fn remote(&self, socket: SocketId) -> Option<SocketAddr> {
        self.sockets.remote(&self.set, socket)
    }

    /// Bytes that [`Stack::receive`] would give now.
    pub fn readable(&self, socket: SocketId) -> usize {
        self.sockets.readable(&self.set, socket)
    }

    /// Takes received bytes into `buffer`; returns how many.
    pub fn receive(&mut self, socket: SocketId, buffer: &mut [u8]) -> usize {
        self.sockets.receive(&mut self.set, socket, buffer)
    }

    /// Hands received bytes to `take` without a copy, at most `limit` of them, as one slice;
    /// all bytes shown count as taken. Returns how many there were.
    pub fn receive_with(
        &mut self,
        socket: SocketId,
        limit: usize,
        take: impl FnOnce(&mut [u8]),
    ) -> usize {
        self.sockets
            .receive_with(&mut self.set, socket, limit, take)
    }

    /// Room for [`Stack::send`] now, in bytes.
    pub fn writable(&self, socket: SocketId) -> usize {
        self.sockets.writable(&self.set, socket)
    }

    /// Queues bytes; returns how many fitted. When not all did, [`Event::Writable`] follows.
    pub fn send(&mut self, socket: SocketId, bytes: &[u8]) -> usize {
        self.sockets.send(&mut self.set, socket, bytes)
    }

    /// Lets `fill` write straight into the send buffer; it returns how many bytes it wrote.
    /// Called once with one contiguous piece of the free room, which may be empty.
    pub fn send_with(&mut self, socket: SocketId, fill: impl FnOnce(&mut [u8]) -> usize) -> usize {
        self.sockets.send_with(&mut self.set, socket, fill)
    }

    /// Ends the sending side: what is queued still goes out, then FIN. [`Event::Closed`] follows,
    /// within `Limits::linger` whatever the other side does.
    pub fn close(&mut self, now: Instant, socket: SocketId) {
        self.sockets.close(now, &mut self.set, socket);
    }

    /// Ends the connection at once with a reset. [`Event::Closed`] follows.
    pub fn abort(&mut self, now: Instant, socket: SocketId) {
        self.sockets.abort(now, &mut self.set, socket);
    }

    /// Moves frames both ways and reports what came of it. Takes at most
    /// `Limits::ingress_per_poll` frames; returns true when something was moved.
    pub fn poll<D: Device>(&mut self, now: Instant, device: &mut D, out: &mut Vec<Event>) -> bool {
        let tick = to_tick(now);
        self.start(tick, device);
        let Some(interface) = &mut self.interface else {
            return false;
        };
        interface.poll_maintenance(tick);
        self.paths.get_mut().tick(now);
        let mut device = Narrowed {
            device: &mut Translated {
                device: &mut Tagged {
                    device,
                    id: self.config.vlan,
                },
                gateway: self.off_subnet,
            },
            paths: &self.paths,
        };
        let mut worked = false;
        self.backlogged = true;
        for _ in 0..self.config.limits.ingress_per_poll {
            match interface.poll_ingress_single(tick, &mut device, &mut self.set) {
                PollIngressSingleResult::None => {
                    self.backlogged = false;
                    break;
                }
                PollIngressSingleResult::PacketProcessed => self.counters.frames_received += 1,
                PollIngressSingleResult::SocketStateChanged => {
                    self.counters.frames_received += 1;
                    // A SYN may have used up the last listening socket, and the next frame may be a
                    // SYN too, which would be answered by a reset.
                    self.sockets
                        .note_half_open(now, &mut self.set, &mut self.counters);
                    self.sockets.refill(&mut self.set, &mut self.counters);
                }
            }
            worked = true;
        }
        while interface.poll_egress(tick, &mut device, &mut self.set)
            == PollResult::SocketStateChanged
        {
            worked = true;
        }
        let Narrowed { device, paths } = device;
        worked |= paths.borrow_mut().flush(tick, device);
        self.hear_routers(now);
        let before = out.len();
        self.poll_addressing(out);
        self.names.poll(now, &mut self.set, out);
        self.sockets
            .poll(now, &mut self.set, &mut self.counters, out);
        self.sockets.refill(&mut self.set, &mut self.counters);
        worked || out.len() > before
    }

    /// Believes what routers say about connections that exist. Senders of forged messages, who
    /// could slow our connections down, do not know their addresses and ports.
    fn hear_routers(&mut self, now: Instant) {
        let paths = self.paths.get_mut();
        for claim in paths.claims() {
            let is_ours = self
                .sockets
                .has_connection(&self.set, claim.port, claim.remote);
            if is_ours && paths.believe(now, claim) {
                self.counters.narrow_paths += 1;
            }
        }
    }

    /// When to poll next if no frame comes in before.
    pub fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        if self.backlogged || self.announce || self.paths.get_mut().is_waiting() {
            return Some(now);
        }
        let interface = self.interface.as_mut()?;
        let stack = interface
            .poll_at(to_tick(now), &self.set)
            .map(|at| Instant::from_micros(at.total_micros().max(0) as u64).max(now));
        let own = earliest(self.sockets.wake_at(), self.names.wake_at());
        earliest(stack, own).map(|at| at.max(now))
    }

    /// First poll: the interface needs the device's capabilities.
    fn start<D: Device>(&mut self, tick: Tick, device: &mut D) {
        if self.interface.is_some() {
            return;
        }
        let mut config = smoltcp::iface::Config::new(self.config.mac.into());
        config.random_seed = self.seed;
        self.interface = Some(Interface::new(config, device, tick));
        self.assign(None);
        if let Addressing::Static { address, gateway } = self.config.addressing {
            let dns = self.config.dns.clone();
            self.configure(Configuration {
                address,
                gateway,
                dns,
                ipv6: self.config.ipv6.map(|fixed| fixed.address),
            });
        }
    }

    /// Gives the interface its addresses and routes: those of IPv6 always, of IPv4 as told.
    fn assign(&mut self, ipv4: Option<(Ipv4Cidr, Option<Ipv4Address>)>) {
        let Some(interface) = &mut self.interface else {
            return;
        };
        let stand_in = self.off_subnet.map(|_| IpCidr::Ipv4(gateway::STAND_IN_OWN));
        let mut own: Vec<IpCidr> = ipv4.iter().map(|(address, _)| (*address).into()).collect();
        own.extend(stand_in);
        if let Some(fixed) = self.config.ipv6 {
            own.push(fixed.address.into());
            own.push(link_local(self.config.mac).into());
        }
        interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // All fit: smoltcp is built for four.
            let _ = addresses.extend_from_slice(&own);
        });
        let routes = interface.routes_mut();
        routes.remove_default_ipv4_route();
        routes.remove_default_ipv6_route();
        // The table has a place for each.
        if let Some((_, Some(next_hop))) = ipv4 {
            let _ = routes.add_default_ipv4_route(next_hop);
        }
        if let Some(next_hop) = self.config.ipv6.and_then(|fixed| fixed.gateway) {
            let _ = routes.add_default_ipv6_route(next_hop);
        }
    }

    /// Puts addresses and routes in force.
    fn configure(&mut self, configuration: Configuration) {
        let address = configuration.address;
        self.off_subnet = configuration
            .gateway
            .filter(|gateway| !address.contains_addr(gateway))
            .map(|gateway| OffSubnet {
                own: address.address(),
                gateway,
            });
        let next_hop = match self.off_subnet {
            Some(_) => Some(gateway::STAND_IN_GATEWAY),
            None => configuration.gateway,
        };
        self.assign(Some((address, next_hop)));
        self.names.set_servers(&configuration.dns);
        self.configuration = Some(configuration);
        self.announce = true;
    }

    fn poll_addressing(&mut self, out: &mut Vec<Event>) {
        if let Some(handle) = self.dhcp {
            let lease = match self.set.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
                None => None,
                Some(dhcpv4::Event::Deconfigured) => Some(None),
                Some(dhcpv4::Event::Configured(lease)) => {
                    let dns = match self.config.dns.is_empty() {
                        true => lease.dns_servers.iter().copied().collect(),
                        false => self.config.dns.clone(),
                    };
                    let gateway = self.config.gateway.or(lease.router);
                    Some(Some(Configuration {
                        address: lease.address,
                        gateway,
                        dns,
                        ipv6: self.config.ipv6.map(|fixed| fixed.address),
                    }))
                }
            };
            match lease {
                Some(Some(lease)) if self.configuration.as_ref() != Some(&lease) => {
                    let moved = self
                        .configuration
                        .as_ref()
                        .is_some_and(|c| c.address != lease.address);
                    if moved {
                        self.sockets.abort_all(&mut self.set);
                    }
                    self.configure(lease);
                }
                Some(None) if self.configuration.is_some() => {
                    self.configuration = None;
                    self.off_subnet = None;
                    self.sockets.abort_all(&mut self.set);
                    self.assign(None);
                    out.push(Event::Deconfigured);
                }
                _ => {}
            }
        }
        if core::mem::take(&mut self.announce)
            && let Some(configuration) = &self.configuration
        {
            out.push(Event::Configured(configuration.clone()));
        }
    }
}

/// The address of the interface on its own link, made of the hardware address (RFC 4291 appendix
/// A).
fn link_local(mac: EthernetAddress) -> Ipv6Cidr {
    let [a, b, c, d, e, f] = mac.0;
    let identifier = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..].copy_from_slice(&identifier);
    Ipv6Cidr::new(Ipv6Address::from(octets), 64)
}

/// A DHCP client that retries sooner than smoltcp's default of ten seconds: a boot waits for it.
fn dhcp_socket(hostname: Option<&str>) -> dhcpv4::Socket<'static> {
    let mut socket = dhcpv4::Socket::new();
    let mut retry = socket.get_retry_config();
    retry.discover_timeout = smoltcp::time::Duration::from_secs(2);
    retry.initial_request_timeout = smoltcp::time::Duration::from_secs(1);
    socket.set_retry_config(retry);
    if let Some(name) = hostname {
        // smoltcp wants options that outlive the socket. There is one such socket per interface, so
        // the few bytes are leaked.
        let name = String::leak(String::from(name)).as_bytes();
        let option = DhcpOption {
            kind: OPTION_HOST_NAME,
            data: name,
        };
        socket.set_outgoing_options(Vec::leak(alloc::vec![option]));
    }
    socket
}

/// DHCP option "Host Name" (RFC 2132 section 3.14).
const OPTION_HOST_NAME: u8 = 12;
