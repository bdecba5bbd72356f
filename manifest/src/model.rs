//! The manifest as plain, checked data.

use alloc::{string::String, vec::Vec};
use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use log::LevelFilter;

use crate::{
    MIN_MEMORY,
    problem::{Problem, Problems},
    read,
    source::Place,
    url::Url,
};

/// A manifest whose every value was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Who the node is and whom it knows.
    pub node: Node,
    /// How the node is reached.
    pub network: Network,
    /// Certificates.
    pub tls: Tls,
    /// What the cores do.
    pub cores: Cores,
    /// What services may take.
    pub services: Services,
    /// What the particles of others may take.
    pub particles: Particles,
    /// The operator's pages.
    pub http: Http,
    /// Which disk holds the state.
    pub disk: Disk,
    /// What is proven.
    pub prover: Prover,
    /// Where deals are.
    pub chain: Option<Chain>,
    /// What is logged.
    pub log: Log,
    /// What happens after a panic.
    pub panic: Panic,
    /// Where the values stand that only the machine can judge.
    pub(crate) places: Places,
}

/// Where the values stand that [`Manifest::check`] judges; `None` where a default is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) system: Option<Place>,
    pub(crate) compute: Option<Place>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// All problems of the text at once, each with line, column and excerpt.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        read::manifest(text)
    }

    /// Reads a manifest from the bytes of its file.
    ///
    /// # Errors
    /// As [`Manifest::parse`]; bytes that are not UTF-8 are a problem with a position too.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        match core::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(error) => Err(read::not_utf8(bytes, error.valid_up_to())),
        }
    }

    /// Checks what depends on the machine that the manifest is to run on.
    ///
    /// # Errors
    /// Core counts that the machine cannot give, and too little memory.
    pub fn check(&self, machine: &Machine) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let cores = machine.cores;
        let system = usize::from(self.cores.system);
        if system > cores {
            problems.push(Problem::at(
                self.places.system.as_ref(),
                alloc::format!("`system` asks for {system} cores, the machine has {cores}"),
                Some("lower `system` or use a machine with more cores".into()),
            ));
        } else if let Compute::Count(count) = self.cores.compute {
            let left = cores - system;
            if usize::from(count) > left {
                problems.push(Problem::at(
                    self.places.compute.as_ref(),
                    alloc::format!(
                        "`compute` asks for {count} cores, but of the machine's {cores} only \
                         {left} are left beside {system} for the system"
                    ),
                    Some("lower `compute` or write \"all\"".into()),
                ));
            }
        }
        if machine.memory < MIN_MEMORY {
            problems.push(Problem::at(
                None,
                alloc::format!(
                    "the machine has {} MiB of memory, the appliance needs {} MiB",
                    machine.memory >> 20,
                    MIN_MEMORY >> 20
                ),
                None,
            ));
        }
        problems.into_result(())
    }
}

/// What [`Manifest::check`] must know of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Number of logical cores.
    pub cores: usize,
    /// Memory that an operating system may use, in bytes.
    pub memory: u64,
}

/// Section `[node]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The network that the node belongs to.
    pub network: NetworkId,
    /// Seed of the node's Ed25519 key; absent: generated at the first boot and kept.
    pub seed: Option<Seed>,
    /// Peer id of the operator, who may manage the node.
    pub management_peer_id: Option<String>,
    /// Multiaddrs (ending in `/p2p/..`) of the peers to stay connected to.
    pub bootstrap: Vec<String>,
}

/// Identifies a network: its name stands in the protocol names that peers agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkId {
    /// The main network.
    #[default]
    Dar,
    /// The staging network.
    Stage,
    /// The test network.
    Kras,
    /// A network of one's own.
    Custom([u8; 32]),
}

impl fmt::Display for NetworkId {
    /// Writes the id as it stands in protocol names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dar => f.write_str("dar"),
            Self::Stage => f.write_str("stage"),
            Self::Kras => f.write_str("kras"),
            Self::Custom(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// A secret of 32 bytes. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(pub(crate) [u8; 32]);

impl Seed {
    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Section `[network]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where the appliance's IPv4 address comes from.
    pub addressing: Addressing,
    /// A static IPv6 address beside it.
    pub ipv6: Option<StaticAddress6>,
    /// The VLAN that the appliance is on, 1 to 4094; absent: frames have no tag.
    pub vlan: Option<u16>,
    /// Name told to the DHCP server.
    pub hostname: String,
    /// Port of the TCP listener.
    pub tcp_port: u16,
    /// Port of the WebSocket listener; never equal to `tcp_port`.
    pub websocket_port: u16,
    /// Multiaddrs (without `/p2p/..`) under which others reach the node, beside its own address.
    pub external_addresses: Vec<String>,
    /// Whether TCP is measured instead of running a node.
    pub speed_test: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            addressing: Addressing::Dhcp,
            ipv6: None,
            vlan: None,
            hostname: "basalt".into(),
            tcp_port: 977,
            websocket_port: 999,
            external_addresses: Vec::new(),
            speed_test: false,
        }
    }
}

/// Where the IPv4 address comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// Address, gateway and name servers come from a DHCP server.
    #[default]
    Dhcp,
    /// They stand in the manifest.
    Static(StaticAddress),
}

/// A static IPv4 configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticAddress {
    /// The appliance's address.
    pub address: Ipv4Addr,
    /// Length of the subnet's prefix in bits, 1 to 32.
    pub prefix: u8,
    /// The router; it may lie outside the subnet.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, at most [`crate::MAX_DNS`].
    pub dns: Vec<Ipv4Addr>,
}

/// A static IPv6 configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticAddress6 {
    /// The appliance's address.
    pub address: Ipv6Addr,
    /// Length of the subnet's prefix in bits, 1 to 128.
    pub prefix: u8,
    /// The router: in the subnet, or a link-local address.
    pub gateway: Option<Ipv6Addr>,
}

/// Section `[tls]`. All texts are PEM, checked by the network code that uses them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The node's certificate chain and its key.
    pub certificate: Option<(String, String)>,
    /// Certificates of authorities that are trusted beside those that browsers trust.
    pub roots: Vec<String>,
}

impl fmt::Debug for Tls {
    /// Does not show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field(
                "certificate",
                &self.certificate.as_ref().map(|(chain, _)| chain),
            )
            .field("roots", &self.roots)
            .finish()
    }
}

/// Section `[cores]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Number of cores for network and node; at least 1.
    pub system: u16,
    /// Which of the remaining cores compute.
    pub compute: Compute,
    /// How many of these are set aside for services of the node itself; 0: they share all.
    pub host_services: u16,
}

impl Default for Cores {
    fn default() -> Self {
        Self {
            system: 1,
            compute: Compute::All,
            host_services: 0,
        }
    }
}

impl Cores {
    /// Number of compute cores on a machine with `cores` cores that passed [`Manifest::check`].
    #[must_use]
    pub fn compute_on(&self, cores: usize) -> usize {
        let left = cores.saturating_sub(usize::from(self.system));
        match self.compute {
            Compute::All => left,
            Compute::Count(count) => left.min(usize::from(count)),
        }
    }
}

/// Which cores compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// All that the system does not use.
    #[default]
    All,
    /// That many.
    Count(u16),
}

/// Section `[services]`. What is absent follows from the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Memory of all services together, in MiB.
    pub memory: Option<u32>,
    /// Memory of one service, in MiB.
    pub service_memory: Option<u32>,
    /// Seconds without calls after which a service gives up its instances.
    pub rest_seconds: Option<u32>,
    /// Whom services may reach by HTTP.
    pub http: Reach,
    /// Modules that may use programs of the host.
    pub effectors: Vec<Effector>,
}

/// A module that may use programs of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effector {
    /// Its CID: version 1, SHA-256, of one raw block or of several (dag-pb), in base32.
    pub cid: String,
    /// Names of the programs that it may import; not empty.
    pub programs: Vec<String>,
}

/// Whom services may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody.
    Off,
    /// Addresses of the public internet.
    #[default]
    Public,
    /// Every address, the provider's own network included.
    All,
}

/// Section `[particles]`: what those of one author, and those for one worker, may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Particles {
    /// Of one author.
    pub author: Share,
    /// For one worker.
    pub worker: Share,
}

/// What somebody's particles may take; what is absent is the node's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Particles per second.
    pub rate: Option<u32>,
    /// Particles alive at the same time.
    pub alive: Option<u32>,
    /// Memory of these, in MiB.
    pub memory: Option<u32>,
    /// Percentage of the interpreter's time while others want some.
    pub work: Option<u8>,
}

/// Section `[http]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Port of the operator's pages; absent: they are not served.
    pub port: Option<u16>,
}

/// Section `[disk]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Serial number or place on the bus of the disk with the state; absent: the one disk that has
    /// a state partition.
    pub state: Option<String>,
    /// Whether that disk may be formatted although it holds something else. Only with `state`.
    pub format: bool,
    /// What is done with the disks instead of running a node.
    pub test: DiskTest,
}

/// What is done with the disks instead of running a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskTest {
    /// Nothing: the node runs.
    #[default]
    None,
    /// Batches are committed to the state for ever, and checked at the next boot.
    Load,
    /// Reads are measured on every disk.
    Speed,
}

/// Section `[prover]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prover {
    /// Whether and how.
    pub mode: ProverMode,
    /// Ids of the compute units, all different; not empty unless the mode is off.
    pub units: Vec<[u8; 32]>,
    /// The global nonce.
    pub global_nonce: [u8; 32],
    /// The difficulty, big-endian.
    pub difficulty: [u8; 32],
    /// Seconds per epoch; absent: one epoch for ever.
    pub epoch_seconds: Option<u32>,
    /// Proofs owed per unit and epoch.
    pub min_proofs: Option<u16>,
    /// Most proofs per unit and epoch; not below `min_proofs`.
    pub max_proofs: Option<u16>,
    /// Datasets held at once; absent: one per unit.
    pub datasets: Option<u16>,
    /// Whether model-specific registers are written.
    pub registers: Registers,
}

/// Whether and how capacity is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProverMode {
    /// Not at all.
    #[default]
    Off,
    /// Without datasets.
    Light,
    /// With datasets.
    Fast,
}

/// Whether proving cores write model-specific registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registers {
    /// On bare metal.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Section `[chain]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Where a node of the chain takes JSON-RPC.
    pub endpoint: Url,
    /// Address of the market's contract.
    pub diamond: [u8; 20],
    /// The chain's id.
    pub chain_id: u64,
    /// Secret key of the wallet that pays for the node's transactions.
    pub wallet_key: Seed,
    /// Wei per gas in place of the chain's base fee.
    pub base_fee: Option<u64>,
    /// Wei per gas on top, in place of what the chain suggests.
    pub priority_fee: Option<u64>,
    /// Multiaddr of the IPFS API that has the definitions of deals; absent: the network's own.
    pub ipfs: Option<String>,
}

/// Section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The finest level that is written.
    pub level: LevelFilter,
    /// The peer or particle whose every step is written.
    pub trace: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
            trace: None,
        }
    }
}

/// Section `[panic]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    /// What the machine does after the report of a panic.
    pub action: PanicAction,
}

/// What the machine does after the report of a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicAction {
    /// Start again.
    #[default]
    Reset,
    /// Stay, with the report on the screen.
    Halt,
}
