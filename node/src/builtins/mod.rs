//! Built-in services: what every peer of the network answers by itself.
//!
//! The services are data. Each row of [`table`] names a function, its arguments, its result and
//! what is peculiar about it in the words of the protocol description ("Built-in services", section
//! 9.1), next to the handler that does it; `docs/builtins.md` is printed from the rows. One file
//! per group.
//!
//! Handlers are pure: they see the call, the clock and the network through [`Call`] and give a
//! [`Reply`]; what takes time is handed back as [`Later`].

mod args;
mod array;
mod cmp;
mod connector;
mod debug;
mod dist;
mod get_data;
mod ipfs;
mod json;
mod kad;
mod math;
mod op;
mod ordered;
mod peer;
mod row;
mod run_console;
mod sig;
mod slot;
mod spell;
mod srv;
mod stat;
mod vault;
mod worker;

use alloc::format;
use alloc::string::{String, ToString};

use crate::rooms::Rooms;
use crate::script::{CallRequest, CallResult};

pub use crate::call::Call;
pub use crate::reply::{CallError, Later, Reply};

pub use args::{Args, Argument};
pub use row::{ANY, Access, Builtin, Handler};
pub(crate) use slot::{Slot, slot};

/// All built-in functions, service by service.
pub fn table() -> impl Iterator<Item = &'static Builtin> {
    const GROUPS: &[&[Builtin]] = &[
        peer::FUNCTIONS,
        kad::FUNCTIONS,
        srv::FUNCTIONS,
        dist::FUNCTIONS,
        op::FUNCTIONS,
        debug::FUNCTIONS,
        stat::FUNCTIONS,
        math::FUNCTIONS,
        cmp::FUNCTIONS,
        array::FUNCTIONS,
        json::FUNCTIONS,
        sig::FUNCTIONS,
        vault::FUNCTIONS,
        run_console::FUNCTIONS,
        ipfs::FUNCTIONS,
        spell::FUNCTIONS,
        worker::FUNCTIONS,
        connector::FUNCTIONS,
        get_data::FUNCTIONS,
        spell::SCRIPT_FUNCTIONS,
    ];
    GROUPS.iter().copied().flatten()
}

/// Answers a call from the table.
///
/// # Errors
/// The function's own, and "not found" when there is no such row.
pub fn call(rooms: &mut Rooms, call: &Call<'_>) -> Result<Reply, CallError> {
    let (service_id, function_name) = (call.request.service_id(), call.request.function_name());
    let has_chain = rooms.chain.is_some();
    let rows =
        || table().filter(move |row| has_chain || !connector::SERVICES.contains(&row.service));
    let found = rows().find(|row| {
        row.service == service_id && (row.function == function_name || row.function == ANY)
    });
    match found {
        Some(row) => {
            let arguments = call
                .request
                .argument_values()
                .map_err(CallError::from_error)?;
            let args = &mut Args::new(&arguments);
            match row.handler {
                Handler::Pure(handler) => handler(call, args),
                Handler::Rooms(handler) => handler(rooms, call, args),
            }
        }
        None => match rooms
            .resolve(call, service_id)
            .map(|entry| entry.record.id.clone())
        {
            Ok(id) => rooms.call_service(call, &id),
            // The service is there, the function is not.
            Err(_) if rows().any(|row| row.service == service_id) => Err(CallError::text(format!(
                "Service with id '{service_id}' has no function '{function_name}'"
            ))),
            Err(_) => Err(CallError::text(format!(
                "Service with id '{service_id}' not found (function {function_name})"
            ))),
        },
    }
}

/// What a call costs, in microseconds, before it is done: its arguments are read, and base58 takes
/// the square of a text's length.
///
/// # Errors
/// The arguments would take more memory than a call may have.
pub(crate) fn price(request: &CallRequest) -> Result<u64, u64> {
    let bytes = request.arguments().len() as u64;
    // This one makes values of a text.
    let in_texts = (request.service_id(), request.function_name()) == ("json", "parse");
    let values = values(request.arguments(), in_texts);
    // A service's own core reads the arguments of its calls.
    let is_ours = table().any(|row| row.service == request.service_id());
    let read = if is_ours { values } else { 0 };
    let work = match request.service_id() {
        "op" if request.function_name().contains("b58") => {
            bytes.min(op::MAX_BASE58 as u64).pow(2) / BASE58
        }
        "sig" | "insecure_sig" => SIGNATURE,
        _ => 0,
    };
    let price = CALL + bytes / READ + read / VALUES + work;
    match bytes + values * VALUE > MAX_ARGUMENTS || read > MAX_VALUES {
        true => Err(price),
        false => Ok(price),
    }
}

/// How many values there are in a JSON text, roughly: names and fractions count, too. `in_texts`:
/// also those that its strings hold.
fn values(text: &str, in_texts: bool) -> u64 {
    let (mut values, mut is_text, mut is_escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' | b':' | b'.' => values += u64::from(in_texts || !is_text),
            _ => {}
        }
    }
    values
}

/// What an answer of so many bytes costs beside its call, in microseconds.
pub(crate) fn price_of_answer(bytes: usize) -> u64 {
    bytes as u64 / WRITTEN
}

/// Microseconds of any call.
const CALL: u64 = 4;
/// Bytes of arguments that are read in a microsecond.
const READ: u64 = 512;
/// Values of arguments that are made in a microsecond.
const VALUES: u64 = 16;
/// Bytes of an answer that are written in a microsecond.
const WRITTEN: u64 = 320;
/// Bytes of a value, the memory around it included.
const VALUE: u64 = 48;
/// Bytes of the arguments of one call as they are read.
const MAX_ARGUMENTS: u64 = 48 << 20;
/// Values in the arguments of one call of a built-in: what is read and written in some fifty
/// milliseconds.
const MAX_VALUES: u64 = 250_000;
/// Squares of bytes that base58 takes a microsecond for.
const BASE58: u64 = 760;
/// Microseconds for a signature that is made or checked.
const SIGNATURE: u64 = 60;

/// The result of a call as the interpreter takes it; `Err` is work for later.
pub(crate) fn result(answer: Result<Reply, CallError>) -> Result<CallResult, Later> {
    match answer {
        Ok(Reply::Value(value)) => Ok(CallResult {
            ret_code: 0,
            result: value.to_string(),
        }),
        Ok(Reply::Json(result)) => Ok(CallResult {
            ret_code: 0,
            result,
        }),
        Ok(Reply::Later(later)) => Err(later),
        Err(error) => Ok(error.into()),
    }
}

/// What the page says of [`Access::ProtectedScope`].
const SCOPE: &str = "for the scope's own";

/// The manual page of the table.
pub fn manual() -> String {
    let mut page = String::from(
        "# Built-ins\n\n\
         Printed from the table in `node/src/builtins`:\n\n    \
         cargo run -p basalt-node --example builtins > docs/builtins.md\n\n\
         Arguments are positional JSON values. `?T` takes nothing, `null`, `[]`, `[x]` or `x`. Surplus\n\
         arguments are ignored unless the notes say otherwise. A failed call has `ret_code` 1 and a text as\n\
         result. *Protected* functions answer only scripts that are signed by the host or the operator, and\n\
         the spell that runs a worker. Functions *for the scope's own* are protected on the host; on a worker\n\
         they answer its creator, itself and the operator.\n",
    );
    let mut service = "";
    for row in table() {
        if row.service != service {
            service = row.service;
            page += &format!(
                "\n## {service}\n\n| function | arguments | result | notes |\n|---|---|---|---|\n"
            );
        }
        let cell = |text: &str| text.replace('|', "\\|");
        let notes = match row.access {
            Access::Anyone => row.notes.to_string(),
            Access::Protected if row.notes.is_empty() => String::from("protected"),
            Access::Protected => format!("protected; {}", row.notes),
            Access::ProtectedScope if row.notes.is_empty() => String::from(SCOPE),
            Access::ProtectedScope => format!("{SCOPE}; {}", row.notes),
        };
        page += &format!(
            "| {} | {} | {} | {} |\n",
            cell(row.function),
            cell(row.arguments),
            cell(row.result),
            cell(&notes)
        );
    }
    page
}
