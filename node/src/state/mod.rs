//! What outlives a reboot: records in rooms of one store.
//!
//! [`State`] is the store with names for its namespaces. Everything that belongs together is committed together
//! ([`Changes`]); what was committed survives a power cut.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use basalt_store::{Batch, BlockDevice, Limits, Namespace, Opened, Status, Store};

/// A kind of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Room {
    /// The node's own key.
    Identity = 1,
    /// Wasm files by CID.
    Modules = 2,
    /// Names and facts of modules by CID.
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
    /// Numbered batches of a test of the disk.
    DiskTest = 255,
}

impl From<Room> for Namespace {
    fn from(room: Room) -> Namespace {
        Namespace(room as u16)
    }
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Changes(Batch);

impl Changes {
    /// No changes.
    pub fn new() -> Changes {
        Changes::default()
    }

    /// Sets a record.
    pub fn put(
        &mut self,
        room: Room,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.0.put(room.into(), key, value);
        self
    }

    /// Removes a record, if it is there.
    pub fn delete(&mut self, room: Room, key: impl Into<Vec<u8>>) -> &mut Self {
        self.0.delete(room.into(), key);
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

/// Any block device; its errors as text.
struct Device(Box<dyn BlockDevice<Error = String> + Send>);

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
        self.0.block_size()
    }
    fn block_count(&self) -> u64 {
        self.0.block_count()
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), String> {
        self.0.read(block, buf)
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), String> {
        self.0.write(block, data)
    }
    fn flush(&mut self) -> Result<(), String> {
        self.0.flush()
    }
    fn discard(&mut self, block: u64, count: u64) -> Result<(), String> {
        self.0.discard(block, count)
    }
}

/// Bytes at the beginning of a device that are all zero when nothing was ever written there.
const HEAD: usize = 64 * 1024;

/// Key of the one record in [`Room::Identity`].
const SEED: &[u8] = b"seed";

/// A record's key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// The node's memory across reboots.
pub struct State {
    store: Store<Device>,
}

impl State {
    /// Opens the state that a device holds. A device whose beginning is blank is formatted first; one that holds something
    /// else is left alone. `fresh` is entropy, for formatting.
    ///
    /// # Errors
    /// The device fails, holds something else or a damaged store.
    pub fn open(
        device: impl BlockDevice + Send + 'static,
        fresh: [u8; 16],
    ) -> Result<(State, Opened), Error> {
        let mut device = Device(Box::new(Texts(device)));
        let limits = Limits::default();
        if is_blank(&mut device).map_err(|error| Error(format!("the disk failed: {error}")))? {
            let state = State {
                store: Store::format(device, limits, fresh)?,
            };
            let opened = Opened {
                loaded: 0,
                replayed: 0,
            };
            return Ok((state, opened));
        }
        let (store, opened) = Store::open(device, limits)?;
        Ok((State { store }, opened))
    }

    /// The seed of the node's key: the one kept here, or `fresh`, which is kept from now on.
    ///
    /// # Errors
    /// The store fails: then there is no identity that would be the same next time.
    pub fn identity(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], Error> {
        match self.get(Room::Identity, SEED)? {
            Some(kept) => kept
                .try_into()
                .map_err(|_| Error("the kept identity is damaged".into())),
            None => {
                self.put(Room::Identity, SEED, fresh)?;
                Ok(fresh)
            }
        }
    }

    /// A record.
    ///
    /// # Errors
    /// The store fails.
    pub fn get(&mut self, room: Room, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.store.get(room.into(), key)?)
    }

    /// Keys of a room that begin with `prefix`, in order.
    pub fn keys(&self, room: Room, prefix: &[u8]) -> Vec<Vec<u8>> {
        let keys = self.store.keys(room.into(), prefix);
        keys.map(|(key, _)| key.to_vec()).collect()
    }

    /// All records of a room that begin with `prefix`, in order of their keys.
    ///
    /// # Errors
    /// The store fails.
    pub fn records(&mut self, room: Room, prefix: &[u8]) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for key in self.keys(room, prefix) {
            if let Some(value) = self.get(room, &key)? {
                records.push((key, value));
            }
        }
        Ok(records)
    }

    /// Sets one record.
    ///
    /// # Errors
    /// The store fails or refuses; nothing changed then.
    pub fn put(&mut self, room: Room, key: &[u8], value: impl Into<Vec<u8>>) -> Result<(), Error> {
        let mut changes = Changes::new();
        changes.put(room, key, value);
        self.commit(changes)
    }

    /// Removes one record.
    ///
    /// # Errors
    /// The store fails.
    pub fn delete(&mut self, room: Room, key: &[u8]) -> Result<(), Error> {
        let mut changes = Changes::new();
        changes.delete(room, key);
        self.commit(changes)
    }

    /// Makes changes, all or none; when this returns they survive a power cut.
    ///
    /// # Errors
    /// The store fails or refuses; nothing changed then.
    pub fn commit(&mut self, changes: Changes) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        Ok(self.store.commit(&changes.0)?)
    }

    /// One bounded step of the store's housekeeping; true when there is more to do.
    ///
    /// # Errors
    /// The device fails.
    pub fn maintain(&mut self) -> Result<bool, Error> {
        Ok(self.store.maintain()?)
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
