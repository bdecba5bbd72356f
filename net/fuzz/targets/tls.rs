//! TLS under a stranger's bytes, and under an honest peer's whose bytes are changed on the way.

use std::sync::{Arc, OnceLock};

use basalt_net::Keypair;
use basalt_net::swarm::{Config, ConnId, Effects, Input, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::tls::{Context, Settings};

const NOW: Instant = Instant::from_millis(1000);
/// Some day in 2030, within the certificate's life.
const WALL: u64 = 1_900_000_000_000;

/// The side that dials trusts the authority, the side that is dialed has the certificate.
fn config(dials: bool) -> Config {
    static CONTEXTS: OnceLock<[Arc<Context>; 2]> = OnceLock::new();
    let contexts = CONTEXTS.get_or_init(|| {
        let serving = Settings {
            certificate: Some((
                include_str!("../../tests/vectors/tls/address.pem").into(),
                include_str!("../../tests/vectors/tls/address.key").into(),
            )),
            ..Settings::default()
        };
        let trusting = Settings {
            roots: vec![include_str!("../../tests/vectors/tls/ca-p256.pem").into()],
            ..Settings::default()
        };
        [serving, trusting].map(|settings| {
            let context = Context::new(&settings, [5; 32]).expect("good settings");
            context.set_wall(WALL);
            context.into()
        })
    });
    Config {
        tls: Some(contexts[usize::from(dials)].clone()),
        ..Config::default()
    }
}

struct End {
    swarm: Swarm,
    conn: ConnId,
}

impl End {
    fn new(dials: bool) -> End {
        let index = u8::from(dials) + 1;
        let keypair = Keypair::from_seed([index; 32]);
        let mut swarm = Swarm::new(config(dials), keypair, [index; 32]);
        let mut out = Effects::new();
        let remote = ([10, 0, 0, 1], 999).into();
        let conn = if dials {
            let address = "/ip4/10.0.0.1/tcp/999/tls/ws".parse().expect("an address");
            let conn = swarm.dial(NOW, &address, &mut out).expect("dials");
            swarm.handle(NOW, Input::Dialed { conn, remote }, &mut out);
            conn
        } else {
            let accepted = swarm.accept(NOW, Transport::WebSocket, remote, &mut out);
            accepted.expect("there is room")
        };
        End { swarm, conn }
    }

    fn take(&mut self) -> Vec<u8> {
        let (mut taken, mut buffer) = (vec![], [0; 4096]);
        loop {
            let len = self.swarm.transmit(self.conn, &mut buffer);
            if len == 0 {
                return taken;
            }
            taken.extend_from_slice(&buffer[..len]);
        }
    }

    fn give(&mut self, bytes: &[u8]) {
        let conn = self.conn;
        let bytes = &mut bytes.to_vec();
        let input = Input::Received { conn, bytes };
        self.swarm.handle(NOW, input, &mut Effects::new());
    }

    /// The connection is lost: nothing of it may be left.
    fn end(mut self) {
        let lost = Input::Lost { conn: self.conn };
        self.swarm.handle(NOW, lost, &mut Effects::new());
        let status = self.swarm.status();
        assert_eq!((status.connections, status.held, status.queued), (0, 0, 0));
    }
}

/// The first byte chooses what is done: bytes are fed to one of the sides, in pieces; or both sides
/// talk, and each three bytes are the place of a byte on its way and what is changed in it.
pub fn check(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    if choice & 2 == 0 {
        let mut end = End::new(choice & 1 == 1);
        for piece in bytes.chunks(usize::from(choice >> 2) + 1) {
            end.give(piece);
            end.take();
        }
        assert_eq!(end.swarm.status().established, 0);
        return end.end();
    }
    let edits = bytes.as_chunks::<3>().0;
    let mut ends = [End::new(true), End::new(false)];
    let mut at = [0, 0];
    loop {
        let mut moved = false;
        for from in 0..2 {
            let mut wire = ends[from].take();
            for [high, low, change] in edits {
                let place = usize::from(high & 0x7f) << 8 | usize::from(*low);
                if usize::from(high >> 7) == from
                    && let Some(place) = place.checked_sub(at[from])
                    && let Some(byte) = wire.get_mut(place)
                {
                    *byte ^= change;
                }
            }
            at[from] += wire.len();
            moved |= !wire.is_empty();
            ends[1 - from].give(&wire);
        }
        if !moved {
            break;
        }
    }
    let honest = edits.iter().all(|&[.., change]| change == 0);
    for end in ends {
        assert!(!honest || end.swarm.status().established == 1);
        end.end();
    }
}
