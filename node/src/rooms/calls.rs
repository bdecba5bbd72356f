//! What built-in functions begin in the rooms.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use super::change::{Change, Then};
use super::followup::Followup;
use super::held::Rooms;
use crate::call::Call;
use crate::chain::Chain;
use crate::host::Clock;
use crate::ipfs::dag::Form;
use crate::ipfs::{Added, Target};
use crate::reply::{CallError, Reply};
use crate::services::{self, Blueprint, Entry, Kind, OWN_ALIASES, Services};
use crate::spells::{Config, Installation, Maker, Question};
use crate::vault;

impl Rooms {
    /// When work for a call must be done: with its particle's life, and not later than a service
    /// may take.
    pub(crate) fn until(&self, call: &Call<'_>) -> Instant {
        call.until(self.services.max_call_ms())
    }

    /// The id behind an alias in the scope of a call; in the particle of a spell some aliases mean
    /// the spell.
    pub(crate) fn resolve_alias(&self, call: &Call<'_>, alias: &str) -> Option<String> {
        match call.particle.spell_id() {
            Some(spell) if OWN_ALIASES.contains(&alias) => Some(spell.into()),
            _ => self.services.alias(&call.scope, alias).cloned(),
        }
    }

    /// The service with an id, or else with an alias, in the scope of a call.
    pub(crate) fn resolve(&self, call: &Call<'_>, name: &str) -> Result<&Entry, services::Error> {
        match call.particle.spell_id() {
            Some(spell) if OWN_ALIASES.contains(&name) => self.services.find(&call.scope, spell),
            _ => self.services.find(&call.scope, name),
        }
    }

    /// Calls a service.
    pub(crate) fn call_service(&mut self, call: &Call<'_>, id: &str) -> Result<Reply, CallError> {
        let token = call.host.token(call.particle);
        self.enter_vault(call);
        let (job, called) = self.services.call(&mut self.tally, call, id, token)?;
        self.followups.insert(job, Followup::Call(called));
        Ok(Reply::job(job))
    }

    /// Makes the vault of the script's particle. Without one, services say so themselves.
    pub(crate) fn enter_vault(&mut self, call: &Call<'_>) {
        let token = call.host.token(call.particle);
        let entered = self
            .vaults
            .enter(&call.scope, call.particle, &token, call.payer);
        if let Err(error) = entered {
            self.count_vault(&error);
            log::debug!(target: "vault", "no directory for a particle: {error}");
        }
    }

    /// Counts that somebody has his share of the vaults.
    pub(crate) fn count_vault(&mut self, error: &vault::Error) {
        if let Some(refusal) = error.refusal() {
            self.count(refusal);
        }
    }

    /// Puts a file in the script's vault; gives its path.
    pub(crate) fn put_in_vault(
        &mut self,
        call: &Call<'_>,
        bytes: &[u8],
    ) -> Result<String, CallError> {
        let (file, token) = (self.entropy.uuid(), call.host.token(call.particle));
        let vaults = &mut self.vaults;
        vaults
            .enter(&call.scope, call.particle, &token, call.payer)
            .and_then(|()| vaults.put(&call.scope, call.particle, &file, bytes))
            .inspect_err(|error| self.count_vault(error))
            .map_err(CallError::from_error)
    }

    /// Makes a service of a blueprint; the reply is its id.
    pub(crate) fn create_service(
        &mut self,
        call: &Call<'_>,
        blueprint: &str,
    ) -> Result<Reply, CallError> {
        let author = call.particle.init_peer_id;
        let (id, until) = (self.entropy.uuid(), self.until(call));
        let record = Services::record(id.clone(), Kind::Service, blueprint, author, call.scope);
        let (core, begun) = (self.core_of(&call.scope, &id), self.now());
        let (services, tally) = (&mut self.services, &mut self.tally);
        let (job, made) =
            services.create(tally, &call.host.peer_id, record, core, until, |_| Ok(()))?;
        self.followups
            .insert(job, Followup::Made { id, begun, made });
        Ok(Reply::job(job))
    }

    /// Removes a service or a spell.
    pub(crate) fn remove_service(&mut self, clock: Clock, id: &str) -> Result<Reply, CallError> {
        self.change(clock, Change::Remove(id.into()), Then::Answer)
    }

    /// Gives a service another name in its scope, taking the name from the service that had it.
    pub(crate) fn set_alias(
        &mut self,
        clock: Clock,
        scope: PeerId,
        alias: String,
        id: String,
    ) -> Result<Reply, CallError> {
        let change = Change::Alias { scope, alias, id };
        self.change(clock, change, Then::Answer)
    }

    /// Checks and keeps a module's file; the reply is its CID.
    pub(crate) fn add_module(
        &mut self,
        author: PeerId,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<Reply, CallError> {
        let tally = &mut self.tally;
        let (job, loading) = self.services.load_upload(tally, author, name, bytes)?;
        self.followups.insert(job, Followup::Load(loading));
        Ok(Reply::job(job))
    }

    /// Keeps a blueprint; the reply is its id.
    pub(crate) fn add_blueprint(
        &mut self,
        clock: Clock,
        author: PeerId,
        blueprint: Blueprint,
    ) -> Result<Reply, CallError> {
        self.change(clock, Change::Blueprint(author, blueprint), Then::Answer)
    }

    /// The interface of a module.
    pub(crate) fn module_interface(&mut self, cid: &str) -> Result<Reply, CallError> {
        let (tally, disk) = (&mut self.tally, &mut self.disk);
        let interface = self.services.interface(tally, disk, cid);
        self.interface_or_job(interface)
    }

    /// A file of the script's vault.
    pub(crate) fn vault_file(&mut self, call: &Call<'_>, path: &str) -> Result<Vec<u8>, CallError> {
        let token = call.host.token(call.particle);
        self.vaults
            .read(&call.scope, call.particle, &token, path)
            .map_err(CallError::from_error)
    }

    /// Installs a spell: makes its service, fills it, subscribes it, names it. The reply is its id.
    pub(crate) fn install_spell(
        &mut self,
        clock: Clock,
        until: Instant,
        installation: Installation,
    ) -> Result<Reply, CallError> {
        let id = self.entropy.uuid();
        let begun = Some(self.now());
        let host = self.host.clone();
        let maker = Maker {
            clock,
            until,
            host: &host.peer_id,
            core: self.core_of(&installation.scope, &id),
            id,
        };
        let (services, tally) = (&mut self.services, &mut self.tally);
        let (job, filling) = self.spells.install(services, tally, maker, installation)?;
        let followup = Followup::Filled { filling, begun };
        self.followups.insert(job, followup);
        Ok(Reply::job(job))
    }

    /// Gives a spell another script and configuration, and more data.
    pub(super) fn update_spell(
        &mut self,
        clock: Clock,
        until: Instant,
        id: &str,
        installation: Installation,
    ) -> Result<Reply, CallError> {
        let host = self.host.clone();
        let maker = maker(clock, until, &host.peer_id, id);
        let (services, tally) = (&mut self.services, &mut self.tally);
        let (job, filling) = self.spells.update(services, tally, maker, installation)?;
        let begun = None;
        let followup = Followup::Filled { filling, begun };
        self.followups.insert(job, followup);
        Ok(Reply::job(job))
    }

    /// Gives a spell another configuration.
    pub(crate) fn configure_spell(
        &mut self,
        clock: Clock,
        until: Instant,
        id: &str,
        config: Config,
    ) -> Result<Reply, CallError> {
        let host = self.host.clone();
        let maker = maker(clock, until, &host.peer_id, id);
        let (services, tally) = (&mut self.services, &mut self.tally);
        let (job, filling) = self.spells.configure(services, tally, maker, config)?;
        let begun = None;
        let followup = Followup::Filled { filling, begun };
        self.followups.insert(job, followup);
        Ok(Reply::job(job))
    }

    /// Asks a spell for the script of its own particle.
    pub(crate) fn ask_spell(
        &mut self,
        call: &Call<'_>,
        id: &str,
        question: Question,
    ) -> Result<Reply, CallError> {
        let (services, tally) = (&mut self.services, &mut self.tally);
        let (job, asked) = question.ask(services, tally, call, id)?;
        self.followups.insert(job, Followup::Asked(asked));
        Ok(Reply::job(job))
    }

    /// Makes a worker for a deal, with a core for each compute unit. The reply is its id.
    pub(crate) fn create_worker(
        &mut self,
        call: &Call<'_>,
        deal: String,
        cu_ids: Vec<String>,
    ) -> Result<Reply, CallError> {
        let change = Change::Worker {
            author: call.particle.init_peer_id,
            deal,
            cu_ids,
        };
        self.change(call.clock, change, Then::Answer)
    }

    /// Removes a worker with its services, spells, vault and key.
    pub(crate) fn remove_worker(
        &mut self,
        call: &Call<'_>,
        name: String,
    ) -> Result<Reply, CallError> {
        let author = call.particle.init_peer_id;
        let change = Change::RemoveWorker { author, name };
        self.change(call.clock, change, Then::Answer)
    }

    /// Lets a worker's scripts run, or not, and its spells with them.
    pub(crate) fn switch_worker(
        &mut self,
        call: &Call<'_>,
        deal: String,
        active: bool,
    ) -> Result<Reply, CallError> {
        let until = self.until(call);
        let change = Change::Switch {
            author: call.particle.init_peer_id,
            deal: deal.clone(),
            active,
        };
        let then = match active {
            true => Then::Activated { deal, until },
            false => Then::Deactivated { deal, until },
        };
        self.change(call.clock, change, then)
    }

    /// Fetches what a path names, in a form, from an API.
    pub(crate) fn fetch_file(
        &mut self,
        call: &Call<'_>,
        what: (&str, Form),
        api: &str,
        target: Target,
    ) -> Reply {
        if let Target::Vault { .. } = &target {
            self.enter_vault(call);
        }
        let keeping = (&mut self.vaults, &mut self.entropy);
        let reply = self.ipfs.fetch_file(keeping, call, what, api, target);
        self.count_files_refused();
        reply
    }

    /// Adds a file, or a node, to where this node writes.
    pub(crate) fn put_file(&mut self, call: &Call<'_>, added: Added, bytes: Vec<u8>) -> Reply {
        let api = self.ipfs.local.clone();
        let reply = self.ipfs.put_file(call, &api, added, bytes);
        self.count_files_refused();
        reply
    }

    /// Counts what files were refused for.
    pub(crate) fn count_files_refused(&mut self) {
        for refusal in self.ipfs.take_refused() {
            self.tally.refuse(refusal);
        }
    }

    /// The chain.
    ///
    /// # Errors
    /// The node knows none.
    pub(crate) fn chain(&mut self) -> Result<&mut Chain, CallError> {
        let chain = self.chain.as_mut();
        chain.ok_or_else(|| CallError::text("this peer knows no chain"))
    }
}

/// Who changes a spell. Its service has its core already.
fn maker<'a>(clock: Clock, until: Instant, host: &'a PeerId, id: &str) -> Maker<'a> {
    Maker {
        clock,
        until,
        host,
        id: id.to_string(),
        core: 0,
    }
}
