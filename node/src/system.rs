//! Installs what comes with the node: the spell service, and the system services that every peer of
//! the network has.
//!
//! The system services are installed on the host one after another, each under its name as alias,
//! when the node starts for the first time or comes with other modules than the last time.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_distro::{Distro, NOW, Package, Spell, cid};
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_wasm_host::{CallParameters, ParticleParameters};
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::compute::JobId;
use crate::reply::CallError;
use crate::services::{self, Blueprint, Modules, Running};
use crate::spells::{self, Config, Installation};
use crate::state::{self, Batch, Namespace, State};

/// Looks after deals on the chain: nothing for a node that knows no chain.
const DECIDER: &str = "decider";
/// Time that the installation of a service may take, in milliseconds: it starts with everything
/// still to be translated.
pub(crate) const PATIENCE_MS: u64 = 60_000;

/// System services that are still to be installed, and what the node remembers of them.
#[derive(Default)]
pub(crate) struct Installer {
    left: VecDeque<Prepared>,
    /// The job that the next step waits for, and what that step is.
    waits: Option<(JobId, Step)>,
    /// What each spell was made from when it was installed.
    versions: BTreeMap<String, String>,
}

/// A system service whose modules the node has.
pub(crate) struct Prepared {
    pub(crate) package: Package,
    /// Its blueprint; `None`: it has no modules, only a spell.
    pub(crate) blueprint: Option<String>,
}

/// What follows when the job that the installer waits for is done.
pub(crate) enum Step {
    /// A service was made: it gets its name, and the one of before is removed.
    Name {
        package: Package,
        id: String,
        before: Option<String>,
    },
    /// It was named.
    Replace {
        package: Package,
        id: String,
        before: Option<String>,
    },
    /// The one of before was removed: the spell follows.
    Removed(Package),
    /// Nothing is left to do but the spell.
    Spell(Package),
    /// The spell was made or updated: its version is remembered.
    Remember(String, String),
    /// Nothing.
    Next,
}

impl Step {
    /// What is being installed.
    pub(crate) fn name(&self) -> &str {
        match self {
            Step::Name { package, .. }
            | Step::Replace { package, .. }
            | Step::Removed(package)
            | Step::Spell(package) => &package.name,
            Step::Remember(name, _) => name,
            Step::Next => "a version",
        }
    }
}

impl Installer {
    /// What the state remembers.
    ///
    /// # Errors
    /// The state fails.
    pub(crate) fn restore(&mut self, state: &mut State) -> Result<(), state::Error> {
        for (name, version) in state.records(Namespace::System, b"")? {
            let text = |bytes| String::from_utf8(bytes).ok();
            if let (Some(name), Some(version)) = (text(name), text(version)) {
                self.versions.insert(name, version);
            }
        }
        Ok(())
    }

    /// Takes the system services to be installed, and adds their modules.
    pub(crate) fn add(
        &mut self,
        modules: &mut Modules,
        mut state: Option<&mut State>,
        packages: &[Package],
    ) {
        for package in packages {
            let blueprint = match package.modules.is_empty() {
                true => Ok(None),
                false => add_package(modules, state.as_deref_mut(), package).map(Some),
            };
            match blueprint {
                Ok(blueprint) => self.left.push_back(Prepared {
                    package: package.clone(),
                    blueprint,
                }),
                Err(error) => {
                    log::error!(target: "system", "{} is not installed: {error}", package.name);
                }
            }
        }
    }

    /// The next service, unless one is being installed.
    pub(crate) fn next(&mut self) -> Option<Prepared> {
        match self.waits {
            None => self.left.pop_front(),
            Some(_) => None,
        }
    }

    /// Waits for a job.
    pub(crate) fn wait(&mut self, id: JobId, step: Step) {
        self.waits = Some((id, step));
    }

    /// What follows a job, if it is the one that is waited for.
    pub(crate) fn done(&mut self, id: JobId) -> Option<Step> {
        self.waits
            .take_if(|(waits, _)| *waits == id)
            .map(|(_, step)| step)
    }

    /// Whether a spell has to be installed or brought up to date; gives its version.
    pub(crate) fn outdated(&self, spell: &Spell, is_there: bool) -> Option<String> {
        let version = version(spell);
        let is_current = is_there && self.versions.get(&spell.name) == Some(&version);
        (!is_current).then_some(version)
    }

    /// What has to be kept of a version.
    pub(crate) fn plan(name: &str, version: &str) -> Batch {
        let mut changes = Batch::new();
        changes.put(Namespace::System, name, version);
        changes
    }
}

/// Leaves out, of what comes with a node, what is for nothing there: the service that looks after
/// deals on a node that knows no chain. It learns where the definitions of deals are.
pub(crate) fn adapt(distro: &mut Distro, chain: Option<&Chain>) {
    let Some(chain) = chain else {
        distro.system.retain(|package| package.name != DECIDER);
        return;
    };
    let mut decider = distro.system.iter_mut();
    let decider = decider.find(|package| package.name == DECIDER);
    if let Some(ipfs) = chain.ipfs()
        && let Some(spell) = decider.and_then(|package| package.spell.as_mut())
    {
        spell.data["worker_settings"]["ipfs"] = ipfs.into();
    }
}

/// Adds the modules and the blueprint of a package when the node starts; gives the blueprint's id.
pub(crate) fn add_package(
    modules: &mut Modules,
    mut state: Option<&mut State>,
    package: &Package,
) -> Result<String, services::Error> {
    let mut dependencies = Vec::with_capacity(package.modules.len());
    for (name, file) in &package.modules {
        modules.install(state.as_deref_mut(), name, file)?;
        dependencies.push(file.cid().to_string());
    }
    let text = services::dag_json(&package.name, &dependencies);
    let names = package.modules.iter().map(|(name, _)| name.clone());
    modules.install_blueprint(state, Blueprint::parse(&text)?, names.collect())
}

/// The first calls of a new system service, made by the node itself.
pub(crate) fn first_calls(
    package: &Package,
    particle: String,
    host: &PeerId,
    id: &str,
    until: Instant,
) -> impl FnOnce(&mut Running) -> Result<(), services::Error> + Send + 'static {
    let parameters = CallParameters {
        particle: ParticleParameters {
            id: particle,
            init_peer_id: host.to_string(),
            token: "host_call".into(),
            ..ParticleParameters::default()
        },
        service_id: id.into(),
        service_creator_peer_id: host.to_string(),
        host_id: host.to_string(),
        worker_id: host.to_string(),
        tetraplets: Vec::new(),
    };
    let calls = package.calls.clone();
    move |running| {
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

/// The installation of a system service's spell.
pub(crate) fn installation(host: PeerId, spell: &Spell) -> Result<Installation, CallError> {
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
