//! A client that is also woken by the clock, for tools that look at other things besides.

use core::net::SocketAddr;
use core::time::Duration;

use basalt_net::swarm::{ConnId, Input, Refusal, Transport};
use basalt_net::time::Instant;
use basalt_node::client::Client;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine};

/// A client, and how often it is woken while nothing else happens.
pub struct Ticking {
    /// The client.
    pub client: Client,
    /// `None`: only when it has something to do.
    pub every: Option<Duration>,
}

impl Machine for Ticking {
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        self.client.accept(clock, transport, remote, out)
    }

    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        self.client.handle(clock, input, out);
    }

    fn work(&mut self, clock: Clock, out: &mut Vec<Effect>) -> bool {
        self.client.work(clock, out)
    }

    fn wake_at(&self, clock: Clock) -> Option<Instant> {
        let tick = self.every.map(|every| clock.now + every);
        self.client.wake_at(clock).into_iter().chain(tick).min()
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        self.client.transmit(conn, buffer)
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        self.client.has_output(conn)
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        self.client.receive_capacity(conn)
    }
}
