//! Spells: services that hold a script and run it by themselves, when their time comes, when peers come or go, or when
//! their configuration changes.
//!
//! A spell is an ordinary service of two published modules; the node keeps beside it what makes it run. When it is due,
//! one job on its core counts the run, stores what triggered it and reads the script; out of that the node makes a
//! particle in the name of the spell's scope and takes it in like any other.

mod config;
mod schedule;
mod service;

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use serde_json::{Value, json};

pub use config::{BadConfig, Clock, Config};
pub(crate) use schedule::Schedule;
pub(crate) use service::SpellService;

use crate::builtins::{CallError, Later, Reply};
use crate::compute::JobId;
use crate::host;
use crate::services::{self, Kind};
use crate::state::{Changes, Room};
use crate::world::World;

/// Life of a spell's particle, in milliseconds.
const TTL: u32 = 120_000;

/// Why something about spells did not work.
#[derive(Debug, Clone)]
pub enum Error {
    /// Who may not install, where.
    MayNotInstall(PeerId, Option<PeerId>),
    /// Who may not change which spell.
    MayNotChange(PeerId, String),
    /// The node has no spell service.
    NoService,
    /// The service is no spell.
    NoSpell(String),
    /// The configuration is none.
    Config(BadConfig),
    /// The spell's service refused.
    Refused(String),
    /// The service failed.
    Service(services::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::MayNotInstall(_, None) => f.write_str(
                "Failed to install spell in the root scope, only management peer id can install top-level spells",
            ),
            Error::MayNotInstall(author, Some(worker)) => write!(
                f,
                "Failed to install spell on {worker}, spell can be installed by worker creator, worker itself or peer manager, not by {author}"
            ),
            Error::MayNotChange(author, id) => {
                write!(f, "{author} may not change the spell {id}")
            }
            Error::NoService => f.write_str("this node has no spell service"),
            Error::NoSpell(id) => write!(f, "Service {id} is not a spell"),
            Error::Config(error) => error.fmt(f),
            Error::Refused(why) => write!(f, "the spell service refused: {why}"),
            Error::Service(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<services::Error> for Error {
    fn from(error: services::Error) -> Error {
        Error::Service(error)
    }
}

impl From<BadConfig> for Error {
    fn from(error: BadConfig) -> Error {
        Error::Config(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::from_error(error)
    }
}

/// What makes a spell run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trigger<'a> {
    /// Its time has come.
    Clock,
    /// A peer has connected, or its last connection has ended.
    Peer(&'a PeerId, bool),
}

impl Trigger<'_> {
    /// What the spell finds as `hw_trigger`.
    fn event(self, clock: host::Clock) -> Value {
        match self {
            Trigger::Clock => json!({
                "timer": [{ "timestamp": clock.wall_ms / 1000 }],
                "peer": [],
            }),
            Trigger::Peer(peer, connected) => json!({
                "timer": [],
                "peer": [{ "peer_id": peer.to_string(), "connected": connected }],
            }),
        }
    }
}

/// A spell to be installed.
pub(crate) struct Installation {
    pub(crate) scope: PeerId,
    pub(crate) script: String,
    /// What its KV holds from the start: JSON text of an object.
    pub(crate) data: String,
    pub(crate) config: Config,
    pub(crate) alias: Option<String>,
}

impl World {
    /// Installs a spell: makes its service, fills it, subscribes it, names it. The answer is its id.
    pub(crate) fn install_spell(
        &mut self,
        clock: host::Clock,
        until: Instant,
        installation: Installation,
    ) -> Result<Reply, CallError> {
        let Installation {
            scope,
            script,
            data,
            config,
            alias,
        } = installation;
        config.check(clock.wall_ms / 1000).map_err(Error::from)?;
        let blueprint = self.spell_blueprint.clone().ok_or(Error::NoService)?;
        let record = self.new_record(Kind::Spell, &blueprint, scope, scope);
        let id = record.id.clone();
        let spell = self.spell_service(&record.id, scope, scope, until);
        let shape = config.value();
        let work =
            move |running: &mut services::Running| Ok(spell.fill(running, &script, &data, &shape));
        let started = self.create_service(record, until, work, move |world, clock, filled| {
            let installed = filled.map_err(Error::from).and_then(|filled| {
                filled?;
                world.subscribe(clock.wall_ms, &id, config)?;
                if let Some(alias) = &alias {
                    world.set_alias(&scope, alias, &id)?;
                }
                Ok(())
            });
            if let Err(error) = installed {
                world.unsubscribe(&id);
                // It may not even have been made.
                let _ = world.remove_service(&id);
                return Err(error.into());
            }
            log::info!(target: "spell", "spell {id} on {scope}");
            Ok(id.into())
        });
        Ok(Reply::Later(Later::Job(started?)))
    }

    /// Gives a spell another script and configuration, and more data; what it knows besides stays.
    pub(crate) fn update_spell(
        &mut self,
        clock: host::Clock,
        until: Instant,
        id: &str,
        installation: Installation,
    ) -> Result<JobId, CallError> {
        let Installation {
            scope,
            script,
            data,
            config,
            ..
        } = installation;
        config.check(clock.wall_ms / 1000).map_err(Error::from)?;
        let spell = self.spell_service(id, scope, scope, until);
        let shape = config.value();
        let name = id.to_string();
        let ticket = self.with_service(
            id,
            until,
            move |running| spell.fill(running, &script, &data, &shape),
            move |world, clock, filled| {
                filled.map_err(Error::from).and_then(|filled| filled)?;
                world
                    .subscribe(clock.wall_ms, &name, config)
                    .map_err(Error::from)?;
                log::info!(target: "spell", "spell {name} on {scope} is another one");
                Ok(Reply::unit())
            },
        )?;
        Ok(ticket)
    }

    /// Removes a spell.
    pub(crate) fn remove_spell(&mut self, id: &str) -> Result<(), Error> {
        self.unsubscribe(id);
        Ok(self.remove_service(id)?)
    }

    /// Gives a spell another configuration.
    pub(crate) fn configure_spell(
        &mut self,
        clock: host::Clock,
        until: Instant,
        id: &str,
        config: Config,
    ) -> Result<Reply, CallError> {
        config.check(clock.wall_ms / 1000).map_err(Error::from)?;
        let missing = || services::Error::NotFound(id.into(), self.host().peer_id);
        let scope = self.services.get(id).ok_or_else(missing)?.record.scope;
        let spell = self.spell_service(id, scope, scope, until);
        let shape = config.value();
        let name = id.to_string();
        let ticket = self.with_service(
            id,
            until,
            move |running| spell.unit(running, "set_trigger_config", json!([shape])),
            move |world, clock, stored| {
                stored.map_err(Error::from).and_then(|stored| stored)?;
                world
                    .subscribe(clock.wall_ms, &name, config)
                    .map_err(Error::from)?;
                Ok(Reply::unit())
            },
        )?;
        Ok(Reply::Later(Later::Job(ticket)))
    }

    /// The spell's functions, in the name of a peer.
    pub(crate) fn spell_service(
        &self,
        id: &str,
        scope: PeerId,
        author: PeerId,
        until: Instant,
    ) -> SpellService {
        SpellService::new(id, self.host().peer_id, scope, author, until)
    }

    /// Lets a spell run when its configuration says so, from now on; the empty configuration ends that.
    pub(crate) fn subscribe(
        &mut self,
        now_ms: u64,
        id: &str,
        config: Config,
    ) -> Result<(), services::Error> {
        let mut changes = Changes::new();
        changes.put(Room::Spells, id, config.value().to_string());
        self.keep(changes)?;
        if config.clock.start > 0 && config.clock.period > 0 {
            self.meters.periods.observe(config.clock.period.into());
        }
        self.schedule.set(id, config, config.first(now_ms, false));
        Ok(())
    }

    /// Ends a spell's runs for good.
    pub(crate) fn unsubscribe(&mut self, id: &str) {
        self.schedule.remove(id);
    }

    /// Brings the subscriptions of the state back, at a time when the wall clock is right.
    pub(crate) fn resubscribe(&mut self, now_ms: u64) -> Result<(), services::Error> {
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        for (id, text) in state.records(Room::Spells, b"")? {
            let id = String::from_utf8_lossy(&id).into_owned();
            let config = serde_json::from_slice::<Value>(&text)
                .ok()
                .and_then(|value| Config::read(&value).ok());
            let known = self.services.get(&id);
            if let (Some(config), Some(entry)) = (config, known)
                && self.host.is_active(&entry.record.scope)
            {
                self.schedule.set(&id, config, config.first(now_ms, true));
            }
        }
        Ok(())
    }

    /// Runs a spell once: its particle comes to the node when the spell has been asked for its script.
    pub(crate) fn run_spell(&mut self, clock: host::Clock, id: &str, trigger: Trigger<'_>) {
        let Some(entry) = self.services.get(id) else {
            return;
        };
        let scope = entry.record.scope;
        if !self.host.is_active(&scope) {
            return;
        }
        let until = clock.now + core::time::Duration::from_millis(self.limits.max_call_ms);
        let spell = self.spell_service(id, scope, scope, until);
        let name = id.to_string();
        let event = trigger.event(clock).to_string();
        let started = self.with_service(
            id,
            until,
            move |running| spell.begin_run(running, &event),
            move |world, clock, begun| {
                world.schedule.begun(&name);
                match begun.map_err(Error::from).and_then(|begun| begun) {
                    Ok((counter, script)) => {
                        world.send_spell(clock, scope, &name, counter, script);
                    }
                    Err(error) => log::warn!(target: "spell", "{name} does not run: {error}"),
                }
                Ok(Reply::unit())
            },
        );
        match started {
            Ok(_) => self.schedule.begins(id),
            Err(error) => log::warn!(target: "spell", "{id} does not run: {error}"),
        }
    }

    /// Makes the particle of a spell.
    fn send_spell(
        &mut self,
        clock: host::Clock,
        scope: PeerId,
        id: &str,
        counter: u32,
        script: String,
    ) {
        let Some(key) = self.host.key(&scope) else {
            return;
        };
        let mut authored = Authored {
            id: format!("spell_{id}_{counter}"),
            init_peer_id: scope,
            timestamp: clock.wall_ms,
            ttl: TTL,
            script,
            signature: alloc::vec::Vec::new(),
        };
        authored.sign(key);
        self.spell_runs += 1;
        let particle = Particle::new(authored, bytes::Bytes::new());
        self.particles.push_back(particle);
    }
}
