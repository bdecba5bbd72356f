//! `aqua-ipfs` without a program: files by CID from the HTTP API of an IPFS node, or from a
//! gateway, with TLS or without.
//!
//! Blocks are asked for one by one (`block/get`) and each is checked against its CID, so that the
//! node that serves them need not be trusted. Sizes, times and requests at once are bounded.

pub mod dag;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

use basalt_net::multiaddr::{Endpoint, Multiaddr, Scope};
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use serde_json::{Value, json};

use crate::call::Call;
use crate::compute::{JobId, JobIds};
use crate::entropy::Entropy;
use crate::outgoing::{Answer, Head, Method, Owner, Request, Server};
use crate::reply::Reply;
use crate::vault::Vaults;
use dag::{Assembly, Cid};

/// Longest file, in bytes. Against CIDs of endless files.
const MAX_FILE: usize = 64 << 20;
/// Most blocks of a file.
const MAX_BLOCKS: usize = 4096;
/// Longest block: twice what IPFS nodes exchange.
const MAX_BLOCK: usize = 4 << 20;
/// Files that come at the same time.
pub(crate) const MAX_FETCHES: usize = 16;
/// Longest time for a file, in seconds; scripts may choose less.
const MAX_SECONDS: u64 = 120;

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
        token: String,
    },
}

/// What is under way.
enum Work {
    Fetch(Box<Assembly>, Target),
    /// A file is being added.
    Put,
}

struct Fetch {
    job: JobId,
    server: Server,
    /// Whether the server has shown that it is a gateway, which has no API.
    gateway: bool,
    until: Instant,
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
    /// Files that may not be fetched from where a stranger wants to, since this was last asked.
    refused: u64,
    fetches: BTreeMap<u64, Fetch>,
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
    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }
}

impl Ipfs {
    /// Nothing under way, and the network's own addresses; `deals` is what the manifest names.
    pub(crate) fn new(ids: JobIds, deals: Option<String>) -> Ipfs {
        Ipfs {
            local: DEFAULT_API.into(),
            external: DEFAULT_API.into(),
            swarm: String::new(),
            seconds: MAX_SECONDS,
            deals,
            refused: 0,
            fetches: BTreeMap::new(),
            requests: VecDeque::new(),
            ids,
            next: 0,
        }
    }

    /// Fetches a file from an API; the answer is {success, error, contents or path}.
    pub(crate) fn fetch_file(
        &mut self,
        call: &Call<'_>,
        hash: &str,
        api: &str,
        target: Target,
    ) -> Reply {
        let begun = Cid::parse(hash)
            .map_err(|error| error.to_string())
            .and_then(|cid| {
                let assembly = Box::new(Assembly::new(cid, MAX_FILE, MAX_BLOCKS));
                self.begin_fetch(call, api, Work::Fetch(assembly, target))
            });
        match begun {
            Ok((id, job)) => {
                // A new file wants its first block: it cannot be whole yet.
                self.next_block(id);
                Reply::job(job)
            }
            Err(error) => failed("contents", &error),
        }
    }

    /// Adds a file to an API; the answer is {success, error, hash}.
    pub(crate) fn put_file(&mut self, call: &Call<'_>, api: &str, bytes: &[u8]) -> Reply {
        match self.begin_fetch(call, api, Work::Put) {
            Ok((id, job)) => {
                let mut body = format!(
                    "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
                     content-type: application/octet-stream\r\n\r\n"
                )
                .into_bytes();
                body.extend_from_slice(bytes);
                body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
                let target = "/api/v0/add?cid-version=1&raw-leaves=true&pin=true";
                self.send_http(id, Method::POST, target, Some(MULTIPART), &body);
                Reply::job(job)
            }
            Err(error) => failed("hash", &error),
        }
    }

    /// How often somebody was refused an address since this was last asked.
    pub(crate) fn take_refused(&mut self) -> u64 {
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
            self.refused += 1;
            return Err(format!("'{api}' is not a public address"));
        }
        Ok(server)
    }

    fn begin_fetch(
        &mut self,
        call: &Call<'_>,
        api: &str,
        work: Work,
    ) -> Result<(u64, JobId), String> {
        let server = self.reachable(call, api)?;
        if self.fetches.len() >= MAX_FETCHES {
            return Err("this peer is too busy: too many files come at once".into());
        }
        let job = self.ids.next();
        let id = self.next;
        self.next += 1;
        let life = self.seconds.min(MAX_SECONDS) * 1000;
        let fetch = Fetch {
            job,
            server,
            gateway: false,
            until: call.until(life),
            work,
        };
        self.fetches.insert(id, fetch);
        Ok((id, job))
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

    /// A file is whole.
    fn end_fetch(
        &mut self,
        vaults: &mut Vaults,
        entropy: &mut Entropy,
        id: u64,
    ) -> Option<(JobId, Reply)> {
        let fetch = self.fetches.remove(&id)?;
        let Work::Fetch(assembly, target) = fetch.work else {
            return None;
        };
        let bytes = assembly.into_bytes();
        let reply = match target {
            Target::Contents => match String::from_utf8(bytes) {
                Ok(text) => succeeded("contents", text),
                Err(_) => failed("contents", "the file is no text"),
            },
            Target::Vault {
                scope,
                particle,
                token,
            } => {
                let file = entropy.uuid();
                match vaults.put(&scope, &particle, &token, &file, &bytes) {
                    Ok(path) => succeeded("path", path),
                    Err(error) => failed("path", &error.to_string()),
                }
            }
        };
        Some((fetch.job, reply))
    }

    /// Takes the answer to a request of `aqua-ipfs`. Gives the reply to the call that waits for it,
    /// if it has one already.
    pub(crate) fn done(
        &mut self,
        vaults: &mut Vaults,
        entropy: &mut Entropy,
        id: u64,
        answer: Answer,
    ) -> Option<(JobId, Reply)> {
        let fetch = self.fetches.get_mut(&id)?;
        if let (Ok(answer), Work::Fetch(..)) = (&answer, &fetch.work)
            && NO_API.contains(&answer.status)
            && !fetch.gateway
        {
            fetch.gateway = true;
            self.next_block(id);
            return None;
        }
        let body = answer.and_then(|answer| match answer.status {
            200 => Ok(answer.body),
            // What it says beside that is nobody's business: a script could read by it what is no
            // IPFS node at all.
            status => Err(format!("the IPFS node answers {status}")),
        });
        let result = match &mut fetch.work {
            Work::Put => body.and_then(|body| added(&body)).map(Some),
            Work::Fetch(assembly, _) => body.and_then(|body| {
                let taken = assembly.take(&body);
                taken.map(|()| None).map_err(|error| error.to_string())
            }),
        };
        if let Ok(None) = result {
            return match self.next_block(id) {
                true => None,
                false => self.end_fetch(vaults, entropy, id),
            };
        }
        let fetch = self.fetches.remove(&id)?;
        let field = match &fetch.work {
            Work::Put => "hash",
            Work::Fetch(_, Target::Contents) => "contents",
            Work::Fetch(..) => "path",
        };
        let reply = match result {
            Ok(hash) => succeeded(field, hash.unwrap_or_default()),
            Err(error) => failed(field, &error),
        };
        Some((fetch.job, reply))
    }
}

/// The CID in the answer to `add`.
fn added(body: &[u8]) -> Result<String, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| "the IPFS node's answer is no JSON")?;
    let hash = value.get("Hash").and_then(Value::as_str);
    let hash = hash.ok_or("the IPFS node's answer has no hash")?;
    let cid = Cid::parse(hash).map_err(|_| "the hash in the IPFS node's answer is no CID")?;
    Ok(cid.text().to_string())
}

pub(crate) fn succeeded(field: &str, value: impl Into<Value>) -> Reply {
    let value: Value = value.into();
    json!({ "success": true, "error": "", field: value }).into()
}

pub(crate) fn failed(field: &str, error: &str) -> Reply {
    json!({ "success": false, "error": error, field: "" }).into()
}
