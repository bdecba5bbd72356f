//! Scripted conversations, frame by frame.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use basalt_terms::time::Instant;

fn session(initiator: bool) -> Session {
    Session::new(Config::default(), Instant::ZERO, initiator)
}

fn frame(kind: Kind, flags: Flags, stream: u32, length: u32) -> Vec<u8> {
    Header {
        kind,
        flags,
        stream,
        length,
    }
    .emit()
    .to_vec()
}

fn data(flags: Flags, stream: u32, body: &[u8]) -> Vec<u8> {
    [
        frame(Kind::Data, flags, stream, body.len() as u32),
        body.to_vec(),
    ]
    .concat()
}

/// Feeds bytes and gives all events, data copied.
fn recv(session: &mut Session, bytes: &[u8]) -> Vec<Event<'static>> {
    try_recv(session, bytes).unwrap()
}

fn try_recv(session: &mut Session, mut bytes: &[u8]) -> Result<Vec<Event<'static>>, YamuxError> {
    let mut events = vec![];
    while let Some(event) = session.read(&mut bytes)? {
        events.push(match event {
            Event::Data(id, data) => Event::Data(id, data.to_vec().leak()),
            Event::Opened(id) => Event::Opened(id),
            Event::Finished(id) => Event::Finished(id),
            Event::Reset(id) => Event::Reset(id),
            Event::Refused(id) => Event::Refused(id),
            Event::Credit(id) => Event::Credit(id),
            Event::Pong(time) => Event::Pong(time),
            Event::GoAway(code) => Event::GoAway(code),
        });
    }
    assert!(bytes.is_empty());
    Ok(events)
}

/// All that a session wants to send.
fn sent(session: &mut Session) -> Vec<u8> {
    let (mut all, mut buf) = (vec![], vec![0; 70_000]);
    loop {
        let len = session.write(&mut buf);
        all.extend_from_slice(&buf[..len]);
        if len == 0 {
            assert!(!session.has_output());
            return all;
        }
    }
}

const NONE: Flags = Flags(0);

#[test]
fn opens_with_the_first_data_and_finishes_on_its_own_frame() {
    let mut us = session(true);
    let id = us.open().unwrap();
    assert_eq!(id, 1);
    assert!(!us.has_output());
    us.send(id, b"hello".to_vec());
    us.finish(id);
    assert_eq!(us.queued(), 5);
    assert_eq!(
        sent(&mut us),
        [data(Flags::SYN, 1, b"hello"), data(Flags::FIN, 1, b"")].concat()
    );
    assert_eq!(us.take_flushed(), [1]);
    assert_eq!(
        recv(&mut us, &data(Flags::ACK, 1, b"answer")),
        [Event::Data(1, b"answer")]
    );
    assert_eq!(
        recv(&mut us, &data(Flags::FIN, 1, b"")),
        [Event::Finished(1)]
    );
    assert!(us.is_empty());
}

#[test]
fn accepts_a_stream_opened_by_an_empty_window_update() {
    let mut us = session(false);
    let opening = frame(Kind::WindowUpdate, Flags::SYN, 1, 0);
    assert_eq!(recv(&mut us, &opening), [Event::Opened(1)]);
    assert_eq!(
        recv(&mut us, &data(NONE, 1, b"hi")),
        [Event::Data(1, b"hi")]
    );
    us.send(1, b"ho".to_vec());
    assert_eq!(sent(&mut us), data(Flags::ACK, 1, b"ho"));
    us.finish(1);
    assert_eq!(sent(&mut us), data(Flags::FIN, 1, b""));
    let fin = frame(Kind::WindowUpdate, Flags::FIN, 1, 0);
    assert_eq!(recv(&mut us, &fin), [Event::Finished(1)]);
    assert!(us.is_empty());
}

#[test]
fn all_in_one_frame() {
    let mut us = session(false);
    let events = recv(&mut us, &data(Flags(1 | 4), 7, b"x"));
    assert_eq!(
        events,
        [Event::Opened(7), Event::Data(7, b"x"), Event::Finished(7)]
    );
}

#[test]
fn credit_adds_up_beyond_32_bits_and_stops_us_at_zero() {
    let mut us = session(true);
    let id = us.open().unwrap();
    us.send(id, vec![0; 300_000]);
    let first = sent(&mut us);
    assert_eq!(us.queued(), 300_000 - 262_144);
    assert!(first.len() > 262_144 && !us.has_output());
    let ack = frame(Kind::WindowUpdate, Flags::ACK, 1, 30_000);
    assert_eq!(recv(&mut us, &ack), [Event::Credit(1)]);
    assert_eq!(sent(&mut us).len(), 30_000 + HEADER);
    let most = frame(Kind::WindowUpdate, NONE, 1, u32::MAX);
    for _ in 0..200 {
        recv(&mut us, &most);
    }
    assert_eq!(sent(&mut us).len(), 300_000 - 262_144 - 30_000 + HEADER);
    let flood = most.repeat(100);
    assert_eq!(
        try_recv(&mut us, &flood),
        Err(YamuxError::CreditOverflow(1))
    );
}

#[test]
fn credit_returns_after_half_a_window_and_the_window_grows_on_fast_paths() {
    let mut us = session(false);
    us.ping();
    assert_eq!(sent(&mut us), frame(Kind::Ping, Flags::SYN, 0, 1));
    us.set_now(Instant::from_millis(100));
    let rtt = Duration::from_millis(100);
    assert_eq!(
        recv(&mut us, &frame(Kind::Ping, Flags::ACK, 0, 1)),
        [Event::Pong(rtt)]
    );

    recv(&mut us, &data(Flags::SYN, 1, &[0; 131_071]));
    us.consume(1, 131_071);
    assert!(!us.has_output());
    recv(&mut us, &data(NONE, 1, &[0]));
    us.consume(1, 1);
    // Half a window within two round trips: twice the window.
    assert_eq!(
        sent(&mut us),
        frame(Kind::WindowUpdate, Flags::ACK, 1, 131_072 + 262_144)
    );
    // The other half later than that: only the credit that was used.
    us.set_now(Instant::from_millis(301));
    recv(&mut us, &data(NONE, 1, &[0; 262_144]));
    us.consume(1, 262_144);
    assert_eq!(sent(&mut us), frame(Kind::WindowUpdate, NONE, 1, 262_144));
}

#[test]
fn window_growth_is_bounded_per_session() {
    let config = Config {
        max_window_growth: 262_144,
        ..Config::default()
    };
    let mut us = Session::new(config, Instant::ZERO, false);
    us.ping();
    us.set_now(Instant::from_millis(1000));
    recv(&mut us, &frame(Kind::Ping, Flags::ACK, 0, 1));
    sent(&mut us);
    for (stream, delta) in [(1, 262_144 + 262_144), (3, 262_144)] {
        recv(&mut us, &data(Flags::SYN, stream, &[0; 262_144]));
        us.consume(stream, 262_144);
        assert_eq!(
            sent(&mut us),
            frame(Kind::WindowUpdate, Flags::ACK, stream, delta)
        );
    }
}

#[test]
fn streams_take_turns() {
    let mut us = session(true);
    let ids = [us.open().unwrap(), us.open().unwrap(), us.open().unwrap()];
    for id in ids {
        us.send(id, vec![id as u8; 200_000]);
    }
    let mut buf = vec![0; 16_384];
    let order: Vec<u8> = (0..6)
        .map(|_| {
            let len = us.write(&mut buf);
            assert_eq!(len, buf.len());
            buf[HEADER]
        })
        .collect();
    assert_eq!(order, [1, 3, 5, 1, 3, 5]);
}

#[test]
fn no_frame_is_squeezed_into_a_buffers_last_bytes() {
    let mut us = session(true);
    let (a, b) = (us.open().unwrap(), us.open().unwrap());
    us.send(a, vec![1; 1000]);
    us.send(b, vec![2; 5000]);
    let mut buf = vec![0; HEADER + 1000 + HEADER + 500];
    assert_eq!(us.write(&mut buf), HEADER + 1000);
    // But a small buffer is used all the same.
    assert_eq!(us.write(&mut buf[..HEADER + 10]), HEADER + 10);
}

#[test]
fn pings_are_answered_with_their_value() {
    let mut us = session(false);
    assert_eq!(recv(&mut us, &frame(Kind::Ping, Flags::SYN, 0, 0)), []);
    assert_eq!(recv(&mut us, &frame(Kind::Ping, Flags::SYN, 0, 77)), []);
    let answers = [
        frame(Kind::Ping, Flags::ACK, 0, 0),
        frame(Kind::Ping, Flags::ACK, 0, 77),
    ];
    assert_eq!(sent(&mut us), answers.concat());
    // An answer nobody asked for is nothing.
    assert_eq!(recv(&mut us, &frame(Kind::Ping, Flags::ACK, 0, 9)), []);
    let flood = frame(Kind::Ping, Flags::SYN, 0, 1).repeat(257);
    assert_eq!(try_recv(&mut us, &flood), Err(YamuxError::AnswerFlood));
}

#[test]
fn resets_in_both_directions() {
    let mut us = session(false);
    recv(&mut us, &data(Flags::SYN, 1, b"a"));
    us.reset(1);
    assert_eq!(sent(&mut us), frame(Kind::WindowUpdate, Flags(2 | 8), 1, 0));
    // What was under way is skipped.
    assert_eq!(recv(&mut us, &data(Flags::FIN, 1, b"late")), []);
    recv(&mut us, &data(Flags::SYN, 3, b"a"));
    us.send(3, vec![0; 10]);
    let rst = frame(Kind::Data, Flags::RST, 3, 0);
    assert_eq!(recv(&mut us, &rst), [Event::Reset(3)]);
    assert_eq!((us.len(), us.queued(), us.has_output()), (0, 0, false));
    // A stream nobody heard of vanishes silently.
    let id = us.open().unwrap();
    us.send(id, vec![1]);
    us.reset(id);
    assert!(!us.has_output());
}

#[test]
fn a_peer_that_leaves_resets_unread_opens_no_more_streams() {
    let mut us = session(false);
    let mut opened = 0;
    let flood = loop {
        match try_recv(&mut us, &data(Flags::SYN, 2 * opened + 1, b"x")) {
            Ok(_) => us.reset(2 * opened + 1),
            Err(error) => break error,
        }
        opened += 1;
    };
    assert_eq!((flood, opened), (YamuxError::AnswerFlood, 256));
}

#[test]
fn streams_beyond_the_limit_are_reset() {
    let config = Config {
        max_inbound_streams: 1,
        max_outbound_streams: 1,
        ..Config::default()
    };
    let mut us = Session::new(config, Instant::ZERO, false);
    recv(&mut us, &data(Flags::SYN, 1, b""));
    assert_eq!(
        recv(&mut us, &data(Flags::SYN, 3, b"abc")),
        [Event::Refused(3)]
    );
    assert_eq!(sent(&mut us), frame(Kind::WindowUpdate, Flags::RST, 3, 0));
    assert!(us.open().is_some() && us.open().is_none());
    us.reset(1);
    assert_eq!(recv(&mut us, &data(Flags::SYN, 5, b"")), [Event::Opened(5)]);
    // Less may be permitted, and more again.
    us.reset(5);
    us.allow_inbound(0);
    assert_eq!(
        recv(&mut us, &data(Flags::SYN, 7, b"")),
        [Event::Refused(7)]
    );
    us.allow_inbound(1);
    assert_eq!(recv(&mut us, &data(Flags::SYN, 9, b"")), [Event::Opened(9)]);
}

#[test]
fn violations() {
    let after_open = |bytes: &[u8]| {
        let mut us = session(false);
        recv(&mut us, &data(Flags::SYN, 1, b""));
        try_recv(&mut us, bytes).unwrap_err()
    };
    assert_eq!(
        after_open(&data(Flags::SYN, 1, b"")),
        YamuxError::StreamId(1)
    );
    assert_eq!(
        after_open(&data(Flags::SYN, 2, b"")),
        YamuxError::StreamId(2)
    );
    assert_eq!(after_open(&data(NONE, 0, b"")), YamuxError::StreamZero);
    assert_eq!(
        after_open(&frame(Kind::Ping, Flags::SYN, 1, 0)),
        YamuxError::StreamZero
    );
    assert_eq!(
        after_open(&frame(Kind::Data, NONE, 1, 262_145)),
        YamuxError::WindowExceeded(1)
    );
    let after_fin = [data(Flags::FIN, 1, b""), data(NONE, 1, b"x")].concat();
    assert_eq!(after_open(&after_fin), YamuxError::WindowExceeded(1));
}

#[test]
fn going_away() {
    let mut us = session(true);
    assert_eq!(
        recv(&mut us, &frame(Kind::GoAway, NONE, 0, 1)),
        [Event::GoAway(1)]
    );
    us.go_away();
    assert_eq!(sent(&mut us), frame(Kind::GoAway, NONE, 0, 0));
    // We said it; nothing new is opened by the side that was told.
    let mut them = session(true);
    let id = them.open().unwrap();
    them.send(id, &b"early"[..]);
    let early = data(Flags::SYN, 1, b"early");
    assert_eq!(sent(&mut them), early);
    let unheard = them.open().unwrap();
    assert!(them.can_open() && !them.has_left());
    for code in [0, 1, 2] {
        let told = recv(&mut them, &frame(Kind::GoAway, NONE, 0, code));
        assert_eq!(told.len(), usize::from(code == 0));
        assert!(them.has_left() && !them.can_open() && them.open().is_none());
    }
    assert_eq!(them.unheard(), [unheard]);
    // What is open goes on, in both directions.
    them.send(id, &b"late"[..]);
    assert_eq!(sent(&mut them), data(NONE, 1, b"late"));
    assert_eq!(
        recv(&mut them, &data(NONE, 1, b"answer")),
        [Event::Data(1, b"answer")]
    );
}

proptest! {
    /// Two sessions exchange streams through buffers of any size, cut anywhere.
    #[test]
    fn bytes_arrive_whole_and_in_order(
        sizes in proptest::collection::vec(0usize..400_000, 1..5),
        rooms in proptest::collection::vec(HEADER + 1..70_000, 1..20),
        cut in 1usize..5000,
    ) {
        let (mut a, mut b) = (session(true), session(false));
        for (index, &size) in sizes.iter().enumerate() {
            let id = a.open().unwrap();
            prop_assert_eq!(id as usize, 2 * index + 1);
            a.send(id, (0..size).map(|i| (i * 31 + index) as u8).collect::<Vec<u8>>());
            a.finish(id);
        }
        let mut got = vec![vec![]; sizes.len()];
        let (mut finished, mut turn) = (0, 0);
        let mut buf = vec![0; 70_000];
        while finished < sizes.len() || a.has_output() || b.has_output() {
            let len = a.write(&mut buf[..rooms[turn % rooms.len()]]);
            for piece in buf[..len].chunks(cut) {
                let mut bytes = piece;
                while let Some(event) = b.read(&mut bytes).unwrap() {
                    match event {
                        Event::Data(id, data) => {
                            got[id as usize / 2].extend_from_slice(data);
                            let len = data.len();
                            b.consume(id, len);
                        }
                        Event::Finished(id) => {
                            b.finish(id);
                            finished += 1;
                        }
                        other => prop_assert!(matches!(other, Event::Opened(_))),
                    }
                }
            }
            let len = b.write(&mut buf[..rooms[turn % rooms.len()]]);
            recv(&mut a, &buf[..len]);
            turn += 1;
            prop_assert!(turn < 2_000_000);
        }
        for (index, &size) in sizes.iter().enumerate() {
            let expected: Vec<u8> = (0..size).map(|i| (i * 31 + index) as u8).collect();
            prop_assert!(got[index] == expected);
        }
        prop_assert!(a.is_empty() && b.is_empty());
    }
}
