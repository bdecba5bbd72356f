//! Volumes: trees behind a lock, so that a worker's vault can be shared by its services.

use alloc::{boxed::Box, sync::Arc};

use spin::Mutex;

use super::{
    journal::{Journal, JournalError},
    node::Ino,
    quota::Quota,
    tree::Tree,
};

/// Number of a volume's device, as guests see it.
pub type DeviceId = u64;

struct Inner {
    tree: Mutex<Tree>,
    journal: Option<Mutex<Box<dyn Journal>>>,
    device: DeviceId,
    unlisted: bool,
}

/// A handle of a volume; clones lead to the same one. A volume with a journal belongs to one
/// service: its transaction is that service's call.
#[derive(Clone)]
pub struct Volume(Arc<Inner>);

impl Volume {
    /// A volume without transactions: scratch space, a vault. `device` tells volumes of one service
    /// apart.
    pub fn scratch(device: DeviceId, quota: Quota) -> Self {
        Self::build(device, Tree::new(quota), None, false)
    }

    /// A scratch volume whose root guests cannot list: they find what is in it only by names that
    /// they know.
    pub fn unlisted(device: DeviceId, quota: Quota) -> Self {
        Self::build(device, Tree::new(quota), None, true)
    }

    /// A transactional volume over a tree that the journal's store has replayed.
    pub fn durable(device: DeviceId, tree: Tree, journal: Box<dyn Journal>) -> Self {
        Self::build(device, tree, Some(journal), false)
    }

    fn build(
        device: DeviceId,
        tree: Tree,
        journal: Option<Box<dyn Journal>>,
        unlisted: bool,
    ) -> Self {
        Self(Arc::new(Inner {
            tree: Mutex::new(tree),
            journal: journal.map(Mutex::new),
            device,
            unlisted,
        }))
    }

    /// The device number.
    pub fn device(&self) -> DeviceId {
        self.0.device
    }

    /// May guests list this directory?
    pub(crate) fn is_listable(&self, directory: Ino) -> bool {
        !self.0.unlisted || directory != Tree::ROOT
    }

    /// Is this the same volume?
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Works on the tree, under the lock: keep it short and do not enter another volume.
    pub fn with<T>(&self, work: impl FnOnce(&mut Tree) -> T) -> T {
        work(&mut self.0.tree.lock())
    }

    /// The same for work that looks paths up: what that cost is added to `cost`.
    pub fn look_up<T>(&self, cost: &mut u64, work: impl FnOnce(&mut Tree) -> T) -> T {
        let mut tree = self.0.tree.lock();
        tree.take_walked();
        let result = work(&mut tree);
        *cost += tree.take_walked();
        result
    }

    /// Starts remembering changes, on a volume with a journal. Changes since the last end of a
    /// transaction outside of one are not journalled, so that whoever fills a volume beforehand
    /// does it in a transaction too.
    pub fn begin(&self) {
        if self.0.journal.is_some() {
            // Keeps a transaction that the owner began in order to fill the volume.
            self.0.tree.lock().begin();
        }
    }

    /// Hands the changes to the journal.
    ///
    /// # Errors
    /// [`JournalError`] when the journal refuses; the changes are undone then.
    pub fn commit(&self) -> Result<(), JournalError> {
        let Some(journal) = &self.0.journal else {
            return Ok(());
        };
        let mut tree = self.0.tree.lock();
        let effects = tree.effects();
        // Most calls change no file, and cost the disk nothing.
        if !effects.is_empty()
            && let Err(error) = journal.lock().commit(&effects)
        {
            // Effects borrow the tree, which changes below.
            drop(effects);
            tree.roll_back();
            return Err(error);
        }
        drop(effects);
        tree.txn = None;
        Ok(())
    }

    /// Undoes the changes.
    pub fn roll_back(&self) {
        self.0.tree.lock().roll_back();
    }
}
