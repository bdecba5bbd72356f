//! Runs adapters. A stack entry is either a value or a reference to an argument, so that `arg.get`
//! copies nothing.

use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use smallvec::SmallVec;

use super::{
    cost,
    lift::{Lift, LiftError},
    linked::{Linked, LinkedModules},
    lower::LowerError,
    memory::OutOfBounds,
    program::{Callee, Op, Program},
    value::Value,
};
use crate::{
    engine::{BudgetKind, Context, Failure, HostCause, HostTrap, Raw},
    it::{Type, ast::Int},
    text::quote,
};

/// An adapter's failure.
#[derive(Clone, Debug)]
pub(crate) struct AdapterError {
    /// "`INSTRUCTION` REASON".
    pub(crate) message: String,
    /// Set when the reason is the call's budget.
    pub(crate) budget: Option<BudgetKind>,
}

impl AdapterError {
    /// The failure as seen by the module that called through the adapter.
    pub(crate) fn into_trap(self) -> HostTrap {
        HostTrap {
            message: self.message,
            cause: self.budget.map_or(HostCause::Failure, HostCause::Budget),
        }
    }
}

/// Why one operation failed; [`run`] puts the instruction's text in front.
struct Fault {
    reason: String,
    budget: Option<BudgetKind>,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self {
            reason,
            budget: None,
        }
    }
}

impl From<BudgetKind> for Fault {
    fn from(kind: BudgetKind) -> Self {
        Self {
            reason: Failure::Budget(kind).to_string(),
            budget: Some(kind),
        }
    }
}

impl From<LiftError> for Fault {
    fn from(error: LiftError) -> Self {
        error.to_string().into()
    }
}

impl From<LowerError> for Fault {
    fn from(error: LowerError) -> Self {
        Self {
            reason: error.to_string(),
            budget: match &error {
                LowerError::Allocate(failure) => budget(failure),
                _ => None,
            },
        }
    }
}

pub(crate) fn budget(failure: &Failure) -> Option<BudgetKind> {
    match failure {
        Failure::Budget(kind) => Some(*kind),
        Failure::Host(HostTrap {
            cause: HostCause::Budget(kind),
            ..
        }) => Some(*kind),
        _ => None,
    }
}

enum Item {
    Argument(u32),
    Value(Value),
}

/// Results of an adapter, in order; the build tool writes adapters with at most two.
pub(crate) type Results = SmallVec<[Value; 2]>;

/// Runs `program` of `module` over `args`. All values that it and the adapters that it calls make
/// take no more host memory than one value may.
pub(crate) fn run<C: Context<State: LinkedModules>>(
    ctx: &mut C,
    module: &Arc<Linked>,
    program: &Program,
    args: &[Value],
) -> Result<Results, AdapterError> {
    let mut room = ctx.state().value_bytes();
    run_within(ctx, &mut room, module, program, args)
}

fn run_within<C: Context<State: LinkedModules>>(
    ctx: &mut C,
    room: &mut usize,
    module: &Arc<Linked>,
    program: &Program,
    args: &[Value],
) -> Result<Results, AdapterError> {
    let mut machine = Machine {
        module,
        program,
        args,
        stack: SmallVec::new(),
        room,
    };
    let failed = |index: usize, fault: Fault| AdapterError {
        message: match program.source.get(index) {
            Some(instruction) => format!("`{instruction}` {}", fault.reason),
            None => fault.reason,
        },
        budget: fault.budget,
    };
    // Before the work: what it takes is known, as programs have no jumps.
    let fuel = (program.ops.len() as u64).saturating_mul(cost::OPERATION);
    cost::charge(ctx, fuel).map_err(|kind| failed(0, kind.into()))?;
    for (index, op) in program.ops.iter().enumerate() {
        machine
            .step(ctx, *op)
            .map_err(|fault| failed(index, fault))?;
    }
    let stack = core::mem::take(&mut machine.stack);
    let results = stack.into_iter().map(|item| machine.taken(ctx, item));
    let last = program.ops.len().saturating_sub(1);
    results
        .collect::<Result<_, _>>()
        .map_err(|fault| failed(last, fault))
}

struct Machine<'a> {
    module: &'a Arc<Linked>,
    program: &'a Program,
    args: &'a [Value],
    stack: SmallVec<[Item; 8]>,
    /// Bytes of host memory that values may still take.
    room: &'a mut usize,
}

impl Machine<'_> {
    fn step<C: Context<State: LinkedModules>>(&mut self, ctx: &mut C, op: Op) -> Result<(), Fault> {
        match op {
            Op::Argument(index) => {
                if index as usize >= self.args.len() {
                    return Err(format!(
                        "cannot access invocation inputs #{index} because it doesn't exist"
                    )
                    .into());
                }
                self.stack.push(Item::Argument(index));
            }
            Op::Call(index) => self.call(ctx, index)?,
            Op::Convert { from, to } => self.convert(from, to)?,
            Op::StringLift => {
                let (offset, len) = self.pop_block()?;
                let text = self.lift(ctx, |lift| lift.string(offset, len))?;
                let text = text.map_err(adapter_lift)?;
                self.push(Value::String(text));
            }
            Op::StringSize => {
                let item = self.pop(1)?;
                let size = match self.get(&item) {
                    Value::String(text) => text.len(),
                    other => return Err(unexpected(&Type::String, other)),
                };
                self.push(Value::I32(size as i32));
            }
            Op::StringLower => {
                let item = self.pop(1)?;
                let pointer = self.pop_i32()?;
                self.walk(ctx, &item)?;
                let len = match self.get(&item) {
                    Value::String(text) => self.write(ctx, pointer, text.as_bytes())?,
                    other => return Err(unexpected(&Type::String, other)),
                };
                self.push_block(pointer, len);
            }
            Op::BytesLift => {
                let (offset, len) = self.pop_block()?;
                let bytes = self.lift(ctx, |lift| lift.bytes(offset, len))?;
                let bytes = bytes.map_err(adapter_lift)?;
                self.push(Value::ByteArray(bytes));
            }
            Op::BytesSize => {
                let item = self.pop(1)?;
                let size = match self.get(&item) {
                    Value::ByteArray(bytes) => bytes.len(),
                    Value::Array(values) => values.len(),
                    other => return Err(unexpected(&Type::ByteArray, other)),
                };
                self.push(Value::I32(size as i32));
            }
            Op::BytesLower => {
                let item = self.pop(1)?;
                let pointer = self.pop_i32()?;
                self.walk(ctx, &item)?;
                let value = self.get(&item);
                let bytes = value
                    .bytes()
                    .ok_or_else(|| unexpected(&Type::ByteArray, value))?;
                let len = self.write(ctx, pointer, &bytes)?;
                self.push_block(pointer, len);
            }
            Op::ArrayLift(ty) => {
                let (offset, count) = self.pop_block()?;
                let element = &self.program.types[ty as usize];
                let value = self.lift(ctx, |lift| lift.array(element, offset, count))?;
                self.push(value?);
            }
            Op::ArrayLower(ty) => self.lower_array(ctx, ty)?,
            Op::RecordLift(id) => {
                let offset = self.pop_i32()? as u32;
                let value = self.lift(ctx, |lift| lift.record(u64::from(id), offset))?;
                self.push(value?);
            }
            Op::RecordLower(id) => {
                let item = self.pop(1)?;
                self.walk(ctx, &item)?;
                let value = self.get(&item);
                let ty = Type::Record(u64::from(id));
                let Value::Record(fields) = value else {
                    return Err(unexpected(&ty, value));
                };
                if !value.fits(&ty, &self.module.interface) {
                    return Err(unexpected(&ty, value));
                }
                let pointer = self.module.target.record(ctx, fields)?;
                self.push(Value::I32(pointer as i32));
            }
            Op::BoolFromI32 => {
                let value = self.pop_i32()? != 0;
                self.push(Value::Boolean(value));
            }
            Op::I32FromBool => {
                let item = self.pop(1)?;
                let value = match self.get(&item) {
                    Value::Boolean(value) => i32::from(*value),
                    other => return Err(unexpected(&Type::Boolean, other)),
                };
                self.push(Value::I32(value));
            }
            // A duplicate of an argument is a reference again and copies nothing.
            Op::Dup => {
                let item = match self.stack.last() {
                    Some(Item::Argument(index)) => Item::Argument(*index),
                    Some(Item::Value(value)) => {
                        let value = copy(ctx, self.room, value)?;
                        Item::Value(value)
                    }
                    None => return Err(too_small(1)),
                };
                self.stack.push(item);
            }
            Op::Swap2 => {
                let len = self.stack.len();
                if len < 2 {
                    return Err(too_small(2));
                }
                self.stack.swap(len - 1, len - 2);
            }
            Op::I32(value) => self.push(Value::I32(value)),
            Op::I64(value) => self.push(Value::I64(value)),
            Op::Nowhere => return Err("the index doesn't exist".to_string().into()),
        }
        Ok(())
    }

    fn call<C: Context<State: LinkedModules>>(
        &mut self,
        ctx: &mut C,
        index: u32,
    ) -> Result<(), Fault> {
        let module = self.module;
        let callee = module
            .callees
            .get(index as usize)
            .ok_or_else(|| format!("the local or import function `{index}` doesn't exist"))?;
        let arity = match callee {
            Callee::Export { signature, .. } => signature.params.len(),
            Callee::Import { ty, .. } => ty.arguments.len(),
        };
        let start = self
            .stack
            .len()
            .checked_sub(arity)
            .ok_or_else(|| too_small(arity))?;
        match callee {
            Callee::Export {
                func, signature, ..
            } => {
                let mut args: SmallVec<[Raw; 8]> = SmallVec::new();
                for (item, ty) in self.stack[start..].iter().zip(&signature.params) {
                    let value = self.get(item);
                    let raw = value.to_raw().filter(|_| value.is_core(*ty));
                    args.push(raw.ok_or_else(|| mismatch(index))?);
                }
                self.stack.truncate(start);
                let mut results: SmallVec<[Raw; 2]> = SmallVec::new();
                for ty in &signature.results {
                    results.push(Raw::zero(*ty).ok_or_else(|| mismatch(index))?);
                }
                ctx.call(*func, &args, &mut results)
                    .map_err(|failure| call_fault(callee, &failure))?;
                for raw in results {
                    let value = Value::from_raw(raw).ok_or_else(|| mismatch(index))?;
                    self.push(value);
                }
            }
            Callee::Import {
                ty,
                module,
                function,
                ..
            } => {
                let items: SmallVec<[Item; 8]> = self.stack.drain(start..).collect();
                let args = items.into_iter().map(|item| self.taken(ctx, item));
                let args = args.collect::<Result<Vec<Value>, Fault>>()?;
                let fit = |(value, field): (&Value, &crate::it::ast::Field)| {
                    value.fits(&field.ty, &self.module.interface)
                };
                // The types are those that this module was built with; the callee may have been
                // built with others.
                if !args.iter().zip(&ty.arguments).all(fit) {
                    return Err(mismatch(index));
                }
                // Cloned, so that the callee can borrow the context mutably.
                let target = Arc::clone(&ctx.state().linked()[*module]);
                let function = &target.adapters.functions[*function];
                // The callee's adapter reports a failure below it as an error of the engine, with
                // its prefix.
                let results = run_within(ctx, self.room, &target, &function.program, &args);
                let results = results.map_err(|error| Fault {
                    reason: format!(
                        "failed while calling the local or import function `{}`: Execution error: {}",
                        callee.name(),
                        error.message
                    ),
                    budget: error.budget,
                })?;
                self.stack.extend(results.into_iter().map(Item::Value));
            }
        }
        Ok(())
    }

    fn lower_array<C: Context<State: LinkedModules>>(
        &mut self,
        ctx: &mut C,
        ty: u32,
    ) -> Result<(), Fault> {
        let element = &self.program.types[ty as usize];
        let item = self.pop(1)?;
        self.walk(ctx, &item)?;
        let value = self.get(&item);
        let fits = match value {
            Value::Array(values) => values
                .iter()
                .all(|value| value.fits(element, &self.module.interface)),
            Value::ByteArray(_) => *element == Type::U8,
            _ => false,
        };
        if !fits {
            return Err(unexpected(element, value));
        }
        let (pointer, count) = match value {
            Value::ByteArray(bytes) => (self.module.target.bytes(ctx, bytes)?, bytes.len() as u32),
            Value::Array(values) => self.module.target.array(ctx, values)?,
            _ => (0, 0),
        };
        self.push_block(pointer as i32, count);
        Ok(())
    }

    fn convert(&mut self, from: Int, to: Int) -> Result<(), Fault> {
        let item = self.pop(1)?;
        let value = self.get(&item);
        let number = integer(value, from).ok_or_else(|| unexpected(&from.ty(), value))?;
        // A conversion never cuts a number: what does not fit is an error.
        let converted = from_integer(number, to).ok_or_else(|| {
            // The reference names the types in the order source, target.
            Fault::from(format!(
                "failed to cast `{:?}` to `{:?}`",
                from.ty(),
                to.ty()
            ))
        })?;
        self.push(converted);
        Ok(())
    }

    /// Lifts a value: what it takes is charged, also when it fails on the way.
    fn lift<C: Context<State: LinkedModules>, T>(
        &mut self,
        ctx: &mut C,
        read: impl FnOnce(&mut Lift<'_>) -> Result<T, LiftError>,
    ) -> Result<Result<T, LiftError>, Fault> {
        let mut lift = Lift {
            memory: ctx.memory(self.module.target.memory),
            interface: &self.module.interface,
            room: *self.room,
        };
        let value = read(&mut lift);
        let taken = *self.room - lift.room;
        *self.room = lift.room;
        cost::charge(ctx, cost::of_bytes(taken))?;
        Ok(value)
    }

    /// Takes fuel for going through a value.
    fn walk<C: Context<State: LinkedModules>>(
        &self,
        ctx: &mut C,
        item: &Item,
    ) -> Result<(), Fault> {
        let bytes = cost::weight(self.get(item));
        Ok(cost::charge(ctx, cost::of_bytes(bytes))?)
    }

    fn write<C: Context<State: LinkedModules>>(
        &self,
        ctx: &mut C,
        pointer: i32,
        bytes: &[u8],
    ) -> Result<u32, Fault> {
        self.module
            .target
            .write(ctx, pointer as u32, bytes)
            .map_err(|error| Fault::from(out_of_bounds(error)))?;
        Ok(bytes.len() as u32)
    }

    fn get<'b>(&'b self, item: &'b Item) -> &'b Value {
        match item {
            Item::Argument(index) => &self.args[*index as usize],
            Item::Value(value) => value,
        }
    }

    fn taken<C: Context<State: LinkedModules>>(
        &mut self,
        ctx: &mut C,
        item: Item,
    ) -> Result<Value, Fault> {
        match item {
            Item::Argument(index) => copy(ctx, self.room, &self.args[index as usize]),
            Item::Value(value) => Ok(value),
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Item::Value(value));
    }

    fn push_block(&mut self, pointer: i32, len: u32) {
        self.push(Value::I32(pointer));
        self.push(Value::I32(len as i32));
    }

    fn pop(&mut self, needed: usize) -> Result<Item, Fault> {
        self.stack.pop().ok_or_else(|| too_small(needed))
    }

    fn pop_i32(&mut self) -> Result<i32, Fault> {
        let item = self.pop(1)?;
        match self.get(&item) {
            Value::I32(value) => Ok(*value),
            other => Err(unexpected(&Type::I32, other)),
        }
    }

    fn pop_block(&mut self) -> Result<(u32, u32), Fault> {
        let len = self.pop_i32()?;
        let offset = self.pop_i32()?;
        Ok((offset as u32, len as u32))
    }
}

/// A copy of a value, charged like one that comes out of a guest.
fn copy<C: Context>(ctx: &mut C, room: &mut usize, value: &Value) -> Result<Value, Fault> {
    let bytes = cost::weight(value);
    *room = room.checked_sub(bytes).ok_or(LiftError::TooLarge)?;
    cost::charge(ctx, cost::of_bytes(bytes))?;
    Ok(value.clone())
}

fn too_small(needed: usize) -> Fault {
    format!("needed to read `{needed}` value(s) from the stack, but it doesn't contain enough data")
        .into()
}

fn unexpected(expected: &Type, received: &Value) -> Fault {
    format!(
        "read a value `{expected:?}` from the stack, that can't be converted to `{}`",
        quote(received)
    )
    .into()
}

fn mismatch(index: u32) -> Fault {
    format!("the values for the local or import function `{index}` don't match its signature")
        .into()
}

fn call_fault(callee: &Callee, failure: &Failure) -> Fault {
    Fault {
        reason: format!(
            "failed while calling the local or import function `{}`: {failure}",
            callee.name()
        ),
        budget: budget(failure),
    }
}

/// Direct accesses of instructions have a text of their own; values within values use the lifter's.
fn adapter_lift(error: LiftError) -> Fault {
    match error {
        LiftError::Memory(error) => out_of_bounds(error).into(),
        other => other.into(),
    }
}

fn out_of_bounds(error: OutOfBounds) -> String {
    format!(
        "read out of the memory bounds (index {} > memory length {})",
        u64::from(error.offset) + u64::from(error.size),
        error.memory_size
    )
}

fn integer(value: &Value, ty: Int) -> Option<i128> {
    Some(match (value, ty) {
        (Value::S8(value), Int::S8) => i128::from(*value),
        (Value::S16(value), Int::S16) => i128::from(*value),
        (Value::S32(value), Int::S32) | (Value::I32(value), Int::I32) => i128::from(*value),
        (Value::S64(value), Int::S64) | (Value::I64(value), Int::I64) => i128::from(*value),
        (Value::U8(value), Int::U8) => i128::from(*value),
        (Value::U16(value), Int::U16) => i128::from(*value),
        (Value::U32(value), Int::U32) => i128::from(*value),
        (Value::U64(value), Int::U64) => i128::from(*value),
        _ => return None,
    })
}

fn from_integer(number: i128, ty: Int) -> Option<Value> {
    Some(match ty {
        Int::S8 => Value::S8(number.try_into().ok()?),
        Int::S16 => Value::S16(number.try_into().ok()?),
        Int::S32 => Value::S32(number.try_into().ok()?),
        Int::S64 => Value::S64(number.try_into().ok()?),
        Int::U8 => Value::U8(number.try_into().ok()?),
        Int::U16 => Value::U16(number.try_into().ok()?),
        Int::U32 => Value::U32(number.try_into().ok()?),
        Int::U64 => Value::U64(number.try_into().ok()?),
        Int::I32 => Value::I32(number.try_into().ok()?),
        Int::I64 => Value::I64(number.try_into().ok()?),
    })
}
