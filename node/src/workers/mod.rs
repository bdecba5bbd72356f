//! Workers: peers with keys of their own that live on this host, one per deal, each with cores of
//! its own.

mod cores;
mod error;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use serde_json::{Value, json};

pub(crate) use cores::CoreMap;
pub use error::Error;

use crate::state::{self, Batch, Namespace, State};

/// A worker.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Its key; its id is the key's.
    pub key: Keypair,
    /// Who made it.
    pub creator: PeerId,
    /// The deal that it serves, in normal form.
    pub deal_id: String,
    /// Whether its scripts run.
    pub active: bool,
    /// Its compute units, as hex.
    pub cu_ids: Vec<String>,
}

/// All workers of the host.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    by_id: BTreeMap<PeerId, Worker>,
    by_deal: BTreeMap<String, PeerId>,
}

impl Workers {
    /// A worker.
    pub fn get(&self, id: &PeerId) -> Option<&Worker> {
        self.by_id.get(id)
    }

    /// The worker of a deal, whose id is in normal form.
    pub fn of_deal(&self, deal: &str) -> Option<PeerId> {
        self.by_deal.get(deal).copied()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = &PeerId> {
        self.by_id.keys()
    }

    /// Takes one that is kept, in place of what it was before.
    pub(crate) fn insert(&mut self, worker: Worker) {
        let id = worker.key.peer_id();
        self.by_deal.insert(worker.deal_id.clone(), id);
        self.by_id.insert(id, worker);
    }

    /// Forgets one that is deleted.
    pub(crate) fn remove(&mut self, id: &PeerId) {
        if let Some(worker) = self.by_id.remove(id) {
            self.by_deal.remove(&worker.deal_id);
        }
    }

    /// The workers that the state has.
    ///
    /// # Errors
    /// The state fails.
    pub(crate) fn restore(state: &mut State) -> Result<Workers, state::Error> {
        let mut workers = Workers::default();
        for (key, text) in state.records(Namespace::Workers, b"")? {
            let seed = state.get(Namespace::Keys, &key)?;
            match seed.and_then(|seed| parse(&text, &seed)) {
                Some(worker) => workers.insert(worker),
                None => {
                    log::error!(target: "worker", "the record of {} is damaged: skipped", key.escape_ascii());
                }
            }
        }
        Ok(workers)
    }
}

impl Worker {
    fn text(&self) -> String {
        json!({
            "creator": self.creator.to_string(),
            "deal_id": self.deal_id,
            "active": self.active,
            "cu_ids": self.cu_ids,
        })
        .to_string()
    }
}

fn parse(text: &[u8], seed: &[u8]) -> Option<Worker> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let cu_ids = value.get("cu_ids")?.as_array()?.iter();
    Some(Worker {
        key: Keypair::from_seed(seed.try_into().ok()?),
        creator: value.get("creator")?.as_str()?.parse().ok()?,
        deal_id: value.get("deal_id")?.as_str()?.to_string(),
        active: value.get("active")?.as_bool()?,
        cu_ids: cu_ids
            .map(|id| id.as_str().map(str::to_string))
            .collect::<Option<_>>()?,
    })
}

/// The normal form of a deal id: lower-case hex without `0x`.
///
/// # Errors
/// Other than 40 hex digits remain.
pub fn normal_deal(text: &str) -> Result<String, Error> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_prefix("0x").unwrap_or(&lower);
    match is_hex(digits, 40) {
        true => Ok(digits.into()),
        false => Err(Error::BadDeal(text.into())),
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Workers {
    /// A new worker for a deal, ready to be kept. Its compute units have no cores yet.
    ///
    /// # Errors
    /// The author may not do that, an id is malformed, or the deal has a worker.
    pub(crate) fn design(
        &self,
        author: PeerId,
        may_operate: bool,
        deal: &str,
        cu_ids: Vec<String>,
        seed: impl FnOnce() -> [u8; 32],
    ) -> Result<Worker, Error> {
        if !may_operate {
            return Err(Error::NotOperator("create"));
        }
        let deal_id = normal_deal(deal)?;
        if let Some(unit) = cu_ids.iter().find(|unit| !is_hex(unit, 64)) {
            return Err(Error::BadUnit(unit.clone()));
        }
        if self.of_deal(&deal_id).is_some() {
            return Err(Error::Exists(deal.into()));
        }
        Ok(Worker {
            key: Keypair::from_seed(seed()),
            creator: author,
            deal_id,
            active: true,
            cu_ids,
        })
    }

    /// A worker that an author may remove.
    ///
    /// # Errors
    /// There is none, or the author may not.
    pub(crate) fn removable(
        &self,
        author: PeerId,
        may_operate: bool,
        name: &str,
    ) -> Result<(PeerId, &Worker), Error> {
        let missing = || Error::NotFound(name.into());
        let id: PeerId = name.parse().map_err(|_| missing())?;
        let worker = self.get(&id).ok_or_else(missing)?;
        match author == worker.creator || may_operate {
            true => Ok((id, worker)),
            false => Err(Error::NotCreator(id)),
        }
    }

    /// A deal's worker as it is when it becomes active, or stops being so, ready to be kept.
    ///
    /// # Errors
    /// The author may not do that, there is no worker, or it is so already.
    pub(crate) fn switched(
        &self,
        may_operate: bool,
        deal: &str,
        active: bool,
    ) -> Result<Worker, Error> {
        if !may_operate {
            return Err(Error::NotOperator(match active {
                true => "activate",
                false => "deactivate",
            }));
        }
        let (_, worker) = self.serving(deal)?;
        match (worker.active, active) {
            (true, true) => Err(Error::Active),
            (false, false) => Err(Error::Inactive),
            _ => Ok(Worker {
                active,
                ..worker.clone()
            }),
        }
    }

    /// The worker of a deal.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn serving(&self, deal: &str) -> Result<(PeerId, &Worker), Error> {
        let id = self.of_deal(&normal_deal(deal)?);
        id.and_then(|id| Some((id, self.get(&id)?)))
            .ok_or_else(|| Error::NoDeal(deal.into()))
    }
}

impl Worker {
    /// What has to be kept of a new one.
    pub(crate) fn creation(&self) -> Batch {
        let mut changes = self.update();
        let name = self.key.peer_id().to_string();
        changes.put(Namespace::Keys, name, self.key.seed());
        changes
    }

    /// What has to be kept of one that has changed.
    pub(crate) fn update(&self) -> Batch {
        let mut changes = Batch::new();
        let name = self.key.peer_id().to_string();
        changes.put(Namespace::Workers, name, self.text());
        changes
    }

    /// What has to be deleted with one.
    pub(crate) fn removal(id: &PeerId, changes: &mut Batch) {
        let name = id.to_string();
        changes.delete(Namespace::Keys, name.as_bytes());
        changes.delete(Namespace::Workers, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deals_have_one_form() {
        let digits = "ab".repeat(20);
        for text in [&digits, &format!("0x{}", "AB".repeat(20)), &"Ab".repeat(20)] {
            assert_eq!(normal_deal(text), Ok(digits.clone()));
        }
        for text in [
            "",
            "0x",
            &"ab".repeat(19),
            &"zz".repeat(20),
            &"ab".repeat(21),
        ] {
            assert_eq!(normal_deal(text), Err(Error::BadDeal(text.into())));
        }
    }

    use alloc::format;

    #[test]
    fn records_are_read_as_they_are_written() {
        let key = Keypair::from_seed([3; 32]);
        let worker = Worker {
            key: key.clone(),
            creator: key.peer_id(),
            deal_id: "ab".repeat(20),
            active: false,
            cu_ids: alloc::vec!["cd".repeat(32)],
        };
        let read = parse(worker.text().as_bytes(), &[3; 32]).unwrap();
        assert_eq!(read.text(), worker.text());
        assert_eq!(read.key.peer_id(), key.peer_id());
        assert!(parse(b"{}", &[3; 32]).is_none());
        assert!(parse(worker.text().as_bytes(), &[3; 31]).is_none());
    }
}
