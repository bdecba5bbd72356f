//! The host's own functions, offered in four namespaces: logging, call parameters, mounted binaries
//! (Marine specification, sections 2.3, 2.5, 2.6).

use alloc::{string::ToString, sync::Arc};

use super::state::{self, ServiceState};
use crate::{
    adapter::{Value, lift::Lift, linked::Linked, lower::LowerError, run},
    engine::{Context, HostCause, HostTrap, Raw},
    host_api::Version,
    it::Type,
    logger::{self, Level},
    mounted::Environment,
};

/// `log_utf8_string(level, target, pointer, length)`.
pub(crate) fn log<C: Context<State = ServiceState>>(
    ctx: &mut C,
    module: usize,
    args: &[Raw],
) -> Result<(), HostTrap> {
    let [level, target, pointer, len] = args else {
        return Err(HostTrap::failure("the logger takes four arguments"));
    };
    let linked = state::linked(ctx, module)?;
    let (memory, state) = ctx.memory_and_state(linked.target.memory);
    // The mask first: a line that nobody wants costs no copy.
    if !logger::passes(state.modules[module].logging_mask, target.u32() as i32) {
        return Ok(());
    }
    let level = Level::from_number(level.u32());
    let mut lift = Lift {
        memory,
        interface: &linked.interface,
        room: state.limits.log_bytes,
    };
    let text = lift.string(pointer.u32(), len.u32());
    match text {
        Ok(text) => state.host.log(&linked.name, level, &text),
        // A line that cannot be read does not end the call.
        Err(error) => state.host.log(
            &linked.name,
            Level::Warn,
            &alloc::format!("unreadable log line: {error}"),
        ),
    }
    state::charge(ctx, u64::from(len.u32()));
    Ok(())
}

/// `get_call_parameters()`: the record goes through `set_result_ptr`.
pub(crate) fn call_parameters<C: Context<State = ServiceState>>(
    ctx: &mut C,
    module: usize,
    version: Version,
) -> Result<(), HostTrap> {
    let linked = state::linked(ctx, module)?;
    let value = ctx.state().call_parameters.to_value(version);
    return_record(ctx, &linked, &value)
}

/// A mounted binary: takes an array of strings, returns a record through `set_result_ptr`.
pub(crate) fn mounted<C: Context<State = ServiceState>>(
    ctx: &mut C,
    module: usize,
    import: usize,
    args: &[Raw],
) -> Result<(), HostTrap> {
    let [pointer, count] = args else {
        return Err(HostTrap::failure("a mounted binary takes one array"));
    };
    let linked = state::linked(ctx, module)?;
    let mut lift = Lift {
        memory: ctx.memory(linked.target.memory),
        interface: &linked.interface,
        room: ctx.state().limits.value_bytes,
    };
    let words = lift.array(&Type::String, pointer.u32(), count.u32());
    let words = match words.map_err(|error| HostTrap::failure(error.to_string()))? {
        Value::Array(values) => values
            .into_iter()
            .filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => alloc::vec::Vec::new(),
    };
    let state = ctx.state_mut();
    // Cloned, so that the state can be lent to the program.
    let program = Arc::clone(&state.modules[module].mounted[import]);
    let output = program.run(
        &words,
        &mut Environment {
            host: &mut *state.host,
            files: &state.modules[module].wasi,
            deadline: state.meter.deadline,
        },
    );
    return_record(ctx, &linked, &output.into_value())
}

/// Lowers a record with the caller's allocator; when that fails the caller sees pointer and size 0.
fn return_record<C: Context<State = ServiceState>>(
    ctx: &mut C,
    linked: &Linked,
    value: &Value,
) -> Result<(), HostTrap> {
    let Some(set_pointer) = linked.set_result_ptr else {
        return Err(HostTrap::failure("the module exports no set_result_ptr"));
    };
    let Value::Record(fields) = value else {
        return Err(HostTrap::failure("the host returns records only"));
    };
    let lowered = linked.target.record(ctx, fields);
    // A budget that runs out must end the call. The guest would take pointer 0 for an empty answer
    // and go on.
    if let Err(LowerError::Allocate(failure)) = &lowered
        && let Some(kind) = run::budget(failure)
    {
        return Err(HostTrap {
            message: failure.to_string(),
            cause: HostCause::Budget(kind),
        });
    }
    let pointer = match lowered {
        Ok(pointer) => pointer,
        Err(LowerError::NoAllocate) => {
            return Err(HostTrap::failure("the module exports no allocate"));
        }
        Err(_) => {
            if let Some(set_size) = linked.set_result_size {
                state::call(ctx, set_size, &[Raw::I32(0)])?;
            }
            0
        }
    };
    state::call(ctx, set_pointer, &[Raw::I32(pointer as i32)])
}
