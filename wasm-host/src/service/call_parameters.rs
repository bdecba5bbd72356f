//! What a module learns about the call it serves, in the four layouts that SDKs know (Marine
//! specification, section 2.5).

use alloc::{string::String, vec, vec::Vec};

use crate::{adapter::Value, host_api::Version};

/// The particle that makes the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParticleParameters {
    /// Particle id.
    pub id: String,
    /// Peer that made the particle.
    pub init_peer_id: String,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Milliseconds of life.
    pub ttl: u32,
    /// AIR script.
    pub script: String,
    /// Signature of the peer that made it.
    pub signature: Vec<u8>,
    /// Token of the particle's vault.
    pub token: String,
}

/// Where an argument comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityTetraplet {
    /// Peer that produced the value.
    pub peer_pk: String,
    /// Service that produced it.
    pub service_id: String,
    /// Function that produced it.
    pub function_name: String,
    /// Path into the value.
    pub lens: String,
}

/// Parameters of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallParameters {
    /// The particle.
    pub particle: ParticleParameters,
    /// The service, never an alias.
    pub service_id: String,
    /// Peer that created the service.
    pub service_creator_peer_id: String,
    /// The host's peer.
    pub host_id: String,
    /// The peer in whose scope the call runs: a worker, or the host.
    pub worker_id: String,
    /// One list per argument.
    pub tetraplets: Vec<Vec<SecurityTetraplet>>,
}

impl CallParameters {
    pub(crate) fn to_value(&self, version: Version) -> Value {
        let text = |text: &String| Value::String(text.clone());
        let mut fields = match version {
            Version::V0 | Version::V1 => vec![text(&self.particle.init_peer_id)],
            Version::V2 | Version::V3 => vec![self.particle.to_value()],
        };
        fields.extend(
            [
                &self.service_id,
                &self.service_creator_peer_id,
                &self.host_id,
            ]
            .map(text),
        );
        if version != Version::V0 {
            fields.push(text(&self.worker_id));
        }
        if matches!(version, Version::V0 | Version::V1) {
            fields.push(text(&self.particle.id));
        }
        let lists = self
            .tetraplets
            .iter()
            .map(|list| Value::Array(list.iter().map(SecurityTetraplet::to_value).collect()));
        fields.push(Value::Array(lists.collect()));
        Value::Record(fields)
    }
}

impl ParticleParameters {
    fn to_value(&self) -> Value {
        Value::Record(vec![
            Value::String(self.id.clone()),
            Value::String(self.init_peer_id.clone()),
            Value::U64(self.timestamp),
            Value::U32(self.ttl),
            Value::String(self.script.clone()),
            Value::ByteArray(self.signature.clone()),
            Value::String(self.token.clone()),
        ])
    }
}

impl SecurityTetraplet {
    fn to_value(&self) -> Value {
        let fields = [
            &self.peer_pk,
            &self.service_id,
            &self.function_name,
            &self.lens,
        ];
        Value::Record(fields.map(|field| Value::String(field.clone())).into())
    }
}
