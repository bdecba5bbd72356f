//! A network in one process: machines joined by byte pipes on virtual time, everything random
//! seeded.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use basalt_net::multiaddr::HostName;
use basalt_net::swarm::{ConnId, Input, Transport};
use basalt_net::time::Instant;
use basalt_node::client::Client;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine, Work};
use basalt_node::peer::Peer;

/// Unix time at the start of each world, milliseconds.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// Longest way of a piece, microseconds.
const MAX_WAY: u64 = 20_000;

/// Largest piece a pipe carries at once: pieces are cut at random below it.
const MAX_PIECE: u64 = 5_000;

pub(crate) enum Party {
    Peer(Box<Peer>),
    Client(Box<Client>),
}

impl Party {
    fn machine(&mut self) -> &mut dyn Machine {
        match self {
            Party::Peer(peer) => peer.as_mut(),
            Party::Client(client) => client.as_mut(),
        }
    }
}

/// One end of a pipe: the party and its name for the connection.
type End = (usize, ConnId);

/// What is on its way to an end.
enum Message {
    Bytes(Vec<u8>),
    Fin,
    Reset,
}

pub(crate) struct World {
    pub(crate) parties: Vec<Party>,
    pub(crate) clock: Clock,
    random: u64,
    /// The other end of each end.
    pipes: HashMap<End, End>,
    /// Ends that are closed by their party: what they still have goes out, then FIN.
    closing: Vec<End>,
    /// By time of arrival, then by order of sending.
    under_way: BTreeMap<(Instant, u64), (End, Message)>,
    /// When the last piece to each end arrives: a pipe does not reorder.
    last_arrival: HashMap<End, Instant>,
    order: u64,
    /// A party that nobody can dial.
    pub(crate) unreachable: Option<usize>,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            parties: Vec::new(),
            clock: Clock {
                now: Instant::from_millis(1),
                wall_ms: EPOCH_MS,
            },
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            pipes: HashMap::new(),
            closing: Vec::new(),
            under_way: BTreeMap::new(),
            last_arrival: HashMap::new(),
            order: 0,
            unreachable: None,
        }
    }

    pub(crate) fn add(&mut self, party: Party) -> usize {
        self.parties.push(party);
        self.parties.len() - 1
    }

    /// The multiaddr of a party, without peer id. Even ports are TCP, odd ones WebSocket.
    pub(crate) fn address(party: usize, transport: Transport) -> String {
        match transport {
            Transport::Tcp => format!("/ip4/10.0.0.{party}/tcp/1000"),
            Transport::WebSocket | Transport::SecureWebSocket => {
                format!("/ip4/10.0.0.{party}/tcp/1001/ws")
            }
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) % end.max(1)
    }

    pub(crate) fn client(&mut self, party: usize) -> &mut Client {
        match &mut self.parties[party] {
            Party::Client(client) => client,
            Party::Peer(_) => panic!("party {party} is no client"),
        }
    }

    pub(crate) fn peer(&mut self, party: usize) -> &mut Peer {
        match &mut self.parties[party] {
            Party::Peer(peer) => peer,
            Party::Client(_) => panic!("party {party} is no peer"),
        }
    }

    /// Lets something be done with a party and carries out what it asks for.
    pub(crate) fn with<R>(
        &mut self,
        party: usize,
        act: impl FnOnce(&mut World, &mut Vec<Effect>) -> R,
    ) -> R {
        let mut effects = Vec::new();
        let result = act(self, &mut effects);
        self.perform(party, effects);
        result
    }

    fn input(&mut self, party: usize, input: Input<'_>) {
        let mut effects = Vec::new();
        self.parties[party]
            .machine()
            .handle(self.clock, input, &mut effects);
        self.perform(party, effects);
    }

    fn perform(&mut self, party: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Dial { conn, endpoint } => {
                    let HostName::Ip(IpAddr::V4(ip)) = endpoint.host else {
                        panic!("no names here: {}", endpoint.host)
                    };
                    self.dial(party, conn, ip, endpoint.transport);
                }
                Effect::LookUp { name, .. } => panic!("no names here: {name}"),
                Effect::Output { conn } => self.output((party, conn)),
                Effect::Close { conn } => {
                    self.closing.push((party, conn));
                    self.output((party, conn));
                }
                Effect::Abort { conn } => {
                    if let Some(other) = self.pipes.remove(&(party, conn)) {
                        self.launch(other, Message::Reset);
                    }
                }
                Effect::Other(Work::Compute { job, .. }) => panic!("{job:?} without compute cores"),
                Effect::Other(Work::Disk { job }) => panic!("{job:?} without a disk"),
            }
        }
    }

    fn dial(&mut self, from: usize, conn: ConnId, ip: Ipv4Addr, transport: Transport) {
        let to = usize::from(ip.octets()[3]);
        let clock = self.clock;
        let caller = SocketAddr::from(([10, 0, 0, from as u8], 40_000));
        let mut effects = Vec::new();
        let reachable = self.unreachable != Some(to);
        let accepted = self.parties.get_mut(to).filter(|_| reachable).map(|party| {
            party
                .machine()
                .accept(clock, transport, caller, &mut effects)
        });
        match accepted {
            Some(Ok(other)) => {
                self.pipes.insert((from, conn), (to, other));
                self.pipes.insert((to, other), (from, conn));
                let remote = SocketAddr::from(([10, 0, 0, to as u8], 1000));
                self.input(from, Input::Dialed { conn, remote });
                self.perform(to, effects);
            }
            _ => self.input(
                from,
                Input::DialFailed {
                    conn,
                    reason: "nobody there",
                },
            ),
        }
    }

    /// Moves what an end has to send into its pipe.
    fn output(&mut self, end: End) {
        let Some(&other) = self.pipes.get(&end) else {
            return;
        };
        loop {
            let mut piece = vec![0; 1 + self.below(MAX_PIECE) as usize];
            let len = self.parties[end.0].machine().transmit(end.1, &mut piece);
            if len == 0 {
                break;
            }
            piece.truncate(len);
            self.launch(other, Message::Bytes(piece));
        }
        if let Some(at) = self.closing.iter().position(|closing| *closing == end) {
            self.closing.remove(at);
            self.launch(other, Message::Fin);
            self.pipes.remove(&end);
        }
    }

    fn launch(&mut self, to: End, message: Message) {
        let way = Duration::from_micros(100 + self.below(MAX_WAY));
        let last = self.last_arrival.get(&to).copied().unwrap_or(Instant::ZERO);
        let arrival = (self.clock.now + way).max(last);
        self.last_arrival.insert(to, arrival);
        self.order += 1;
        self.under_way.insert((arrival, self.order), (to, message));
    }

    /// Breaks all connections of a party; both ends learn it by and by.
    pub(crate) fn unplug(&mut self, party: usize) {
        let ends: Vec<End> = self
            .pipes
            .keys()
            .filter(|end| end.0 == party)
            .copied()
            .collect();
        for end in ends {
            if let Some(other) = self.pipes.remove(&end) {
                self.pipes.remove(&other);
                self.launch(other, Message::Reset);
                self.launch(end, Message::Reset);
            }
        }
    }

    /// The next thing that happens. False when nothing ever will.
    pub(crate) fn step(&mut self) -> bool {
        let clock = self.clock;
        let arrival = self.under_way.first_key_value().map(|(&(at, _), _)| at);
        let timers: Vec<Option<Instant>> = self
            .parties
            .iter_mut()
            .map(|party| party.machine().wake_at(clock))
            .collect();
        let Some(next) = timers.iter().copied().chain([arrival]).flatten().min() else {
            return false;
        };
        let passed = next.since(self.clock.now);
        self.clock.now += passed;
        self.clock.wall_ms = EPOCH_MS + self.clock.now.as_millis();
        for (party, due) in timers.into_iter().enumerate() {
            if due.is_some_and(|due| due <= self.clock.now) {
                self.input(party, Input::Timer);
                let mut effects = Vec::new();
                let clock = self.clock;
                self.parties[party].machine().work(clock, &mut effects);
                self.perform(party, effects);
            }
        }
        if let Some(first) = self.under_way.first_entry()
            && first.key().0 <= self.clock.now
        {
            let (end, message) = first.remove();
            self.arrive(end, message);
        }
        true
    }

    fn arrive(&mut self, (party, conn): End, message: Message) {
        match message {
            Message::Bytes(mut bytes) => {
                let mut rest = &mut bytes[..];
                while !rest.is_empty() {
                    let room = self.parties[party].machine().receive_capacity(conn);
                    if room == 0 {
                        // Closed meanwhile: nobody reads the rest.
                        return;
                    }
                    let (now, later) = rest.split_at_mut(room.min(rest.len()));
                    self.input(party, Input::Received { conn, bytes: now });
                    rest = later;
                }
            }
            Message::Fin => self.input(party, Input::RemoteClosed { conn }),
            Message::Reset => {
                self.pipes.remove(&(party, conn));
                self.input(party, Input::Lost { conn });
            }
        }
    }

    /// Steps until `done`, at most `limit` of virtual time.
    pub(crate) fn until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut World) -> bool,
    ) -> bool {
        let end = self.clock.now + limit;
        while !done(self) {
            if self.clock.now > end || !self.step() {
                return false;
            }
        }
        true
    }
}
