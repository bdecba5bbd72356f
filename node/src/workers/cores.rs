//! Which compute unit has which core.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::Error;

/// Cores of compute units. A unit gets the core that proves it or that it had before, if that
/// is free.
#[derive(Default)]
pub(crate) struct CoreMap {
    /// First core that is not set aside for the host, and how many follow.
    first: usize,
    count: usize,
    /// Whether units share cores when there are too few.
    share: bool,
    assigned: BTreeMap<String, usize>,
    before: BTreeMap<String, usize>,
    /// Whether anything was assigned or taken back since [`CoreMap::news`].
    changed: bool,
}

/// Units whose earlier cores are remembered.
const MAX_REMEMBERED: usize = 1024;

impl CoreMap {
    /// All cores from `first` on; when none is left there, all.
    pub(crate) fn new(
        cores: usize,
        first: usize,
        share: bool,
        homes: Vec<(String, usize)>,
    ) -> CoreMap {
        let first = if first < cores { first } else { 0 };
        CoreMap {
            first,
            count: cores - first,
            share,
            before: homes.into_iter().collect(),
            ..CoreMap::default()
        }
    }

    fn load(&self, core: usize) -> usize {
        let assigned = self.assigned.values();
        assigned.filter(|&&taken| taken == core).count()
    }

    /// Gives each unit a core: the one it has or had, else the least busy one from the back.
    pub(crate) fn acquire(&mut self, units: &[String]) -> Result<(), Error> {
        let new: Vec<&String> = units
            .iter()
            .filter(|unit| !self.assigned.contains_key(*unit))
            .collect();
        let cores = self.first..self.first + self.count;
        let free = cores.clone().filter(|&core| self.load(core) == 0).count();
        if new.len() > free && !self.share {
            return Err(Error::NoCores(new.len(), free));
        }
        for unit in new {
            let before = self.before.get(unit).copied();
            let core = before
                .filter(|&core| cores.contains(&core) && self.load(core) == 0)
                .or_else(|| cores.clone().rev().min_by_key(|&core| self.load(core)));
            if let Some(core) = core {
                self.assigned.insert(unit.clone(), core);
                self.changed = true;
            }
        }
        Ok(())
    }

    /// Takes the units' cores back.
    pub(crate) fn release(&mut self, units: &[String]) {
        for unit in units {
            let Some(core) = self.assigned.remove(unit) else {
                continue;
            };
            self.changed = true;
            if self.before.len() < MAX_REMEMBERED {
                self.before.insert(unit.clone(), core);
            }
        }
    }

    /// The cores that are assigned, if that changed since it was last asked.
    pub(crate) fn news(&mut self) -> Option<Vec<usize>> {
        core::mem::take(&mut self.changed).then(|| self.assigned.values().copied().collect())
    }

    /// The cores of these units.
    pub(crate) fn of(&self, units: &[String]) -> Vec<usize> {
        let cores = units.iter().filter_map(|unit| self.assigned.get(unit));
        cores.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn units(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn units_get_cores_of_their_own_and_find_them_again() {
        let mut cores = CoreMap::new(4, 1, false, Vec::new());
        assert_eq!(cores.news(), None);
        cores.acquire(&units(&["a", "b"])).unwrap();
        assert_eq!(cores.news(), Some(vec![3, 2]));
        assert_eq!(cores.news(), None);
        assert_eq!(cores.of(&units(&["a", "b"])), vec![3, 2]);
        assert_eq!(
            cores.acquire(&units(&["c", "d"])),
            Err(Error::NoCores(2, 1))
        );
        cores.release(&units(&["a"]));
        assert_eq!(cores.news(), Some(vec![2]));
        cores.acquire(&units(&["c"])).unwrap();
        assert_eq!(cores.of(&units(&["c"])), vec![3]);
        cores.release(&units(&["b", "c"]));
        cores.acquire(&units(&["b", "a"])).unwrap();
        assert_eq!(cores.of(&units(&["a", "b"])), vec![3, 2]);
    }

    #[test]
    fn units_go_home() {
        let homes = vec![("a".into(), 1), ("b".into(), 0)];
        let mut cores = CoreMap::new(4, 1, false, homes);
        cores.acquire(&units(&["a", "b"])).unwrap();
        // The home of the second is set aside for the host.
        assert_eq!(cores.of(&units(&["a", "b"])), vec![1, 3]);
    }

    #[test]
    fn cores_are_shared_when_allowed() {
        let mut cores = CoreMap::new(1, 1, true, Vec::new());
        cores.acquire(&units(&["a", "b"])).unwrap();
        assert_eq!(cores.of(&units(&["a", "b"])), vec![0, 0]);
    }
}
