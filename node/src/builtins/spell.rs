//! `spell`, and what the scripts of spells ask: `getDataSrv`, `errorHandlingSrv`, `callbackSrv`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::{Args, Builtin, Call, CallError, Later, Reply, worldly};
use crate::services::{Kind, Running};
use crate::spells::{Config, Error, Installation, SpellService};
use crate::world::World;

pub(super) const FUNCTIONS: &[Builtin] = &[
    worldly(
        "spell",
        "install",
        "script: string, data: any, trigger_config: object, alias: ?string",
        "spell id",
        "on the host by its management, on a worker by its creator, itself or the management: else `Failed to install spell ..`; \
         `invalid config: period is too big. ..`, `invalid config: end_sec is less than start_sec or in the past`",
        install,
    ),
    worldly(
        "spell",
        "remove",
        "spell_id_or_alias: string",
        "\"\"",
        "on the host by host or management, on a worker by its creator, itself or the management",
        remove,
    ),
    worldly(
        "spell",
        "list",
        "",
        "[]spell id of the current scope",
        "",
        list,
    ),
    worldly(
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
    worldly(
        "getDataSrv",
        "spell_id",
        "",
        "id of the spell whose particle it is",
        "else `Invalid particle id: expected 'spell_{SPELL_ID}_{COUNTER}', got <id>`",
        spell_id,
    ),
    worldly(
        "getDataSrv",
        super::ANY,
        "",
        "value of that key in the spell's KV, parsed from JSON text",
        "`Failed to get argument ..: value not found`; particles of spells only",
        get_data,
    ),
    worldly(
        "errorHandlingSrv",
        "error",
        "last_error: object, error_idx: u32",
        "\"\"",
        "stored in the spell with the particle's timestamp; particles of spells only",
        error,
    ),
    worldly(
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

fn install(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let script: String = args.next("script")?;
    let data: Value = args.next("data")?;
    let config = trigger_config(args)?;
    let alias: Option<String> = args.optional("alias")?;
    let (author, scope) = (call.particle.init_peer_id, call.scope);
    let on_host = scope == call.host.peer_id;
    let allowed = match on_host {
        true => call.host.is_management(&author),
        false => call.host.may_name(&author, &scope),
    };
    if !allowed {
        return Err(Error::MayNotInstall(author, (!on_host).then_some(scope)).into());
    }
    if let Some(alias) = &alias {
        world.check_alias(call, alias)?;
    }
    let installation = Installation {
        scope,
        script,
        data: data.to_string(),
        config,
        alias,
    };
    world.install_spell(call.clock, world.until(call), installation)
}

/// A spell of the current scope that the script's author may change.
fn changeable(world: &World, call: &Call<'_>, name: &str) -> Result<String, CallError> {
    let record = &world.resolve(call, name)?.record;
    if record.kind != Kind::Spell {
        return Err(Error::NoSpell(name.into()).into());
    }
    let author = call.particle.init_peer_id;
    match call.host.may_name(&author, &call.scope) {
        true => Ok(record.id.clone()),
        false => Err(Error::MayNotChange(author, name.into()).into()),
    }
}

fn remove(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("spell_id_or_alias")?;
    let id = changeable(world, call, &name)?;
    world.remove_spell(&id)?;
    Ok(Reply::unit())
}

fn list(world: &mut World, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(world.spells_of(&call.scope).into())
}

fn update_trigger_config(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("spell_id_or_alias")?;
    let config = trigger_config(args)?;
    let id = changeable(world, call, &name)?;
    world.configure_spell(call.clock, world.until(call), &id, config)
}

impl World {
    /// Ids of the spells of a scope.
    pub(super) fn spells_of(&self, scope: &basalt_net::peer_id::PeerId) -> Vec<String> {
        let services = self.services.of_scope(scope);
        let spells = services.filter(|entry| entry.record.kind == Kind::Spell);
        spells.map(|entry| entry.record.id.clone()).collect()
    }

    /// Asks the spell whose particle it is.
    fn ask_spell<T: Send + 'static>(
        &mut self,
        call: &Call<'_>,
        work: impl FnOnce(&SpellService, &mut Running) -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(Result<T, Error>) -> Result<Reply, CallError> + 'static,
    ) -> Result<Reply, CallError> {
        let id = own_spell(call)?.to_string();
        self.services.find(&call.scope, &id)?;
        let until = self.until(call);
        let author = call.particle.init_peer_id;
        let spell = self
            .spell_service(&id, call.scope, author, until)
            .of_particle(&call.particle.id, call.particle.timestamp);
        let ticket = self.with_service(
            &id,
            until,
            move |running| work(&spell, running),
            move |_, _, value| then(value.map_err(Error::from).and_then(|value| value)),
        )?;
        Ok(Reply::Later(Later::Job(ticket)))
    }
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

fn spell_id(_: &mut World, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(own_spell(call)?.into())
}

fn get_data(world: &mut World, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let key = String::from(call.request.function_name());
    let name = key.clone();
    let work = move |spell: &SpellService, running: &mut Running| {
        spell.call(running, "get_string", json!([key]))
    };
    world.ask_spell(call, work, move |value| {
        let failed = |why: &str| {
            CallError::from_error(alloc::format!("Failed to get argument {name}: {why}"))
        };
        let value = value.map_err(|error| failed(&error.to_string()))?;
        if value.get("absent").and_then(Value::as_bool) == Some(true) {
            return Err(failed("value not found"));
        }
        let text = value.get("value").and_then(Value::as_str).unwrap_or("");
        let parsed: Value =
            serde_json::from_str(text).map_err(|error| failed(&error.to_string()))?;
        Ok(parsed.into())
    })
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

fn error(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let value: Map<String, Value> = args.next("last_error")?;
    let index: u32 = args.next("error_idx")?;
    let timestamp = call.particle.timestamp;
    let work = move |spell: &SpellService, running: &mut Running| {
        let arguments = json!([last_error(&value), index, timestamp]);
        spell.unit(running, "store_error", arguments)
    };
    world.ask_spell(call, work, |stored| {
        stored?;
        Ok(Reply::unit())
    })
}

fn response(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let value: Option<Map<String, Value>> = args.optional("response")?;
    own_spell(call)?;
    let Some(value) = value else {
        return Ok(Reply::unit());
    };
    let work = move |spell: &SpellService, running: &mut Running| {
        let text = Value::Object(value).to_string();
        spell.unit(running, "set_json_fields", json!([text]))
    };
    world.ask_spell(call, work, |stored| {
        stored?;
        Ok(Reply::unit())
    })
}
