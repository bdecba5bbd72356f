//! Limits of services; those of particles are [`crate::intake`]'s.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use basalt_manifest as manifest;

use crate::web::{Reach, WebLimits};

pub use crate::intake::{Limits, Share};

/// What services may cost. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Jobs for compute cores that wait. Against scripts that call services faster than cores can
    /// serve them: what is over it is refused.
    pub max_jobs: usize,
    /// Calls that wait for one service. Against scripts that keep the others from it.
    pub max_service_queue: usize,
    /// Jobs of one worker's services that wait or are under way. Against deals that keep others
    /// from the cores.
    pub worker_jobs: usize,
    /// Longest call of a service, in milliseconds; a call never outlives its particle. Against
    /// modules that do not return.
    pub max_call_ms: u64,
    /// Services of all scopes.
    pub max_services: usize,
    /// Modules of the node. Against floods of uploads.
    pub max_modules: usize,
    /// Memory of one service, in bytes. Against modules that allocate without end.
    pub service_memory: u64,
    /// Memory of all services, their files and vaults, in bytes. Against many services that each
    /// stay within their own limit: beyond it no memory grows, no service is created, and none that
    /// rests is woken.
    pub services_memory: u64,
    /// Time without calls after which a service gives up its instances, in milliseconds. Against
    /// services that are made and left alone.
    pub rest_after_ms: u64,
    /// The same when less than a quarter of the memory for services is left.
    pub rest_when_scarce_ms: u64,
    /// Files of one service, in bytes, on its storage and again in its scratch space.
    pub service_files: u64,
    /// Files of all particles of one scope, in bytes.
    pub vault_bytes: u64,
    /// Cores set aside for services of the host scope; 0: they share all cores.
    pub host_cores: usize,
    /// What services may do with HTTP.
    pub web: WebLimits,
    /// Whether compute units of workers share cores when there are too few for each to have its
    /// own.
    pub share_cores: bool,
    /// Modules that may use programs of the host: their CIDs, and the names of those programs.
    pub binaries: BTreeMap<String, Vec<String>>,
}

/// The published module that makes HTTP requests by `curl`.
const CURL_EFFECTOR: &str = "bafkreids22lgia5bqs63uigw4mqwhsoxvtnkpfqxqy5uwyyerrldsr32ce";

impl ServiceLimits {
    /// Sets what the manifest says, and the limits of memory that it leaves open by what is free:
    /// half of it for all services, a quarter of that for one, 256 MiB at most.
    pub fn set(&mut self, given: &manifest::Services, free: u64) {
        self.web.reach = match given.http {
            manifest::Reach::Off => Reach::Nobody,
            manifest::Reach::Public => Reach::Public,
            manifest::Reach::All => Reach::All,
        };
        let bytes = |mib: Option<u32>| mib.map(|mib| u64::from(mib) << 20);
        self.services_memory = bytes(given.memory).unwrap_or(free / 2);
        let one = (self.services_memory / 4).min(256 << 20);
        self.service_memory = bytes(given.service_memory).unwrap_or(one);
        self.service_files = self.service_files.min(one);
        self.vault_bytes = self.vault_bytes.min(one);
        for effector in &given.effectors {
            let programs = self.binaries.entry(effector.cid.clone()).or_default();
            programs.extend(effector.programs.iter().cloned());
        }
        if let Some(seconds) = given.rest_seconds {
            self.rest_after_ms = u64::from(seconds) * 1000;
        }
    }
}

impl Default for ServiceLimits {
    fn default() -> ServiceLimits {
        ServiceLimits {
            max_jobs: 1024,
            max_service_queue: 256,
            worker_jobs: 512,
            max_call_ms: 60_000,
            max_services: 10_000,
            max_modules: 10_000,
            service_memory: 256 << 20,
            services_memory: 2 << 30,
            rest_after_ms: 300_000,
            rest_when_scarce_ms: 1_000,
            service_files: 256 << 20,
            vault_bytes: 256 << 20,
            host_cores: 0,
            web: WebLimits::default(),
            share_cores: true,
            binaries: BTreeMap::from([(CURL_EFFECTOR.into(), vec!["curl".into()])]),
        }
    }
}
