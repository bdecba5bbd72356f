//! Particles that have nothing left to do: their ids until their time is over, and nothing else.
//!
//! A particle that comes again is known by its id and does not run again. Sixteen bytes stand for
//! scope, signature and id; who pays is a number. An hour of many particles costs a few dozen bytes
//! each.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::actor::Key;
use crate::shares::Payer;

/// Stands for a particle in a scope.
type Mark = [u8; 16];

/// Milliseconds of the deadlines that are kept together.
const GRAIN: u64 = 1000;

/// All finished particles.
#[derive(Default)]
pub(super) struct Finished {
    marks: BTreeSet<Mark>,
    /// The same, by the grain in which they are over.
    ends: BTreeMap<u64, Vec<(Mark, u32)>>,
    payers: Payers,
    /// How many of them are runs of a spell.
    runs: BTreeMap<String, usize>,
    /// Their spells, by the grain in which they are over.
    ends_of_runs: BTreeMap<u64, Vec<String>>,
}

impl Finished {
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        !self.marks.is_empty() && self.marks.contains(&mark(key))
    }

    /// Adds a particle that is kept until its deadline, Unix milliseconds.
    pub(super) fn add(&mut self, key: &Key, deadline: u64, payer: &Payer) {
        let mark = mark(key);
        if self.marks.insert(mark) {
            let payer = self.payers.number(payer);
            let end = self.ends.entry(deadline / GRAIN).or_default();
            end.push((mark, payer));
        }
    }

    /// Adds a run of a spell, which counts against the spell until its deadline.
    pub(super) fn add_run(&mut self, spell: &str, deadline: u64) {
        *self.runs.entry(spell.into()).or_default() += 1;
        let end = self.ends_of_runs.entry(deadline / GRAIN).or_default();
        end.push(spell.into());
    }

    /// Runs of a spell that have ended and whose deadline is not over.
    pub(super) fn runs(&mut self, spell: &str, wall_ms: u64) -> usize {
        self.forget_runs(wall_ms);
        self.runs.get(spell).copied().unwrap_or(0)
    }

    fn forget_runs(&mut self, wall_ms: u64) {
        while let Some(first) = self.ends_of_runs.first_entry()
            && (first.key() + 1) * GRAIN <= wall_ms
        {
            for spell in first.remove() {
                let count = self.runs.entry(spell);
                if let alloc::collections::btree_map::Entry::Occupied(mut count) = count {
                    *count.get_mut() -= 1;
                    if *count.get() == 0 {
                        count.remove();
                    }
                }
            }
        }
    }

    /// When the first are over, Unix milliseconds.
    pub(super) fn first_end(&self) -> Option<u64> {
        let (grain, _) = self.ends.first_key_value()?;
        Some((grain + 1) * GRAIN - 1)
    }

    /// Forgets a particle whose deadline is over; gives who paid.
    pub(super) fn take_expired(&mut self, wall_ms: u64) -> Option<Payer> {
        self.forget_runs(wall_ms);
        if self.first_end()? >= wall_ms {
            return None;
        }
        let mut first = self.ends.first_entry()?;
        let taken = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        let (mark, payer) = taken?;
        self.marks.remove(&mark);
        self.payers.give(payer)
    }
}

fn mark(key: &Key) -> Mark {
    let (scope, signature, id) = key.parts();
    let mut hasher = blake3::Hasher::new();
    for part in [scope.as_bytes(), signature, id.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut mark = Mark::default();
    hasher.finalize_xof().fill(&mut mark);
    mark
}

/// Payers by number, so that each is kept once.
#[derive(Default)]
struct Payers {
    numbers: BTreeMap<Payer, u32>,
    all: Vec<(Payer, usize)>,
    free: Vec<u32>,
}

impl Payers {
    fn number(&mut self, payer: &Payer) -> u32 {
        if let Some(&number) = self.numbers.get(payer) {
            self.all[number as usize].1 += 1;
            return number;
        }
        let number = match self.free.pop() {
            Some(number) => {
                self.all[number as usize] = (*payer, 1);
                number
            }
            None => {
                self.all.push((*payer, 1));
                (self.all.len() - 1) as u32
            }
        };
        self.numbers.insert(*payer, number);
        number
    }

    fn give(&mut self, number: u32) -> Option<Payer> {
        let (payer, count) = self.all.get_mut(number as usize)?;
        let payer = *payer;
        *count -= 1;
        if *count == 0 {
            self.numbers.remove(&payer);
            self.free.push(number);
        }
        Some(payer)
    }
}
