//! A host to call on.

use std::sync::Arc;

use basalt_net::keypair::Keypair;
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::builtins::{self, Call, CallError, Reply};
use basalt_node::host::{Clock, Host, Network, Versions};
use basalt_node::limits::ServiceLimits;
use basalt_node::rooms::Rooms;
use basalt_node::script::{CallRequest, Tetraplet};
use basalt_node::shares::Payer;
use serde_json::Value;

/// Peer ids of the seeds `[n; 32]`.
pub(crate) fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

pub(crate) fn peer(n: u8) -> PeerId {
    key(n).peer_id()
}

/// The host is peer 1, the operator peer 2, connected peer 3, a stranger 4.
pub(crate) const HOST: u8 = 1;
pub(crate) const MANAGEMENT: u8 = 2;
pub(crate) const FRIEND: u8 = 3;
pub(crate) const STRANGER: u8 = 4;

/// Peers with neighbours: peer 3 has an address.
pub(crate) struct Neighbours;

impl Network for Neighbours {
    fn is_connected(&self, asked: &PeerId) -> bool {
        *asked == peer(FRIEND)
    }

    fn contact(&self, asked: &PeerId) -> Option<Vec<String>> {
        (*asked == peer(FRIEND)).then(|| vec!["/ip4/192.0.2.3/tcp/977".into()])
    }

    fn routing_peers(&self) -> Vec<PeerId> {
        (10..40).chain([FRIEND]).map(peer).collect()
    }

    fn own_addresses(&self) -> Vec<String> {
        vec!["/ip4/192.0.2.1/tcp/977".into()]
    }
}

/// One call by a script that peer `author` made.
pub(crate) fn call(
    author: u8,
    service: &str,
    function: &str,
    arguments: Vec<Value>,
    tetraplets: Vec<Vec<Tetraplet<'_>>>,
) -> Result<Reply, CallError> {
    let versions = Versions {
        node: "0.1.0".into(),
        air: "0.64.1".into(),
        spell: String::new(),
        services: Vec::new(),
    };
    let host = Host::new(key(HOST), Some(peer(MANAGEMENT)), versions);
    let particle = Arc::new(Authored {
        id: "particle".into(),
        init_peer_id: peer(author),
        timestamp: 1_700_000_000_000,
        ttl: 7_000,
        script: "(null)".into(),
        signature: vec![7; 64],
    });
    let arguments = Value::Array(arguments).to_string();
    let request = CallRequest::new(service, function, &arguments, &tetraplets);
    let mut rooms = Rooms::without_parts(host, ServiceLimits::default(), [9; 32]);
    let host = rooms.host().clone();
    let call = Call {
        host: &host,
        network: &Neighbours,
        clock: Clock {
            now: Instant::from_millis(5),
            wall_ms: 1_700_000_001_234,
        },
        scope: host.peer_id,
        trusted: author <= MANAGEMENT,
        particle: &particle,
        payer: Payer::HOUSE,
        request: &request,
    };
    builtins::call(&mut rooms, &call)
}

/// The answer as (ret_code, JSON text).
pub(crate) fn answer(reply: Result<Reply, CallError>) -> (i32, String) {
    match reply {
        Ok(Reply::Value(value)) => (0, value.to_string()),
        Ok(Reply::Json(text)) => (0, text),
        Ok(Reply::Later(later)) => panic!("not answered at once: {later:?}"),
        Err(error) => (1, Value::String(error.message().into()).to_string()),
    }
}
