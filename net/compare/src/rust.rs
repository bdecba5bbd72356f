//! rust-libp2p: both ends on one single-threaded runtime.

use std::time::Instant;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, noise, tcp, yamux};

use crate::{BULK, BULKS, EXCHANGES, MESSAGE, Rates, SET_UPS};

const SINK: StreamProtocol = StreamProtocol::new("/sink/1.0.0");
const KEEP: StreamProtocol = StreamProtocol::new("/keep/1.0.0");
const ECHO: StreamProtocol = StreamProtocol::new("/echo/1.0.0");

fn swarm() -> Swarm<libp2p_stream::Behaviour> {
    libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(
            tcp::Config::new().nodelay(true),
            noise::Config::new,
            yamux::Config::default,
        )
        .expect("a transport")
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .expect("a behaviour")
        .with_swarm_config(|config| {
            config.with_idle_connection_timeout(std::time::Duration::from_secs(60))
        })
        .build()
}

pub(crate) fn measure() -> Rates {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut server = swarm();
        let (id, mut control) = (*server.local_peer_id(), server.behaviour().new_control());
        server
            .listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("an address"))
            .expect("a listener");
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = server.select_next_some().await {
                break address;
            }
        };
        let mut sinks = control.accept(SINK).expect("the only one");
        tokio::spawn(async move {
            while let Some((_, mut stream)) = sinks.next().await {
                let mut buffer = vec![0; 64 * 1024];
                while stream.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
                let _ = stream.close().await;
            }
        });
        let mut keeps = control.accept(KEEP).expect("the only one");
        tokio::spawn(async move {
            while let Some((_, mut stream)) = keeps.next().await {
                let mut message = Vec::new();
                let _ = stream.read_to_end(&mut message).await;
                assert_eq!(message.len(), BULK);
                let _ = stream.close().await;
            }
        });
        let mut echoes = control.accept(ECHO).expect("the only one");
        tokio::spawn(async move {
            while let Some((_, mut stream)) = echoes.next().await {
                tokio::spawn(async move {
                    let mut message = Vec::new();
                    let _ = stream.read_to_end(&mut message).await;
                    let _ = stream.write_all(&message).await;
                    let _ = stream.close().await;
                });
            }
        });
        tokio::spawn(async move {
            loop {
                server.select_next_some().await;
            }
        });

        let mut client = swarm();
        let start = Instant::now();
        for _ in 0..SET_UPS {
            connect(&mut client, &address).await;
            disconnect(&mut client, id).await;
        }
        let set_ups = SET_UPS as f64 / start.elapsed().as_secs_f64();
        let control = client.behaviour().new_control();
        connect(&mut client, &address).await;
        tokio::spawn(async move {
            loop {
                client.select_next_some().await;
            }
        });
        let megabytes = bulk(control.clone(), id).await;
        let kept = messages(control.clone(), id).await;
        let exchanges = exchange(control, id).await;
        Rates {
            set_ups,
            megabytes,
            kept,
            exchanges,
        }
    })
}

async fn connect(client: &mut Swarm<libp2p_stream::Behaviour>, address: &Multiaddr) {
    client.dial(address.clone()).expect("dials");
    loop {
        if let SwarmEvent::ConnectionEstablished { .. } = client.select_next_some().await {
            return;
        }
    }
}

async fn disconnect(client: &mut Swarm<libp2p_stream::Behaviour>, id: PeerId) {
    client.disconnect_peer_id(id).expect("is connected");
    loop {
        if let SwarmEvent::ConnectionClosed { .. } = client.select_next_some().await {
            return;
        }
    }
}

async fn bulk(mut control: libp2p_stream::Control, id: PeerId) -> f64 {
    let mut stream = control.open_stream(id, SINK).await.expect("a stream");
    let bytes = vec![7; BULK];
    let start = Instant::now();
    for _ in 0..BULKS {
        stream.write_all(&bytes).await.expect("is taken");
    }
    stream.close().await.expect("is taken");
    // The other side closes when it has everything.
    let mut end = Vec::new();
    stream.read_to_end(&mut end).await.expect("an end");
    (BULKS * BULK) as f64 / start.elapsed().as_secs_f64() / 1e6
}

async fn messages(mut control: libp2p_stream::Control, id: PeerId) -> f64 {
    let bytes = vec![7; BULK];
    let start = Instant::now();
    for _ in 0..BULKS {
        let mut stream = control.open_stream(id, KEEP).await.expect("a stream");
        stream.write_all(&bytes).await.expect("is taken");
        stream.close().await.expect("is taken");
        stream.read_to_end(&mut Vec::new()).await.expect("an end");
    }
    (BULKS * BULK) as f64 / start.elapsed().as_secs_f64() / 1e6
}

async fn exchange(mut control: libp2p_stream::Control, id: PeerId) -> f64 {
    let message = vec![7; MESSAGE];
    let start = Instant::now();
    for _ in 0..EXCHANGES {
        let mut stream = control.open_stream(id, ECHO).await.expect("a stream");
        stream.write_all(&message).await.expect("is taken");
        stream.close().await.expect("is taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        assert_eq!(answer.len(), MESSAGE);
    }
    EXCHANGES as f64 / start.elapsed().as_secs_f64()
}
