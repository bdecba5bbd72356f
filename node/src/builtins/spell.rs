//! `spell`, and what the scripts of spells ask: `getDataSrv`, `errorHandlingSrv`, `callbackSrv`.

use alloc::string::String;

use serde_json::{Map, Value};

use super::args::Args;
use super::ordered::text_of;
use super::row::{Builtin, on_rooms};
use super::srv::check_alias;
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;
use crate::services::Kind;
use crate::spells::{Config, Error, Installation, Question};

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "spell",
        "install",
        "script: string, data: any, trigger_config: object, alias: ?string",
        "spell id",
        "on the host by its operator, on a worker by its creator, itself or the operator: else `Failed to install spell ..`; \
         `invalid config: period is too big. ..`, `invalid config: end_sec is less than start_sec or in the past`",
        install,
    ),
    on_rooms(
        "spell",
        "remove",
        "spell_id_or_alias: string",
        "\"\"",
        "on the host by host or operator, on a worker by its creator, itself or the operator",
        remove,
    ),
    on_rooms(
        "spell",
        "list",
        "",
        "[]spell id of the current scope",
        "",
        list,
    ),
    on_rooms(
        "spell",
        "update_trigger_config",
        "spell_id_or_alias: string, config: object",
        "\"\"",
        "as `remove`; the empty configuration ends its runs",
        update_trigger_config,
    ),
];

/// What only the scripts of spells ask.
pub(super) const SCRIPT_FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "getDataSrv",
        "spell_id",
        "",
        "id of the spell whose particle it is",
        "else `Invalid particle id: expected 'spell_{SPELL_ID}_{COUNTER}', got <id>`",
        spell_id,
    ),
    on_rooms(
        "getDataSrv",
        super::row::ANY,
        "",
        "value of that key in the spell's KV, parsed from JSON text",
        "`Failed to get argument ..: value not found`; particles of spells only",
        get_data,
    ),
    on_rooms(
        "errorHandlingSrv",
        "error",
        "last_error: object, error_idx: u32",
        "\"\"",
        "stored in the spell with the particle's timestamp; particles of spells only",
        error,
    ),
    on_rooms(
        "callbackSrv",
        "response",
        "response: ?object",
        "\"\"",
        "its fields are stored in the spell's KV; particles of spells only",
        response,
    ),
];

/// The next argument, a trigger configuration.
fn trigger_config(args: &mut Args<'_>) -> Result<Config, CallError> {
    let value: Map<String, Value> = args.next("config")?;
    Ok(Config::read(&Value::Object(value)).map_err(Error::from)?)
}

fn install(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let script: String = args.next("script")?;
    let data: Value = args.next("data")?;
    let config = trigger_config(args)?;
    let alias: Option<String> = args.optional("alias")?;
    let (author, scope) = (call.particle.init_peer_id, call.scope);
    let on_host = scope == call.host.peer_id;
    let allowed = match on_host {
        true => call.host.is_operator(&author),
        false => call.host.may_name(&author, &scope),
    };
    if !allowed {
        return Err(Error::MayNotInstall(author, (!on_host).then_some(scope)).into());
    }
    if let Some(alias) = &alias {
        check_alias(call, alias)?;
    }
    let installation = Installation {
        scope,
        script,
        data: text_of(&data),
        config,
        alias,
    };
    let until = rooms.until(call);
    rooms.install_spell(call.clock, until, installation)
}

/// A spell of the current scope that the script's author may change.
fn changeable(rooms: &Rooms, call: &Call<'_>, name: &str) -> Result<String, CallError> {
    let record = &rooms.resolve(call, name)?.record;
    if record.kind != Kind::Spell {
        return Err(Error::NoSpell(name.into()).into());
    }
    let author = call.particle.init_peer_id;
    match call.host.may_name(&author, &call.scope) {
        true => Ok(record.id.clone()),
        false => Err(Error::MayNotChange(author, name.into()).into()),
    }
}

fn remove(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("spell_id_or_alias")?;
    let id = changeable(rooms, call, &name)?;
    rooms.remove_service(call.clock, &id)
}

fn list(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(rooms.services.spells_of(&call.scope).into())
}

fn update_trigger_config(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("spell_id_or_alias")?;
    let config = trigger_config(args)?;
    let id = changeable(rooms, call, &name)?;
    let until = rooms.until(call);
    rooms.configure_spell(call.clock, until, &id, config)
}

/// The spell whose particle it is.
fn own_spell<'a>(call: &'a Call<'_>) -> Result<&'a str, CallError> {
    let id = call.particle.spell_id();
    id.ok_or_else(|| {
        CallError::text(alloc::format!(
            "Invalid particle id: expected 'spell_{{SPELL_ID}}_{{COUNTER}}', got {}",
            call.particle.id
        ))
    })
}

fn spell_id(_: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(own_spell(call)?.into())
}

fn get_data(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let key = String::from(call.request.function_name());
    let id = own_spell(call)?;
    rooms.ask_spell(call, id, Question::Get(key))
}

fn error(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let value: Map<String, Value> = args.next("last_error")?;
    let index: u32 = args.next("error_idx")?;
    let id = own_spell(call)?;
    rooms.ask_spell(call, id, Question::Error(value, index))
}

fn response(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let value: Option<Map<String, Value>> = args.optional("response")?;
    let id = own_spell(call)?;
    match value {
        Some(value) => rooms.ask_spell(call, id, Question::Response(value)),
        None => Ok(Reply::unit()),
    }
}
