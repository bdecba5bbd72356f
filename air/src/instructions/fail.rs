//! `fail`: raises an error (AIR spec section 4.6).

use super::fault::Fault;
use super::resolve::Resolved;
use super::run::Run;
use crate::ast::{FailBody, Operand};
use crate::data::{Provenance, Tetraplet};
use crate::error::{Error, ErrorObjectError};
use crate::scopes::ErrorObject;
use crate::values::{Json, Number, Value};

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

impl<'r> Run<'r> {
    pub(super) fn fail(&mut self, body: FailBody) -> Result<'r, ()> {
        let (object, operand) = match body {
            FailBody::Literal(code, message) => {
                (self.literal_error(code, self.script.text(message)), None)
            }
            FailBody::Value(operand) => {
                let resolved = self.resolve(operand)?;
                self.check_error_object(&resolved)?;
                let object = ErrorObject {
                    value: resolved.value,
                    tetraplet: resolved.tetraplets.first().copied(),
                    provenance: resolved.provenance,
                };
                (object, Some(operand))
            }
        };
        self.errors.last = object;
        self.errors.last_settable = false;
        self.complete = false;
        if matches!(operand, Some(Operand::Error(_))) {
            self.errors.error_settable = false;
            if let Some(original) = &self.errors.original {
                return Err(Fault(alloc::boxed::Box::new(original.clone())));
            }
        }
        Err(Error::Fail(self.quote(object.value)?).into())
    }

    fn literal_error(&self, code: i64, message: &'r str) -> ErrorObject<'r> {
        let instruction = alloc::format!("fail {code} \"{message}\"");
        let entries = [
            ("error_code", Json::Number(Number::from_i64(code))),
            ("instruction", Json::String(self.heap.str(&instruction))),
            ("message", Json::String(message)),
            ("peer_id", Json::String(&self.params.init_peer_id)),
        ];
        ErrorObject {
            value: Value::from_tree(&self.heap, Json::Object(self.heap.slice(&entries))),
            tetraplet: Some(self.heap.alloc(Tetraplet { ..*self.literal })),
            provenance: Provenance::Literal,
        }
    }

    /// Checks, in this order: object, code there, its type, not zero, message there, its type.
    fn check_error_object(&self, resolved: &Resolved<'r>) -> Result<'r, ()> {
        let text =
            || -> Result<'r, alloc::string::String> { Ok(resolved.value.text(&self.heap)?.into()) };
        let Json::Object(entries) = resolved.value.tree(&self.heap)? else {
            return Err(Error::from(ErrorObjectError::NotObject(text()?)).into());
        };
        let field = |name: &'static str| -> Result<'r, Json<'r>> {
            match entries.binary_search_by_key(&name, |(key, _)| key) {
                Ok(place) => Ok(entries[place].1.force(&self.heap)?),
                Err(_) => {
                    let missing = ErrorObjectError::FieldMissing {
                        value: text()?,
                        field: name,
                    };
                    Err(Error::from(missing).into())
                }
            }
        };
        let of_type = |field: &'static str, expected: &'static str| -> Fault<'r> {
            match text() {
                Ok(value) => Error::from(ErrorObjectError::FieldType {
                    value,
                    field,
                    expected,
                })
                .into(),
                Err(fault) => fault,
            }
        };
        match field("error_code")? {
            Json::Number(Number::U64(0)) => {
                return Err(Error::from(ErrorObjectError::ZeroCode).into());
            }
            Json::Number(Number::U64(code)) if i64::try_from(code).is_err() => {
                return Err(Error::CodeTooLarge(code).into());
            }
            Json::Number(Number::U64(_) | Number::I64(_)) => {}
            _ => return Err(of_type("error_code", "integer")),
        }
        match field("message")? {
            Json::String(_) => Ok(()),
            _ => Err(of_type("message", "string")),
        }
    }
}
