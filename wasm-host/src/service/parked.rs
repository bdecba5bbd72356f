//! Services at rest.

use alloc::{boxed::Box, string::ToString};

use super::{
    awake::{Outside, Service},
    state::ServiceState,
};
use crate::{
    engine::{Engine, Store, wasmi::Wasmi},
    error::{EngineError, Error},
    interface::Description,
    vfs::Vfs,
};

/// A service at rest: its instances are taken apart, and of their memories only what differs from a
/// new instance's is kept. Most services of a node wait for calls most of the time; at rest one
/// takes a small part of what it takes awake, and [`Self::wake`] costs about as much as creation.
/// Files, open descriptors, statistics and limits stay as they are.
pub struct ParkedService<E: Engine = Wasmi> {
    store: <E::Store<ServiceState> as Store>::Parked,
    outside: Outside,
}

impl<E: Engine> Service<E> {
    /// Puts the service to rest.
    ///
    /// # Errors
    /// The service, unchanged, when a module keeps state where the engine cannot reach it: changed
    /// tables, passive segments, a start section. Modules built with the Marine SDK do not.
    pub fn park(self) -> Result<ParkedService<E>, Box<Self>> {
        let Self { store, outside } = self;
        match store.park() {
            Ok(mut store) => {
                let bytes = <E::Store<ServiceState> as Store>::parked_bytes(&store);
                let state = <E::Store<ServiceState> as Store>::parked_state_mut(&mut store);
                // The share shrinks after the memory is gone, never before.
                state.memory.rest(bytes);
                Ok(ParkedService { store, outside })
            }
            Err(store) => Err(Box::new(Self {
                store: *store,
                outside,
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
        let Self { mut store, outside } = self;
        let bytes = <E::Store<ServiceState> as Store>::parked_bytes(&store);
        let state = <E::Store<ServiceState> as Store>::parked_state_mut(&mut store);
        // The share grows before the memory is taken: otherwise services that wake at once would
        // take too much together.
        if !state.memory.wake() {
            let error = Error::Engine(EngineError::Backend {
                message: "the memory of all services is used up".to_string(),
                budget: None,
            });
            return Err((Box::new(Self { store, outside }), error));
        }
        match E::Store::wake(store) {
            Ok(store) => Ok(Service { store, outside }),
            Err(refused) => {
                // The engine got no memory although the pool had some: the host itself is short of
                // it.
                let (mut store, error) = *refused;
                let state = <E::Store<ServiceState> as Store>::parked_state_mut(&mut store);
                state.memory.rest(bytes);
                let error = Error::Engine(EngineError::Backend {
                    message: error.to_string(),
                    budget: None,
                });
                Err((Box::new(Self { store, outside }), error))
            }
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
        &self.outside.vfs
    }
}
