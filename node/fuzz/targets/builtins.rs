//! Any call of any built-in function, by host, management or a stranger: it is answered with JSON,
//! put off or refused.

use std::sync::Arc;

use basalt_net::keypair::Keypair;
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_node::builtins::{self, Call, Reply, table};
use basalt_node::host::{Alone, Clock, Host, Versions};
use basalt_node::limits::ServiceLimits;
use basalt_node::rooms::Rooms;
use basalt_node::script::{CallRequest, Tetraplet};
use basalt_node::shares::Payer;
use serde_json::Value;

/// The rooms of a host, and the ids of host, management and stranger.
struct Room {
    rooms: Rooms,
    peers: [PeerId; 3],
}

impl Room {
    fn new() -> Room {
        let keys = [1, 2, 3].map(|n| Keypair::from_seed([n; 32]));
        let peers = [&keys[0], &keys[1], &keys[2]].map(Keypair::peer_id);
        let [key, ..] = keys;
        let versions = Versions {
            node: "0".into(),
            air: "0".into(),
            spell: "0".into(),
            services: Vec::new(),
        };
        let host = Host::new(key, Some(peers[1]), versions);
        Room {
            rooms: Rooms::without_parts(host, ServiceLimits::default(), [9; 32]),
            peers,
        }
    }

    fn ask(&mut self, author: PeerId, name: (&str, &str), arguments: &str) {
        let particle = Arc::new(Authored {
            id: "particle".into(),
            init_peer_id: author,
            timestamp: 1_700_000_000_000,
            ttl: 7_000,
            script: "(null)".into(),
            signature: vec![7; 64],
        });
        let origins: [Vec<Tetraplet<'_>>; 0] = [];
        let request = CallRequest::new(name.0, name.1, arguments, &origins);
        let host = self.rooms.host().clone();
        let call = Call {
            host: &host,
            network: &Alone,
            clock: Clock {
                now: Instant::from_millis(5),
                wall_ms: 1_700_000_001_234,
            },
            scope: host.peer_id,
            trusted: author != self.peers[2],
            particle: &particle,
            payer: Payer::HOUSE,
            request: &request,
        };
        if let Ok(Reply::Json(text)) = builtins::call(&mut self.rooms, &call) {
            serde_json::from_str::<Value>(&text).expect("JSON");
        }
    }
}

/// Calls, one a line: who asks, which function, then the arguments, a JSON array.
pub fn check(data: &[u8]) {
    let mut room = Room::new();
    for line in data.split(|&byte| byte == b'\n').take(8) {
        let [author, function, arguments @ ..] = line else {
            continue;
        };
        let Ok(Value::Array(arguments)) = serde_json::from_slice(arguments) else {
            continue;
        };
        let author = room.peers[usize::from(*author) % 3];
        let count = table().count();
        let Some(row) = table().nth(usize::from(*function) % count) else {
            continue;
        };
        let arguments = Value::Array(arguments).to_string();
        room.ask(author, (row.service, row.function), &arguments);
    }
}
