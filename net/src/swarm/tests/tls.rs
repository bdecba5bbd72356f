//! TLS below everything else.

use alloc::string::String;

use super::*;

/// A swarm with the certificate of `10.0.0.1`'s kind, and one that trusts its authority.
fn tls(settings: crate::tls::Settings) -> Config {
    let context = crate::tls::Context::new(&settings, [5; 32]).unwrap();
    context.set_wall(1_900_000_000_000);
    Config {
        tls: Some(context.into()),
        ..Config::default()
    }
}

/// One with a certificate.
fn serving() -> Config {
    let certificate = include_str!("../../../tests/vectors/tls/address.pem");
    let key = include_str!("../../../tests/vectors/tls/address.key");
    tls(crate::tls::Settings {
        certificate: Some((certificate.into(), key.into())),
        ..Default::default()
    })
}

/// One that trusts the other's authority.
fn trusting() -> Config {
    tls(crate::tls::Settings {
        roots: vec![include_str!("../../../tests/vectors/tls/ca-p256.pem").into()],
        ..Default::default()
    })
}

#[test]
fn tls_carries_everything_and_checks_the_name() {
    let (serving, trusting) = (serving(), trusting());
    for piece in [1, 7, 1500] {
        let mut net = Net::new(vec![trusting.clone(), serving.clone(), Config::default()]);
        net.piece = piece;
        net.dial(0, &address(1, Transport::SecureWebSocket));
        // The same listener speaks without TLS.
        net.dial(2, &address(1, Transport::WebSocket));
        net.run();
        let big = particle("over TLS", 20_000);
        for (from, to) in [(0, 1), (1, 0), (2, 1), (1, 2)] {
            net.send(from, to, &big).unwrap();
            net.run();
            assert!(
                net.particles(to) == [(peer(from), big.clone())],
                "{from} {to}"
            );
        }
    }
    // The certificate is for 10.0.0.1, and nobody listens with TLS at 10.0.0.0.
    let mut net = Net::new(vec![serving, trusting, Config::default()]);
    net.dial(1, &address(0, Transport::SecureWebSocket));
    net.run();
    let failed = |error| CloseReason::Failed(connection::Error::Tls(error));
    assert_eq!(net.closed(1), [failed(crate::tls::TlsError::Certificate)]);
    assert!(
        net.closed(0).contains(&failed(crate::tls::TlsError::Alert))
            || net.swarms[0].status().connections == 0
    );
    net.dial(1, &address(2, Transport::SecureWebSocket));
    net.run();
    assert!(!net.swarms[1].is_connected(&peer(2)));
}

#[test]
fn the_name_after_sni_is_asked_for_and_checked() {
    let text = |text: &str| String::from(text);
    let serving = tls(crate::tls::Settings {
        certificate: Some((
            text(include_str!("../../../tests/vectors/tls/p256.pem")),
            text(include_str!("../../../tests/vectors/tls/p256.key")),
        )),
        ..Default::default()
    });
    let trusting = tls(crate::tls::Settings {
        roots: vec![text(include_str!("../../../tests/vectors/tls/ca-p256.pem"))],
        ..Default::default()
    });
    for (form, fits) in [
        ("tls/sni/node.example/ws", true),
        ("tls/sni/node.example/ws/http-path/a%2Fb", true),
        ("tls/sni/other.example/ws", false),
        ("tls/ws", false),
    ] {
        let mut net = Net::new(vec![trusting.clone(), serving.clone()]);
        let address = std::format!("/ip4/10.0.0.1/tcp/999/{form}/p2p/{}", peer(1));
        net.dial(0, &address.parse().unwrap());
        net.run();
        assert_eq!(net.swarms[0].is_connected(&peer(1)), fits, "{form}");
    }
}

/// One side ends TLS or the WebSocket and leaves TCP open: the other is done with it at once, and
/// ends its side as well.
#[test]
fn an_end_below_is_the_end() {
    let (serving, trusting) = (serving(), trusting());
    for transport in [Transport::SecureWebSocket, Transport::WebSocket] {
        for who in [0, 1] {
            let mut net = Net::new(vec![trusting.clone(), serving.clone()]);
            net.dial(0, &address(1, transport));
            net.run();
            let conn = net.swarms[who].connections().next().unwrap().conn;
            net.swarms[who].pool.connection(conn).unwrap().end_below();
            net.run();
            let other = 1 - who;
            assert_eq!(net.closed(other), [CloseReason::Remote], "{transport:?}");
            assert!(!net.swarms[other].is_connected(&peer(who)));
            assert_eq!(net.closed(who), [CloseReason::Remote], "{transport:?}");
            for swarm in &net.swarms {
                assert_eq!(swarm.status().connections, 0);
            }
        }
    }
}
