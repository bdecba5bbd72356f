//! The functions of the spell service, as the node calls them on a compute core.

use alloc::string::{String, ToString};

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::{CallParameters, ParticleParameters};
use serde_json::{Value, json};

use super::error::Error;
use crate::compute::Receipt;
use crate::services::{self, Running};

/// Token of calls that the node makes by itself.
const TOKEN: &str = "host_call";
/// Key of the number of the next run.
const COUNTER: &str = "hw_counter";
/// Key of what triggered the last run.
const TRIGGER: &str = "hw_trigger";

/// A spell's service, asked in the name of a peer.
pub(crate) struct SpellService {
    parameters: CallParameters,
    until: Instant,
}

impl SpellService {
    /// Calls until a time; they come as if from a particle of the spell itself.
    pub(crate) fn new(
        id: &str,
        host: PeerId,
        scope: PeerId,
        author: PeerId,
        until: Instant,
    ) -> SpellService {
        let parameters = CallParameters {
            particle: ParticleParameters {
                id: alloc::format!("spell_{id}_0"),
                init_peer_id: author.to_string(),
                token: TOKEN.into(),
                ..ParticleParameters::default()
            },
            service_id: id.into(),
            service_creator_peer_id: scope.to_string(),
            host_id: host.to_string(),
            worker_id: scope.to_string(),
            tetraplets: alloc::vec::Vec::new(),
        };
        SpellService { parameters, until }
    }

    /// In the name of the particle that asks.
    pub(crate) fn of_particle(mut self, id: &str, timestamp: u64) -> SpellService {
        self.parameters.particle.id = id.into();
        self.parameters.particle.timestamp = timestamp;
        self
    }

    /// Calls a function; its result says that it succeeded.
    pub(crate) fn call(
        &self,
        running: &mut Running,
        function: &str,
        arguments: Value,
    ) -> Result<Value, Error> {
        let called = running.call(function, &arguments, self.parameters.clone(), self.until);
        let value: Value = serde_json::from_str(&called.result?).unwrap_or_default();
        match value.get("success").and_then(Value::as_bool) {
            Some(true) => Ok(value),
            _ => {
                let error = value.get("error").and_then(Value::as_str);
                Err(Error::Refused(error.unwrap_or_default().to_string()))
            }
        }
    }

    /// Calls a function whose result says nothing else.
    pub(crate) fn unit(
        &self,
        running: &mut Running,
        function: &str,
        arguments: Value,
    ) -> Result<(), Error> {
        self.call(running, function, arguments).map(drop)
    }

    /// Gives the spell its script, its data (JSON text of an object) and its configuration.
    pub(super) fn fill(
        &self,
        running: &mut Running,
        script: &str,
        data: &str,
        config: &Value,
    ) -> Result<(), Error> {
        self.unit(running, "set_script", json!([script]))?;
        self.unit(running, "set_json_fields", json!([data]))?;
        self.unit(running, "set_trigger_config", json!([config]))
    }

    /// Counts a run and stores what triggered it; gives the run's number and the script.
    pub(super) fn begin_run(
        &self,
        running: &mut Running,
        event: &str,
    ) -> Result<(u32, String), Error> {
        let counter = self.call(running, "get_u32", json!([COUNTER]))?;
        let absent = counter.get("absent").and_then(Value::as_bool);
        let counter = match absent {
            Some(true) => 0,
            _ => counter.get("value").and_then(Value::as_u64).unwrap_or(0) as u32,
        };
        self.unit(
            running,
            "set_u32",
            json!([COUNTER, counter.wrapping_add(1)]),
        )?;
        self.unit(running, "set_string", json!([TRIGGER, event]))?;
        let script = self.call(running, "get_script", json!([]))?;
        let script = script.get("value").and_then(Value::as_str);
        Ok((counter, script.unwrap_or_default().to_string()))
    }
}

/// What a job on a spell gave.
pub(crate) fn taken<T>(receipt: Receipt<Result<T, Error>>) -> Result<T, Error> {
    receipt
        .take()
        .unwrap_or(Err(Error::Service(services::Error::Late)))
}
