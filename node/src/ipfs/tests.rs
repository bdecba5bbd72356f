//! An API that is played: requests come out, answers go in.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_net::keypair::Keypair;
use basalt_wasm_host::MemoryPool;

use super::*;
use crate::host::{Alone, Clock, Host, Versions};
use crate::outgoing::Response;
use crate::reply::Later;
use crate::script::CallRequest;

const API: &str = "/ip4/1.1.1.1/tcp/5001";
/// "hello\n" as a raw block.
const HELLO: &str = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
const HOST: u8 = 0;
const WALL: u64 = 1_700_000_000_000;

fn key(seed: u8) -> Keypair {
    Keypair::from_seed([seed; 32])
}

struct Stage {
    host: Host,
    ipfs: Ipfs,
    vaults: Vaults,
    entropy: Entropy,
    now: u64,
    replies: Vec<(JobId, Reply)>,
}

impl Stage {
    fn new() -> Stage {
        let versions = Versions {
            node: String::new(),
            air: String::new(),
            spell: String::new(),
            services: Vec::new(),
        };
        Stage {
            host: Host::new(key(HOST), None, versions),
            ipfs: Ipfs::new(JobIds::default(), None),
            vaults: Vaults::new(1 << 20, MemoryPool::new(1 << 20)),
            entropy: Entropy::new([1; 32]),
            now: 0,
            replies: Vec::new(),
        }
    }

    fn call(
        &mut self,
        author: u8,
        ttl: u32,
        call: impl FnOnce(&mut Ipfs, Keep<'_>, &Call<'_>) -> Reply,
    ) -> Reply {
        let particle = Arc::new(Authored {
            id: "particle".into(),
            init_peer_id: key(author).peer_id(),
            timestamp: WALL + self.now,
            ttl,
            script: "(null)".into(),
            signature: Vec::new(),
        });
        let none: [[&crate::script::Tetraplet<'_>; 1]; 0] = [];
        let request = CallRequest::new("aqua-ipfs", "cat_from", "[]", none);
        let asked = Call {
            host: &self.host,
            network: &Alone,
            clock: Clock {
                now: Instant::from_millis(self.now),
                wall_ms: WALL + self.now,
            },
            scope: self.host.peer_id,
            trusted: true,
            payer: crate::shares::Payer::author(
                particle.init_peer_id,
                crate::shares::Origin::default(),
            ),
            particle: &particle,
            request: &request,
        };
        call(
            &mut self.ipfs,
            (&mut self.vaults, &mut self.entropy),
            &asked,
        )
    }

    fn cat(&mut self, author: u8, path: &str) -> Reply {
        self.call(author, 10_000, |ipfs, keep, call| {
            ipfs.fetch_file(keep, call, (path, Form::File), API, Target::Contents)
        })
    }

    /// Begins to fetch; it waits or comes.
    fn begin(&mut self, author: u8, path: &str) -> JobId {
        match self.cat(author, path) {
            Reply::Later(Later::Job(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, request: &Request, status: u16, body: &[u8]) {
        let Owner::Ipfs(id) = request.owner else {
            panic!("{request:?}");
        };
        let answer = Ok(Response {
            status,
            headers: Vec::new(),
            body: body.to_vec(),
        });
        let keep = (&mut self.vaults, &mut self.entropy);
        let now = Instant::from_millis(self.now);
        self.replies.extend(self.ipfs.done(keep, now, id, answer));
    }

    fn requests(&mut self) -> Vec<Request> {
        core::iter::from_fn(|| self.ipfs.next_request()).collect()
    }
}

type Keep<'a> = (&'a mut Vaults, &'a mut Entropy);

fn contents(reply: &Reply) -> Value {
    match reply {
        Reply::Value(value) => value.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_files_than_places_come_in_turns() {
    let mut stage = Stage::new();
    let jobs: Vec<JobId> = (0..24).map(|_| stage.begin(HOST, HELLO)).collect();
    let mut rounds = Vec::new();
    loop {
        let requests = stage.requests();
        if requests.is_empty() {
            break;
        }
        rounds.push(requests.len());
        for request in requests {
            stage.answer(&request, 200, b"hello\n");
        }
    }
    assert_eq!(rounds, [16, 8]);
    let done: Vec<JobId> = stage.replies.iter().map(|(job, _)| *job).collect();
    assert_eq!(done, jobs);
    for (_, reply) in &stage.replies {
        assert_eq!(contents(reply)["contents"], "hello\n");
    }
}

#[test]
fn strangers_leave_places_and_wait_no_longer_than_their_particles() {
    let mut stage = Stage::new();
    for author in 1..4 {
        for _ in 0..20 {
            stage.begin(author, HELLO);
        }
    }
    // Eight of the first, four of the second; the host's goes at once.
    assert_eq!(stage.requests().len(), 12);
    stage.begin(HOST, HELLO);
    assert_eq!(stage.requests().len(), 1);
    // No answer comes. What waits ends with its particle, what came has its own time.
    assert_eq!(stage.ipfs.wake_at(), Some(Instant::from_millis(10_000)));
    assert!(stage.ipfs.timer(Instant::from_millis(9_999)).is_empty());
    let late = stage.ipfs.timer(Instant::from_millis(10_000));
    assert_eq!(late.len(), 48);
    let told = contents(&late[0].1);
    assert_eq!(told["success"], false);
    assert!(told["error"].as_str().unwrap().contains("too busy"));
    assert_eq!(stage.ipfs.wake_at(), None);
    // One author cannot let everything wait.
    for _ in 0..256 {
        stage.begin(1, HELLO);
    }
    let refused = contents(&stage.cat(1, HELLO));
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("too many files wait")
    );
    assert_eq!(stage.ipfs.take_refused(), [Refusal::FilesShare]);
    stage.begin(2, HELLO);
}

#[test]
fn a_file_s_time_begins_with_its_turn() {
    let mut stage = Stage::new();
    stage.ipfs.seconds = 3;
    for _ in 0..17 {
        stage.begin(HOST, HELLO);
    }
    let first = stage.requests();
    assert_eq!(first[0].until, Instant::from_millis(3_000));
    stage.now = 2_000;
    stage.answer(&first[0], 200, b"hello\n");
    let last = stage.requests();
    assert_eq!(last[0].until, Instant::from_millis(5_000));
    stage.now = 9_000;
    stage.begin(HOST, HELLO);
    stage.now = 18_000;
    stage.answer(&last[0], 500, b"");
    // Its particle has a second left.
    assert_eq!(stage.requests()[0].until, Instant::from_millis(19_000));
}

#[test]
fn a_block_in_its_cid_needs_no_request() {
    let mut stage = Stage::new();
    let reply = stage.cat(HOST, "bafkqaddimvwgy3zanfxgy2lomu");
    assert_eq!(contents(&reply)["contents"], "hello inline");
    assert!(stage.requests().is_empty());
}

#[test]
fn a_gateway_is_asked_its_own_way() {
    let mut stage = Stage::new();
    stage.begin(HOST, HELLO);
    let asked = stage.requests().remove(0);
    assert!(
        asked
            .bytes
            .starts_with(b"POST /api/v0/block/get?arg=bafkreicysg")
    );
    stage.answer(&asked, 405, b"");
    let again = stage.requests().remove(0);
    assert!(again.bytes.starts_with(b"GET /ipfs/bafkreicysg"));
    // No second time.
    stage.answer(&again, 404, b"secret");
    let (_, reply) = stage.replies.remove(0);
    assert_eq!(contents(&reply)["error"], "the IPFS node answers 404");
}

/// It could lead where a request may not go.
#[test]
fn no_redirect_is_followed() {
    let mut stage = Stage::new();
    for status in [301, 302, 303, 307, 308] {
        stage.begin(1, HELLO);
        let asked = stage.requests().remove(0);
        let Owner::Ipfs(id) = asked.owner else {
            panic!("{asked:?}");
        };
        let answer = Ok(Response {
            status,
            headers: Vec::from([("location".into(), "http://127.0.0.1/".into())]),
            body: b"hello\n".to_vec(),
        });
        let keep = (&mut stage.vaults, &mut stage.entropy);
        let (_, reply) = stage.ipfs.done(keep, Instant::ZERO, id, answer).unwrap();
        let told = format!("the IPFS node answers {status}");
        assert_eq!(contents(&reply)["error"], told);
        assert!(stage.requests().is_empty());
    }
}

/// A name is resolved later, and by its scope the dialer decides what it may lead to.
#[test]
fn what_strangers_name_is_public_and_stays_so() {
    let mut stage = Stage::new();
    let scope = |stage: &mut Stage, author, api: &str| {
        let reply = stage.call(author, 9_000, |ipfs, keep, call| {
            ipfs.fetch_file(keep, call, (HELLO, Form::Json), api, Target::Contents)
        });
        let request = stage.ipfs.next_request().ok_or(contents_or_none(&reply))?;
        let scope = request.server.endpoint.scope;
        stage.answer(&request, 404, b"");
        // The gateway of the same server, by the same rule.
        let again = stage.ipfs.next_request().unwrap();
        assert_eq!(again.server, request.server);
        stage.answer(&again, 404, b"");
        Ok::<Scope, Option<Value>>(scope)
    };
    for api in [
        "/dns/localhost/tcp/5001",
        "/dns4/inside.example/tcp/5001/https",
        "/dns6/a.example/tcp/1/http",
    ] {
        assert_eq!(scope(&mut stage, 1, api), Ok(Scope::Global), "{api}");
        assert_eq!(scope(&mut stage, HOST, api), Ok(Scope::Any), "{api}");
    }
    let inside = "/ip4/10.0.0.1/tcp/5001";
    assert!(scope(&mut stage, 1, inside).is_err());
    assert_eq!(stage.ipfs.take_refused(), [Refusal::FileRefused]);
    // What the node is set up with is for all: this address and no other of that host.
    stage.ipfs.local = inside.into();
    assert_eq!(scope(&mut stage, 1, inside), Ok(Scope::Any));
    assert!(scope(&mut stage, 1, "/ip4/10.0.0.1/tcp/5002").is_err());
    assert!(scope(&mut stage, 1, "/ip4/10.0.0.1/tcp/5001/https").is_err());
    // Not by another name of it either, and not for what is no address of TCP.
    for api in [
        "/ip6/::ffff:10.0.0.1/tcp/5001",
        "/ip4/10.0.0.1/udp/5001",
        "x",
        "",
    ] {
        assert!(scope(&mut stage, 1, api).is_err(), "{api}");
    }
}

fn contents_or_none(reply: &Reply) -> Option<Value> {
    match reply {
        Reply::Value(value) => Some(value.clone()),
        _ => None,
    }
}

/// Answers of the API to what was added: a stream of objects.
#[test]
fn the_hash_is_the_last_of_the_stream() {
    let (hash, other) = (HELLO, "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG");
    let progress = "{\"Name\":\"file\",\"Bytes\":262144}\n{\"Name\":\"file\",\"Bytes\":300000}\n";
    let of = |hash: &str| format!("{{\"Name\":\"file\",\"Hash\":\"{hash}\",\"Size\":\"3\"}}\n");
    let file = |body: &str| hash_of(Added::File, body.as_bytes());
    assert_eq!(file(&of(hash)), Ok(hash.to_string()));
    assert_eq!(file(&format!("{progress}{}", of(hash))), Ok(hash.into()));
    assert_eq!(
        file(&format!("{}{}{progress}", of(other), of(hash))),
        Ok(hash.into())
    );
    assert_eq!(file(of(hash).trim_end()), Ok(hash.into()));
    let broken = "{\"Message\":\"disk full\",\"Code\":0,\"Type\":\"error\"}";
    assert_eq!(
        file(&format!("{}{broken}", of(hash))),
        Err("the IPFS node answers: disk full".into())
    );
    for (body, error) in [
        ("", "no hash"),
        (progress, "no hash"),
        ("{\"Hash\":7}", "no hash"),
        ("{\"Hash\":\"x\"}", "no CID"),
        ("<html>", "no JSON"),
        ("{\"Hash\":\"", "no JSON"),
    ] {
        assert!(file(body).unwrap_err().contains(error), "{body}");
    }
    let node = format!("{{\"Cid\":{{\"/\":\"{hash}\"}}}}\n");
    assert_eq!(hash_of(Added::Node, node.as_bytes()), Ok(hash.into()));
    assert!(hash_of(Added::Node, of(hash).as_bytes()).is_err());
}

/// Recorded from another implementation of the API.
#[test]
fn recorded_answers_of_the_api_are_understood() {
    let vectors = include_str!("../../tests/vectors/ipfs/api.json");
    let vectors: Vec<(String, u16, String)> = serde_json::from_str(vectors).unwrap();
    let found: Vec<(u16, Result<String, String>)> = vectors
        .iter()
        .map(|(name, status, body)| {
            let added = match name.starts_with("dag") {
                true => Added::Node,
                false => Added::File,
            };
            (*status, hash_of(added, body.as_bytes()))
        })
        .collect();
    let good = |cid: &str| (200, Ok(cid.to_string()));
    assert_eq!(found[0], good(HELLO));
    let large = Cid::parse("zdj7WWQCK3HA9YXWdMN1oMzKfmKSjqktLKmHzMPW68ubAFmtM").unwrap();
    assert_eq!(found[1], good(large.text()));
    assert_eq!(
        found[2],
        good("QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN")
    );
    assert_eq!(
        found[3],
        good("bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae")
    );
    assert_eq!(
        found[4],
        good("bafyreigzeevo5g3o6ljo47ogbek4ydlpecw4bofj5m2z7qp3vtzjxvtngm")
    );
    for (status, refused) in &found[5..] {
        assert!(*status >= 400 && refused.is_err(), "{refused:?}");
    }
    let told = refusal(vectors[5].2.as_bytes()).unwrap();
    assert!(
        told.starts_with("Failed to put node: CBOR decode error"),
        "{told}"
    );
}

#[test]
fn nodes_are_added_from_their_json() {
    let mut stage = Stage::new();
    let put = |stage: &mut Stage, added| {
        stage.call(HOST, 9_000, |ipfs, _, call| {
            ipfs.put_file(call, API, added, b"{\"hello\":\"world\"}".to_vec())
        })
    };
    put(&mut stage, Added::Node);
    put(&mut stage, Added::File);
    let requests = stage.requests();
    let text = String::from_utf8(requests[0].bytes.clone()).unwrap();
    assert!(text.starts_with("POST /api/v0/dag/put?input-codec=dag-json&store-codec=dag-cbor"));
    assert!(text.contains("\r\n\r\n{\"hello\":\"world\"}\r\n--"));
    assert!(requests[1].bytes.starts_with(b"POST /api/v0/add?"));
    let refused = b"{\"Message\":\"unexpected content\",\"Code\":0,\"Type\":\"error\"}";
    stage.answer(&requests[0], 500, refused);
    let told = contents(&stage.replies[0].1);
    assert_eq!(
        told["error"],
        "the IPFS node answers 500: unexpected content"
    );
    assert_eq!(told["hash"], "");
}

#[test]
fn an_answer_that_was_cut_gives_no_other_hash() {
    let of_part = "QmTkzDwWqPbnAh5YiV5VwcTLnGdwSNsNTn2aDxdXBFca7D";
    let whole = format!(
        "{{\"Name\":\"file\",\"Bytes\":262144}}\n{{\"Name\":\"file\",\"Hash\":\"{of_part}\",\"Size\":\"9\"}}"
    );
    for end in 0..=whole.len() {
        let found = hash_of(Added::File, &whole.as_bytes()[..end]);
        assert_eq!(found.is_ok(), end == whole.len(), "{end}: {found:?}");
    }
    // Where whole objects follow each other, all are looked at, to the last one.
    let failed = format!("{whole}{{\"Message\":\"no space\",\"Code\":0,\"Type\":\"error\"}}");
    assert!(hash_of(Added::File, failed.as_bytes()).is_err());
}
