//! Stores at rest: instances taken apart into what the modules do not say, and made again.
//!
//! A guest's memory is mostly zeros (a stack of a megabyte, hardly used), and the engine keeps it
//! flat: without demand paging every page of it is real. At rest only blocks that differ from a new
//! instance's are kept, and everything the engine holds for the instances is gone.

use alloc::{boxed::Box, vec::Vec};

use wasmi::{Extern, Instance};

use super::{
    convert::{raw, val},
    data::{Inner, WasmiStore, open},
};
use crate::engine::{InstantiateError, Raw, State};

/// Bytes kept or left out as a unit.
// Small: a guest changes a few scattered places, its stack and some statics.
const BLOCK: usize = 512;
const PAGE: usize = 65_536;

/// A store at rest.
pub struct Parked<S> {
    engine: wasmi::Engine,
    inner: Inner<S>,
    /// One per instance, in order.
    images: Box<[Image]>,
}

/// The state of one instance.
struct Image {
    /// Length of the memory in bytes.
    memory: usize,
    /// Numbers of the blocks that are not as instantiation makes them.
    blocks: Box<[u32]>,
    /// Their contents, one after the other.
    bytes: Box<[u8]>,
    globals: Box<[Raw]>,
}

impl<S> Parked<S> {
    pub(super) fn state(&self) -> &S {
        &self.inner.state
    }

    pub(super) fn state_mut(&mut self) -> &mut S {
        &mut self.inner.state
    }

    pub(super) fn bytes(&self) -> u64 {
        self.images
            .iter()
            .map(|image| {
                let (blocks, globals) = (image.blocks.len(), image.globals.len());
                image.bytes.len() + blocks * size_of::<u32>() + globals * size_of::<Raw>()
            })
            .sum::<usize>() as u64
    }
}

pub(super) fn park<S: State>(store: WasmiStore<S>) -> Result<Parked<S>, Box<WasmiStore<S>>> {
    let inner = store.0.data();
    let images: Option<Box<[Image]>> = (0..inner.instances.len())
        .map(|index| Image::take(&store.0, index))
        .collect();
    // Nothing was taken apart yet, so the service goes on as it is.
    let Some(images) = images else {
        return Err(Box::new(store));
    };
    let engine = store.0.engine().clone();
    Ok(Parked {
        engine,
        // The instances and their memories go with the store.
        inner: emptied(store.0.into_data()),
        images,
    })
}

pub(super) fn wake<S: State>(
    parked: Parked<S>,
) -> Result<WasmiStore<S>, Box<(Parked<S>, InstantiateError)>> {
    let Parked {
        engine,
        mut inner,
        images,
    } = parked;
    // What the instances take was granted before.
    inner.waking = true;
    let mut store = open(&engine, inner);
    match rebuild(&mut store, &images) {
        Ok(()) => {
            store.0.data_mut().waking = false;
            Ok(store)
        }
        Err(error) => {
            let parked = Parked {
                engine,
                // What was made so far goes. The images were only read, so another wake can follow.
                inner: emptied(store.0.into_data()),
                images,
            };
            Err(Box::new((parked, error)))
        }
    }
}

fn emptied<S>(mut inner: Inner<S>) -> Inner<S> {
    inner.instances = Vec::new();
    inner.entries = Vec::new();
    inner.memories = Vec::new();
    inner.waking = false;
    inner
}

fn rebuild<S: State>(store: &mut WasmiStore<S>, images: &[Image]) -> Result<(), InstantiateError> {
    for (index, image) in images.iter().enumerate() {
        store.instantiate_again(index)?;
        image.put(&mut store.0, index).ok_or_else(lost)?;
    }
    store.find_exports_again().ok_or_else(lost)
}

/// Only an allocation can fail here: everything else went the same way before.
fn lost() -> InstantiateError {
    InstantiateError::Link("the service's memory cannot be allocated".into())
}

impl Image {
    /// `None` when the instance has state that cannot be reached.
    fn take<S: State>(store: &wasmi::Store<Inner<S>>, index: usize) -> Option<Self> {
        let inner = store.data();
        let instance = &inner.instances[index];
        let exposed = inner.recipes.get(index)?.code.exposed.as_ref()?;
        let memory = match &exposed.memory {
            Some(name) => instance.get_memory(store, name)?.data(store),
            None => &[],
        };
        // Compared with what instantiation writes, not with zeros: most of a guest's data never
        // changes.
        let initial = exposed.initial(memory.len());
        let blocks: Box<[u32]> = memory
            .chunks(BLOCK)
            .zip(initial.chunks(BLOCK))
            .zip(0..)
            .filter(|((now, initial), _)| now != initial)
            .map(|(_, number)| number)
            .collect();
        let mut bytes = Vec::with_capacity(blocks.len() * BLOCK);
        for number in &blocks {
            let start = *number as usize * BLOCK;
            bytes.extend_from_slice(&memory[start..start + BLOCK]);
        }
        let globals = exposed
            .globals
            .iter()
            .map(|name| raw(&instance.get_global(store, name)?.get(store)))
            .collect::<Option<_>>()?;
        Some(Self {
            memory: memory.len(),
            blocks,
            bytes: bytes.into(),
            globals,
        })
    }

    fn put<S: State>(&self, store: &mut wasmi::Store<Inner<S>>, index: usize) -> Option<()> {
        let instance: Instance = store.data().instances[index];
        let exposed = store.data().recipes[index].code.exposed.clone()?;
        for (name, raw) in exposed.globals.iter().zip(&self.globals) {
            let global = instance.get_global(&*store, name)?;
            global.set(&mut *store, val(raw)).ok()?;
        }
        let Some(name) = &exposed.memory else {
            return Some(());
        };
        let memory = instance
            .get_export(&*store, name)
            .and_then(Extern::into_memory)?;
        // Memories never shrink, so this is no less than zero.
        let more = (self.memory / PAGE) as u64 - memory.size(&*store);
        // Grown first: the blocks below may lie in what the guest added.
        memory.grow(&mut *store, more).ok()?;
        let data = memory.data_mut(&mut *store);
        for (number, bytes) in self.blocks.iter().zip(self.bytes.chunks(BLOCK)) {
            let start = *number as usize * BLOCK;
            data[start..start + BLOCK].copy_from_slice(bytes);
        }
        Some(())
    }
}
