//! A service as the node knows it, and the keys of its files.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use basalt_net::time::Instant;
use serde_json::{Value, json};

use super::record::Record;
use super::running::Running;
use super::stats::Stats;

/// A service and where it is.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) aliases: Vec<String>,
    /// The compute core that it runs on.
    pub(super) core: usize,
    pub(super) place: Place,
    pub(crate) stats: Stats,
    /// When its last work ended.
    pub(super) used_at: Instant,
    /// Memory of its modules after the last call.
    pub(crate) memory: Vec<(String, u64)>,
    /// Numbers of the records of its files that may be on the store.
    pub(super) file_records: Range<u64>,
    /// Bytes of records since all files were written at once.
    pub(super) file_log: u64,
    /// Whether it stands on the store.
    pub(super) kept: bool,
}

impl Entry {
    pub(super) fn new(record: Record, core: usize) -> Entry {
        Entry {
            record,
            aliases: Vec::new(),
            core,
            place: Place::Cold,
            used_at: Instant::ZERO,
            stats: Stats::default(),
            memory: Vec::new(),
            file_records: 0..0,
            file_log: 0,
            kept: false,
        }
    }
}

impl Entry {
    /// As scripts see it.
    pub(crate) fn value(&self) -> Value {
        json!({
            "id": self.record.id,
            "blueprint_id": self.record.blueprint,
            "service_type": self.record.kind.name(),
            "owner_id": self.record.owner.to_string(),
            "aliases": self.aliases,
            "worker_id": self.record.scope.to_string(),
        })
    }
}

/// Where a service is.
pub(super) enum Place {
    /// Not started.
    Cold,
    /// With the node: a call can have it.
    Ready(Box<Running>),
    /// On a core, or on its way there or back.
    Away,
}

/// What the keys of a service's file records begin with.
pub(super) fn file_prefix(id: &str) -> Vec<u8> {
    [id.as_bytes(), b"/"].concat()
}

/// Key of a record of a service's files.
pub(super) fn file_key(id: &str, number: u64) -> Vec<u8> {
    [id.as_bytes(), b"/", &number.to_be_bytes()].concat()
}

/// The number in such a key.
pub(super) fn file_number(key: &[u8]) -> u64 {
    key.last_chunk()
        .map_or(0, |number| u64::from_be_bytes(*number))
}
