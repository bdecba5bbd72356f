//! A client and a server in memory, with certificates that OpenSSL made.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

macro_rules! pem {
    ($name:literal) => {
        String::from(include_str!(concat!("../../tests/vectors/tls/", $name)))
    };
}

/// Some day in 2030.
const NOW: u64 = 1_900_000_000_000;

fn server(certificate: String, key: String) -> Context {
    let settings = Settings {
        certificate: Some((certificate, key)),
        ..Settings::default()
    };
    let context = Context::new(&settings, [1; 32]).unwrap();
    context.set_wall(NOW);
    context
}

fn client(roots: Vec<String>) -> Context {
    let settings = Settings {
        roots,
        ..Settings::default()
    };
    let context = Context::new(&settings, [2; 32]).unwrap();
    context.set_wall(NOW);
    context
}

/// Lets both talk, in pieces of `piece` bytes, until nothing moves.
fn talk(
    ends: &mut [Session; 2],
    mut wire: Vec<u8>,
    piece: usize,
) -> Result<[Vec<u8>; 2], TlsError> {
    let mut plain = [vec![], vec![]];
    let mut to = 1;
    while !wire.is_empty() {
        let mut answer = vec![];
        for bytes in wire.chunks(piece) {
            ends[to].receive(bytes, &mut plain[to], &mut answer)?;
        }
        wire = answer;
        to = 1 - to;
    }
    Ok(plain)
}

fn handshake(
    dialing: &Context,
    serving: &Context,
    name: &str,
    piece: usize,
) -> Result<[Session; 2], TlsError> {
    let mut ends = [dialing.dial(name)?, serving.accept().unwrap()];
    let mut hello = vec![];
    ends[0].receive(&[], &mut vec![], &mut hello)?;
    talk(&mut ends, hello, piece)?;
    assert!(ends[0].is_open() && ends[1].is_open());
    Ok(ends)
}

#[test]
fn certificates_of_each_kind_by_name_and_by_address() {
    let roots = vec![pem!("ca-p256.pem"), pem!("ca-p384.pem"), pem!("ca-rsa.pem")];
    let dialing = client(roots);
    for (certificate, key) in [
        (pem!("p256.pem"), pem!("p256.key")),
        (pem!("p256-by-p384.pem"), pem!("p256-by-p384.key")),
        (pem!("p256-by-rsa.pem"), pem!("p256-by-rsa.key")),
        (pem!("ed25519.pem"), pem!("ed25519.key")),
    ] {
        let serving = server(certificate, key);
        for (name, piece) in [("node.example", 1), ("127.0.0.1", 1000)] {
            let mut ends = handshake(&dialing, &serving, name, piece).unwrap();
            let text: Vec<u8> = (0..100_000u32).map(|i| (i * 7) as u8).collect();
            for from in 0..2 {
                let mut wire = vec![];
                ends[from].send(&text, &mut wire).unwrap();
                assert!(wire.len() > text.len());
                let mut got = vec![];
                for bytes in wire.chunks(1777) {
                    let mut answer = vec![];
                    ends[1 - from]
                        .receive(bytes, &mut got, &mut answer)
                        .unwrap();
                    assert!(answer.is_empty());
                }
                assert!(got == text);
            }
        }
    }
}

#[test]
fn certificates_that_are_not_valid() {
    let serving = server(pem!("p256.pem"), pem!("p256.key"));
    let failure = |dialing: &Context, name| handshake(dialing, &serving, name, 5000).err();
    let trusting = client(vec![pem!("ca-p256.pem")]);
    assert_eq!(failure(&trusting, "node.example"), None);
    assert_eq!(
        failure(&trusting, "other.example"),
        Some(TlsError::Certificate)
    );
    assert_eq!(failure(&trusting, "10.0.0.1"), Some(TlsError::Certificate));
    assert_eq!(failure(&trusting, "not a name"), Some(TlsError::Name));
    // Long ago, and before the time is known.
    for time in [1_000_000_000_000, 0] {
        trusting.set_wall(time);
        assert_eq!(
            failure(&trusting, "node.example"),
            Some(TlsError::Certificate)
        );
    }
    let other = client(vec![pem!("ca-p384.pem")]);
    assert_eq!(failure(&other, "node.example"), Some(TlsError::Certificate));
    assert_eq!(
        failure(&client(vec![]), "node.example"),
        Some(TlsError::Certificate)
    );
}

#[test]
fn nonsense_is_refused_early() {
    let serving = server(pem!("p256.pem"), pem!("p256.key"));
    for nonsense in [
        vec![FIRST_BYTE; 100_000],
        vec![0; 100],
        b"\x16\x03\x01\x40\x00\x01\x00\xff\xff".repeat(8000),
    ] {
        let mut session = serving.accept().unwrap();
        let (mut plain, mut wire) = (vec![], vec![]);
        assert!(session.receive(&nonsense, &mut plain, &mut wire).is_err());
        assert!(plain.is_empty() && wire.len() < 1000);
    }
}

#[test]
fn settings_that_make_no_sense() {
    let error = |certificate, roots| {
        let settings = Settings {
            certificate,
            roots,
            web_roots: false,
        };
        Context::new(&settings, [1; 32]).unwrap_err()
    };
    let pair = |a, b| Some((a, b));
    assert_eq!(
        error(pair(String::new(), pem!("p256.key")), vec![]),
        SettingsError::Certificate
    );
    assert_eq!(
        error(pair(pem!("p256.pem"), String::new()), vec![]),
        SettingsError::Key
    );
    assert_eq!(
        error(pair(pem!("p256.pem"), pem!("p256-by-rsa.key")), vec![]),
        SettingsError::Key
    );
    assert_eq!(error(None, vec![String::new()]), SettingsError::Root);
    let settings = Settings {
        web_roots: true,
        ..Settings::default()
    };
    assert!(!Context::new(&settings, [1; 32]).unwrap().serves());
}
