//! Installs what comes with the node: the spell service, and the system services that every peer of the network has.
//!
//! The system services are installed on the host one after another, each under its name as alias, when the node starts for
//! the first time or comes with other modules than the last time.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_distro::{Distro, NOW, Package};
use basalt_wasm_host::{CallParameters, ParticleParameters};
use serde_json::{Value, json};

use crate::builtins::{Later, Reply};
use crate::compute::Ticket;
use crate::host;
use crate::services::{self, Blueprint, Kind, Running};
use crate::spells::{self, Config, Installation};
use crate::world::World;

/// Looks after deals on the chain: nothing for a node that knows no chain.
const DECIDER: &str = "decider";
/// Time that the installation of a service may take, in milliseconds: it starts with everything still to be translated.
const PATIENCE_MS: u64 = 60_000;

/// System services that are still to be looked at.
#[derive(Default)]
pub(crate) struct Installer {
    left: VecDeque<Package>,
    /// The job that the next one waits for.
    waits: Option<Ticket>,
}

impl World {
    /// Takes what comes with the node; the services are installed by [`World::install_next`].
    pub(crate) fn add_distro(&mut self, mut distro: Distro) {
        distro.system.retain(|package| package.name != DECIDER);
        match self.add_package(&distro.spell) {
            Ok(blueprint) => self.spell_blueprint = Some(blueprint),
            Err(error) => log::error!(target: "system", "there are no spells: {error}"),
        }
        let services = distro.system.iter();
        let services = services.map(|package| (package.name.clone(), package.version.clone()));
        let versions = &mut self.host_mut().versions;
        versions.services = services.collect();
        versions.spell = distro.spell.version;
        if self.platform.is_some() {
            self.installer.left = distro.system.into();
        }
    }

    /// Adds the modules and the blueprint of a package; gives the blueprint's id.
    fn add_package(&mut self, package: &Package) -> Result<String, services::Error> {
        let mut dependencies = Vec::with_capacity(package.modules.len());
        for (name, file) in &package.modules {
            let modules = &mut self.services.modules;
            modules.install(self.state.as_mut(), name, file)?;
            dependencies.push(file.cid().to_string());
        }
        let text = services::dag_json(&package.name, &dependencies);
        self.add_blueprint(Blueprint::parse(&text)?)
    }

    /// Installs the next system service, unless one is being installed.
    pub(crate) fn install_next(&mut self, clock: host::Clock) {
        while self.installer.waits.is_none() {
            let Some(package) = self.installer.left.pop_front() else {
                return;
            };
            let name = package.name.clone();
            match self.install(clock, package) {
                Ok(ticket) => self.installer.waits = ticket,
                Err(error) => log::error!(target: "system", "{name} is not installed: {error}"),
            }
        }
    }

    /// Installs a system service if it is not there as it should be; gives the job to wait for.
    fn install(
        &mut self,
        clock: host::Clock,
        package: Package,
    ) -> Result<Option<Ticket>, services::Error> {
        if package.modules.is_empty() {
            return Ok(self.install_spell_of(clock, &package));
        }
        let host = self.host().peer_id;
        let blueprint = self.add_package(&package)?;
        let before = self.services.alias(&host, &package.name).cloned();
        let current = before.as_ref().and_then(|id| self.services.get(id));
        if current.is_some_and(|entry| entry.record.blueprint == blueprint) {
            return Ok(self.install_spell_of(clock, &package));
        }
        let record = self.new_record(Kind::Service, &blueprint, host, host);
        let id = record.id.clone();
        let until = clock.now + core::time::Duration::from_millis(PATIENCE_MS);
        let parameters = CallParameters {
            particle: ParticleParameters {
                id: self.entropy.uuid(),
                init_peer_id: host.to_string(),
                token: "host_call".into(),
                ..ParticleParameters::default()
            },
            service_id: id.clone(),
            service_creator_peer_id: host.to_string(),
            host_id: host.to_string(),
            worker_id: host.to_string(),
            tetraplets: Vec::new(),
        };
        let calls = package.calls.clone();
        let work = move |running: &mut Running| {
            for (function, arguments) in &calls {
                let mut arguments = arguments.clone();
                if let Value::Array(values) = &mut arguments {
                    for value in values.iter_mut().filter(|value| *value == NOW) {
                        *value = json!(running.wall_ms() / 1000);
                    }
                }
                let mut parameters = parameters.clone();
                let origin = basalt_wasm_host::SecurityTetraplet {
                    peer_pk: parameters.host_id.clone(),
                    service_id: "peer".into(),
                    function_name: "timestamp_sec".into(),
                    lens: String::new(),
                };
                let count = arguments.as_array().map_or(0, Vec::len);
                parameters.tetraplets = alloc::vec![alloc::vec![origin]; count];
                running
                    .call(function, &arguments, parameters, until)
                    .result?;
            }
            Ok(())
        };
        let ticket = self.create_service(record, until, work, move |world, clock, made| {
            let name = &package.name;
            let named = made.and_then(|()| world.set_alias(&host, name, &id));
            match named {
                Ok(()) => {
                    log::info!(target: "system", "{name} is installed as {id}");
                    if let Some(before) = before
                        && let Err(error) = world.remove_service(&before)
                    {
                        log::warn!(target: "system", "the {name} of before stays: {error}");
                    }
                    world.installer.waits = world.install_spell_of(clock, &package);
                }
                Err(error) => {
                    log::error!(target: "system", "{name} is not installed: {error}");
                    world.installer.waits = None;
                }
            }
            world.install_next(clock);
            Ok(Reply::unit())
        })?;
        Ok(Some(ticket))
    }

    /// Installs the spell of a system service, in place of the one that has another script; gives the job to wait for.
    fn install_spell_of(&mut self, clock: host::Clock, package: &Package) -> Option<Ticket> {
        let spell = package.spell.clone()?;
        let host = self.host().peer_id;
        if let Some(before) = self.services.alias(&host, &spell.name).cloned() {
            if self.system_scripts_kept(&spell.name, spell.script.cid()) {
                return None;
            }
            if let Err(error) = self.remove_spell(&before) {
                log::warn!(target: "system", "the {} of before stays: {error}", spell.name);
            }
        }
        let script = spell.script.read().map_err(|error| error.to_string());
        let script = script.and_then(|script| {
            String::from_utf8(script.into_owned()).map_err(|error| error.to_string())
        });
        let script = script
            .inspect_err(
                |error| log::error!(target: "system", "{} is not installed: {error}", spell.name),
            )
            .ok()?;
        let installation = Installation {
            scope: host,
            script,
            data: spell.data.to_string(),
            config: Config {
                clock: spells::Clock {
                    start: 1,
                    end: 0,
                    period: spell.period,
                },
                ..Config::default()
            },
            alias: Some(spell.name.clone()),
        };
        let until = clock.now + core::time::Duration::from_millis(PATIENCE_MS);
        match self.install_spell(clock, until, installation) {
            Ok(Reply::Later(Later::Job(ticket))) => {
                self.keep_system_script(&spell.name, spell.script.cid());
                self.after(ticket, |world, clock| {
                    world.installer.waits = None;
                    world.install_next(clock);
                });
                Some(ticket)
            }
            Ok(_) => None,
            Err(error) => {
                log::error!(target: "system", "{} is not installed: {}", spell.name, error.message());
                None
            }
        }
    }

    /// Whether the spell of that name was installed with the script that has this CID.
    fn system_scripts_kept(&mut self, name: &str, script: &str) -> bool {
        let kept = self.state.as_mut().and_then(|state| {
            state
                .get(crate::state::Room::System, name.as_bytes())
                .ok()
                .flatten()
        });
        kept.is_some_and(|kept| kept == script.as_bytes())
    }

    fn keep_system_script(&mut self, name: &str, script: &str) {
        let mut changes = crate::state::Changes::new();
        changes.put(crate::state::Room::System, name, script);
        if let Err(error) = self.keep(changes) {
            log::error!(target: "system", "{name} will be installed again: {error}");
        }
    }
}
