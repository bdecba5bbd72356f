//! Results of calls: those that stand in the trace, and those that the host just brought.

use alloc::format;
use alloc::string::ToString;

use super::call::Resolving;
use super::fault::{Fault, blame};
use super::run::Run;
use crate::ast::Output;
use crate::budget::cost;
use crate::cid::of_bytes;
use crate::data::{CallResult as CallState, Cid, Provenance, ServiceResult, Tetraplet, ValueRef};
use crate::error::Error;
use crate::host::Answer;
use crate::scopes::{Place, Stored};
use crate::trace::{STUB_GENERATION, Source, describe_value};
use crate::values::{Json, Number, ReadError, Value};

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

impl<'r> Run<'r> {
    /// An executed state was met.
    pub(super) fn call_executed(
        &mut self,
        call: &Resolving<'r>,
        value: ValueRef,
        source: Source,
    ) -> Result<'r, ()> {
        let (cid, place) = match (value, call.output) {
            (ValueRef::Scalar(cid), Output::Scalar(_)) => (cid, Place::New),
            (ValueRef::Stream { cid, generation }, Output::Stream(_)) => {
                (cid, source.place(generation))
            }
            (ValueRef::Unused(_), Output::None) => {
                self.push_call(CallState::Executed(value));
                return Ok(());
            }
            (value, _) => return Err(Error::ResultKind(describe_value(&value).into()).into()),
        };
        let result = self.service_result(call, cid)?;
        let value_of = self.stored_value(result.value)?;
        let stored = Stored {
            value: value_of,
            tetraplet: call.tetraplet,
            provenance: Provenance::ServiceResult(cid),
        };
        self.set_output(call.output, stored, place)?;
        self.vouch(call.tetraplet.peer_pk, cid);
        self.push_call(CallState::Executed(value));
        Ok(())
    }

    /// A failed state was met.
    pub(super) fn call_failed(&mut self, call: &Resolving<'r>, cid: Cid) -> Result<'r, ()> {
        let result = self.service_result(call, cid)?;
        let value = self.stored_value(result.value)?;
        let (code, message) = failure(value.tree(&self.heap)?)?;
        self.complete = false;
        self.vouch(call.tetraplet.peer_pk, cid);
        self.push_call(CallState::Failed(cid));
        let error = Error::LocalService {
            code,
            message: message.into(),
        };
        Err(blame(error.into(), call.tetraplet))
    }

    /// A stored result, if it is one of this very call.
    fn service_result(&mut self, call: &Resolving<'r>, cid: Cid) -> Result<'r, ServiceResult<'r>> {
        let result = *self
            .stores
            .service_results
            .get(cid)
            .ok_or_else(|| self.cid_not_found("service result aggregate", cid))?;
        let hash = self.argument_hash(call)?;
        if hash.as_str() != result.argument_hash {
            return Err(Error::Parameters {
                what: "call argument_hash",
                expected: hash.as_str().into(),
                stored: result.argument_hash.into(),
            }
            .into());
        }
        let tetraplet = self.stored_tetraplet(result.tetraplet)?;
        if tetraplet != call.tetraplet {
            return Err(differing_tetraplets("call tetraplet", call.tetraplet, tetraplet).into());
        }
        Ok(result)
    }

    /// The host brought a result.
    pub(super) fn call_answered(
        &mut self,
        call: &Resolving<'r>,
        answer: Answer<'r>,
    ) -> Result<'r, ()> {
        let Answer { ret_code, result } = answer;
        if ret_code != 0 {
            let cid = self.fail_call(call, ret_code, result)?;
            self.vouch(call.tetraplet.peer_pk, cid);
            let error = Error::LocalService {
                code: ret_code,
                message: result.into(),
            };
            return Err(blame(error.into(), call.tetraplet));
        }
        let value = Value::from_raw(&self.heap, result);
        match value.text(&self.heap) {
            Ok(_) => self.call_succeeded(call, value),
            Err(ReadError::Budget(exceeded)) => Err(exceeded.into()),
            Err(ReadError::Syntax(reason)) => {
                let message = format!(
                    "call_service result 'ret_code: {ret_code}, result: '{result}'' can't be \
                     serialized or deserialized with an error: {reason}"
                );
                // A quirk: this failure is not signed (AIR spec section 9, quirk 3).
                self.fail_call(call, i32::MAX, self.heap.str(&message))?;
                let error = Error::LocalService {
                    code: i32::MAX,
                    message,
                };
                Err(blame(error.into(), call.tetraplet))
            }
        }
    }

    fn call_succeeded(&mut self, call: &Resolving<'r>, value: Value<'r>) -> Result<'r, ()> {
        let executed = match call.output {
            Output::None => {
                let text = value.text(&self.heap)?;
                self.heap.charge(cost::HASH + cost::hashed(text.len()))?;
                let cid = self
                    .stores
                    .intern_computed(&of_bytes(text.as_bytes()), &self.heap)?;
                ValueRef::Unused(cid)
            }
            Output::Scalar(_) | Output::Stream(_) => {
                let cid = self.store_service_result(call, value)?;
                let provenance = Provenance::ServiceResult(cid);
                let stored = Stored {
                    value,
                    tetraplet: call.tetraplet,
                    provenance,
                };
                self.set_output(call.output, stored, Place::New)?;
                self.vouch(call.tetraplet.peer_pk, cid);
                match call.output {
                    Output::Stream(_) => ValueRef::Stream {
                        cid,
                        generation: STUB_GENERATION,
                    },
                    _ => ValueRef::Scalar(cid),
                }
            }
        };
        self.push_call(CallState::Executed(executed));
        Ok(())
    }

    /// Stores and writes a failure.
    fn fail_call(&mut self, call: &Resolving<'r>, code: i32, message: &'r str) -> Result<'r, Cid> {
        self.heap.charge(cost::scanned(message.len()))?;
        let entries = [
            ("message", Json::String(message)),
            ("ret_code", Json::Number(Number::from_i64(code.into()))),
        ];
        let value = Value::from_tree(&self.heap, Json::Object(self.heap.slice(&entries)));
        let cid = self.store_service_result(call, value)?;
        self.push_call(CallState::Failed(cid));
        Ok(cid)
    }

    fn store_service_result(&mut self, call: &Resolving<'r>, value: Value<'r>) -> Result<'r, Cid> {
        let hash = self.argument_hash(call)?;
        let value = self.stores.store_value(value, &self.heap)?;
        let tetraplet = self.stores.store_tetraplet(call.tetraplet, &self.heap)?;
        let argument_hash = self.heap.str(hash.as_str());
        let result = ServiceResult {
            value,
            argument_hash,
            tetraplet,
        };
        Ok(self.stores.store_service_result(result, &self.heap)?)
    }

    pub(super) fn stored_value(&mut self, cid: Cid) -> Result<'r, Value<'r>> {
        match self.stores.value(cid, &self.heap) {
            Some(value) => Ok(value),
            None => Err(self.cid_not_found("value", cid).into()),
        }
    }

    pub(super) fn stored_tetraplet(&self, cid: Cid) -> Result<'r, &'r Tetraplet<'r>> {
        match self.stores.tetraplets.get(cid) {
            Some(tetraplet) => Ok(tetraplet),
            None => Err(self.cid_not_found("tetraplet", cid).into()),
        }
    }

    pub(super) fn cid_not_found(&self, what: &'static str, cid: Cid) -> Error {
        Error::CidNotFound {
            what,
            cid: self.stores.text(cid).into(),
        }
    }
}

/// Code and message of a stored failure.
fn failure<'r>(tree: Json<'r>) -> core::result::Result<(i32, &'r str), Error> {
    let fault = |reason: &str| Error::FailedState(reason.to_string());
    let Json::Object(entries) = tree else {
        return Err(fault("it is no object"));
    };
    let field = |name: &str| {
        let place = entries.binary_search_by_key(&name, |(key, _)| key);
        place.ok().map(|place| &entries[place].1)
    };
    let code = match field("ret_code") {
        Some(Json::Number(Number::U64(code))) => i32::try_from(*code).ok(),
        Some(Json::Number(Number::I64(code))) => i32::try_from(*code).ok(),
        _ => None,
    };
    let code = code.ok_or_else(|| fault("`ret_code` is no 32-bit integer"))?;
    match field("message") {
        Some(Json::String(message)) => Ok((code, message)),
        _ => Err(fault("`message` is no string")),
    }
}

/// Error 20017 for tetraplets; the text is the reference's debug form.
pub(super) fn differing_tetraplets(
    what: &'static str,
    expected: &Tetraplet<'_>,
    stored: &Tetraplet<'_>,
) -> Error {
    let text = |tetraplet: &Tetraplet<'_>| {
        format!(
            "SecurityTetraplet {{ peer_pk: {:?}, service_id: {:?}, function_name: {:?}, lens: {:?} }}",
            tetraplet.peer_pk, tetraplet.service_id, tetraplet.function_name, tetraplet.lens
        )
    };
    Error::Parameters {
        what,
        expected: text(expected),
        stored: text(stored),
    }
}
