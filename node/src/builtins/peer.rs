//! `peer`: this peer, its clock and its connections.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;
use serde_json::{Value, json};

use super::args::{Args, Argument};
use super::row::{Access, Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Later, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "peer",
        "identify",
        "(ignored)",
        "{external_addresses: []string, node_version, air_version, spell_version: string, allowed_binaries: []string, vm_info: null}",
        "",
        identify,
    ),
    row(
        "peer",
        "timestamp_ms",
        "",
        "u64",
        "wall clock of the host",
        timestamp_ms,
    ),
    row(
        "peer",
        "timestamp_sec",
        "",
        "u64",
        "wall clock of the host",
        timestamp_sec,
    ),
    row(
        "peer",
        "is_connected",
        "peer_id: string",
        "bool",
        "true also while the peer is being dialed; a text that is no peer id is an error",
        is_connected,
    ),
    Builtin {
        access: Access::Protected,
        ..row(
            "peer",
            "connect",
            "peer_id: string, addresses: ?[]multiaddr",
            "bool",
            "an array of addresses given bare is the list",
            connect,
        )
    },
    row(
        "peer",
        "get_contact",
        "peer_id: string",
        "{peer_id, addresses: []string}, or \"\" when unknown",
        "",
        get_contact,
    ),
    row(
        "peer",
        "timeout",
        "duration_ms: u64 or decimal string, message: ?string",
        "message or \"\"",
        "comes after that time, or never when the particle expires before",
        timeout,
    ),
];

fn identify(call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let versions = &call.host.versions;
    Ok(json!({
        "external_addresses": call.network.own_addresses(),
        "node_version": versions.node,
        "air_version": versions.air,
        "spell_version": versions.spell,
        "allowed_binaries": [],
        "vm_info": null,
    })
    .into())
}

fn timestamp_ms(call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(call.clock.wall_ms.into())
}

fn timestamp_sec(call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok((call.clock.wall_ms / 1000).into())
}

/// The next argument, a peer id as base58 text.
fn peer_id(args: &mut Args<'_>) -> Result<PeerId, CallError> {
    let text: String = args.next("peer_id")?;
    text.parse().map_err(CallError::from_error)
}

fn is_connected(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(call.network.is_connected(&peer_id(args)?).into())
}

fn connect(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let peer = peer_id(args)?;
    let addresses: Vec<String> = args.optional("addresses")?.unwrap_or_default();
    let addresses = addresses
        .iter()
        .map(|address| address.parse())
        .collect::<Result<Vec<Multiaddr>, _>>()
        .map_err(CallError::from_error)?;
    call.guard()?;
    Ok(Reply::Later(Later::Connect { peer, addresses }))
}

fn get_contact(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let peer = peer_id(args)?;
    Ok(match call.network.contact(&peer) {
        None => Reply::unit(),
        Some(addresses) => json!({ "peer_id": peer.to_string(), "addresses": addresses }).into(),
    })
}

/// A number of milliseconds, also as decimal text.
struct Milliseconds(u64);

impl Argument for Milliseconds {
    const TYPE: &'static str = "u64 or its decimal text";
    fn read(value: &Value) -> Option<Milliseconds> {
        match value {
            Value::String(text) => text.parse().ok().map(Milliseconds),
            number => number.as_u64().map(Milliseconds),
        }
    }
}

fn timeout(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let Milliseconds(duration) = args.next("duration_ms")?;
    let message: String = args.optional("message")?.unwrap_or_default();
    let duration = Duration::from_millis(duration);
    Ok(Reply::Later(Later::Sleep {
        duration,
        result: message.into(),
    }))
}
