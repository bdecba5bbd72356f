//! `srv`: services of the current scope.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::args::Args;
use super::row::{Access, Builtin, on_rooms};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;
use crate::services::{Error, Kind};

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "srv",
        "list",
        "",
        "[]Service of the current scope",
        "Service = {id, blueprint_id, service_type: \"service\" or \"spell\", owner_id, aliases: []string, worker_id}",
        list,
    ),
    on_rooms(
        "srv",
        "create",
        "blueprint_id: string",
        "service id (UUID)",
        "owned by the script's author; `Blueprint '<id>' wasn't found`",
        create,
    )
    .open_to(Access::Protected),
    on_rooms(
        "srv",
        "remove",
        "service_id_or_alias: string",
        "\"\"",
        "by its owner, the operator or the scope's own peer: else `Forbidden. User id '<p>' cannot call function \
         'remove_service': only creator can remove service`; a spell: `cannot remove a spell`",
        remove,
    )
    .open_to(Access::Protected),
    on_rooms(
        "srv",
        "get_interface",
        "service_id_or_alias: string",
        "{function_signatures: []{arguments: [][name, type], name, output_types}, record_types: []{fields, id, name}}",
        "of the last module of its blueprint",
        get_interface,
    ),
    on_rooms(
        "srv",
        "resolve_alias",
        "alias: string",
        "service id",
        "`Service with alias '<a>' is not found on worker '<scope>'`; `spell` and `self` are the spell whose particle it is",
        resolve_alias,
    ),
    on_rooms(
        "srv",
        "resolve_alias_opt",
        "alias: string",
        "[] or [service id]",
        "",
        resolve_alias_opt,
    ),
    on_rooms(
        "srv",
        "add_alias",
        "alias: string, service_id: string",
        "\"\"",
        "on the host: by the host or its operator; on a worker: by its creator, itself or the operator. `worker-spell` is for \
         host and operator only. `Cannot add alias '<a>' because there is a service with that id`, `.. because it is reserved`",
        add_alias,
    )
    .open_to(Access::Protected),
    on_rooms(
        "srv",
        "info",
        "service_id_or_alias: string",
        "Service",
        "`Service with id '<id>' not found on <scope>`",
        info,
    ),
];

fn list(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let services = rooms.services.of_scope(&call.scope);
    Ok(services
        .map(|entry| entry.value())
        .collect::<Value>()
        .into())
}

fn create(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let blueprint: String = args.next("blueprint_id")?;
    call.guard()?;
    rooms.create_service(call, &blueprint)
}

fn remove(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    call.guard()?;
    let record = &rooms.resolve(call, &name)?.record;
    let author = call.particle.init_peer_id;
    let forbidden = |why| Error::Forbidden(author, "remove_service", why);
    if record.kind == Kind::Spell {
        return Err(forbidden("cannot remove a spell").into());
    }
    let allowed = author == record.owner || call.host.is_operator(&author) || author == call.scope;
    if !allowed {
        return Err(forbidden("only creator can remove service").into());
    }
    let id = record.id.clone();
    rooms.remove_service(call.clock, &id)
}

fn get_interface(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("service_id")?;
    let blueprint = rooms.resolve(call, &name)?.record.blueprint.clone();
    let dependencies = &rooms.services.modules.blueprint(&blueprint)?.dependencies;
    // A blueprint has at least one module.
    let facade = dependencies.last().cloned().unwrap_or_default();
    rooms.module_interface(&facade)
}

fn resolve_alias(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    match rooms.resolve_alias(call, &alias) {
        Some(id) => Ok(id.into()),
        None => Err(Error::NoAlias(alias, call.scope).into()),
    }
}

fn resolve_alias_opt(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    let found: Vec<String> = rooms.resolve_alias(call, &alias).into_iter().collect();
    Ok(found.into())
}

fn add_alias(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    let id: String = args.next("service_id")?;
    call.guard()?;
    check_alias(call, &alias)?;
    rooms.set_alias(call.clock, call.scope, alias, id)
}

fn info(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    Ok(rooms.resolve(call, &name)?.value().into())
}

/// May the author of a script give this alias in the current scope?
pub(super) fn check_alias(call: &Call<'_>, alias: &str) -> Result<(), Error> {
    let author = call.particle.init_peer_id;
    let allowed = match alias {
        "worker-spell" => call.host.may_operate(&author),
        _ => call.host.may_name(&author, &call.scope),
    };
    match allowed {
        true => Ok(()),
        false => Err(Error::Forbidden(
            author,
            "add_alias",
            "only the host, its management, or creator and key of a worker can add an alias",
        )),
    }
}
