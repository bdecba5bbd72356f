//! A whole connection fed by a stranger, and one whose multiplexer is: a peer that has proven
//! itself may say anything inside the encryption.

use basalt_net::multistream::Dialer;
use basalt_net::noise::{self, Handshake, Identity, Sealer};
use basalt_net::swarm::{Config, ConnId, Effects, Input, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::{Keypair, yamux};

const NOW: Instant = Instant::from_millis(1000);

fn swarm() -> Swarm {
    Swarm::new(Config::default(), Keypair::from_seed([1; 32]), [2; 32])
}

fn feed(swarm: &mut Swarm, conn: ConnId, bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut answer, mut buf) = (Effects::new(), vec![], vec![0; 2048]);
    let bytes = &mut bytes.to_vec();
    swarm.handle(NOW, Input::Received { conn, bytes }, &mut out);
    loop {
        let len = swarm.transmit(conn, &mut buf);
        if len == 0 {
            return answer;
        }
        answer.extend_from_slice(&buf[..len]);
    }
}

/// Sets up a connection up to the multiplexer and gives what encrypts for it.
fn set_up(swarm: &mut Swarm, conn: ConnId) -> Sealer {
    let identity = Identity::new(&Keypair::from_seed([3; 32]), [4; 32]);
    let mut handshake = Handshake::new(&identity, [5; 32], true);
    let mut bytes = vec![];
    let _ = Dialer::new(noise::PROTOCOL, &mut bytes);
    handshake
        .write(&identity, &mut bytes)
        .expect("the first message is not encrypted");
    let proposal = bytes.len() - 34;
    let answer = feed(swarm, conn, &bytes);
    handshake
        .read(&identity, &answer[proposal + noise::PREFIX..])
        .expect("an honest answer");
    let mut last = vec![];
    handshake.write(&identity, &mut last).expect("our turn");
    let (mut seal, ..) = handshake.finish().expect("the last message is written");
    let mut muxer = vec![];
    let _ = Dialer::new(yamux::PROTOCOL, &mut muxer);
    last.extend(sealed(&mut seal, &muxer));
    feed(swarm, conn, &last);
    seal
}

fn sealed(seal: &mut Sealer, text: &[u8]) -> Vec<u8> {
    let mut message = vec![0; noise::PREFIX];
    message.extend_from_slice(text);
    message.resize(message.len() + noise::TAG, 0);
    seal.seal(&mut message, text.len());
    message
}

/// The first byte chooses what is fed and the size of the pieces.
pub fn check(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let transport = if choice & 1 == 0 {
        Transport::Tcp
    } else {
        Transport::WebSocket
    };
    let inside = choice & 2 != 0;
    let piece = usize::from(choice >> 2) + 1;
    let mut swarm = swarm();
    let mut out = Effects::new();
    let transport = if inside { Transport::Tcp } else { transport };
    let remote = ([10, 0, 0, 1], 1).into();
    let conn = swarm
        .accept(NOW, transport, remote, &mut out)
        .expect("there is room");
    if inside {
        let mut seal = set_up(&mut swarm, conn);
        assert_eq!(swarm.status().established, 1);
        for chunk in bytes.chunks(piece * 16) {
            let message = sealed(&mut seal, chunk);
            feed(&mut swarm, conn, &message);
        }
    } else {
        for chunk in bytes.chunks(piece) {
            feed(&mut swarm, conn, chunk);
        }
        assert_eq!(swarm.status().established, 0);
    }
    swarm.handle(NOW, Input::Lost { conn }, &mut out);
    assert_eq!((swarm.status().connections, swarm.status().held), (0, 0));
}
