//! Particles arrive as they were sent.

use proptest::prelude::*;

use super::*;

#[test]
fn particles_travel_both_ways() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut net = Net::pair();
        net.dial(0, &address(1, transport));
        net.run();
        for (from, to) in [(0, 1), (1, 0)] {
            for size in [0, 100, 1_400, 1_000_000] {
                let particle = particle(&std::format!("size {size}"), size);
                let id = net.send(from, to, &particle).unwrap();
                net.run();
                assert_eq!(net.particles(to), [(peer(from), particle)]);
                let sent = net.take(from, |event| match event {
                    Event::Sent { id } => Some(*id),
                    _ => None,
                });
                assert_eq!(sent, [id]);
            }
        }
        assert_eq!(net.refused(0), []);
        assert_eq!(net.refused(1), []);
        assert_eq!(net.swarms[0].status().held, 0);
    }
}

#[test]
fn a_hundred_particles_at_once_and_a_thousand_in_line() {
    let mut net = Net::pair();
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    for index in 0..1100 {
        net.send(0, 1, &particle(&std::format!("{index}"), 2000))
            .unwrap();
    }
    net.run();
    let mut ids: Vec<usize> = net
        .particles(1)
        .into_iter()
        .map(|(_, particle)| particle.id.parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..1100).collect::<Vec<_>>());
    assert_eq!(net.swarms[0].status().particles_out, 1100);
}

#[test]
fn oversize_and_malformed_particles_are_refused_and_the_connection_goes_on() {
    let limits = connection::Limits {
        max_particle: 5000,
        ..Default::default()
    };
    let config = Config {
        connection: limits,
        ..Config::default()
    };
    let mut net = Net::new(vec![Config::default(), config]);
    net.dial(0, &address(1, Transport::Tcp));
    net.run();
    net.send(0, 1, &particle("big", 6000)).unwrap();
    net.run();
    assert_eq!(net.refused(1), [Refusal::ParticleTooBig]);
    let failed = net.take(0, |event| match event {
        Event::SendFailed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert!(failed.is_empty() || failed == [SendError::StreamReset]);
    net.send(0, 1, &particle("small", 60)).unwrap();
    net.run();
    assert_eq!(net.particles(1).len(), 1);
    assert_eq!(net.swarms[1].status().refused(Refusal::ParticleTooBig), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the size of the pieces, everything arrives.
    #[test]
    fn bytes_may_be_cut_anywhere(
        piece in 1usize..3000,
        sizes in proptest::collection::vec(0usize..20_000, 1..4),
        websocket: bool,
    ) {
        let mut net = Net::pair();
        net.piece = piece;
        net.dial(0, &address(1, if websocket { Transport::WebSocket } else { Transport::Tcp }));
        let mut expected = vec![];
        net.run();
        for (index, &size) in sizes.iter().enumerate() {
            let particle = particle(&std::format!("{index}"), size);
            net.send(0, 1, &particle).unwrap();
            net.send(1, 0, &particle).unwrap();
            expected.push(particle);
        }
        net.run();
        for (to, from) in [(0, 1), (1, 0)] {
            let mut got = net.particles(to);
            got.sort_by(|a, b| a.1.id.cmp(&b.1.id));
            prop_assert_eq!(got.len(), expected.len());
            for ((sender, particle), expected) in got.iter().zip(&expected) {
                prop_assert_eq!(*sender, peer(from));
                prop_assert!(particle == expected);
            }
        }
    }
}
