//! `kad`: peers by distance. Only what is known here; no query goes out.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_terms::varint;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::Args;
use super::op::{short_enough, wrap_as_multihash};
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "kad",
        "neighborhood",
        "key: base58 string, already_hashed: ?bool (false), count: ?usize (20)",
        "[]string, peer ids, nearest first",
        "from the peers known here, without a query. already_hashed: the key must be a multihash \
         (`Invalid multihash`); otherwise it is wrapped as one without hashing, so more than 64 bytes fail. \
         Bad base58: `not a base58`",
        neighborhood,
    ),
    row(
        "kad",
        "neigh_with_addrs",
        "key: base58 string, already_hashed: ?bool (false), count: ?usize (20)",
        "[]{peer_id, addresses: []string}",
        "as `neighborhood`; no addresses for a peer without contact",
        neigh_with_addrs,
    ),
    row(
        "kad",
        "merge",
        "target: base58 string, left: []base58, right: []base58, count: ?usize (20)",
        "[]base58",
        "both lists sorted by XOR distance of SHA-256 keys to the target, without duplicates, cut to count",
        merge,
    ),
];

/// Bucket size of the network's Kademlia: the default for `count`.
const K: usize = 20;

/// A point in Kademlia's space (libp2p kad-dht specification, "Distance").
fn key(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn distance(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    core::array::from_fn(|i| a[i] ^ b[i])
}

fn base58(text: &str) -> Result<Vec<u8>, CallError> {
    short_enough(text.len())?;
    bs58::decode(text)
        .into_vec()
        .map_err(|error| CallError::from_error(format!("key '{text}' is not a base58: {error}")))
}

/// Whether bytes are one whole multihash whose code and length are varints.
fn is_multihash(bytes: &[u8]) -> bool {
    let mut digest = bytes;
    let mut number = || varint::take(&mut digest);
    let (code, len) = (number(), number());
    code.is_some() && len.is_some_and(|len| len <= 64 && digest.len() as u64 == len)
}

/// The nearest known peers, by the arguments that both neighbourhood functions take.
fn nearest(call: &Call<'_>, args: &mut Args<'_>) -> Result<Vec<PeerId>, CallError> {
    let text: String = args.next("key")?;
    let already_hashed = args.optional("already_hashed")?.unwrap_or(false);
    let count = args.optional("count")?.unwrap_or(K);
    let bytes = base58(&text)?;
    let multihash = match already_hashed {
        false => wrap_as_multihash(&bytes)?,
        true if is_multihash(&bytes) => bytes,
        true => return Err(CallError::from_error(format!("Invalid multihash '{text}'"))),
    };
    let target = key(&multihash);
    let mut peers = call.network.routing_peers();
    peers.sort_by_cached_key(|peer| distance(&target, &key(peer.as_bytes())));
    peers.truncate(count);
    Ok(peers)
}

fn neighborhood(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let peers = nearest(call, args)?;
    Ok(peers
        .iter()
        .map(PeerId::to_string)
        .collect::<Vec<String>>()
        .into())
}

fn neigh_with_addrs(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let with_addresses = |peer: &PeerId| {
        let addresses = call.network.contact(peer).unwrap_or_default();
        json!({ "peer_id": peer.to_string(), "addresses": addresses })
    };
    Ok(nearest(call, args)?
        .iter()
        .map(with_addresses)
        .collect::<Vec<Value>>()
        .into())
}

fn merge(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let target: String = args.next("target")?;
    let left: Vec<String> = args.next("left")?;
    let right: Vec<String> = args.next("right")?;
    let count = args.optional("count")?.unwrap_or(K);
    let target = key(&base58(&target)?);
    let mut all = Vec::with_capacity(left.len() + right.len());
    for text in left.into_iter().chain(right) {
        let bytes = base58(&text)?;
        all.push((distance(&target, &key(&bytes)), bytes));
    }
    all.sort();
    all.dedup();
    all.truncate(count);
    let texts = all
        .into_iter()
        .map(|(_, bytes)| bs58::encode(bytes).into_string());
    Ok(texts.collect::<Vec<String>>().into())
}
