//! Which hardware threads share a physical core.

use raw_cpuid::{CpuId, TopologyType};

/// How many low bits of a local APIC's identifier number the threads of one physical core; 0 where
/// the processor does not say.
#[must_use]
pub fn thread_bits() -> u32 {
    let levels = CpuId::new().get_extended_topology_info();
    let threads = levels
        .into_iter()
        .flatten()
        .find(|level| level.level_type() == TopologyType::SMT);
    threads.map_or(0, |level| level.shift_right_for_next_apic_id())
}

/// The physical core of each of the threads with these identifiers, numbered in the order in which
/// they first appear; the threads of one core have the same number.
pub fn physical_cores(apic_ids: &[u32], thread_bits: u32) -> impl Iterator<Item = usize> {
    let core_of = move |id: u32| id.checked_shr(thread_bits).unwrap_or(0);
    apic_ids.iter().map(move |&id| {
        let firsts = apic_ids.iter().enumerate().filter(|&(at, &other)| {
            apic_ids[..at]
                .iter()
                .all(|&before| core_of(before) != core_of(other))
        });
        let mut cores = firsts.map(|(_, &first)| core_of(first));
        cores.position(|core| core == core_of(id)).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn threads_of_one_core_have_one_number() {
        let cores = |ids: &[u32], bits| physical_cores(ids, bits).collect::<Vec<_>>();
        assert_eq!(cores(&[1, 2, 3, 4, 5], 1), [0, 1, 1, 2, 2]);
        assert_eq!(cores(&[1, 2, 3], 0), [0, 1, 2]);
        assert_eq!(cores(&[8, 2, 9, 3], 1), [0, 1, 0, 1]);
        assert_eq!(cores(&[], 1), [0; 0]);
    }
}
