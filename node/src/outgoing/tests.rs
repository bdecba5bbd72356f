//! Answers of servers, each read the same however it comes in pieces.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::iter;

use basalt_net::swarm::{ConnId, Effect, Input};
use basalt_net::time::Instant;

use super::framing::MAX_HEAD;
use super::response::Reader;
use super::{Answer, Head, HttpClient, Method, Owner, Request, Response, Server, read_answer};

/// Longest body in these tests.
const MAX: usize = 12;
/// What may have a body.
const ASKED: bool = true;
/// The answers to it have no body.
const HEAD: bool = false;
/// The server keeps the connection open.
const OPEN: bool = false;
/// The server closes the connection after its answer.
const CLOSED: bool = true;

type Read = Result<Option<Response>, String>;

/// Reads an answer of which so much is there from time to time, until it is whole.
fn in_pieces(answer: &[u8], closed: bool, asked: bool, cuts: impl Iterator<Item = usize>) -> Read {
    let mut reader = Reader::new(MAX, asked);
    for cut in cuts {
        let early = reader.read(&answer[..cut], false);
        if early != Ok(None) {
            return early;
        }
    }
    reader.read(answer, closed)
}

/// Reads an answer at once, in two pieces and byte by byte.
fn in_all_ways(answer: &[u8], closed: bool, asked: bool) -> Read {
    let whole = in_pieces(answer, closed, asked, iter::empty());
    let text = String::from_utf8_lossy(answer);
    for cut in 0..answer.len() {
        let halves = in_pieces(answer, closed, asked, iter::once(cut));
        assert_eq!(halves, whole, "cut after {cut}: {text:?}");
    }
    let bytes = in_pieces(answer, closed, asked, 0..answer.len());
    assert_eq!(bytes, whole, "byte by byte: {text:?}");
    whole
}

/// An answer with the status 200, these headers and this body.
fn ok(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}")
}

const LENGTH: &str = "Content-Length: 2\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Answers, with status and body.
fn answers() -> Vec<(String, bool, bool, u16, &'static str)> {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 9\r\n\r\n";
    let usual = ok(LENGTH, "[]");
    let two_of = |headers: &str| (ok(headers, "[]"), OPEN, ASKED, 200, "[]");
    let chunks = |body: &str| (ok(CHUNKED, body), OPEN, ASKED, 200, "[]");
    Vec::from([
        // Interim answers, as many as there are; a length that one names is not of its body.
        (format!("{interim}{usual}"), OPEN, ASKED, 200, "[]"),
        (
            format!("{interim}{hints}{hints}{usual}"),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        (
            format!("HTTP/1.1 102\r\n\r\nHTTP/1.1 199 x\r\n\r\n{usual}"),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        (
            format!("{interim}HTTP/1.1 204 No Content\r\n\r\n"),
            OPEN,
            ASKED,
            204,
            "",
        ),
        (
            format!("{interim}{}", ok(CHUNKED, "2\r\n[]\r\n0\r\n\r\n")),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        (
            format!("{interim}{}", ok("", "[]")),
            CLOSED,
            ASKED,
            200,
            "[]",
        ),
        (format!("{hints}{}", ok(LENGTH, "")), OPEN, HEAD, 200, ""),
        // A length: what comes after it is not the answer's.
        two_of(LENGTH),
        two_of("content-length:2\r\n"),
        two_of("CONTENT-LENGTH: \t 2 \r\n"),
        two_of("Content-Length: 2\r\nX: y\r\nContent-Length: 2\r\n"),
        two_of("Content-Length: 2, 2\r\n"),
        two_of("Content-Length: 2\r\nTransfer-Encoding: identity\r\n"),
        two_of("X: a\r\n b\r\nContent-Length: 2\r\n"),
        (ok(LENGTH, "[]HTTP/1.1"), OPEN, ASKED, 200, "[]"),
        (ok("Content-Length: 0\r\n", ""), OPEN, ASKED, 200, ""),
        (
            "HTTP/1.0 200 OK\nContent-Length: 2\n\n[]".into(),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        (
            "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n[]".into(),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        // Chunks, with extensions and trailers; a length beside them does not count.
        chunks("2\r\n[]\r\n0\r\n\r\n"),
        chunks("1\r\n[\r\n01\r\n]\r\n000\r\n\r\n"),
        chunks("1;a=b\r\n[\r\n1 ;c=\"d;e\"; f\r\n]\r\n0;g\r\n\r\n"),
        chunks("2\r\n[]\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n"),
        (ok(CHUNKED, "0\r\n\r\n"), OPEN, ASKED, 200, ""),
        (
            ok(CHUNKED, "a\r\n0123456789\r\n0\r\n\r\n"),
            OPEN,
            ASKED,
            200,
            "0123456789",
        ),
        (
            ok(
                &format!("{CHUNKED}Content-Length: 9\r\n"),
                "2\r\n[]\r\n0\r\n\r\n",
            ),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        (
            ok(
                "Content-Length: 1\r\nContent-Length: x\r\ntransfer-encoding: Chunked\r\n",
                "2\r\n[]\r\n0\r\n\r\n",
            ),
            OPEN,
            ASKED,
            200,
            "[]",
        ),
        // The last chunk is there, so the body is.
        (ok(CHUNKED, "2\r\n[]\r\n0\r\n"), CLOSED, ASKED, 200, "[]"),
        (
            ok(CHUNKED, "2\r\n[]\r\n0\r\nX: y\r\n"),
            CLOSED,
            ASKED,
            200,
            "[]",
        ),
        // No length: the body ends with the connection.
        (ok("", "[]"), CLOSED, ASKED, 200, "[]"),
        (ok("", ""), CLOSED, ASKED, 200, ""),
        ("HTTP/1.0 404 x\r\n\r\nno".into(), CLOSED, ASKED, 404, "no"),
        // No body, whatever the headers say.
        (
            "HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n".into(),
            OPEN,
            ASKED,
            204,
            "",
        ),
        (
            "HTTP/1.1 304 x\r\nContent-Length: 99\r\n\r\n".into(),
            OPEN,
            ASKED,
            304,
            "",
        ),
        (
            format!("HTTP/1.1 304 x\r\n{CHUNKED}\r\n"),
            OPEN,
            ASKED,
            304,
            "",
        ),
        (ok("Content-Length: 99\r\n", ""), OPEN, HEAD, 200, ""),
        (ok(CHUNKED, ""), OPEN, HEAD, 200, ""),
        (ok("", ""), OPEN, HEAD, 200, ""),
        // Redirects are answers as well.
        (
            "HTTP/1.1 301 x\r\nLocation: /b\r\nContent-Length: 2\r\n\r\nto".into(),
            OPEN,
            ASKED,
            301,
            "to",
        ),
        (
            "HTTP/1.1 500 x\r\nContent-Length: 2\r\n\r\nno".into(),
            OPEN,
            ASKED,
            500,
            "no",
        ),
    ])
}

#[test]
fn answers_are_read_however_they_come() {
    for (answer, closed, asked, status, body) in answers() {
        let read = in_all_ways(answer.as_bytes(), closed, asked);
        let read = read.map(|read| read.map(|read| (read.status, read.body)));
        let expected = (status, body.as_bytes().to_vec());
        assert_eq!(read, Ok(Some(expected)), "{answer:?}");
    }
}

#[test]
fn what_is_no_answer_is_refused_with_a_reason() {
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".to_string();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(65));
    let coded = |codings: &str| ok(&format!("Transfer-Encoding: {codings}\r\n"), "");
    let long = |length: &str| ok(&format!("Content-Length: {length}\r\n"), "[]");
    for (answer, error) in [
        (upgrade.clone(), "101"),
        (format!("HTTP/1.1 100 x\r\n\r\n{upgrade}"), "101"),
        ("SSH-2.0-x\r\n".into(), "not HTTP"),
        ("HTTP/1.1 099 x\r\n\r\n".into(), "none of HTTP"),
        ("HTTP/1.1 100 x\r\n\r\nSSH-2.0-x\r\n".into(), "not HTTP"),
        (many, "too many headers"),
        (long("13"), "the answer has 13 bytes, more than 12"),
        (long("99999999999999999999999"), "more than 12"),
        (long("2\r\nContent-Length: 3"), "two lengths"),
        (long("2, 3"), "two lengths"),
        (long("-2"), "not a number"),
        (long("+2"), "not a number"),
        (long("0x2"), "not a number"),
        (long("2 2"), "not a number"),
        (long(""), "not a number"),
        (long("2,"), "not a number"),
        (coded("gzip"), "transfer coding"),
        (coded("gzip, chunked"), "transfer coding"),
        (
            coded("chunked\r\nTransfer-Encoding: chunked"),
            "transfer coding",
        ),
        (coded("xchunked"), "transfer coding"),
        (ok(CHUNKED, "x\r\n"), "malformed"),
        (ok(CHUNKED, "\r\n"), "malformed"),
        (ok(CHUNKED, ";a\r\n"), "malformed"),
        (ok(CHUNKED, "-1\r\n"), "malformed"),
        (ok(CHUNKED, "1\r\nabc\r\n0\r\n\r\n"), "malformed"),
        (ok(CHUNKED, "3\r\na\r\n0\r\n\r\n"), "malformed"),
        (ok(CHUNKED, "0\r\n\x01\r\n\r\n"), "trailers"),
        (ok(CHUNKED, "d\r\n"), "too long"),
        (ok(CHUNKED, "c\r\n0123456789ab\r\n1\r\n"), "too long"),
        (ok(CHUNKED, "ffffffffffffffff\r\n"), "too long"),
        (ok(CHUNKED, "fffffffffffffffff\r\n"), "malformed"),
        (ok("", "0123456789abc"), "too long"),
    ] {
        let refused = in_all_ways(answer.as_bytes(), OPEN, ASKED).unwrap_err();
        assert!(refused.contains(error), "{answer:?}: {refused}");
    }
}

#[test]
fn what_has_no_end_is_refused() {
    let folded = format!("a: {}\r\n", "b".repeat(MAX_HEAD));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let interim = interim.repeat(MAX_HEAD / interim.len() + 1);
    for (answer, error) in [
        (ok(&folded, ""), "head is too long"),
        (interim, "too many interim answers"),
        (
            ok(CHUNKED, &format!("1;{}", "a".repeat(5_000))),
            "malformed",
        ),
        (ok(CHUNKED, &format!("0\r\n{folded}")), "trailers"),
    ] {
        let bytes = answer.as_bytes();
        let refused = in_pieces(bytes, OPEN, ASKED, iter::empty()).unwrap_err();
        assert!(refused.contains(error), "{refused}");
        let early = in_pieces(bytes, OPEN, ASKED, (0..bytes.len()).step_by(7));
        assert_eq!(early, Err(refused));
    }
}

#[test]
fn an_answer_to_continue_is_the_one_that_follows() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
                  Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]";
    for end in [false, true] {
        let read = read_answer(answer.as_bytes(), end, 1000);
        assert_eq!(read, Ok(Some((200, b"[]".to_vec()))));
    }
    for cut in 0..answer.len() {
        for end in [false, true] {
            let read = read_answer(&answer.as_bytes()[..cut], end, 1000);
            assert_eq!(read, Ok(None), "{cut}");
        }
    }
}

#[test]
fn headers_and_the_place_of_a_redirect_are_told() {
    let answer =
        b"HTTP/1.1 302 x\r\nX: a\r\n\tb \r\nlocation: http://b/\x80\r\nContent-Length: 0\r\n\r\n";
    let response = in_all_ways(answer, OPEN, ASKED).unwrap().unwrap();
    let headers = response.headers.iter();
    let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(headers[0], ("X", "a b"));
    assert_eq!(headers[1], ("location", "http://b/\u{fffd}"));
    assert_eq!(
        response.outcome(),
        "302, which leads to \"http://b/\u{fffd}\""
    );
    let status = 404;
    assert_eq!(Response { status, ..response }.outcome(), "404");
}

/// Starts a request without TLS.
fn started(client: &mut HttpClient) -> ConnId {
    let server = Server::of_url(&"http://a/".parse().unwrap());
    let request = Request {
        owner: Owner::Chain(3),
        bytes: Head::new(Method::GET, "/", &server).with_body(b""),
        server,
        has_body: true,
        max_body: MAX,
        until: Instant::from_millis(5),
    };
    let mut out: Vec<Effect> = Vec::new();
    assert!(client.start(request, None, &mut out).is_ok());
    let Some(Effect::Dial { conn, .. }) = out.pop() else {
        panic!("nobody is dialed");
    };
    conn
}

/// Plays a server that sends pieces, and closes the connection or not.
fn answered(pieces: &[&str], closed: bool) -> Option<Answer> {
    let mut client = HttpClient::default();
    let conn = started(&mut client);
    let mut out: Vec<Effect> = Vec::new();
    for piece in pieces {
        let mut bytes = piece.as_bytes().to_vec();
        let bytes = &mut bytes[..];
        let input = Input::Received { conn, bytes };
        if let Some((owner, answer)) = client.handle(conn, &input, &mut out) {
            assert_eq!(owner, Owner::Chain(3));
            assert!(!client.has(conn));
            return Some(answer);
        }
    }
    let end = Input::RemoteClosed { conn };
    let answer = closed.then(|| client.handle(conn, &end, &mut out));
    answer.flatten().map(|(_, answer)| answer)
}

#[test]
fn a_request_ends_with_its_answer_or_with_a_reason() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let usual = ok(LENGTH, "[]");
    let answer = answered(&[interim, interim, &usual], OPEN);
    assert_eq!(answer.unwrap().unwrap().body, b"[]");
    assert_eq!(answered(&[interim], OPEN), None);
    let early = Some(Err("the answer ends too early".to_string()));
    for piece in ["", interim, "HTTP/1.1 2", &usual[..usual.len() - 1]] {
        assert_eq!(answered(&[piece], CLOSED), early, "{piece:?}");
    }
    let unchunked = ok(CHUNKED, "2\r\n[]\r\n");
    assert_eq!(answered(&[&unchunked], CLOSED), early);
    let by_end = answered(&[&ok("", ""), "[", "]"], CLOSED);
    assert_eq!(by_end.unwrap().unwrap().body, b"[]");
    let upgrade = answered(&[interim, "HTTP/1.1 101 x\r\n\r\n"], OPEN);
    assert!(upgrade.unwrap().unwrap_err().contains("101"));
}
