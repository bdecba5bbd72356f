//! Two stacks on one wire.

use super::*;

/// Two stacks on one wire, stepped on virtual time.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) link: Link<2>,
    pub(super) stacks: [Stack; 2],
    pub(super) events: [Vec<Event>; 2],
}

impl Pair {
    pub(super) fn new(a: Config, b: Config, faults: Faults, seed: u64) -> Pair {
        let mut pair = Pair {
            now: Instant::from_micros(1),
            link: Link::new(faults, seed),
            stacks: [Stack::new(a, seed), Stack::new(b, seed ^ 0xff)],
            events: [Vec::new(), Vec::new()],
        };
        pair.stacks[0].listen(PORT).unwrap();
        pair.step();
        pair
    }

    pub(super) fn simple(faults: Faults, seed: u64) -> Pair {
        let config = |mac, address| Config::fixed(mac, Ipv4Cidr::new(address, 24), None);
        Pair::new(config(MAC_A, A), config(MAC_B, B), faults, seed)
    }

    /// Moves time to the next thing that happens and polls both stacks.
    pub(super) fn step(&mut self) {
        let mut next = self.link.carry(self.now);
        for stack in &mut self.stacks {
            next = [next, stack.wake_at(self.now)].into_iter().flatten().min();
        }
        let soonest = self.now + Duration::from_micros(10);
        self.now = next.unwrap_or(soonest).max(soonest);
        self.link.carry(self.now);
        for (index, stack) in self.stacks.iter_mut().enumerate() {
            stack.poll(
                self.now,
                &mut self.link.nics[index],
                &mut self.events[index],
            );
        }
    }

    pub(super) fn until(&mut self, side: usize, found: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..200_000 {
            if let Some(at) = self.events[side].iter().position(&found) {
                return self.events[side].remove(at);
            }
            self.step();
        }
        panic!(
            "side {side} never saw the event; it saw {:?}",
            self.events[side]
        );
    }

    /// Waits until a connection ends by reset or time-out.
    pub(super) fn until_reset(&mut self, side: usize, socket: SocketId) {
        let reset = true;
        self.until(side, |event| *event == Event::Closed { socket, reset });
    }

    /// A connection from stack 1 to the listener of stack 0.
    pub(super) fn connect(&mut self) -> (SocketId, SocketId) {
        let client = self.stacks[1]
            .connect(SocketAddr::new(IpAddr::V4(A), PORT))
            .unwrap();
        self.until(1, |event| *event == Event::Connected(client));
        let accepted = self.until(0, |event| matches!(event, Event::Accepted { .. }));
        let Event::Accepted {
            socket,
            port,
            remote,
        } = accepted
        else {
            unreachable!()
        };
        assert_eq!((port, remote.ip()), (PORT, IpAddr::V4(B)));
        (socket, client)
    }

    /// Sends `len` bytes from stack 1 and closes; returns what stack 0 received until FIN.
    pub(super) fn transfer(&mut self, server: SocketId, client: SocketId, len: usize) -> Vec<u8> {
        let data = pattern(len);
        let (mut sent, mut received) = (0, Vec::new());
        let mut closed = false;
        for _ in 0..2_000_000 {
            sent += self.stacks[1].send(client, &data[sent..]);
            if sent == len && !closed {
                self.stacks[1].close(self.now, client);
                closed = true;
            }
            while self.stacks[0].receive_with(server, usize::MAX, |b| {
                received.extend_from_slice(b);
            }) > 0
            {}
            if self.events[0].contains(&Event::Finished(server)) {
                return received;
            }
            self.step();
        }
        panic!("sent {sent}, received {} of {len}", received.len());
    }
}

pub(super) fn pattern(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..len).map(|_| random.next() as u8).collect()
}
