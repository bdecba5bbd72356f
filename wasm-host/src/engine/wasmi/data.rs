//! What `wasmi` keeps as a store's data, and the two kinds of context that lead to it.

use alloc::{boxed::Box, vec::Vec};

use wasmi::{AsContextMut, Instance, Memory, ResourceLimiter};
use wasmi_core::{LimiterError, MemoryError, TableError};

use super::{code::Code, entry::Entry};
use crate::engine::{InstanceId, State};

/// Instances, tables and memories one store may hold: the engine's bound, a service's own limit is
/// far lower.
const MAX_ENTITIES: usize = 1024;

/// What `wasmi` keeps as the store's data.
pub struct Inner<S> {
    pub(super) state: S,
    pub(super) entries: Vec<Entry>,
    pub(super) memories: Vec<Memory>,
    pub(super) instances: Vec<Instance>,
    /// How each instance was made.
    pub(super) recipes: Vec<Recipe>,
    /// Instance and name behind each function and memory handle, to find them again.
    pub(super) entry_names: Vec<(InstanceId, Box<str>)>,
    pub(super) memory_names: Vec<(InstanceId, Box<str>)>,
    /// Bytes of the memory that the state refused last.
    pub(super) refused: Option<u64>,
    /// Instances are being made again: what they take is not asked for twice.
    pub(super) waking: bool,
    /// Elements of the hidden table of the instance that is being made: the guest does not pay for
    /// it.
    pub(super) hidden: Option<usize>,
    /// What the state granted last, should the engine fail to take it.
    granted: (u64, u64),
}

/// What an instance is made from.
pub(super) struct Recipe {
    pub(super) code: Code,
    /// Numbers of the host functions that are imported, in order; none when something else is
    /// imported.
    pub(super) hosts: Option<Box<[u32]>>,
}

impl<S> Inner<S> {
    pub(super) fn new(state: S) -> Self {
        Self {
            state,
            entries: Vec::new(),
            memories: Vec::new(),
            instances: Vec::new(),
            recipes: Vec::new(),
            entry_names: Vec::new(),
            memory_names: Vec::new(),
            refused: None,
            waking: false,
            hidden: None,
            granted: (0, 0),
        }
    }
}

impl<S: State> ResourceLimiter for Inner<S> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let (current, desired) = (current as u64, desired as u64);
        // A woken instance takes what it had, which the limit has counted already.
        let granted = self.waking || self.state.memory_growing(current, desired);
        if !granted {
            self.refused = Some(desired);
        }
        self.granted = (current, desired);
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: &MemoryError) -> Result<(), LimiterError> {
        let (current, desired) = self.granted;
        if !self.waking {
            self.state.memory_not_grown(current, desired);
        }
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let (from, to) = (current as u64, desired as u64);
        self.granted = (from, to);
        if current == 0 && self.hidden == Some(desired) {
            self.hidden = None;
            self.granted = (0, 0);
            return Ok(true);
        }
        Ok(self.waking || self.state.table_growing(from, to))
    }

    fn table_grow_failed(&mut self, _: &TableError) -> Result<(), LimiterError> {
        let (current, desired) = self.granted;
        if !self.waking {
            self.state.table_not_grown(current, desired);
        }
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_ENTITIES
    }

    fn tables(&self) -> usize {
        MAX_ENTITIES
    }

    fn memories(&self) -> usize {
        MAX_ENTITIES
    }
}

/// A `wasmi` context: the store seen from outside, or the caller's side of a host call.
pub struct Ctx<C>(pub(super) C);

/// A `wasmi` store.
pub type WasmiStore<S> = Ctx<wasmi::Store<Inner<S>>>;

pub(super) fn open<S: State>(engine: &wasmi::Engine, inner: Inner<S>) -> WasmiStore<S> {
    let mut store = wasmi::Store::new(engine, inner);
    // Before any instance: creation counts as growth.
    store.limiter(|inner| inner as &mut dyn ResourceLimiter);
    Ctx(store)
}

/// Direct access to the data, which both kinds of context offer and the engine's own traits do not.
pub trait Holder: AsContextMut<Data = Inner<Self::Held>> {
    /// The owner's state.
    type Held: State;

    /// The data.
    fn inner(&self) -> &Inner<Self::Held>;
    /// The data, to change.
    fn inner_mut(&mut self) -> &mut Inner<Self::Held>;
}

impl<S: State> Holder for wasmi::Store<Inner<S>> {
    type Held = S;

    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

impl<S: State> Holder for wasmi::Caller<'_, Inner<S>> {
    type Held = S;

    fn inner(&self) -> &Inner<S> {
        self.data()
    }

    fn inner_mut(&mut self) -> &mut Inner<S> {
        self.data_mut()
    }
}

/// Metering is always on in this engine, so that the call cannot fail.
pub(super) fn set_fuel<T>(ctx: &mut impl AsContextMut<Data = T>, fuel: u64) {
    let set = ctx.as_context_mut().set_fuel(fuel);
    debug_assert!(set.is_ok());
}
