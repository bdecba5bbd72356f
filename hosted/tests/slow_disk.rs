//! A disk that takes its time holds up whoever waits for it, and nobody else.

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use basalt_hosted::clock::Clocks;
use basalt_hosted::reactor::{Reactor, Stop};
use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::swarm::Transport;
use basalt_node::peer::{self, Peer};
use basalt_node::rooms::Parts;
use basalt_node::state::State;
use basalt_store::{BlockDevice, Memory};
use serde_json::json;
use support::Operator;

/// What holds a disk's flushes up.
#[derive(Default)]
struct Gate {
    state: Mutex<Flushes>,
    changed: Condvar,
}

#[derive(Default)]
struct Flushes {
    is_shut: bool,
    /// A flush waits.
    is_awaited: bool,
}

impl Gate {
    fn shut(&self, is_shut: bool) {
        self.state.lock().unwrap().is_shut = is_shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        while state.is_shut {
            state.is_awaited = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Returns when a flush waits.
    fn wait(&self) {
        let state = self.state.lock().unwrap();
        let mut is_early = |state: &mut Flushes| !state.is_awaited;
        let outcome = self
            .changed
            .wait_timeout_while(state, support::PATIENCE, &mut is_early);
        assert!(!outcome.unwrap().1.timed_out(), "nobody writes to the disk");
    }
}

/// Memory whose flushes wait while a gate is shut.
struct Disk {
    memory: Memory,
    gate: Arc<Gate>,
}

impl BlockDevice for Disk {
    type Error = <Memory as BlockDevice>::Error;

    fn block_size(&self) -> usize {
        self.memory.block_size()
    }

    fn block_count(&self) -> u64 {
        self.memory.block_count()
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.memory.read(block, buf)
    }

    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error> {
        self.memory.write(block, data)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.gate.pass();
        self.memory.flush()
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Self::Error> {
        self.memory.discard(block, count)
    }
}

/// Runs a node with such a disk on a thread of its own.
fn node(key: Keypair, operator: &Keypair, gate: Arc<Gate>) -> (Multiaddr, Stop) {
    let text = format!("[node]\nmanagement_peer_id = \"{}\"\n", operator.peer_id());
    let manifest = Manifest::parse(&text).unwrap();
    let (sender, started) = mpsc::channel();
    thread::spawn(move || {
        let memory = Memory::new(512, 1 << 20);
        let (state, _) = State::open(Disk { memory, gate }, [1; 16]).unwrap();
        let config = peer::Config::from_manifest(&manifest, "0.1.0").unwrap();
        let parts = Parts {
            state: Some(state),
            ..Parts::default()
        };
        let mut peer = Peer::with_parts(config, key, [3; 32], parts).unwrap();
        let state = peer.take_state().unwrap();
        let clocks = Clocks::start();
        let mut reactor = Reactor::new(peer, clocks).unwrap();
        reactor.start_disk(state).unwrap();
        let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let address = reactor.listen(any, Transport::Tcp).unwrap();
        let address = Multiaddr::from_socket(address);
        let mut effects = Vec::new();
        reactor.driver.machine.listening(
            clocks.read(),
            std::slice::from_ref(&address),
            &mut effects,
        );
        reactor.perform(effects);
        sender.send((address, reactor.stopper())).unwrap();
        reactor.run(|_| false).unwrap();
    });
    started.recv().unwrap()
}

#[test]
fn calls_are_answered_while_the_disk_takes_its_time() {
    let (key, operator) = (Keypair::from_seed([7; 32]), Keypair::from_seed([9; 32]));
    let gate = Arc::new(Gate::default());
    let peer = key.peer_id();
    let (address, stop) = node(key, &operator, gate.clone());
    let address: Multiaddr = format!("{address}/p2p/{peer}").parse().unwrap();
    let mut other = Operator::connect_to(peer, &address, &Keypair::from_seed([10; 32]));
    let identify = other.ask("peer", "identify", &[]).unwrap();
    gate.shut(true);
    thread::scope(|scope| {
        let keeps = scope.spawn(|| {
            let mut client = Operator::connect_to(peer, &address, &operator);
            let module = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
            let arguments = [json!("kept"), json!([module])];
            let made = client.ask("dist", "make_blueprint", &arguments).unwrap();
            client.ask("dist", "add_blueprint", &[made]).unwrap();
        });
        gate.wait();
        for _ in 0..10 {
            assert_eq!(other.ask("peer", "identify", &[]).unwrap(), identify);
        }
        // It is promised only once it is on the disk.
        assert!(!keeps.is_finished());
        gate.shut(false);
        keeps.join().unwrap();
    });
    stop.stop();
}
