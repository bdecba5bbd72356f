//! A session fed by a stranger: it gives the same events whatever pieces the bytes come in, keeps
//! within its budgets, and always gets rid of what it has to say.

use basalt_net::time::Instant;
use basalt_net::yamux::{Config, Event, Session};

fn run(bytes: &[u8], piece: usize) -> Vec<(u8, u32, usize)> {
    let config = Config {
        max_inbound_streams: 8,
        max_answers: 8,
        ..Config::default()
    };
    let mut session = Session::new(config, Instant::ZERO, false);
    let mut log: Vec<(u8, u32, usize)> = vec![];
    session.ping();
    let own = session.open();
    if let Some(id) = own {
        session.send(id, vec![1; 300_000]);
    }
    for mut chunk in bytes.chunks(piece) {
        loop {
            let (kind, id, len) = match session.read(&mut chunk) {
                Err(_) => {
                    log.push((255, 0, 0));
                    return log;
                }
                Ok(None) => break,
                Ok(Some(Event::Opened(id))) => {
                    session.send(id, vec![2; 100]);
                    (0, id, 0)
                }
                Ok(Some(Event::Data(id, data))) => {
                    session.consume(id, data.len());
                    (1, id, data.len())
                }
                Ok(Some(Event::Finished(id))) => {
                    session.finish(id);
                    (2, id, 0)
                }
                Ok(Some(Event::Reset(id))) => (3, id, 0),
                Ok(Some(Event::Refused(id))) => (4, id, 0),
                Ok(Some(Event::Credit(id))) => (5, id, 0),
                Ok(Some(Event::Pong(_))) => (6, 0, 0),
                Ok(Some(Event::GoAway(code))) => (7, code, 0),
            };
            match log.last_mut() {
                Some(last) if kind == 1 && last.0 == 1 && last.1 == id => last.2 += len,
                _ => log.push((kind, id, len)),
            }
            assert!(session.len() <= 9);
        }
    }
    let mut buf = vec![0; 4096];
    for _ in 0..10_000 {
        if session.write(&mut buf) == 0 {
            break;
        }
    }
    assert!(!session.has_output());
    log
}

/// The first byte sizes the pieces.
pub fn check(data: &[u8]) {
    let Some((&piece, bytes)) = data.split_first() else {
        return;
    };
    assert_eq!(
        run(bytes, usize::from(piece) + 1),
        run(bytes, bytes.len().max(1))
    );
}
