//! What outlives a reboot: records in namespaces of one store.
//!
//! [`State`] is the store with names for its namespaces. Everything that belongs together is
//! committed together ([`Batch`]); what was committed survives a power cut.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use basalt_store::{BlockDevice, Limits, Opened, Status, Store};
use spin::Mutex;

/// A kind of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Namespace {
    /// The node's own key.
    Identity = 1,
    /// Wasm files by CID.
    Modules = 2,
    /// First names of modules by CID.
    ModuleFacts = 3,
    /// Blueprints by CID.
    Blueprints = 4,
    /// Services by id, with their aliases.
    Services = 5,
    /// Files of services: the service's id, then the number of the batch of changes.
    Files = 6,
    /// Workers by peer id.
    Workers = 7,
    /// Keys of workers by peer id.
    Keys = 8,
    /// Spells by service id.
    Spells = 9,
    /// Which CUs have which cores.
    Cores = 10,
    /// What the node itself remembers: which system services it has installed.
    System = 11,
    /// Proofs of capacity, in the prover's own layout.
    Proofs = 12,
    /// Transactions that the wallet has sent, by their numbers.
    Transactions = 13,
    /// Other names of modules, with who gave them, by CID.
    ModuleNames = 14,
    /// Who added a blueprint, and the names of its modules then, by the blueprint's CID.
    BlueprintNames = 15,
    /// Numbered batches of a test of the disk.
    DiskTest = 255,
}

impl From<Namespace> for basalt_store::Namespace {
    fn from(namespace: Namespace) -> basalt_store::Namespace {
        basalt_store::Namespace(namespace as u16)
    }
}

/// Batch that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch(basalt_store::Batch);

impl Batch {
    /// No changes.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Sets a record.
    pub fn put(
        &mut self,
        namespace: Namespace,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.0.put(namespace.into(), key, value);
        self
    }

    /// Removes a record, if it is there.
    pub fn delete(&mut self, namespace: Namespace, key: impl Into<Vec<u8>>) -> &mut Self {
        self.0.delete(namespace.into(), key);
        self
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why the state cannot be read or changed: the store's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Error {}

impl<E: fmt::Display> From<basalt_store::Error<E>> for Error {
    fn from(error: basalt_store::Error<E>) -> Error {
        Error(error.to_string())
    }
}

/// Any block device; its errors as text. Clones are the same one: a store that is opened again
/// takes it over.
#[derive(Clone)]
struct Device(Arc<Mutex<Box<dyn BlockDevice<Error = String> + Send>>>);

/// A device of a driver's own error type.
struct Texts<D>(D);

impl<D: BlockDevice> BlockDevice for Texts<D> {
    type Error = String;

    fn block_size(&self) -> usize {
        self.0.block_size()
    }
    fn block_count(&self) -> u64 {
        self.0.block_count()
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), String> {
        self.0.read(block, buf).map_err(|error| error.to_string())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), String> {
        self.0.write(block, data).map_err(|error| error.to_string())
    }
    fn flush(&mut self) -> Result<(), String> {
        self.0.flush().map_err(|error| error.to_string())
    }
    fn discard(&mut self, block: u64, count: u64) -> Result<(), String> {
        self.0
            .discard(block, count)
            .map_err(|error| error.to_string())
    }
}

impl BlockDevice for Device {
    type Error = String;

    fn block_size(&self) -> usize {
        self.0.lock().block_size()
    }
    fn block_count(&self) -> u64 {
        self.0.lock().block_count()
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), String> {
        self.0.lock().read(block, buf)
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), String> {
        self.0.lock().write(block, data)
    }
    fn flush(&mut self) -> Result<(), String> {
        self.0.lock().flush()
    }
    fn discard(&mut self, block: u64, count: u64) -> Result<(), String> {
        self.0.lock().discard(block, count)
    }
}

/// Bytes at the beginning of a device that are all zero when nothing was ever written there.
const HEAD: usize = 64 * 1024;

/// Key of the one record in [`Namespace::Identity`].
const SEED: &[u8] = b"seed";

/// A record's key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// Commits in a row that may fail for the disk before the store stays closed until the next start.
/// Against a node that stands still for a silent disk again and again.
const MAX_FAILURES: u32 = 8;

/// The node's memory across reboots.
pub struct State {
    device: Device,
    store: Store<Device>,
    /// Batches that were acknowledged, by the store's own count.
    acknowledged: u64,
    /// Commits in a row that failed for the disk.
    failures: u32,
    /// How often the store was opened again.
    reopened: u64,
}

impl State {
    /// Opens the state that a device holds. A device whose beginning is blank is formatted first;
    /// one that holds something else is left alone. `fresh` is entropy, for formatting.
    ///
    /// # Errors
    /// The device fails, holds something else or a damaged store.
    pub fn open(
        device: impl BlockDevice + Send + 'static,
        fresh: [u8; 16],
    ) -> Result<(State, Opened), Error> {
        let mut device = Device(Arc::new(Mutex::new(Box::new(Texts(device)))));
        let limits = Limits::default();
        let is_blank = is_blank(&mut device);
        let (store, opened) =
            match is_blank.map_err(|error| Error(format!("the disk failed: {error}")))? {
                true => {
                    let opened = Opened {
                        loaded: 0,
                        replayed: 0,
                    };
                    (Store::format(device.clone(), limits, fresh)?, opened)
                }
                false => Store::open(device.clone(), limits)?,
            };
        let state = State {
            device,
            acknowledged: store.status().batches,
            store,
            failures: 0,
            reopened: 0,
        };
        Ok((state, opened))
    }

    /// The seed of the node's key: the one kept here, or `fresh`, which is kept from now on.
    ///
    /// # Errors
    /// The store fails: then there is no identity that would be the same next time.
    pub fn identity(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], Error> {
        match self.get(Namespace::Identity, SEED)? {
            Some(kept) => kept
                .try_into()
                .map_err(|_| Error("the kept identity is damaged".into())),
            None => {
                self.put(Namespace::Identity, SEED, fresh)?;
                Ok(fresh)
            }
        }
    }

    /// A record.
    ///
    /// # Errors
    /// The store fails.
    pub fn get(&mut self, namespace: Namespace, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.store.get(namespace.into(), key)?)
    }

    /// Keys of a namespace that begin with `prefix`, in order.
    pub fn keys(&self, namespace: Namespace, prefix: &[u8]) -> Vec<Vec<u8>> {
        let keys = self.store.keys(namespace.into(), prefix);
        keys.map(|(key, _)| key.to_vec()).collect()
    }

    /// All records of a namespace that begin with `prefix`, in order of their keys.
    ///
    /// # Errors
    /// The store fails.
    pub fn records(&mut self, namespace: Namespace, prefix: &[u8]) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for key in self.keys(namespace, prefix) {
            if let Some(value) = self.get(namespace, &key)? {
                records.push((key, value));
            }
        }
        Ok(records)
    }

    /// Sets one record.
    ///
    /// # Errors
    /// The store fails or refuses; nothing changed then.
    pub fn put(
        &mut self,
        namespace: Namespace,
        key: &[u8],
        value: impl Into<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.put(namespace, key, value);
        self.commit(batch)
    }

    /// Removes one record.
    ///
    /// # Errors
    /// The store fails.
    pub fn delete(&mut self, namespace: Namespace, key: &[u8]) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.delete(namespace, key);
        self.commit(batch)
    }

    /// Makes changes, all or none; when this returns they survive a power cut. When the disk fails,
    /// the store is opened again, once for each commit: that shows whether the changes are there,
    /// and if not they are made once more.
    ///
    /// # Errors
    /// The store fails or refuses; nothing changed then.
    pub fn commit(&mut self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let doubt = match self.store.commit(&batch.0) {
            Err(basalt_store::Error::Poisoned) => false,
            Err(basalt_store::Error::Device(error)) => {
                log::warn!(target: "state", "the disk failed: {error}");
                true
            }
            done => return self.acknowledge(done),
        };
        if self.reopen(doubt)? {
            return self.acknowledge(Ok(()));
        }
        let again = self.store.commit(&batch.0);
        self.acknowledge(again)
    }

    fn acknowledge(&mut self, done: Result<(), basalt_store::Error<String>>) -> Result<(), Error> {
        if done.is_ok() {
            self.acknowledged = self.store.status().batches;
            self.failures = 0;
        }
        Ok(done?)
    }

    /// Opens the store again after the disk has failed; true when it has a batch more than were
    /// acknowledged, which is in `doubt`.
    ///
    /// # Errors
    /// The disk still fails, or has failed too often, or has another state than the one the node
    /// goes by. Then the store stays closed for changes.
    fn reopen(&mut self, doubt: bool) -> Result<bool, Error> {
        if self.failures >= MAX_FAILURES {
            return Err(Error(
                "the disk has failed too often: the store is closed until the next start".into(),
            ));
        }
        self.failures += 1;
        // A disk that was reset refuses the first flush after it, for what was written before is in
        // doubt: the second opening reads what has become of it.
        let open = || Store::open(self.device.clone(), Limits::default());
        let (store, _) = open().or_else(|_| open())?;
        let more = store.status().batches.checked_sub(self.acknowledged);
        let is_there = match more {
            Some(0) => false,
            Some(1) if doubt => true,
            // Data that was told to be kept is gone, or changes are there that were told to have
            // failed.
            _ => {
                self.failures = MAX_FAILURES;
                return Err(Error(
                    "after the disk failed it has another state than the node: the store is closed until the next start"
                        .into(),
                ));
            }
        };
        self.store = store;
        self.reopened += 1;
        log::warn!(target: "state", "the store was opened again");
        Ok(is_there)
    }

    /// One bounded step of the store's housekeeping; true when there is more to do. There is
    /// nothing to do while the store waits for the next commit to open it again.
    ///
    /// # Errors
    /// The device fails.
    pub fn maintain(&mut self) -> Result<bool, Error> {
        match self.store.maintain() {
            Err(basalt_store::Error::Poisoned) => Ok(false),
            done => Ok(done?),
        }
    }

    /// How often the disk has failed and the store was opened again.
    pub fn reopened(&self) -> u64 {
        self.reopened
    }

    /// How the store is.
    pub fn status(&self) -> Status {
        self.store.status()
    }
}

/// Whether a device looks as if nothing was ever written to it.
fn is_blank(device: &mut Device) -> Result<bool, String> {
    let size = device.block_size().max(1);
    let count = device.block_count().min((HEAD / size) as u64);
    let mut head = alloc::vec![0; count as usize * size];
    device.read(0, &mut head)?;
    Ok(head.iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests;
