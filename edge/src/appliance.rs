//! The whole networked node over one network card: what the kernel's system core drives.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use basalt_manifest::{Addressing, MIN_MEMORY, Manifest, ProverMode};
use basalt_net::ip::{self, EthernetAddress, Ipv4Cidr, Ipv6Cidr};
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::Transport;
use basalt_net::time::Instant;
use basalt_net::tls;
use basalt_node::compute::{Done, Job};
use basalt_node::disk::{DiskDone, DiskJob};
use basalt_node::host::Clock;
use basalt_node::peer::{self, Peer};
use basalt_node::rooms::Parts;
use basalt_node::state::State;
use basalt_node::status::{CoreReport, DeviceReport};
use sha2::{Digest, Sha256};

use crate::driver::{self, Driver};
use crate::sockets::{Door, Event};
use crate::stack;

/// What the kernel knows when it starts the node.
#[derive(Debug, Clone)]
pub struct Boot {
    /// Monotonic time.
    pub now: Instant,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: u64,
    /// Fresh entropy: everything random in the node grows from it.
    pub seed: [u8; 32],
    /// Seed of the node's Ed25519 key: the manifest's, or the one kept since the first boot.
    pub identity_seed: [u8; 32],
    /// Hardware address of the NIC.
    pub mac: [u8; 6],
    /// Memory that nobody uses and the prover will not, in bytes: services and TCP's buffers take
    /// parts of it.
    pub memory: u64,
    /// Version of the image.
    pub version: String,
}

/// Why the node cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The manifest holds what its check should have found.
    Config(peer::ConfigError),
    /// The same about TLS.
    Tls(tls::SettingsError),
    /// A listener cannot be opened.
    Listen {
        /// Its port.
        port: u16,
        /// Why.
        error: ip::Error,
    },
    /// The state cannot be read.
    State(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(error) => write!(f, "manifest: {error}"),
            Error::Tls(error) => write!(f, "manifest: {error}"),
            Error::State(error) => write!(f, "state: {error}"),
            Error::Listen { port, error } => write!(f, "cannot listen on port {port}: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// The node is reachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Its identity.
    pub peer_id: PeerId,
    /// Its addresses, as multiaddr text without the peer id.
    pub addresses: Vec<String>,
}

/// What one poll came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Whether anything was moved: if so, there may be more at once.
    pub did_work: bool,
    /// When to poll next if no frame comes in before.
    pub wake_at: Option<Instant>,
}

/// IP stack and peer joined.
pub struct Appliance {
    driver: Driver<Peer, ip::Stack>,
    ports: Ports,
    listening: Option<Listening>,
    cores: Vec<CoreReport>,
    events: Vec<ip::Event>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    tcp: u16,
    websocket: u16,
    http: Option<u16>,
}

impl Ports {
    /// Whom a port is for.
    fn door(&self, port: u16) -> Door {
        match port {
            _ if Some(port) == self.http => Door::Pages,
            _ if port == self.websocket => Door::Peers(Transport::WebSocket),
            _ => Door::Peers(Transport::Tcp),
        }
    }
}

impl Appliance {
    /// A node as the manifest says; nothing is sent before the first poll.
    ///
    /// # Errors
    /// The manifest holds something its check should have found, or the listeners cannot be opened.
    pub fn new(manifest: &Manifest, boot: Boot, parts: Parts) -> Result<Appliance, Error> {
        let ports = Ports {
            tcp: manifest.network.tcp_port,
            websocket: manifest.network.websocket_port,
            http: manifest.http.port,
        };
        let mut ip_config = ip_config(manifest, boot.mac);
        ip_config.limits.extra_buffers = extra_buffers(manifest.prover.mode, boot.memory);
        let mut config =
            peer::Config::from_manifest(manifest, &boot.version).map_err(Error::Config)?;
        let tls_seed = Sha256::new()
            .chain_update(b"tls")
            .chain_update(boot.seed)
            .finalize();
        let tls = tls::Context::new(&peer::tls_settings(manifest), tls_seed.into());
        config.tls = Some(Arc::new(tls.map_err(Error::Tls)?));
        budget(&mut config, &ip_config.limits);
        config.particles.set(&manifest.particles, PARTICLE_MEMORY);
        config.services.set(&manifest.services, boot.memory);
        let ip_seed: [u8; 32] = Sha256::new()
            .chain_update(b"ip")
            .chain_update(boot.seed)
            .finalize()
            .into();
        let swarm_seed = Sha256::new()
            .chain_update(b"swarm")
            .chain_update(boot.seed)
            .finalize()
            .into();
        let mut stack = ip::Stack::new(
            ip_config,
            u64::from_le_bytes(core::array::from_fn(|i| ip_seed[i])),
        );
        for port in [ports.tcp, ports.websocket].into_iter().chain(ports.http) {
            stack
                .listen(port)
                .map_err(|error| Error::Listen { port, error })?;
        }
        let keypair = Keypair::from_seed(boot.identity_seed);
        let peer = Peer::with_parts(config, keypair, swarm_seed, parts);
        let peer = peer.map_err(|error| Error::State(error.to_string()))?;
        Ok(Appliance {
            driver: Driver::new(peer, stack),
            ports,
            listening: None,
            cores: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Bounds polls by time also ([`Driver::set_watch`]).
    pub fn set_watch(&mut self, watch: impl Fn() -> Instant + Send + 'static) {
        self.driver.set_watch(watch);
    }

    /// Moves everything that can be moved now.
    pub fn poll<D: ip::phy::Device>(
        &mut self,
        now: Instant,
        wall_ms: u64,
        device: &mut D,
    ) -> Activity {
        let clock = Clock { now, wall_ms };
        let moved = self.driver.sockets.poll(now, device, &mut self.events);
        let mut events = core::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.on_event(clock, event);
        }
        self.events = events;
        let turn = self.driver.turn(clock);
        let wakes = [self.driver.sockets.wake_at(now), self.driver.wake_at(clock)];
        Activity {
            // What was sent is in the stack only: it leaves with the next poll.
            did_work: moved || turn.sent || turn.more,
            wake_at: wakes.into_iter().flatten().min(),
        }
    }

    fn on_event(&mut self, clock: Clock, event: ip::Event) {
        let event = match event {
            ip::Event::Configured(configuration) => {
                self.configured(clock, &configuration);
                return;
            }
            ip::Event::Deconfigured => {
                log::warn!(target: "net", "the DHCP lease ended");
                self.listening = None;
                return;
            }
            ip::Event::Accepted {
                socket,
                port,
                remote,
            } => Event::Accepted {
                socket,
                door: self.ports.door(port),
                remote,
            },
            ip::Event::Connected(socket) => Event::Connected(socket),
            ip::Event::Failed(socket) => {
                Event::Failed(socket, "nobody answers at this address".into())
            }
            ip::Event::Readable(socket) => Event::Readable(socket),
            ip::Event::Writable(socket) => Event::Writable(socket),
            ip::Event::Finished(socket) => Event::Finished(socket),
            ip::Event::Closed { socket, .. } => Event::Closed(socket),
            ip::Event::Resolved { query, result } => {
                let result = result.map(stack::found);
                Event::Found(query, result.map_err(|error| error.reason().into()))
            }
        };
        self.driver.event(clock, event);
    }

    fn configured(&mut self, clock: Clock, configuration: &ip::Configuration) {
        let gateway = configuration.gateway;
        let gateway = gateway.map_or("none".to_string(), |gateway| gateway.to_string());
        log::info!(target: "net", "address {}, gateway {gateway}", configuration.address);
        let ipv6 = configuration.ipv6.map(|fixed| IpAddr::V6(fixed.address()));
        if let Some(ip) = ipv6 {
            log::info!(target: "net", "address {ip}");
        }
        let ipv4 = IpAddr::V4(configuration.address.address());
        let ports = self.ports;
        let at = |ip, port| Multiaddr::from_socket(SocketAddr::new(ip, port));
        let addresses: Vec<Multiaddr> = [Some(ipv4), ipv6]
            .into_iter()
            .flatten()
            .flat_map(|ip| {
                let websocket = at(ip, ports.websocket).with(Protocol::Ws);
                [at(ip, ports.tcp), websocket]
            })
            .collect();
        self.driver
            .with(clock, |peer, out| peer.listening(clock, &addresses, out));
        self.listening = Some(Listening {
            peer_id: self.driver.machine.peer_id(),
            addresses: addresses.iter().map(Multiaddr::to_string).collect(),
        });
    }

    /// The next job for a compute core ([`Job::core`]): the kernel takes them all after each poll.
    pub fn next_job(&mut self) -> Option<Job> {
        self.driver.next_job()
    }

    /// Takes back what came of a job.
    pub fn done(&mut self, now: Instant, wall_ms: u64, done: Done) {
        self.driver.done(Clock { now, wall_ms }, done);
    }

    /// Hands the state over to the edge, which runs the disk's jobs from now on
    /// ([`basalt_node::disk`]).
    pub fn take_state(&mut self) -> Option<State> {
        self.driver.machine.take_state()
    }

    /// The next job for the disk, for an edge that took the state.
    pub fn next_disk_job(&mut self) -> Option<DiskJob> {
        self.driver.next_disk_job()
    }

    /// Takes back what came of a disk job.
    pub fn disk_done(&mut self, now: Instant, wall_ms: u64, done: DiskDone) {
        self.driver.disk_done(Clock { now, wall_ms }, done);
    }

    /// The compute cores that serve deals, if that changed since it was last asked: at first none
    /// does.
    pub fn deal_cores(&mut self) -> Option<Vec<usize>> {
        self.driver.machine.deal_cores()
    }

    /// What outlives a reboot, if anything does.
    pub fn state(&mut self) -> Option<&mut State> {
        self.driver.machine.state()
    }

    /// Where the node is reachable: from the time an address is configured and both listeners are
    /// open.
    pub fn is_listening(&self) -> Option<&Listening> {
        self.listening.as_ref()
    }

    /// Files the result of a core's self-test, for the status.
    pub fn set_core_report(&mut self, report: CoreReport) {
        self.cores.retain(|known| known.core != report.core);
        self.cores.push(report);
    }

    /// Files a device that is in use, for the status.
    pub fn add_device_report(&mut self, report: DeviceReport) {
        self.driver.machine.add_device(report);
    }

    /// Files metrics of the machine around the node, shown behind the node's own: text in the
    /// OpenMetrics format without its end mark.
    pub fn set_machine_metrics(&mut self, text: String) {
        self.driver.machine.set_machine_metrics(text);
    }

    /// What the operator can see.
    pub fn status(&self) -> Status {
        Status {
            peer: self.driver.machine.status(),
            ip: self.driver.sockets.counters(),
            cores: self.cores.clone(),
        }
    }
}

/// Everything the operator can see.
#[derive(Debug, Clone)]
pub struct Status {
    /// Connections and particles.
    pub peer: peer::Status,
    /// The IP stack.
    pub ip: ip::Counters,
    /// The cores' self-tests.
    pub cores: Vec<CoreReport>,
}

/// Memory for unfinished incoming particles, and for particles that are alive: the appliance runs
/// with as little as 64 MiB in all.
const PARTICLE_MEMORY: usize = 16 << 20;

/// Sockets that peers do not get: those of the operator's pages, of requests to the chain, for
/// files and for services, and those that are closing ([`driver::MAX_CLOSING`]).
const OTHER_SOCKETS: usize = 64 + driver::MAX_CLOSING;

/// Streams that others have open: 16 MiB of memory.
const MAX_STREAMS: usize = 16 * 1024;

/// Budgets of a peer whose connections the stack bounds.
fn budget(config: &mut peer::Config, limits: &ip::Limits) {
    let sockets = limits.max_sockets.saturating_sub(OTHER_SOCKETS);
    config.connections.fit(sockets);
    config.connections.max_held = PARTICLE_MEMORY;
    config.connections.max_streams = MAX_STREAMS;
    config.connections.max_queued = PARTICLE_MEMORY;
    config.seeks.max_bytes = PARTICLE_MEMORY / 4;
    config.inbox.max_bytes = PARTICLE_MEMORY / 2;
}

/// The part of the memory that TCP's larger buffers may take.
const BUFFERS: u64 = 16;
/// More than this is of little use: the first buffers are an eighth of it, which is what a path of
/// 60 ms holds at 1 Gbit/s.
const MAX_BUFFERS: u64 = 64 << 20;

/// Memory for larger buffers of TCP than the smallest.
fn extra_buffers(prover: ProverMode, memory: u64) -> usize {
    // A prover takes what there is beyond the least that everything else runs with.
    let memory = match prover {
        ProverMode::Off => memory,
        _ => memory.min(MIN_MEMORY),
    };
    (memory / BUFFERS).min(MAX_BUFFERS) as usize
}

/// What the manifest says about addressing, for a card with the address `mac`.
pub fn ip_config(manifest: &Manifest, mac: [u8; 6]) -> ip::Config {
    let mac = EthernetAddress(mac);
    let mut config = match &manifest.network.addressing {
        Addressing::Dhcp => ip::Config::dhcp(mac),
        Addressing::Static(fixed) => {
            let address = Ipv4Cidr::new(fixed.address, fixed.prefix);
            let mut config = ip::Config::fixed(mac, address, fixed.gateway);
            config.dns = fixed.dns.clone();
            config
        }
    };
    config.hostname = Some(manifest.network.hostname.clone());
    config.vlan = manifest.network.vlan;
    config.ipv6 = manifest.network.ipv6.map(|fixed| ip::Fixed6 {
        address: Ipv6Cidr::new(fixed.address, fixed.prefix),
        gateway: fixed.gateway,
    });
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_gets_all_sockets() {
        let manifest = Manifest::from_bytes(b"").unwrap();
        for max_sockets in [128, 256, 4096, 1 << 20] {
            let mut config = peer::Config::from_manifest(&manifest, "0.1.0").unwrap();
            let limits = ip::Limits {
                max_sockets,
                ..ip::Limits::default()
            };
            budget(&mut config, &limits);
            let peers = config.connections;
            assert!(peers.max_connections + OTHER_SOCKETS <= max_sockets);
            let kept = peers.dial_places + peers.newcomer_places;
            assert!(kept >= 4, "{max_sockets}");
            assert!(2 * peers.max_per_address < peers.max_connections - kept);
        }
    }

    #[test]
    fn the_buffers_of_tcp_are_a_part_of_the_memory() {
        let mib = |prover, memory: u64| extra_buffers(prover, memory << 20) >> 20;
        assert_eq!(mib(ProverMode::Off, 48), 3);
        assert_eq!(mib(ProverMode::Off, 512), 32);
        assert_eq!(mib(ProverMode::Off, 1 << 20), 64);
        assert_eq!(mib(ProverMode::Light, 1 << 20), (MIN_MEMORY >> 24) as usize);
    }
}
