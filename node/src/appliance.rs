//! The whole networked node over one NIC: what the kernel's system core drives.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use basalt_manifest::{Addressing, Manifest};
use basalt_net::ip::{self, EthernetAddress, Ipv4Cidr};
use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use crate::status::CoreReport;

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
    /// Version of the image.
    pub version: String,
}

/// Why the node cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A listener cannot be opened.
    Listen {
        /// Its port.
        port: u16,
        /// Why.
        error: ip::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
    stack: ip::Stack,
    peer_id: PeerId,
    ports: Ports,
    listening: Option<Listening>,
    cores: Vec<CoreReport>,
    events: Vec<ip::Event>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    tcp: u16,
    websocket: u16,
}

impl Appliance {
    /// A node as the manifest says; nothing is sent before the first poll.
    ///
    /// # Errors
    /// The listeners cannot be opened.
    pub fn new(manifest: &Manifest, boot: Boot) -> Result<Appliance, Error> {
        let ports = Ports {
            tcp: manifest.network.tcp_port,
            websocket: manifest.network.websocket_port,
        };
        let ip_seed = u64::from_le_bytes(core::array::from_fn(|i| boot.seed[i]));
        let mut stack = ip::Stack::new(ip_config(manifest, boot.mac), ip_seed);
        for port in [ports.tcp, ports.websocket] {
            stack
                .listen(port)
                .map_err(|error| Error::Listen { port, error })?;
        }
        let keypair = Keypair::from_seed(boot.identity_seed);
        Ok(Appliance {
            stack,
            peer_id: keypair.peer_id(),
            ports,
            listening: None,
            cores: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Moves everything that can be moved now.
    pub fn poll<D: ip::phy::Device>(
        &mut self,
        now: Instant,
        _wall_ms: u64,
        device: &mut D,
    ) -> Activity {
        let did_work = self.stack.poll(now, device, &mut self.events);
        let mut events = core::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.on_event(now, event);
        }
        self.events = events;
        Activity {
            did_work,
            wake_at: self.stack.wake_at(now),
        }
    }

    fn on_event(&mut self, now: Instant, event: ip::Event) {
        match event {
            ip::Event::Configured(configuration) => {
                log::info!(
                    target: "net",
                    "address {}, gateway {}",
                    configuration.address,
                    configuration.gateway.map_or("none".to_string(), |gateway| gateway.to_string())
                );
                let address = configuration.address.address();
                self.listening = Some(Listening {
                    peer_id: self.peer_id,
                    addresses: alloc::vec![
                        format!("/ip4/{address}/tcp/{}", self.ports.tcp),
                        format!("/ip4/{address}/tcp/{}/ws", self.ports.websocket),
                    ],
                });
            }
            ip::Event::Deconfigured => {
                log::warn!(target: "net", "the DHCP lease ended");
                self.listening = None;
            }
            ip::Event::Accepted { socket, .. } => self.stack.abort(now, socket),
            _ => {}
        }
    }

    /// Where the node is reachable: from the time an address is configured and both listeners are open.
    pub fn is_listening(&self) -> Option<&Listening> {
        self.listening.as_ref()
    }

    /// Files the result of a core's self-test, for the status.
    pub fn set_core_report(&mut self, report: CoreReport) {
        self.cores.retain(|known| known.core != report.core);
        self.cores.push(report);
    }
}

fn ip_config(manifest: &Manifest, mac: [u8; 6]) -> ip::Config {
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
    config
}
