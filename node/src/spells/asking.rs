//! What the script of a spell asks of its own spell.

use alloc::format;
use alloc::string::{String, ToString};

use basalt_terms::layout;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::service::{SpellService, taken};
use crate::call::Call;
use crate::compute::{JobId, Receipt};
use crate::reply::{CallError, Reply};
use crate::services::{self, Running, Services};
use crate::tally::Tally;

/// A question, or something to be stored.
pub(crate) enum Question {
    /// The value of a key.
    Get(String),
    /// An error of the script, with its number.
    Error(Map<String, Value>, u32),
    /// The fields of a response.
    Response(Map<String, Value>),
}

/// A spell that was asked.
pub(crate) struct Asked {
    /// The key that was asked for, if one was.
    key: Option<String>,
    answer: Receipt<Result<Value, Error>>,
}

impl Question {
    /// Asks the spell whose particle it is.
    ///
    /// # Errors
    /// The spell is not there, or services have no room.
    pub(crate) fn ask(
        self,
        services: &mut Services,
        tally: &mut Tally,
        call: &Call<'_>,
        id: &str,
    ) -> Result<(JobId, Asked), services::Error> {
        services.find(&call.scope, id)?;
        let until = call.until(services.max_call_ms());
        let author = call.particle.init_peer_id;
        let (host, timestamp) = (call.host.peer_id, call.particle.timestamp);
        let spell = SpellService::new(id, host, call.scope, author, until)
            .of_particle(&call.particle.id, timestamp);
        let key = match &self {
            Question::Get(key) => Some(key.clone()),
            _ => None,
        };
        let work = move |running: &mut Running| match self {
            Question::Get(key) => spell.call(running, "get_string", json!([key])),
            Question::Error(value, index) => {
                let arguments = json!([last_error(&value), index, timestamp]);
                spell.call(running, "store_error", arguments)
            }
            Question::Response(value) => {
                let text = layout::network(Value::Object(value).to_string());
                spell.call(running, "set_json_fields", json!([text]))
            }
        };
        let (job, answer) = services.ask(tally, &host, id, until, work)?;
        Ok((job, Asked { key, answer }))
    }
}

impl Asked {
    /// The reply to the script.
    pub(crate) fn reply(self, over: Result<(), services::Error>) -> Result<Reply, CallError> {
        let answer = over.map_err(Error::from).and_then(|()| taken(self.answer));
        let Some(key) = self.key else {
            answer?;
            return Ok(Reply::unit());
        };
        let failed =
            |why: &str| CallError::from_error(format!("Failed to get argument {key}: {why}"));
        let value = answer.map_err(|error| failed(&error.to_string()))?;
        if value.get("absent").and_then(Value::as_bool) == Some(true) {
            return Err(failed("value not found"));
        }
        let text = value.get("value").and_then(Value::as_str).unwrap_or("");
        let parsed: Value =
            serde_json::from_str(text).map_err(|error| failed(&error.to_string()))?;
        Ok(parsed.into())
    }
}

/// What the scripts' own errors have, in the form that the spell takes.
fn last_error(value: &Map<String, Value>) -> Value {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = value.get("error_code").and_then(Value::as_u64).unwrap_or(0);
    json!({
        "error_code": code as u32,
        "instruction": text("instruction"),
        "message": text("message"),
        "peer_id": text("peer_id"),
    })
}
