//! Spells: services that hold a script and run it by themselves, when their time comes, when peers
//! come or go, or when their configuration changes.
//!
//! A spell is an ordinary service of two published modules; the node keeps beside it what makes it
//! run. When it is due, one job on its core counts the run, stores what triggered it and reads the
//! script; out of that the node makes a particle in the name of the spell's scope and takes it in
//! like any other.

mod asking;
mod config;
mod error;
mod schedule;
mod service;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use serde_json::{Value, json};

pub(crate) use asking::{Asked, Question};
pub use config::{BadConfig, Clock, Config};
pub use error::Error;
pub(crate) use schedule::Schedule;
pub(crate) use service::SpellService;
use service::taken;

use crate::compute::{JobId, Receipt};
use crate::host::{self, Host};
use crate::reply::CallError;
use crate::services::{self, Kind, Running, Services};
use crate::state::{self, Batch, Namespace, Record, State};
use crate::tally::Tally;

/// Life of a spell's particle, in milliseconds.
const TTL: u32 = 120_000;

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

/// A spell whose service is being filled.
pub(crate) struct Filling {
    pub(crate) id: String,
    pub(crate) scope: PeerId,
    pub(crate) config: Config,
    pub(crate) alias: Option<String>,
    filled: Receipt<Result<(), Error>>,
}

/// A spell that was asked for its script.
pub(crate) struct Beginning {
    id: String,
    scope: PeerId,
    begun: Receipt<Result<(u32, String), Error>>,
}

/// What the node knows of spells beside their services.
#[derive(Default)]
pub(crate) struct Spells {
    pub(crate) schedule: Schedule,
    /// What spells are made of, if the node has it.
    pub(crate) blueprint: Option<String>,
    /// Particles that spells made.
    pub(crate) made: u64,
    /// Those that the node has not taken in yet.
    particles: VecDeque<Particle>,
    /// Subscriptions of before the reboot, until the wall clock is right.
    kept: Vec<Record>,
}

impl Spells {
    /// The subscriptions that the state has; they begin with [`Spells::resubscribe`].
    ///
    /// # Errors
    /// The state fails.
    pub(crate) fn restore(&mut self, state: &mut State) -> Result<(), state::Error> {
        self.kept = state.records(Namespace::Spells, b"")?;
        Ok(())
    }

    /// Begins to make a spell: its service, filled with script, data and configuration. The
    /// subscription and the alias follow when that is done.
    ///
    /// # Errors
    /// The configuration is none, the node has no spell service, or services have no room.
    pub(crate) fn install(
        &self,
        services: &mut Services,
        tally: &mut Tally,
        maker: Maker<'_>,
        installation: Installation,
    ) -> Result<(JobId, Filling), Error> {
        let (until, now_ms) = (maker.until, maker.clock.wall_ms);
        installation.config.check(now_ms / 1000)?;
        let blueprint = self.blueprint.as_ref().ok_or(Error::NoService)?;
        let scope = installation.scope;
        let record = Services::record(maker.id, Kind::Spell, blueprint, scope, scope);
        let id = record.id.clone();
        let service = SpellService::new(&id, *maker.host, scope, scope, until);
        let (config, alias) = (installation.config, installation.alias.clone());
        let work = fill(service, installation);
        let (job, filled) = services.create(tally, maker.host, record, maker.core, until, work)?;
        let filling = Filling {
            id,
            scope,
            config,
            alias,
            filled,
        };
        Ok((job, filling))
    }

    /// Begins to give a spell another script and configuration, and more data; what it knows
    /// besides stays.
    ///
    /// # Errors
    /// The configuration is none, or services have no room.
    pub(crate) fn update(
        &self,
        services: &mut Services,
        tally: &mut Tally,
        maker: Maker<'_>,
        installation: Installation,
    ) -> Result<(JobId, Filling), Error> {
        let now_ms = maker.clock.wall_ms;
        installation.config.check(now_ms / 1000)?;
        let (id, scope, config) = (maker.id, installation.scope, installation.config);
        let service = SpellService::new(&id, *maker.host, scope, scope, maker.until);
        let work = fill(service, installation);
        let (job, filled) = services.ask(tally, maker.host, &id, maker.until, work)?;
        let filling = Filling {
            id,
            scope,
            config,
            alias: None,
            filled,
        };
        Ok((job, filling))
    }

    /// Begins to give a spell another configuration.
    ///
    /// # Errors
    /// The configuration is none, there is no such service, or services have no room.
    pub(crate) fn configure(
        &self,
        services: &mut Services,
        tally: &mut Tally,
        maker: Maker<'_>,
        config: Config,
    ) -> Result<(JobId, Filling), CallError> {
        config
            .check(maker.clock.wall_ms / 1000)
            .map_err(Error::from)?;
        let id = maker.id;
        let missing = || services::Error::NotFound(id.clone(), *maker.host);
        let scope = services.get(&id).ok_or_else(missing)?.record.scope;
        let service = SpellService::new(&id, *maker.host, scope, scope, maker.until);
        let shape = config.value();
        let work = move |running: &mut Running| {
            service.unit(running, "set_trigger_config", json!([shape]))
        };
        let (job, filled) = services.ask(tally, maker.host, &id, maker.until, work)?;
        let filling = Filling {
            id,
            scope,
            config,
            alias: None,
            filled,
        };
        Ok((job, filling))
    }

    /// What has to be kept of a spell's subscription.
    pub(crate) fn plan(id: &str, config: &Config, changes: &mut Batch) {
        changes.put(Namespace::Spells, id, config.value().to_string());
    }

    /// Lets a spell run when its configuration says so, from now on; the empty configuration ends
    /// that.
    pub(crate) fn subscribe(&mut self, tally: &mut Tally, now_ms: u64, id: &str, config: Config) {
        if config.clock.start > 0 && config.clock.period > 0 {
            tally.meters.periods.observe(config.clock.period.into());
        }
        self.schedule.set(id, config, config.first(now_ms, false));
    }

    /// Ends a spell's runs for good.
    pub(crate) fn unsubscribe(&mut self, id: &str) {
        self.schedule.remove(id);
    }

    /// Brings the subscriptions of before the reboot back, at a time when the wall clock is right.
    /// Spells of workers that are not active do not run.
    pub(crate) fn resubscribe(&mut self, services: &Services, host: &Host, now_ms: u64) {
        for (id, text) in core::mem::take(&mut self.kept) {
            let id = String::from_utf8_lossy(&id).into_owned();
            let config = serde_json::from_slice::<Value>(&text)
                .ok()
                .and_then(|value| Config::read(&value).ok());
            if let (Some(config), Some(entry)) = (config, services.get(&id))
                && host.is_active(&entry.record.scope)
            {
                self.schedule.set(&id, config, config.first(now_ms, true));
            }
        }
    }

    /// Triggers a spell: its particle comes when the spell was asked for its script.
    pub(crate) fn trigger(
        &mut self,
        services: &mut Services,
        tally: &mut Tally,
        host: &Host,
        clock: host::Clock,
        id: &str,
        trigger: Trigger<'_>,
    ) -> Option<(JobId, Beginning)> {
        let scope = services.get(id)?.record.scope;
        if !host.is_active(&scope) {
            return None;
        }
        let until = clock.now + Duration::from_millis(services.max_call_ms());
        let service = SpellService::new(id, host.peer_id, scope, scope, until);
        let event = trigger.event(clock).to_string();
        let work = move |running: &mut Running| service.begin_run(running, &event);
        match services.ask(tally, &host.peer_id, id, until, work) {
            Ok((job, begun)) => {
                self.schedule.begins(id);
                let id = id.to_string();
                Some((job, Beginning { id, scope, begun }))
            }
            Err(error) => {
                log::warn!(target: "spell", "{id} does not run: {error}");
                None
            }
        }
    }

    /// A spell has told its script, or has failed: makes its particle.
    pub(crate) fn begun(
        &mut self,
        host: &Host,
        clock: host::Clock,
        beginning: Beginning,
        over: Result<(), services::Error>,
    ) {
        let Beginning { id, scope, begun } = beginning;
        self.schedule.begun(&id);
        let begun = over.map_err(Error::from).and_then(|()| taken(begun));
        let (counter, script) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                log::warn!(target: "spell", "{id} does not run: {error}");
                return;
            }
        };
        let Some(key) = host.key(&scope) else {
            return;
        };
        let mut authored = Authored {
            id: format!("spell_{id}_{counter}"),
            init_peer_id: scope,
            timestamp: clock.wall_ms,
            ttl: TTL,
            script,
            signature: Vec::new(),
        };
        authored.sign(key);
        self.made += 1;
        let particle = Particle::new(authored, bytes::Bytes::new());
        self.particles.push_back(particle);
    }

    /// A particle that a spell made.
    pub(crate) fn next_particle(&mut self) -> Option<Particle> {
        self.particles.pop_front()
    }
}

impl Filling {
    /// Whether the spell's service has taken everything. The rest says what follows.
    pub(crate) fn filled(self, over: Result<(), services::Error>) -> (Filled, Result<(), Error>) {
        let result = over.map_err(Error::from).and_then(|()| taken(self.filled));
        let filled = Filled {
            id: self.id,
            scope: self.scope,
            config: self.config,
            alias: self.alias,
        };
        (filled, result)
    }
}

/// A spell whose service is filled, and which has to be subscribed and named.
pub(crate) struct Filled {
    pub(crate) id: String,
    pub(crate) scope: PeerId,
    pub(crate) config: Config,
    pub(crate) alias: Option<String>,
}

/// Who makes or changes a spell, which one, where and until when.
pub(crate) struct Maker<'a> {
    pub(crate) clock: host::Clock,
    pub(crate) until: Instant,
    pub(crate) host: &'a PeerId,
    pub(crate) id: String,
    pub(crate) core: usize,
}

fn fill(
    service: SpellService,
    installation: Installation,
) -> impl FnOnce(&mut Running) -> Result<(), Error> + Send + 'static {
    let shape = installation.config.value();
    let Installation { script, data, .. } = installation;
    move |running| service.fill(running, &script, &data, &shape)
}
