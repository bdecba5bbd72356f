//! Every section and key of the manifest: the one place that names them.

/// A section, written `[name]`.
#[derive(Debug)]
pub struct Section {
    /// Name between the brackets.
    pub name: &'static str,
    /// The keys that may stand in it.
    pub keys: &'static [Key],
}

/// A key of a section.
#[derive(Debug)]
pub struct Key {
    /// Name left of the `=`.
    pub name: &'static str,
    /// What the value must be, as it completes the sentence "must be ..".
    pub kind: &'static str,
    /// What holds when the key is absent, in TOML notation or in words.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// All sections, in the order of the documentation.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "node",
        keys: &[
            Key {
                name: "network",
                kind: "\"dar\", \"stage\", \"kras\" or a string of 64 hex digits",
                default: "\"dar\"",
                meaning: "The network that the node belongs to. A network of one's own is named by \
                          32 random bytes in hex.",
            },
            Key {
                name: "seed",
                kind: "a string: base64 of 32 bytes",
                default: "generated at the first boot and kept",
                meaning: "Secret seed of the node's Ed25519 key, and so of its peer id.",
            },
            Key {
                name: "management_peer_id",
                kind: "a string: a peer id such as \"12D3KooW..\"",
                default: "none",
                meaning: "The operator's peer id, which may manage the node.",
            },
            Key {
                name: "bootstrap",
                kind: "a list of multiaddrs such as \"/ip4/192.0.2.1/tcp/7001/p2p/12D3KooW..\"",
                default: "[]",
                meaning: "Peers to connect to at start, and again whenever the connection is lost.",
            },
        ],
    },
    Section {
        name: "network",
        keys: &[
            Key {
                name: "address",
                kind: "\"dhcp\" or a string such as \"192.0.2.10/24\"",
                default: "\"dhcp\"",
                meaning: "Where the IPv4 address comes from: a DHCP server, or this address with \
                          the length of the subnet's prefix.",
            },
            Key {
                name: "gateway",
                kind: "a string: an IPv4 address",
                default: "none",
                meaning: "The router of a static address. It may lie outside the subnet.",
            },
            Key {
                name: "dns",
                kind: "a list of IPv4 addresses",
                default: "[]",
                meaning: "Name servers of a static address, three at most.",
            },
            Key {
                name: "ipv6_address",
                kind: "a string such as \"2001:db8::10/64\"",
                default: "none",
                meaning: "A static IPv6 address beside the IPv4 address, with the length of the \
                          subnet's prefix.",
            },
            Key {
                name: "ipv6_gateway",
                kind: "a string: an IPv6 address such as \"fe80::1\"",
                default: "none",
                meaning: "The router for IPv6: in the subnet, or a link-local address.",
            },
            Key {
                name: "vlan",
                kind: "an integer from 1 to 4094",
                default: "none",
                meaning: "The VLAN (IEEE 802.1Q) that the appliance is on: its frames carry this \
                          tag, and only such frames reach it. For ports that carry several VLANs.",
            },
            Key {
                name: "hostname",
                kind: "a string of 1 to 63 letters, digits and inner hyphens",
                default: "\"basalt\"",
                meaning: "The name told to the DHCP server.",
            },
            Key {
                name: "tcp_port",
                kind: "an integer from 1 to 65535",
                default: "977",
                meaning: "Port of the TCP listener.",
            },
            Key {
                name: "websocket_port",
                kind: "an integer from 1 to 65535",
                default: "999",
                meaning: "Port of the WebSocket listener, another one than `tcp_port`.",
            },
            Key {
                name: "external_addresses",
                kind: "a list of multiaddrs such as \"/dns4/node.example.org/tcp/977\"",
                default: "[]",
                meaning: "Further addresses under which others reach the node, for example behind \
                          a router that translates addresses.",
            },
            Key {
                name: "speed_test",
                kind: "true or false",
                default: "false",
                meaning: "Measures TCP instead of running a node: what comes to `tcp_port` is counted, \
                          whoever connects to `websocket_port` is sent 32 MiB, and the first \
                          bootstrap peer, if there is one, too.",
            },
        ],
    },
    Section {
        name: "tls",
        keys: &[
            Key {
                name: "certificate",
                kind: "a string: certificates in PEM, the node's own first",
                default: "none",
                meaning: "With it the WebSocket listener takes TLS, too, which browsers ask for.",
            },
            Key {
                name: "key",
                kind: "a string: a P-256 or Ed25519 key in PKCS #8 PEM",
                default: "none",
                meaning: "The key of the certificate.",
            },
            Key {
                name: "roots",
                kind: "a list of strings: certificates in PEM",
                default: "[]",
                meaning: "Authorities that are trusted when the node dials `wss` addresses, beside \
                          those that browsers trust.",
            },
        ],
    },
    Section {
        name: "cores",
        keys: &[
            Key {
                name: "system",
                kind: "an integer from 1 to 1024",
                default: "1",
                meaning: "Number of cores for network and node.",
            },
            Key {
                name: "compute",
                kind: "\"all\" or an integer from 0 to 1024",
                default: "\"all\"",
                meaning: "How many of the remaining cores serve deals and prove.",
            },
            Key {
                name: "host_services",
                kind: "an integer from 0 to 1024",
                default: "0",
                meaning: "How many of the compute cores are set aside for services of the node itself, apart from deals; with \
                          0 they share all.",
            },
        ],
    },
    Section {
        name: "services",
        keys: &[
            Key {
                name: "memory",
                kind: "an integer from 16 to 16777216",
                default: "half of what is free at start",
                meaning: "MiB of memory that all services may have together. When it is used up none grows, and \
                          none is created.",
            },
            Key {
                name: "service_memory",
                kind: "an integer from 2 to 8192",
                default: "a quarter of `memory`, 256 at most",
                meaning: "MiB of memory that one service may have.",
            },
            Key {
                name: "rest_seconds",
                kind: "an integer from 1 to 31536000",
                default: "300",
                meaning: "Time without calls after which a service gives up its instances. The next call brings them back as \
                          they were. Sooner when memory is scarce.",
            },
            Key {
                name: "http",
                kind: "\"off\", \"public\" or \"all\"",
                default: "\"public\"",
                meaning: "Whom services may reach by HTTP: nobody, addresses of the public internet, or every address, your own \
                          network included.",
            },
            Key {
                name: "effectors",
                kind: "a list of strings such as \"bafkreids22lg.. curl\"",
                default: "[]",
                meaning: "Modules that may use programs of the host, beside the published `curl` effector: the CID of each, then \
                          the names of its programs. The node has `curl` and `ipfs`; any other program is there, and fails.",
            },
        ],
    },
    Section {
        name: "particles",
        keys: &[
            Key {
                name: "author_rate",
                kind: "an integer from 1 to 1000000",
                default: "50000",
                meaning: "Particles per second that one author may send. The operator and the node's own workers are free of \
                          all limits of authors.",
            },
            Key {
                name: "author_alive",
                kind: "an integer from 1 to 1000000",
                default: "40000",
                meaning: "Particles of one author that may be alive at the same time.",
            },
            Key {
                name: "author_memory",
                kind: "an integer from 1 to 65536",
                default: "three quarters of the memory for particles",
                meaning: "MiB of memory of the particles of one author.",
            },
            Key {
                name: "author_work",
                kind: "an integer from 1 to 100",
                default: "50",
                meaning: "Percentage of the interpreter's time that scripts of one author get while others want some.",
            },
            Key {
                name: "worker_rate",
                kind: "an integer from 1 to 1000000",
                default: "25000",
                meaning: "Particles per second for one worker. The operator's are free of all limits of workers.",
            },
            Key {
                name: "worker_alive",
                kind: "an integer from 1 to 1000000",
                default: "25000",
                meaning: "Particles for one worker that may be alive at the same time.",
            },
            Key {
                name: "worker_memory",
                kind: "an integer from 1 to 65536",
                default: "half of the memory for particles",
                meaning: "MiB of memory of the particles for one worker.",
            },
            Key {
                name: "worker_work",
                kind: "an integer from 1 to 100",
                default: "40",
                meaning: "Percentage of the interpreter's time that scripts of one worker get while others want some.",
            },
        ],
    },
    Section {
        name: "http",
        keys: &[Key {
            name: "port",
            kind: "an integer from 1 to 65535",
            default: "none: the pages are not served",
            meaning: "Port of the operator's pages `/health`, `/metrics`, `/versions`, `/peer_id` and `/config`. Anyone who \
                      reaches it can read them.",
        }],
    },
    Section {
        name: "disk",
        keys: &[
            Key {
                name: "state",
                kind: "a string: a disk's serial number, or its place such as \"0000:00:1f.2/0\"",
                default: "the one disk with a state partition",
                meaning: "The disk that keeps what outlives a reboot. The boot log names all disks.",
            },
            Key {
                name: "format",
                kind: "true or false",
                default: "false",
                meaning: "Whether the disk that `state` names may be formatted although it holds \
                          something else, which is lost then. A store that is there stays.",
            },
            Key {
                name: "test",
                kind: "\"none\", \"load\" or \"speed\"",
                default: "\"none\"",
                meaning: "Tests the disks instead of running a node: \"load\" commits numbered batches to \
                          the state until the power is cut, and checks them at the next boot; \
                          \"speed\" measures reads of every disk.",
            },
        ],
    },
    Section {
        name: "prover",
        keys: &[
            Key {
                name: "mode",
                kind: "\"off\", \"light\" or \"fast\"",
                default: "\"off\"",
                meaning: "Whether compute cores that serve no deal prove capacity: fast with a \
                          dataset of 4.03 GiB per unit, or light with 256 MiB per unit, at a tenth of \
                          the rate.",
            },
            Key {
                name: "units",
                kind: "a list of strings of 64 hex digits",
                default: "[]",
                meaning: "The ids of the compute units, one for each physical compute core at most.",
            },
            Key {
                name: "global_nonce",
                kind: "a string of 64 hex digits",
                default: "none",
                meaning: "The global nonce to prove for.",
            },
            Key {
                name: "difficulty",
                kind: "a string of 64 hex digits",
                default: "none",
                meaning: "The difficulty, as a big-endian number: a proof's hash is not above it.",
            },
            Key {
                name: "epoch_seconds",
                kind: "an integer from 1 to 31536000",
                default: "none",
                meaning: "Length of an epoch by the clock. With it each epoch has a nonce of its own: \
                          the Keccak-256 of `global_nonce` and the epoch's number (seconds since 1970 \
                          divided by this) as 32 big-endian bytes.",
            },
            Key {
                name: "min_proofs",
                kind: "an integer from 0 to 65535",
                default: "none",
                meaning: "Proofs that a unit owes per epoch; the status tells how likely they are.",
            },
            Key {
                name: "max_proofs",
                kind: "an integer from 1 to 65535",
                default: "none",
                meaning: "Proofs that a unit may make per epoch; it rests when it has them.",
            },
            Key {
                name: "datasets",
                kind: "an integer from 1 to 1024",
                default: "one for each unit",
                meaning: "Datasets held at once. With fewer than units these take turns.",
            },
            Key {
                name: "registers",
                kind: "\"auto\", \"on\" or \"off\"",
                default: "\"auto\"",
                meaning: "Whether proving cores switch their hardware prefetchers off, on models whose \
                          registers are known; \"auto\" does unless a hypervisor is below.",
            },
        ],
    },
    Section {
        name: "chain",
        keys: &[
            Key {
                name: "endpoint",
                kind: "a string such as \"https://rpc.example.org/path\" or \"http://192.0.2.9:8545/path\"",
                default: "none: the node serves no deals",
                meaning: "Where a node of the chain takes JSON-RPC. The certificate behind `https` is checked against \
                          `[tls] roots` and the authorities that browsers trust.",
            },
            Key {
                name: "diamond",
                kind: "a string of 40 hex digits",
                default: "none",
                meaning: "Address of the market's contract.",
            },
            Key {
                name: "chain_id",
                kind: "an integer from 0 to 9223372036854775807",
                default: "none",
                meaning: "The chain's id. Transactions are refused where the endpoint tells another one.",
            },
            Key {
                name: "wallet_key",
                kind: "a string of 64 hex digits",
                default: "none",
                meaning: "Secret key of the wallet that owns this peer on the chain and pays for its transactions.",
            },
            Key {
                name: "base_fee",
                kind: "an integer from 0 to 9223372036854775807",
                default: "what the chain says",
                meaning: "Base fee of transactions in wei per gas.",
            },
            Key {
                name: "priority_fee",
                kind: "an integer from 0 to 9223372036854775807",
                default: "what the chain suggests",
                meaning: "Priority fee of transactions in wei per gas.",
            },
            Key {
                name: "ipfs",
                kind: "a string: a multiaddr such as \"/ip4/192.0.2.9/tcp/5001\"",
                default: "the network's own",
                meaning: "The API of the IPFS node that has the definitions of deals.",
            },
        ],
    },
    Section {
        name: "log",
        keys: &[
            Key {
                name: "level",
                kind: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
                default: "\"info\"",
                meaning: "The finest level that is written to serial line and screen.",
            },
            Key {
                name: "trace",
                kind: "a string: a peer id, or the id of a particle",
                default: "none",
                meaning: "Everything that goes on with this peer or particle is written, at level info.",
            },
        ],
    },
    Section {
        name: "panic",
        keys: &[Key {
            name: "action",
            kind: "\"reset\" or \"halt\"",
            default: "\"reset\"",
            meaning: "What follows the report of a panic: start again, or stay with the report on \
                      the screen.",
        }],
    },
];

/// Looks a section up.
#[must_use]
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

impl Section {
    /// Looks a key up.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
