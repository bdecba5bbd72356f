//! Damaged data: what a hostile peer, or a broken disk, might hand over.

use basalt_air::data::{CallResult, CanonState, Cid, Data, Envelope, State, ValueRef};
use bumpalo::Bump;

use crate::support::scripts::Random;

/// Damages some data in one place; tells what was done. None if there is nothing to damage.
pub(super) fn damage(blob: &[u8], random: &mut Random) -> Option<(String, Vec<u8>)> {
    let envelope = Envelope::decode(blob).ok()?;
    let arena = Bump::new();
    let mut data = Data::decode(envelope.inner_data, &arena, 0).ok()?;
    let what = match random.below(10) {
        0..=3 => store(&mut data, random)?,
        4 | 5 => order(&mut data, random)?,
        6 | 7 => numbers(&mut data, random, &arena)?,
        8 => reference(&mut data, random)?,
        _ => signature(&mut data, random)?,
    };
    Some((what, data.encode(0)))
}

/// Takes an entry out of a store.
fn store(data: &mut Data<'_>, random: &mut Random) -> Option<String> {
    fn take<T>(name: &str, entries: &mut Vec<T>, random: &mut Random) -> Option<String> {
        if entries.is_empty() {
            return None;
        }
        entries.remove(random.below(entries.len()));
        Some(format!("an entry less in {name}"))
    }
    match random.below(5) {
        0 => take("values", &mut data.values, random),
        1 => take("tetraplets", &mut data.tetraplets, random),
        2 => take("canon elements", &mut data.canon_elements, random),
        3 => take("canon results", &mut data.canon_results, random),
        _ => take("service results", &mut data.service_results, random),
    }
}

/// Drops, doubles or swaps states.
fn order(data: &mut Data<'_>, random: &mut Random) -> Option<String> {
    let trace = &mut data.trace;
    if trace.is_empty() {
        return None;
    }
    let (at, other) = (random.below(trace.len()), random.below(trace.len()));
    match random.below(3) {
        0 => {
            trace.remove(at);
            Some(format!("state {at} removed"))
        }
        1 => {
            trace.insert(other, trace[at]);
            Some(format!("state {at} once more at {other}"))
        }
        _ => {
            trace.swap(at, other);
            Some(format!("states {at} and {other} swapped"))
        }
    }
}

/// Changes a number in a state.
fn numbers<'a>(data: &mut Data<'a>, random: &mut Random, arena: &'a Bump) -> Option<String> {
    let mut number = || match random.below(12) {
        11 => 1_000_000,
        small => small as u32,
    };
    let (one, two) = (number(), number());
    let at = random.below(data.trace.len().max(1));
    match data.trace.get_mut(at)? {
        State::Par { left, right } => (*left, *right) = (one, two),
        State::Ap { generations } => *generations = arena.alloc_slice_copy(&[one]),
        State::Call(CallResult::Executed(ValueRef::Stream { generation, .. })) => *generation = one,
        State::Fold { lore } => {
            let mut changed = lore.to_vec();
            let index = random.below(changed.len().max(1));
            let entry = changed.get_mut(index)?;
            let mut subtraces = entry.subtraces.to_vec();
            match random.below(3) {
                0 => entry.value_pos = one,
                1 => subtraces[0].len = one,
                _ => subtraces[1].begin = one,
            }
            entry.subtraces = arena.alloc_slice_copy(&subtraces);
            *lore = arena.alloc_slice_copy(&changed);
        }
        _ => return None,
    }
    Some(format!("numbers of state {at} changed to {one} {two}"))
}

/// Lets a state refer to something else.
fn reference(data: &mut Data<'_>, random: &mut Random) -> Option<String> {
    let cids: Vec<Cid> = data.service_results.iter().map(|(cid, _)| *cid).collect();
    let new = *cids.get(random.below(cids.len().max(1)))?;
    let at = random.below(data.trace.len().max(1));
    match data.trace.get_mut(at)? {
        State::Call(CallResult::Failed(cid))
        | State::Call(CallResult::Executed(
            ValueRef::Scalar(cid) | ValueRef::Stream { cid, .. } | ValueRef::Unused(cid),
        ))
        | State::Canon(CanonState::Executed(cid)) => *cid = new,
        _ => return None,
    }
    Some(format!("state {at} refers to another result"))
}

fn signature(data: &mut Data<'_>, random: &mut Random) -> Option<String> {
    if data.signatures.is_empty() {
        return None;
    }
    let at = random.below(data.signatures.len());
    match random.below(2) {
        0 => {
            data.signatures.remove(at);
            Some(format!("signature {at} removed"))
        }
        _ => {
            let other = random.below(data.signatures.len());
            data.signatures[at].signature = data.signatures[other].signature;
            Some(format!("signature {at} is that of {other}"))
        }
    }
}
