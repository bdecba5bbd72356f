//! Installs what comes with the node: the spell service, and the system services that every peer of the network has.
//!
//! The system services are installed on the host one after another, each under its name as alias, when the node starts for
//! the first time or comes with other modules than the last time.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_distro::{Distro, NOW, Package, Spell, cid};
use basalt_net::peer_id::PeerId;
use basalt_wasm_host::{CallParameters, ParticleParameters};
use serde_json::{Value, json};

use crate::builtins::{CallError, Later, Reply};
use crate::compute::JobId;
use crate::host;
use crate::services::{self, Blueprint, Kind, Running};
use crate::spells::{self, Config, Installation};
use crate::state::{Changes, Room};
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
    waits: Option<JobId>,
}

impl World {
    /// Takes what comes with the node; the services are installed by [`World::install_next`].
    pub(crate) fn add_distro(&mut self, mut distro: Distro) {
        match &self.chain {
            None => distro.system.retain(|package| package.name != DECIDER),
            Some(chain) => {
                let mut decider = distro.system.iter_mut();
                let decider = decider.find(|package| package.name == DECIDER);
                if let Some(ipfs) = chain.ipfs()
                    && let Some(spell) = decider.and_then(|package| package.spell.as_mut())
                {
                    spell.data["worker_settings"]["ipfs"] = ipfs.into();
                }
            }
        }
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
    ) -> Result<Option<JobId>, services::Error> {
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

    /// Installs the spell of a system service, or brings the one that is there up to date; gives the job to wait for.
    fn install_spell_of(&mut self, clock: host::Clock, package: &Package) -> Option<JobId> {
        let spell = package.spell.as_ref()?;
        let host = self.host().peer_id;
        let version = version(spell);
        let before = self.services.alias(&host, &spell.name).cloned();
        if before.is_some() && self.kept_version(&spell.name).as_ref() == Some(&version) {
            return None;
        }
        let until = clock.now + core::time::Duration::from_millis(PATIENCE_MS);
        let started = installation(host, spell).and_then(|installation| match before {
            Some(before) => self.update_spell(clock, until, &before, installation),
            None => match self.install_spell(clock, until, installation)? {
                Reply::Later(Later::Job(ticket)) => Ok(ticket),
                _ => Err(CallError::text("it takes no time")),
            },
        });
        match started {
            Ok(ticket) => {
                let name = spell.name.clone();
                self.after(ticket, move |world, clock, is_good| {
                    // What did not become of it now is tried again at the next start.
                    match is_good {
                        true => world.keep_version(&name, &version),
                        false => log::error!(target: "system", "{name} is not installed"),
                    }
                    world.installer.waits = None;
                    world.install_next(clock);
                });
                Some(ticket)
            }
            Err(error) => {
                log::error!(target: "system", "{} is not installed: {}", spell.name, error.message());
                None
            }
        }
    }

    /// What the spell of that name was made from.
    fn kept_version(&mut self, name: &str) -> Option<String> {
        let state = self.state.as_mut()?;
        let kept = state.get(Room::System, name.as_bytes()).ok()??;
        String::from_utf8(kept).ok()
    }

    fn keep_version(&mut self, name: &str, version: &str) {
        let mut changes = Changes::new();
        changes.put(Room::System, name, version);
        if let Err(error) = self.keep(changes) {
            log::error!(target: "system", "{name} will be installed again: {error}");
        }
    }
}

/// What a spell is made from, as a CID.
fn version(spell: &Spell) -> String {
    let Spell {
        script,
        data,
        period,
        ..
    } = spell;
    cid::of_file(format!("{} {period} {data}", script.cid()).as_bytes())
}

fn installation(host: PeerId, spell: &Spell) -> Result<Installation, CallError> {
    let script = spell.script.read().map_err(CallError::from_error)?;
    let script = String::from_utf8(script.into_owned()).map_err(CallError::from_error)?;
    Ok(Installation {
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
    })
}
