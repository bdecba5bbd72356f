//! The reactor by itself, with a machine that takes notes.

use std::io::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use basalt_hosted::clock::Clocks;
use basalt_hosted::reactor::Reactor;
use basalt_net::multiaddr::{Endpoint, Multiaddr, Scope};
use basalt_net::swarm::{ConnId, Input, Refusal, Transport};
use basalt_net::time::Instant;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine};

/// What a machine was told.
#[derive(Debug, PartialEq, Eq)]
enum Note {
    Dialed(SocketAddr),
    DialFailed(String),
    LookedUp(Vec<Vec<u8>>),
    Received(usize),
    RemoteClosed,
    Lost,
}

/// Takes notes; reads only as much at once as it is allowed to.
#[derive(Default)]
struct Notes {
    notes: Vec<Note>,
    capacity: usize,
    bytes: Vec<u8>,
    accepted: u64,
}

impl Machine for Notes {
    fn accept(
        &mut self,
        _: Clock,
        _: Transport,
        _: SocketAddr,
        _: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        self.accepted += 1;
        Ok(ConnId::beside_swarm(self.accepted))
    }

    fn handle(&mut self, _: Clock, input: Input<'_>, _: &mut Vec<Effect>) {
        self.notes.push(match input {
            Input::Dialed { remote, .. } => Note::Dialed(remote),
            Input::DialFailed { reason, .. } => Note::DialFailed(reason.into()),
            Input::LookedUp { texts, .. } => Note::LookedUp(texts.to_vec()),
            Input::Received { bytes, .. } => {
                self.bytes.extend_from_slice(bytes);
                Note::Received(bytes.len())
            }
            Input::RemoteClosed { .. } => Note::RemoteClosed,
            Input::Lost { .. } => Note::Lost,
            Input::Timer => return,
        });
    }

    fn work(&mut self, _: Clock, _: &mut Vec<Effect>) -> bool {
        false
    }

    fn wake_at(&self, clock: Clock) -> Option<Instant> {
        // It is asked again soon, whatever happens.
        Some(clock.now + core::time::Duration::from_millis(1))
    }

    fn transmit(&mut self, _: ConnId, _: &mut [u8]) -> usize {
        0
    }

    fn has_output(&mut self, _: ConnId) -> bool {
        false
    }

    fn receive_capacity(&mut self, _: ConnId) -> usize {
        self.capacity
    }
}

fn reactor() -> Reactor<Notes> {
    Reactor::new(Notes::default(), Clocks::start()).unwrap()
}

const CONN: u64 = 1_000;

fn conn() -> ConnId {
    ConnId::beside_swarm(CONN)
}

/// Lets a reactor do one thing; what it told first.
fn first_note(reactor: &mut Reactor<Notes>, effect: Effect) -> Note {
    reactor.perform(vec![effect]);
    reactor.run(|machine| !machine.notes.is_empty()).unwrap();
    reactor.driver.machine.notes.remove(0)
}

fn any_port() -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
}

#[test]
fn the_last_bytes_before_a_fin_are_read_whenever_there_is_room() {
    // All at once; one piece and a rest; and such as fill the room exactly.
    for (sent, room) in [(10, 64), (100, 64), (64, 64), (4096, 1)] {
        let mut reactor = reactor();
        let address = reactor.listen(any_port(), Transport::Tcp).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let bytes: Vec<u8> = (0..sent).map(|index| index as u8).collect();
        client.write_all(&bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // Bytes and FIN are both there when the machine first has room: the system tells of them
        // but once.
        let mut turns = 0;
        let waited = |machine: &mut Notes| {
            turns += u32::from(machine.accepted == 1);
            turns > 3
        };
        reactor.run(waited).unwrap();
        assert!(reactor.driver.machine.notes.is_empty());
        reactor.driver.machine.capacity = room;
        let ended = |machine: &mut Notes| machine.notes.contains(&Note::RemoteClosed);
        reactor.run(ended).unwrap();
        assert_eq!(reactor.driver.machine.bytes, bytes);
        assert_eq!(reactor.driver.machine.notes.pop(), Some(Note::RemoteClosed));
    }
}

/// A name server that knows one name's TXT record; the question and the answer are written by hand.
fn name_server(name: &'static str, text: &'static [u8]) -> SocketAddr {
    let socket = UdpSocket::bind(any_port()).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut question) {
            let mut answer = question[..len - 11].to_vec();
            let mut labels = Vec::new();
            for label in name.split('.') {
                labels.push(label.len() as u8);
                labels.extend(label.bytes());
            }
            labels.extend([0, 0, 16, 0, 1]);
            let known = answer[12..] == labels;
            // A response with recursion; no such name, if it is another.
            answer[2..4].copy_from_slice(&[0x81, if known { 0x80 } else { 0x83 }]);
            answer[6..12].copy_from_slice(&[0, u8::from(known), 0, 0, 0, 0]);
            if known {
                answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0]);
                answer.extend([text.len() as u8 + 1, text.len() as u8]);
                answer.extend(text);
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
    address
}

#[test]
fn txt_records_are_looked_up_at_the_name_servers() {
    let text = b"dnsaddr=/ip4/127.0.0.1/tcp/1";
    let server = name_server("_dnsaddr.net.example", text);
    let mut reactor = reactor();
    reactor.set_name_servers(vec![server]);
    let mut look_up = |name: &str| {
        let (conn, name) = (conn(), name.into());
        first_note(&mut reactor, Effect::LookUp { conn, name })
    };
    let found = look_up("_dnsaddr.net.example");
    assert_eq!(found, Note::LookedUp(vec![text.to_vec()]));
    let Note::DialFailed(reason) = look_up("other.example") else {
        panic!("it has records");
    };
    assert!(reason.contains("no such name"), "{reason}");
}

#[test]
fn each_address_of_a_name_is_tried() {
    let listener = TcpListener::bind(any_port()).unwrap();
    let remote = listener.local_addr().unwrap();
    let dial = |address: String| {
        let address: Multiaddr = address.parse().unwrap();
        let endpoint = Endpoint::try_from(&address).unwrap().within(Scope::Any);
        let conn = conn();
        first_note(&mut reactor(), Effect::Dial { conn, endpoint })
    };
    let port = remote.port();
    // Where `localhost` has an IPv6 address too, nobody listens there.
    for kind in ["dns", "dns4"] {
        let dialed = dial(format!("/{kind}/localhost/tcp/{port}"));
        assert_eq!(dialed, Note::Dialed(remote));
    }
    let address: Multiaddr = format!("/dns/localhost/tcp/{port}").parse().unwrap();
    let endpoint = Endpoint::try_from(&address).unwrap();
    let conn = conn();
    let refused = first_note(&mut reactor(), Effect::Dial { conn, endpoint });
    let reason = "localhost has no public address".into();
    assert_eq!(refused, Note::DialFailed(reason));
    drop(listener);
    let refused = dial(format!("/dns/localhost/tcp/{port}"));
    assert!(matches!(refused, Note::DialFailed(_)), "{refused:?}");
}
