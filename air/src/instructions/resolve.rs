//! Operands to values with their origin (AIR spec sections 3.1 and 3.2).

use alloc::string::String;

use super::fault::Fault;
use super::run::Run;
use crate::ast::{Accessor, LensId, LensKind, Name, Operand};
use crate::budget::cost;
use crate::data::{Provenance, Tetraplet};
use crate::error::{Error, LensError};
use crate::scopes::{Canon, Found, Stored};
use crate::values::{Json, Number, Step, Value, Walk, WalkError};

/// What an operand stands for.
#[derive(Clone, Copy)]
pub(super) struct Resolved<'r> {
    pub(super) value: Value<'r>,
    /// One for most values, one per element for canons.
    pub(super) tetraplets: &'r [&'r Tetraplet<'r>],
    pub(super) provenance: Provenance,
}

impl From<WalkError> for Fault<'_> {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Read(error) => error.into(),
            WalkError::Lens(error) => error.into(),
        }
    }
}

type Result<'r, T> = core::result::Result<T, Fault<'r>>;

impl<'r> Run<'r> {
    /// The operand's value; none if a variable of it is not there, and the instruction has to wait.
    pub(super) fn resolve_or_wait(&mut self, operand: Operand) -> Result<'r, Option<Resolved<'r>>> {
        match self.resolve(operand) {
            Ok(resolved) => Ok(Some(resolved)),
            Err(fault) if fault.is_joinable() => {
                self.complete = false;
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) fn resolve(&mut self, operand: Operand) -> Result<'r, Resolved<'r>> {
        let script = self.script;
        self.heap.charge(cost::OPERAND)?;
        let tree = match operand {
            Operand::InitPeerId => Json::String(&self.params.init_peer_id),
            Operand::Timestamp => Json::Number(Number::U64(self.params.timestamp)),
            Operand::Ttl => Json::Number(Number::U64(self.params.ttl.into())),
            Operand::Literal(text) => Json::String(script.text(text)),
            Operand::Int(number) => Json::Number(Number::from_i64(number)),
            Operand::Float(number) => Json::Number(Number::F64(number)),
            Operand::Bool(flag) => Json::Bool(flag),
            Operand::EmptyArray => Json::Array(&[]),
            Operand::LastError(lens) => return self.error_object(self.errors.last, lens),
            Operand::Error(lens) => return self.error_object(self.errors.error, lens),
            Operand::Scalar(name, lens) => return self.scalar_operand(name, lens),
            Operand::Canon(name, lens) => return self.canon_operand(name, lens),
            Operand::CanonMap(name, lens) => return self.canon_map_operand(name, lens),
        };
        let value = Value::from_tree(&self.heap, tree);
        Ok(self.single(value, self.literal, Provenance::Literal))
    }

    pub(super) fn single(
        &self,
        value: Value<'r>,
        tetraplet: &'r Tetraplet<'r>,
        provenance: Provenance,
    ) -> Resolved<'r> {
        Resolved {
            value,
            tetraplets: self.heap.slice(&[tetraplet]),
            provenance,
        }
    }

    fn error_object(
        &mut self,
        object: crate::scopes::ErrorObject<'r>,
        lens: Option<LensId>,
    ) -> Result<'r, Resolved<'r>> {
        let value = match lens {
            Some(lens) => self.apply(object.value, lens)?,
            None => object.value,
        };
        let tetraplet = object.tetraplet.unwrap_or(self.literal);
        Ok(self.single(value, tetraplet, object.provenance))
    }

    fn scalar_operand(&mut self, name: Name, lens: Option<LensId>) -> Result<'r, Resolved<'r>> {
        let stored = self.scalar(name)?;
        let Some(lens) = lens else {
            return Ok(self.single(stored.value, stored.tetraplet, stored.provenance));
        };
        let value = self.apply(stored.value, lens)?;
        let text = self.script.lens_text(lens);
        let tetraplet = match self.script.lens(lens).kind {
            LensKind::Length => Tetraplet {
                lens: text,
                ..Tetraplet::default()
            },
            LensKind::Path(_) => Tetraplet {
                lens: self.heap.concat(&[stored.tetraplet.lens, text]),
                ..*stored.tetraplet
            },
        };
        Ok(self.single(value, self.heap.alloc(tetraplet), stored.provenance))
    }

    fn canon_operand(&mut self, name: Name, lens: Option<LensId>) -> Result<'r, Resolved<'r>> {
        let canon = self.canon_stream(name)?;
        let provenance = Provenance::Canon(canon.cid);
        let Some(lens) = lens else {
            self.charge_elements(canon.elements.len())?;
            return Ok(Resolved {
                value: self.array(canon.elements),
                tetraplets: self
                    .heap
                    .collect(canon.elements.iter().map(|element| element.tetraplet)),
                provenance,
            });
        };
        let script = self.script;
        let LensKind::Path(path) = &script.lens(lens).kind else {
            let count = Json::Number(Number::U64(canon.elements.len() as u64));
            // The place of `.length` is the reference's.
            let tetraplet = self.heap.alloc(Tetraplet {
                peer_pk: &self.params.current_peer_id,
                service_id: ".length",
                ..Tetraplet::default()
            });
            return Ok(self.single(Value::from_tree(&self.heap, count), tetraplet, provenance));
        };
        let path = script.lens_accessors(path);
        let element = self.element(canon.elements, path[0])?;
        let value = self.walk(element.value, &path[1..])?;
        Ok(self.single(value, element.tetraplet, element.provenance))
    }

    /// A value's text for a message, paid for: values may be large, and errors be raised in loops.
    pub(super) fn quote(&self, value: Value<'r>) -> Result<'r, String> {
        let text = value.text(&self.heap)?;
        // It is copied a few times until it stands in an error object.
        self.heap.room(4 * text.len())?;
        self.heap.charge(cost::scanned(text.len()))?;
        Ok(text.into())
    }

    /// The array of all values.
    pub(super) fn array(&self, elements: &[Stored<'r>]) -> Value<'r> {
        let items = self
            .heap
            .collect(elements.iter().map(|element| Json::Shared(element.value)));
        Value::from_tree(&self.heap, Json::Array(items))
    }

    /// The element of a canon that an accessor names.
    pub(super) fn element(
        &mut self,
        elements: &[Stored<'r>],
        accessor: Accessor,
    ) -> Result<'r, Stored<'r>> {
        let index = match accessor {
            Accessor::Index(index) => index,
            Accessor::Field(field) => {
                let field = self.script.text(field).into();
                return Err(Error::from(LensError::CanonField(field)).into());
            }
            Accessor::Scalar(name) => {
                let value = self.scalar(name)?.value;
                let error = match value.tree(&self.heap)? {
                    Json::Number(Number::U64(index)) if index <= u32::MAX.into() => {
                        return self.element_at(elements, index as u32);
                    }
                    Json::Number(_) => LensError::IndexNotU32(self.quote(value)?),
                    _ => LensError::StreamAccessor(self.quote(value)?),
                };
                return Err(Error::from(error).into());
            }
        };
        self.element_at(elements, index)
    }

    fn element_at(&self, elements: &[Stored<'r>], index: u32) -> Result<'r, Stored<'r>> {
        elements.get(index as usize).copied().ok_or_else(|| {
            Error::from(LensError::CanonTooShort {
                count: elements.len(),
                index,
            })
            .into()
        })
    }

    /// Applies a lens to a plain value.
    fn apply(&mut self, value: Value<'r>, lens: LensId) -> Result<'r, Value<'r>> {
        let script = self.script;
        match &script.lens(lens).kind {
            LensKind::Length => {
                let Json::Array(items) = value.tree(&self.heap)? else {
                    return Err(Error::Length(self.quote(value)?).into());
                };
                let count = Json::Number(Number::U64(items.len() as u64));
                Ok(Value::from_tree(&self.heap, count))
            }
            LensKind::Path(path) => self.walk(value, script.lens_accessors(path)),
        }
    }

    /// Applies a path to a value, accessor by accessor.
    pub(super) fn walk(&mut self, value: Value<'r>, path: &[Accessor]) -> Result<'r, Value<'r>> {
        let mut walk = Walk::new(value, &self.heap)?;
        for accessor in path {
            self.heap.charge(cost::OPERAND)?;
            let step = match *accessor {
                Accessor::Index(index) => Step::Index(index),
                Accessor::Field(field) => Step::Field(self.script.text(field)),
                Accessor::Scalar(name) => self.scalar_step(name)?,
            };
            if let Step::Field(field) = step {
                self.heap.charge(cost::scanned(field.len()))?;
            }
            walk.step(step, &self.heap)?;
        }
        Ok(walk.end(&self.heap))
    }

    fn scalar_step(&mut self, name: Name) -> Result<'r, Step<'r>> {
        let value = self.scalar(name)?.value;
        let error = match value.tree(&self.heap)? {
            Json::String(field) => return Ok(Step::Field(field)),
            Json::Number(Number::U64(index)) if index <= u32::MAX.into() => {
                return Ok(Step::Index(index as u32));
            }
            Json::Number(_) => LensError::IndexNotU32(self.quote(value)?),
            _ => LensError::ScalarAccessor(self.quote(value)?),
        };
        Err(Error::from(error).into())
    }

    /// What a scalar or an iterator holds.
    pub(super) fn scalar(&mut self, name: Name) -> Result<'r, Stored<'r>> {
        let found = self.scalars.get(name, &self.depths);
        match (self.iterators.current(name, &self.heap), found) {
            // A quirk of the reference is to crash here (AIR spec section 9, quirk 8).
            (Some(_), Found::Value(_)) => {
                Err(Error::IteratorShadowed(self.script.name(name).into()).into())
            }
            (Some(element), _) => Ok(element),
            (None, found) => self.found(name, found),
        }
    }

    pub(super) fn canon_stream(&mut self, name: Name) -> Result<'r, Canon<'r>> {
        let found = self.canons.get(name, &self.depths);
        self.found(name, found)
    }

    pub(super) fn canon_map(&mut self, name: Name) -> Result<'r, Canon<'r>> {
        let found = self.canon_maps.get(name, &self.depths);
        self.found(name, found)
    }

    fn found<T>(&self, name: Name, found: Found<T>) -> Result<'r, T> {
        let text = || {
            let text = self.script.name(name);
            // Names are as long as their author likes, and many instructions wait for them.
            self.heap.spend(cost::scanned(text.len()));
            text.into()
        };
        match found {
            Found::Value(value) => Ok(value),
            Found::Cleared => Err(Error::ClearedByNew(text()).into()),
            Found::Nothing => Err(Error::VariableNotFound(text()).into()),
        }
    }

    /// A value to keep: its tetraplet is reduced to what its provenance can prove.
    pub(super) fn stored(&self, resolved: &Resolved<'r>) -> Stored<'r> {
        let tetraplet = resolved.tetraplets.first().copied().unwrap_or(self.literal);
        let reduced = match resolved.provenance {
            Provenance::ServiceResult(_) => *tetraplet,
            Provenance::Canon(_) => Tetraplet {
                service_id: "",
                function_name: "",
                ..*tetraplet
            },
            Provenance::Literal => Tetraplet {
                peer_pk: tetraplet.peer_pk,
                ..Tetraplet::default()
            },
        };
        let tetraplet = if reduced == *tetraplet {
            tetraplet
        } else {
            self.heap.alloc(reduced)
        };
        Stored {
            value: resolved.value,
            tetraplet,
            provenance: resolved.provenance,
        }
    }

    /// A peer, service or function: a string, or error 10011.
    pub(super) fn triplet_part(&mut self, operand: Operand) -> Result<'r, &'r str> {
        if let Operand::Literal(text) = operand {
            return Ok(self.script.text(text));
        }
        let value = self.resolve(operand)?.value;
        if let Json::String(text) = value.tree(&self.heap)? {
            return Ok(text);
        }
        let name = match operand {
            Operand::Scalar(name, _) | Operand::Canon(name, _) | Operand::CanonMap(name, _) => {
                self.script.name(name)
            }
            _ => "",
        };
        let value = self.quote(value)?;
        Err(Error::Triplet {
            name: name.into(),
            value,
        }
        .into())
    }
}
