//! `srv`: services of the current scope.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::{Access, Args, Builtin, Call, CallError, Later, Reply, worldly};
use crate::services::{Error, Kind};
use crate::world::World;

pub(super) const FUNCTIONS: &[Builtin] = &[
    worldly(
        "srv",
        "list",
        "",
        "[]Service of the current scope",
        "Service = {id, blueprint_id, service_type: \"service\" or \"spell\", owner_id, aliases: []string, worker_id}",
        list,
    ),
    worldly(
        "srv",
        "create",
        "blueprint_id: string",
        "service id (UUID)",
        "owned by the script's author; `Blueprint '<id>' wasn't found`",
        create,
    )
    .open_to(Access::Protected),
    worldly(
        "srv",
        "remove",
        "service_id_or_alias: string",
        "\"\"",
        "by its owner, the management or the scope's own peer: else `Forbidden. User id '<p>' cannot call function \
         'remove_service': only creator can remove service`; a spell: `cannot remove a spell`",
        remove,
    )
    .open_to(Access::Protected),
    worldly(
        "srv",
        "get_interface",
        "service_id_or_alias: string",
        "{function_signatures: []{arguments: [][name, type], name, output_types}, record_types: []{fields, id, name}}",
        "of the last module of its blueprint",
        get_interface,
    ),
    worldly(
        "srv",
        "resolve_alias",
        "alias: string",
        "service id",
        "`Service with alias '<a>' is not found on worker '<scope>'`; `spell` and `self` are the spell whose particle it is",
        resolve_alias,
    ),
    worldly(
        "srv",
        "resolve_alias_opt",
        "alias: string",
        "[] or [service id]",
        "",
        resolve_alias_opt,
    ),
    worldly(
        "srv",
        "add_alias",
        "alias: string, service_id: string",
        "\"\"",
        "on the host: by the host or its management; on a worker: by its creator, itself or the management. `worker-spell` is for \
         host and management only. `Cannot add alias '<a>' because there is a service with that id`, `.. because it is reserved`",
        add_alias,
    )
    .open_to(Access::Protected),
    worldly(
        "srv",
        "info",
        "service_id_or_alias: string",
        "Service",
        "`Service with id '<id>' not found on <scope>`",
        info,
    ),
];

fn list(world: &mut World, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let services = world.services.of_scope(&call.scope);
    Ok(services
        .map(|entry| entry.value())
        .collect::<Value>()
        .into())
}

fn create(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let blueprint: String = args.next("blueprint_id")?;
    call.guard()?;
    let author = call.particle.init_peer_id;
    let record = world.new_record(Kind::Service, &blueprint, author, call.scope);
    let id = record.id.clone();
    let until = world.until(call);
    let started = world.create_service(
        record,
        until,
        |_| Ok(()),
        move |_, _, made| {
            made?;
            Ok(id.into())
        },
    );
    Ok(Reply::Later(Later::Job(started?)))
}

fn remove(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    call.guard()?;
    let record = &world.resolve(call, &name)?.record;
    let author = call.particle.init_peer_id;
    let forbidden = |why| Error::Forbidden(author, "remove_service", why);
    if record.kind == Kind::Spell {
        return Err(forbidden("cannot remove a spell").into());
    }
    let allowed =
        author == record.owner || call.host.is_management(&author) || author == call.scope;
    if !allowed {
        return Err(forbidden("only creator can remove service").into());
    }
    let id = record.id.clone();
    world.remove_service(&id)?;
    Ok(Reply::unit())
}

fn get_interface(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let name: String = args.next("service_id")?;
    let blueprint = world.resolve(call, &name)?.record.blueprint.clone();
    let dependencies = &world.services.modules.blueprint(&blueprint)?.dependencies;
    // A blueprint has at least one module.
    let facade = dependencies.last().cloned().unwrap_or_default();
    world.module_interface(&facade)
}

fn resolve_alias(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    match world.resolve_alias(call, &alias) {
        Some(id) => Ok(id.into()),
        None => Err(Error::NoAlias(alias, call.scope).into()),
    }
}

fn resolve_alias_opt(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    let found: Vec<String> = world.resolve_alias(call, &alias).into_iter().collect();
    Ok(found.into())
}

fn add_alias(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let alias: String = args.next("alias")?;
    let id: String = args.next("service_id")?;
    call.guard()?;
    world.check_alias(call, &alias)?;
    world.set_alias(&call.scope, &alias, &id)?;
    Ok(Reply::unit())
}

fn info(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let name: String = args.next("service_id_or_alias")?;
    Ok(world.resolve(call, &name)?.value().into())
}

impl World {
    /// May the author of a script give this alias in the current scope?
    pub(super) fn check_alias(&self, call: &Call<'_>, alias: &str) -> Result<(), Error> {
        let author = call.particle.init_peer_id;
        let allowed = match alias {
            "worker-spell" => call.host.is_manager(&author),
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
}
