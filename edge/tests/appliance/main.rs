//! Whole appliances on one simulated Ethernet: frames in, frames out, nothing else.

#[path = "../../../net/tests/link/mod.rs"]
mod link;
mod name_server;

use std::time::Duration;

use basalt_edge::appliance::{Appliance, Boot, Error};
use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::rooms::Parts;
use basalt_node::status::CoreReport;
use link::{Faults, Link, PERFECT};
use name_server::{NameServer, Record};

const WALL_MS: u64 = 1_700_000_000_000;

fn boot(n: u8) -> Boot {
    Boot {
        now: Instant::from_millis(1),
        wall_ms: WALL_MS,
        seed: [n; 32],
        identity_seed: [n + 100; 32],
        mac: [2, 0, 0, 0, 0, n],
        memory: 128 << 20,
        version: "0.1.0".into(),
    }
}

fn appliance(n: u8, more: &str) -> Appliance {
    let text = format!(
        "{more}\n[network]\naddress = \"10.0.0.{n}/24\"\nipv6_address = \"2001:db8::{n}/64\"\n\
         dns = [\"{}\"]\n",
        name_server::ADDRESS
    );
    Appliance::new(&Manifest::parse(&text).unwrap(), boot(n), Parts::default()).unwrap()
}

fn first() -> PeerId {
    Keypair::from_seed([101; 32]).peer_id()
}

/// Appliances 1 and 2; 2 is told to stay connected to 1.
struct Pair {
    now: Instant,
    link: Link<2>,
    appliances: [Appliance; 2],
    name_server: NameServer,
}

impl Pair {
    fn new(faults: Faults, seed: u64, transport: &str) -> Pair {
        Pair::at(faults, seed, &format!("/ip4/10.0.0.1/tcp/{transport}"))
    }

    /// Appliance 1 is looked for at `address`.
    fn at(faults: Faults, seed: u64, address: &str) -> Pair {
        let bootstrap = format!("[node]\nbootstrap = [\"{address}/p2p/{}\"]", first());
        Pair {
            now: Instant::from_millis(1),
            link: Link::new(faults, seed),
            appliances: [appliance(1, ""), appliance(2, &bootstrap)],
            name_server: NameServer::default(),
        }
    }

    fn step(&mut self) {
        let mut next = self.link.carry(self.now);
        let wall_ms = WALL_MS + self.now.as_millis();
        for (appliance, nic) in self.appliances.iter_mut().zip(&mut self.link.nics) {
            let activity = appliance.poll(self.now, wall_ms, nic);
            let wake_at = if activity.did_work {
                Some(self.now)
            } else {
                activity.wake_at
            };
            next = [next, wake_at].into_iter().flatten().min();
            self.name_server.serve(nic);
        }
        next = [next, self.link.carry(self.now)]
            .into_iter()
            .flatten()
            .min();
        let soonest = self.now + Duration::from_micros(20);
        self.now = next.unwrap_or(soonest).max(soonest);
    }

    /// Steps until `done`, at most `limit` of virtual time.
    fn until(&mut self, limit: Duration, done: impl Fn(&Pair) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            if self.now > end {
                return false;
            }
            self.step();
        }
        true
    }

    fn peers(&self) -> [usize; 2] {
        self.appliances
            .each_ref()
            .map(|appliance| appliance.status().peer.swarm.peers)
    }
}

#[test]
fn an_appliance_listens_once_it_has_an_address() {
    let mut appliance = appliance(7, "");
    assert_eq!(appliance.is_listening(), None);
    let mut nic = link::Nic::default();
    appliance.poll(Instant::from_millis(1), WALL_MS, &mut nic);
    let listening = appliance.is_listening().unwrap();
    assert_eq!(listening.peer_id, Keypair::from_seed([107; 32]).peer_id());
    assert_eq!(
        listening.addresses,
        [
            "/ip4/10.0.0.7/tcp/977",
            "/ip4/10.0.0.7/tcp/999/ws",
            "/ip6/2001:db8::7/tcp/977",
            "/ip6/2001:db8::7/tcp/999/ws"
        ]
    );
}

#[test]
fn core_reports_stand_in_the_status_each_core_once() {
    let mut appliance = appliance(7, "");
    let report = |core, passed| CoreReport {
        core,
        passed,
        summary: "measured".into(),
    };
    for report in [report(1, false), report(2, true), report(1, true)] {
        appliance.set_core_report(report);
    }
    assert_eq!(appliance.status().cores, [report(2, true), report(1, true)]);
}

#[test]
fn ports_that_collide_are_told() {
    let mut manifest = Manifest::parse("").unwrap();
    manifest.network.websocket_port = manifest.network.tcp_port;
    let error = Appliance::new(&manifest, boot(1), Parts::default())
        .err()
        .unwrap();
    assert!(matches!(error, Error::Listen { port: 977, .. }), "{error}");
}

#[test]
fn appliances_connect_over_tcp_and_over_websocket() {
    for transport in ["977", "999/ws"] {
        let mut pair = Pair::new(PERFECT, 1, transport);
        assert!(
            pair.until(Duration::from_secs(10), |pair| pair.peers() == [1, 1]),
            "{transport}"
        );
        assert_eq!(pair.appliances[0].status().ip.accepted, 1);
        assert_eq!(pair.appliances[1].status().ip.connected, 1);
    }
}

#[test]
fn appliances_connect_by_name_and_over_ipv6() {
    let ip4 = "10.0.0.1".parse().unwrap();
    let ip6 = "2001:db8::1".parse().unwrap();
    let nobody = "10.0.0.99".parse().unwrap();
    let text = format!("dnsaddr=/dns4/first.example/tcp/977/p2p/{}", first());
    let records = [
        ("first.example", Record::A(ip4)),
        ("first.example", Record::Aaaa(ip6)),
        ("moved.example", Record::A(nobody)),
        ("moved.example", Record::A(ip4)),
        ("six.example", Record::Aaaa(ip6)),
        ("_dnsaddr.net.example", Record::Txt(text)),
    ];
    for (address, asked) in [
        ("/ip6/2001:db8::1/tcp/977", &[][..]),
        ("/dns4/first.example/tcp/977", &["first.example"]),
        ("/dns6/first.example/tcp/999/ws", &["first.example"]),
        ("/dns/first.example/tcp/999/ws", &["first.example"]),
        // Nobody answers at the first address.
        ("/dns4/moved.example/tcp/977", &["moved.example"]),
        // Asked for IPv4 first.
        ("/dns/six.example/tcp/977", &["six.example", "six.example"]),
        (
            "/dnsaddr/net.example",
            &["_dnsaddr.net.example", "first.example"],
        ),
    ] {
        let mut pair = Pair::at(PERFECT, 5, address);
        pair.name_server.records = records.to_vec();
        // Within one attempt, before the next one to a bootstrap peer.
        let connected = pair.until(Duration::from_secs(19), |pair| pair.peers() == [1, 1]);
        assert!(connected, "{address}");
        assert_eq!(pair.name_server.asked, asked);
    }
}

#[test]
fn a_name_that_leads_nowhere_is_tried_again_later() {
    let mut pair = Pair::at(PERFECT, 6, "/dns/nowhere.example/tcp/977");
    let dialed = |pair: &Pair| pair.appliances[1].status().peer.swarm.dialed;
    assert!(pair.until(Duration::from_secs(10), |pair| dialed(pair) == 2));
    assert_eq!(pair.name_server.asked[..2], ["nowhere.example"; 2]);
    assert_eq!(pair.peers(), [0, 0]);
}

#[test]
fn appliances_connect_over_a_bad_link() {
    for (seed, transport) in [(1, "977"), (2, "999/ws"), (3, "977"), (4, "999/ws")] {
        let faults = Faults {
            loss: 50,
            duplicate: 20,
            delay: 1_000,
            jitter: 4_000,
        };
        let mut pair = Pair::new(faults, seed, transport);
        assert!(
            pair.until(Duration::from_secs(60), |pair| pair.peers() == [1, 1]),
            "seed {seed}"
        );
    }
}

#[test]
fn appliances_find_each_other_again_when_the_link_comes_back() {
    let mut pair = Pair::new(PERFECT, 4, "977");
    assert!(pair.until(Duration::from_secs(10), |pair| pair.peers() == [1, 1]));
    pair.link.faults.loss = 1000;
    assert!(pair.until(Duration::from_secs(300), |pair| pair.peers() == [0, 0]));
    pair.link.faults.loss = 0;
    assert!(pair.until(Duration::from_secs(120), |pair| pair.peers() == [1, 1]));
}
