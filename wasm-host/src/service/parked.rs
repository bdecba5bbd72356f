//! Services at rest.

use alloc::{boxed::Box, collections::BTreeMap};

use super::{FunctionStats, Service, ServiceConfig, state::ServiceState};
use crate::{
    engine::{Engine, Store, wasmi::Wasmi},
    error::{EngineError, Error},
    interface::Description,
    vfs::Vfs,
};

/// A service at rest: its instances are taken apart, and of their memories only what is not zero is kept. Most services of a node wait for calls most
/// of the time; at rest one takes a small part of what it takes awake, and [`Self::wake`] costs about as much as creation. Files, open descriptors,
/// statistics and limits stay as they are.
pub struct ParkedService<E: Engine = Wasmi> {
    store: <E::Store<ServiceState> as Store>::Parked,
    config: ServiceConfig,
    vfs: Vfs,
    stats: BTreeMap<(usize, usize), FunctionStats>,
    broken: Option<Error>,
}

impl<E: Engine> Service<E> {
    /// Puts the service to rest.
    ///
    /// # Errors
    /// The service, unchanged, when a module keeps state where the engine cannot reach it: changed tables, passive segments, a start section. Modules
    /// built with the Marine SDK do not.
    pub fn park(self) -> Result<ParkedService<E>, Box<Self>> {
        let Self {
            store,
            config,
            vfs,
            stats,
            broken,
        } = self;
        match store.park() {
            Ok(store) => Ok(ParkedService {
                store,
                config,
                vfs,
                stats,
                broken,
            }),
            Err(store) => Err(Box::new(Self {
                store,
                config,
                vfs,
                stats,
                broken,
            })),
        }
    }
}

impl<E: Engine> ParkedService<E> {
    /// The service again, as it was.
    ///
    /// # Errors
    /// The service at rest, and [`Error`], when there is no memory for it.
    pub fn wake(self) -> Result<Service<E>, (Box<Self>, Error)> {
        let Self {
            store,
            config,
            vfs,
            stats,
            broken,
        } = self;
        match E::Store::wake(store) {
            Ok(store) => Ok(Service {
                store,
                config,
                vfs,
                stats,
                broken,
            }),
            Err((store, error)) => Err((
                Box::new(Self {
                    store,
                    config,
                    vfs,
                    stats,
                    broken,
                }),
                Error::Engine(EngineError::Backend {
                    message: alloc::string::ToString::to_string(&error),
                    budget: None,
                }),
            )),
        }
    }

    /// Bytes kept of the guests' memories.
    pub fn bytes(&self) -> u64 {
        <E::Store<ServiceState> as Store>::parked_bytes(&self.store)
    }

    /// The facade's interface.
    pub fn interface(&self) -> Description {
        <E::Store<ServiceState> as Store>::parked_state(&self.store).interface()
    }

    /// The service's file system.
    pub fn vfs(&self) -> &Vfs {
        &self.vfs
    }
}
