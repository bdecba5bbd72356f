//! `aqua-ipfs` without a program: files and nodes by CID from the HTTP API of an IPFS node, or from
//! a gateway, with TLS or without.
//!
//! Blocks are asked for one by one (`block/get`) and each is checked against its CID, so that the
//! node that serves them need not be trusted. Sizes, times and requests at once are bounded; what
//! finds no place waits.
//!
//! ```text
//! cid        CIDs of both versions, and the check of a block
//! cbor       DAG-CBOR as DAG-JSON
//! unixfs     files and directories of dag-pb
//! dag        what a path names, block by block
//! queue      whose turn it is
//! ```

mod cbor;
mod cid;
pub mod dag;
mod queue;
mod unixfs;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::multiaddr::{Endpoint, Multiaddr, Scope};
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use serde_json::{Value, json};

use crate::call::Call;
use crate::compute::{JobId, JobIds};
use crate::entropy::Entropy;
use crate::outgoing::{Answer, Head, Method, Owner, Request, Server};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::vault::Vaults;
use dag::{Assembly, Cid, Form, Path};
use queue::Queue;

/// Longest file, in bytes. Against CIDs of endless files.
const MAX_FILE: usize = 64 << 20;
/// Files that come or wait for their turn.
pub(crate) const MAX_FETCHES: usize = 1024;
/// Bytes of all files that come.
const MAX_BYTES: usize = 256 << 20;
/// Most blocks of a file.
const MAX_BLOCKS: usize = 4096;
/// Longest block: twice what IPFS nodes exchange.
const MAX_BLOCK: usize = 4 << 20;
/// Longest time for a file, in seconds; scripts may choose less.
const MAX_SECONDS: u64 = 120;
/// Most characters of what the local API says that an error repeats.
const SHOWN: usize = 200;

/// What servers without the API answer to a call of it.
const NO_API: [u16; 4] = [403, 404, 405, 501];

/// What becomes of a file.
pub(crate) enum Target {
    /// The answer holds it as text.
    Contents,
    /// It becomes a file of the vault, whose path is the answer.
    Vault {
        scope: PeerId,
        particle: Arc<Authored>,
    },
}

impl Target {
    /// The field of the answer.
    fn field(&self) -> &'static str {
        match self {
            Target::Contents => "contents",
            Target::Vault { .. } => "path",
        }
    }
}

/// What is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// A file.
    File,
    /// A node, from its DAG-JSON.
    Node,
}

/// What is under way.
enum Work {
    Fetch(Box<Assembly>, Target),
    /// Something is being added: its bytes, until they are sent.
    Put(Added, Vec<u8>),
}

impl Work {
    /// The field of the answer.
    fn field(&self) -> &'static str {
        match self {
            Work::Fetch(_, target) => target.field(),
            Work::Put(..) => "hash",
        }
    }
}

/// A file that comes or goes, or waits to.
struct Fetch {
    job: JobId,
    server: Server,
    /// Whether the server has shown that it is a gateway, which has no API.
    gateway: bool,
    until: Instant,
    owner: queue::Owner,
    work: Work,
}

/// Addresses and what is under way.
pub(crate) struct Ipfs {
    /// Where this node reads and writes: the API of an IPFS node.
    pub(crate) local: String,
    /// Where others read what this node writes.
    pub(crate) external: String,
    /// The external node's address for other IPFS nodes.
    pub(crate) swarm: String,
    /// Seconds for a file.
    pub(crate) seconds: u64,
    /// The API that the manifest names for the definitions of deals.
    deals: Option<String>,
    /// What was refused since this was last asked.
    refused: Vec<Refusal>,
    fetches: BTreeMap<u64, Fetch>,
    waiting: Queue<Fetch>,
    requests: VecDeque<Request>,
    ids: JobIds,
    next: u64,
}

/// The network's public node.
const DEFAULT_API: &str = "/dns4/ipfs.fluence.dev/tcp/5001";

/// Where an API is, by its multiaddr. One that ends in `/https` speaks TLS.
pub(crate) fn server(text: &str) -> Result<Server, String> {
    let secure = text
        .strip_suffix("/https")
        .or_else(|| text.strip_suffix("/tls/http"));
    let plain = secure.or_else(|| text.strip_suffix("/http"));
    let address: Multiaddr = plain
        .unwrap_or(text)
        .parse()
        .map_err(|error| format!("'{text}' is no multiaddr: {error}"))?;
    let endpoint = Endpoint::try_from(&address)
        .map_err(|error| format!("'{text}' names no host and TCP port: {error}"))?;
    Server::at(endpoint, secure.is_some())
}

/// A boundary for one part: it must not stand in the file.
const BOUNDARY: &str = "basalt-8f3c6f6d0f2c4d0e9a7b5c1e";
/// The media type with it.
const MULTIPART: &str = "multipart/form-data; boundary=basalt-8f3c6f6d0f2c4d0e9a7b5c1e";

impl Ipfs {
    /// Nothing under way, and the network's own addresses; `deals` is what the manifest names.
    pub(crate) fn new(ids: JobIds, deals: Option<String>) -> Ipfs {
        Ipfs {
            local: DEFAULT_API.into(),
            external: DEFAULT_API.into(),
            swarm: String::new(),
            seconds: MAX_SECONDS,
            deals,
            refused: Vec::new(),
            fetches: BTreeMap::new(),
            waiting: Queue::new(MAX_FETCHES - queue::PLACES),
            requests: VecDeque::new(),
            ids,
            next: 0,
        }
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Fetches what a path names from an API, in a form; the answer is {success, error, contents or
    /// path}.
    pub(crate) fn fetch_file(
        &mut self,
        (vaults, entropy): (&mut Vaults, &mut Entropy),
        call: &Call<'_>,
        (path, form): (&str, Form),
        api: &str,
        target: Target,
    ) -> Reply {
        let field = target.field();
        // Who names a place that he may not reach is counted, whatever he wants from there.
        let begun = self.reachable(call, api).and_then(|server| {
            let assembly = Path::parse(path)
                .and_then(|path| Assembly::new(path, form, MAX_FILE, MAX_BLOCKS))
                .map_err(|error| error.to_string())?;
            match assembly.wanted() {
                // All of it is in the CID.
                None => Ok(self.arrived(vaults, entropy, assembly, target)),
                Some(_) => {
                    let work = Work::Fetch(Box::new(assembly), target);
                    self.enqueue(call, server, work).map(Reply::job)
                }
            }
        });
        begun.unwrap_or_else(|error| failed(field, &error))
    }

    /// Adds something to an API; the answer is {success, error, hash}.
    pub(crate) fn put_file(
        &mut self,
        call: &Call<'_>,
        api: &str,
        added: Added,
        bytes: Vec<u8>,
    ) -> Reply {
        let server = self.reachable(call, api);
        let begun = server.and_then(|server| self.enqueue(call, server, Work::Put(added, bytes)));
        match begun {
            Ok(job) => Reply::job(job),
            Err(error) => failed("hash", &error),
        }
    }

    /// What was refused since this was last asked.
    pub(crate) fn take_refused(&mut self) -> Vec<Refusal> {
        core::mem::take(&mut self.refused)
    }

    /// The server at an address that a script names. The host and its operator may name any one;
    /// all others a public one, or one that this node is set up with.
    fn reachable(&mut self, call: &Call<'_>, api: &str) -> Result<Server, String> {
        let server = server(api)?;
        let own = [&self.local, &self.external].into_iter().chain(&self.deals);
        let is_own = own
            .filter_map(|text| self::server(text).ok())
            .any(|known| known == server);
        let scope = match is_own || call.host.may_operate(&call.particle.init_peer_id) {
            true => Scope::Any,
            false => Scope::Global,
        };
        let server = server.within(scope);
        if !server.endpoint.is_admitted() {
            self.refused.push(Refusal::FileRefused);
            return Err(format!("'{api}' is not a public address"));
        }
        Ok(server)
    }

    /// Lets some work wait for its turn, which may be there at once.
    fn enqueue(&mut self, call: &Call<'_>, server: Server, work: Work) -> Result<JobId, String> {
        let author = call.particle.init_peer_id;
        let owner = queue::Owner {
            author,
            first: call.host.may_operate(&author),
        };
        let bytes = match &work {
            Work::Put(_, bytes) => bytes.len(),
            Work::Fetch(..) => 0,
        };
        if let Some(refusal) = self.waiting.refusal(owner, bytes) {
            self.refused.push(refusal);
            return Err("this peer is too busy: too many files wait".into());
        }
        let job = self.ids.next();
        // It waits as long as its particle lives.
        let until = call.until(u64::MAX);
        let fetch = Fetch {
            job,
            server,
            gateway: false,
            until,
            owner,
            work,
        };
        self.waiting.push(owner, until, bytes, fetch);
        self.start_waiting(call.clock.now);
        Ok(job)
    }

    /// Starts what waits, as far as there are places.
    fn start_waiting(&mut self, now: Instant) {
        loop {
            let coming: Vec<queue::Owner> =
                self.fetches.values().map(|fetch| fetch.owner).collect();
            let Some((_, mut fetch)) = self.waiting.next(&coming) else {
                return;
            };
            // The time for a file begins with its turn.
            let life = Duration::from_secs(self.seconds.min(MAX_SECONDS));
            fetch.until = fetch.until.min(now + life);
            let id = self.next;
            self.next += 1;
            let body = match &mut fetch.work {
                Work::Put(added, bytes) => Some((*added, core::mem::take(bytes))),
                Work::Fetch(..) => None,
            };
            self.fetches.insert(id, fetch);
            match body {
                Some((added, bytes)) => self.send_put(id, added, &bytes),
                // A new file wants its first block: it cannot be whole yet.
                None => drop(self.next_block(id)),
            }
        }
    }

    fn send_put(&mut self, id: u64, added: Added, bytes: &[u8]) {
        let mut body = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let target = match added {
            Added::File => "/api/v0/add?cid-version=1&raw-leaves=true&pin=true&chunker=size-262144",
            Added::Node => "/api/v0/dag/put?input-codec=dag-json&store-codec=dag-cbor&pin=true",
        };
        self.send_http(id, Method::POST, target, Some(MULTIPART), &body);
    }

    fn send_http(
        &mut self,
        id: u64,
        method: Method<'_>,
        target: &str,
        content_type: Option<&'static str>,
        body: &[u8],
    ) {
        if let Some(fetch) = self.fetches.get(&id) {
            let mut head = Head::new(method, target, &fetch.server);
            if let Some(kind) = content_type {
                head = head.content_type(kind);
            }
            let request = Request {
                owner: Owner::Ipfs(id),
                bytes: head.with_body(body),
                server: fetch.server.clone(),
                has_body: true,
                max_body: MAX_BLOCK,
                until: fetch.until,
            };
            self.requests.push_back(request);
        }
    }

    /// Asks for the next block of a file; false when it is whole.
    fn next_block(&mut self, id: u64) -> bool {
        let wanted = match self.fetches.get(&id) {
            Some(Fetch {
                work: Work::Fetch(assembly, _),
                gateway,
                ..
            }) => assembly
                .wanted()
                .map(|cid| (cid.text().to_string(), *gateway)),
            _ => None,
        };
        let Some((cid, gateway)) = wanted else {
            return false;
        };
        match gateway {
            false => {
                let target = format!("/api/v0/block/get?arg={cid}");
                self.send_http(id, Method::POST, &target, None, &[]);
            }
            // One block of a trustless gateway.
            true => {
                let target = format!("/ipfs/{cid}?format=raw");
                self.send_http(id, Method::GET, &target, None, &[]);
            }
        }
        true
    }

    /// Takes the answer to a request of `aqua-ipfs`. Gives the reply to the call that waits for it,
    /// if it has one already.
    pub(crate) fn done(
        &mut self,
        (vaults, entropy): (&mut Vaults, &mut Entropy),
        now: Instant,
        id: u64,
        answer: Answer,
    ) -> Option<(JobId, Reply)> {
        let result = self.take_answer(id, answer)?;
        let fetch = self.fetches.remove(&id)?;
        self.start_waiting(now);
        let field = fetch.work.field();
        let reply = match (result, fetch.work) {
            (Err(error), _) => failed(field, &error),
            (Ok(hash), Work::Put(..)) => succeeded(field, hash),
            (Ok(_), Work::Fetch(assembly, target)) => {
                self.arrived(vaults, entropy, *assembly, target)
            }
        };
        Some((fetch.job, reply))
    }

    /// Takes an answer; `None` if another one follows. The result of what was added is its hash.
    fn take_answer(&mut self, id: u64, answer: Answer) -> Option<Result<String, String>> {
        let all: usize = self.fetches.values().map(Fetch::size).sum();
        let fetch = self.fetches.get_mut(&id)?;
        match &mut fetch.work {
            Work::Put(added, _) => Some(answer.and_then(|answer| match answer.status {
                200 => hash_of(*added, &answer.body),
                status => Err(match refusal(&answer.body) {
                    Some(text) => format!("the IPFS node answers {status}: {text}"),
                    None => format!("the IPFS node answers {status}"),
                }),
            })),
            Work::Fetch(assembly, _) => {
                let taken = match answer {
                    Ok(answer) if answer.status == 200 && all + answer.body.len() > MAX_BYTES => {
                        Err("this peer has no memory for the file".into())
                    }
                    Ok(answer) if answer.status == 200 => {
                        let taken = assembly.take(&answer.body);
                        taken.map_err(|error| error.to_string())
                    }
                    Ok(answer) if NO_API.contains(&answer.status) && !fetch.gateway => {
                        fetch.gateway = true;
                        Ok(())
                    }
                    // What it says beside that is nobody's business: a script could read by it what
                    // is no IPFS node at all.
                    Ok(answer) => Err(format!("the IPFS node answers {}", answer.status)),
                    Err(error) => Err(error),
                };
                match taken {
                    Ok(()) if self.next_block(id) => None,
                    result => Some(result.map(|()| String::new())),
                }
            }
        }
    }

    /// The reply with a file that is whole.
    fn arrived(
        &mut self,
        vaults: &mut Vaults,
        entropy: &mut Entropy,
        assembly: Assembly,
        target: Target,
    ) -> Reply {
        let bytes = assembly.into_bytes();
        match target {
            Target::Contents => match String::from_utf8(bytes) {
                Ok(text) => succeeded("contents", text),
                Err(_) => failed("contents", "the file is no text"),
            },
            Target::Vault { scope, particle } => {
                let file = entropy.uuid();
                match vaults.put(&scope, &particle, &file, &bytes) {
                    Ok(path) => succeeded("path", path),
                    Err(error) => {
                        self.refused.extend(error.refusal());
                        failed("path", &error.to_string())
                    }
                }
            }
        }
    }

    /// Ends what has waited too long for its turn.
    pub(crate) fn timer(&mut self, now: Instant) -> Vec<(JobId, Reply)> {
        let late = core::iter::from_fn(|| self.waiting.late(now));
        let error = "this peer is too busy: its turn did not come in time";
        late.map(|fetch| (fetch.job, failed(fetch.work.field(), error)))
            .collect()
    }

    /// When to call [`Ipfs::timer`] next.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.waiting.wake_at()
    }
}

impl Fetch {
    /// Bytes that have come.
    fn size(&self) -> usize {
        match &self.work {
            Work::Fetch(assembly, _) => assembly.size(),
            Work::Put(..) => 0,
        }
    }
}

/// What an object of the API says if it is an error.
fn error_in(value: &Value) -> Option<String> {
    let text = value.get("Message").and_then(Value::as_str);
    let is_error = value.get("Type").and_then(Value::as_str) == Some("error");
    let text = text.filter(|_| is_error)?;
    Some(text.chars().take(SHOWN).collect())
}

/// What the API says in an answer with an error status.
fn refusal(body: &[u8]) -> Option<String> {
    error_in(&serde_json::from_slice(body).ok()?)
}

/// The CID in the answer to what was added: a stream of objects, of which the last one that has a
/// CID is that of the whole. Progress and errors may be others.
fn hash_of(added: Added, body: &[u8]) -> Result<String, String> {
    let mut last = None;
    for value in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let value = value.map_err(|_| "the IPFS node's answer is no JSON")?;
        if let Some(error) = error_in(&value) {
            return Err(format!("the IPFS node answers: {error}"));
        }
        let hash = match added {
            Added::File => value.get("Hash"),
            Added::Node => value.get("Cid").and_then(|cid| cid.get("/")),
        };
        last = hash.and_then(Value::as_str).map(String::from).or(last);
    }
    let hash = last.ok_or("the IPFS node's answer has no hash")?;
    let cid = Cid::parse(&hash).ok_or("the hash in the IPFS node's answer is no CID")?;
    Ok(cid.text().to_string())
}

pub(crate) fn succeeded(field: &str, value: impl Into<Value>) -> Reply {
    let value: Value = value.into();
    json!({ "success": true, "error": "", field: value }).into()
}

pub(crate) fn failed(field: &str, error: &str) -> Reply {
    json!({ "success": false, "error": error, field: "" }).into()
}

#[cfg(test)]
mod tests;
