//! Answers of name servers, good and hostile ones, made by hand.

use std::net::SocketAddr;
use std::time::Duration;

use basalt_net::dns::{Error, Kind, Limits, Lookup, Record, Step, question, read_answer};
use basalt_net::time::Instant;

const ID: u16 = 0x1234;
/// Where the name of the question stands in a packet, as a pointer.
const ASKED: &[u8] = &[0xc0, 12];
const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const AAAA: u16 = 28;

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 60]);
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// An answer to a question about `name`, with these flags.
fn packet(flags: u16, name: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = ID.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend((records.len() as u16).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(labels(name));
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(records.concat());
    bytes
}

fn answer(name: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
    packet(0x8180, name, kind, records)
}

fn read(kind: Kind, bytes: &[u8]) -> Result<Vec<Record>, Error> {
    read_answer(ID, "a.example", kind, &Limits::default(), bytes)
}

fn ip(text: &str) -> Record {
    Record::Address(text.parse().unwrap())
}

#[test]
fn a_question_byte_by_byte() {
    let bytes = question(ID, "a.example.", Kind::Txt, &Limits::default()).unwrap();
    let mut expected = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    expected.extend(b"\x01a\x07example\x00\x00\x10\x00\x01");
    // EDNS0: root, OPT, 1,232 bytes.
    expected.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes, expected);
    let long = [&*"x".repeat(63); 4].join(".");
    for bad in ["", ".", "a..b", &"x".repeat(64), &long] {
        let question = question(ID, bad, Kind::A, &Limits::default());
        assert_eq!(question, Err(Error::BadName), "{bad}");
    }
    assert!(question(ID, &long[..253], Kind::A, &Limits::default()).is_ok());
}

#[test]
fn records_of_the_kind_that_was_asked() {
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let records = [
        record(ASKED, A, &[192, 0, 2, 1]),
        record(ASKED, AAAA, &v6),
        record(ASKED, TXT, b"\x03abc\x02de"),
        record(&labels("A.EXAMPLE"), A, &[192, 0, 2, 2]),
        record(&labels("other.example"), A, &[192, 0, 2, 3]),
        record(ASKED, TXT, b"\x09cut off"),
        record(ASKED, TXT, b""),
    ];
    let found = read(Kind::A, &answer("a.example", A, &records));
    assert_eq!(found, Ok(vec![ip("192.0.2.1"), ip("192.0.2.2")]));
    let found = read(Kind::Aaaa, &answer("A.example", AAAA, &records));
    assert_eq!(found, Ok(vec![ip("2001:db8::1")]));
    let found = read(Kind::Txt, &answer("a.example", TXT, &records));
    let texts = [&b"abcde"[..], b""].map(|text| Record::Text(text.into()));
    assert_eq!(found, Ok(texts.to_vec()));
}

#[test]
fn aliases_are_followed_in_any_order_and_not_in_circles() {
    let records = [
        record(&labels("c.example"), A, &[192, 0, 2, 9]),
        record(&labels("b.example"), CNAME, &labels("c.example")),
        record(ASKED, CNAME, &labels("b.example")),
    ];
    let found = read(Kind::A, &answer("a.example", A, &records));
    assert_eq!(found, Ok(vec![ip("192.0.2.9")]));

    let circle = [
        record(ASKED, CNAME, &labels("b.example")),
        record(&labels("b.example"), CNAME, ASKED),
    ];
    let found = read(Kind::A, &answer("a.example", A, &circle));
    assert_eq!(found, Err(Error::NoRecord));
}

#[test]
fn what_is_not_the_answer() {
    let records = [record(ASKED, A, &[192, 0, 2, 1])];
    let good = answer("a.example", A, &records);
    assert!(read(Kind::A, &good).is_ok());
    let with = |at: usize, byte| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        read(Kind::A, &bytes)
    };
    // Another number, a question, another operation, no question.
    for result in [with(0, 0), with(2, 1), with(2, 0x90), with(5, 0)] {
        assert_eq!(result, Err(Error::NotOurs));
    }
    let others = [
        answer("b.example", A, &records),
        answer("a.example", AAAA, &records),
    ];
    for other in others {
        assert_eq!(read(Kind::A, &other), Err(Error::NotOurs));
    }
    assert_eq!(read(Kind::A, &good[..11]), Err(Error::NotOurs));
    let mut long = good.clone();
    long.resize(1233, 0);
    assert_eq!(read(Kind::A, &long), Err(Error::NotOurs));
    assert_eq!(with(3, 0x83), Err(Error::NoSuchName));
    assert_eq!(with(3, 0x82), Err(Error::ServerFailure));
    assert_eq!(
        read(Kind::A, &answer("a.example", A, &[])),
        Err(Error::NoRecord)
    );
}

#[test]
fn malformed_answers() {
    let read = |record: Vec<u8>| read(Kind::A, &answer("a.example", A, &[record]));
    // A pointer to itself, one out of the packet; a label of 64 bytes; an address of five.
    let here = 12 + 11 + 4;
    for name in [&[0xc0, here][..], &[0xff, 0xff], &[64, 0]] {
        assert_eq!(read(record(name, A, &[1, 2, 3, 4])), Err(Error::Malformed));
    }
    assert_eq!(read(record(ASKED, A, &[1; 5])), Err(Error::Malformed));
    // A name that is longer than names can be.
    let mut long = [&labels(&"x".repeat(63))[..64]; 5].concat();
    long.push(0);
    assert_eq!(read(record(&long, A, &[1, 2, 3, 4])), Err(Error::Malformed));

    let whole = answer(
        "a.example",
        A,
        &[
            record(ASKED, A, &[192, 0, 2, 1]),
            record(ASKED, A, &[192, 0, 2, 2]),
        ],
    );
    for len in 12..whole.len() {
        let result = read_a(&whole[..len]);
        assert!(
            matches!(result, Err(Error::Malformed | Error::NotOurs)),
            "{len}: {result:?}"
        );
    }
    // Cut off by the server, which says so: what is there counts.
    let mut cut = whole[..whole.len() - 4].to_vec();
    cut[2] |= 2;
    assert_eq!(read_a(&cut), Ok(vec![ip("192.0.2.1")]));
}

fn read_a(bytes: &[u8]) -> Result<Vec<Record>, Error> {
    read(Kind::A, bytes)
}

#[test]
fn no_more_records_than_allowed() {
    let records: Vec<Vec<u8>> = (0..60)
        .map(|host| record(ASKED, A, &[192, 0, 2, host]))
        .collect();
    assert_eq!(
        read(Kind::A, &answer("a.example", A, &records))
            .unwrap()
            .len(),
        16
    );
}

#[test]
fn servers_are_asked_in_turn() {
    let servers: Vec<SocketAddr> = ["192.0.2.1:53", "[2001:db8::1]:53"]
        .map(|a| a.parse().unwrap())
        .into();
    let start = Instant::from_millis(5);
    let lookup =
        || Lookup::new("a.example", Kind::A, servers.clone(), ID, Limits::default()).unwrap();
    let asked = |lookup: &mut Lookup, now| match lookup.poll(now) {
        Step::Send(to, _) => to,
        other => panic!("{other:?}"),
    };
    let good = answer("a.example", A, &[record(ASKED, A, &[192, 0, 2, 7])]);
    let failure = packet(0x8182, "a.example", A, &[]);

    // Patience with each; then no answer.
    let mut silent = lookup();
    let mut now = start;
    for turn in 0..4 {
        assert_eq!(asked(&mut silent, now), servers[turn % 2]);
        let until = now + Duration::from_secs(2);
        assert_eq!(silent.poll(now), Step::Wait(until));
        now = until;
    }
    assert_eq!(silent.poll(now), Step::Failed(Error::Silence));

    // A server that fails is left at once; only the one that was asked is believed.
    let mut failing = lookup();
    asked(&mut failing, start);
    assert_eq!(failing.receive(servers[1], &good), None);
    assert_eq!(failing.receive(servers[0], &failure), None);
    assert_eq!(asked(&mut failing, start), servers[1]);
    assert_eq!(failing.receive(servers[0], &good), None);
    assert_eq!(
        failing.receive(servers[1], &good),
        Some(Ok(vec![ip("192.0.2.7")]))
    );

    // That there is no such name is an answer.
    let mut nowhere = lookup();
    asked(&mut nowhere, start);
    let no_name = packet(0x8183, "a.example", A, &[]);
    assert_eq!(
        nowhere.receive(servers[0], &no_name),
        Some(Err(Error::NoSuchName))
    );

    let none = Lookup::new("a.example", Kind::A, Vec::new(), ID, Limits::default());
    assert_eq!(none.unwrap_err(), Error::NoServer);
}
