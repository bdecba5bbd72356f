//! Dataset items, and what their computation starts from (RandomX specification section 7.3).

/// A dataset item.
pub type Item = [u64; 8];

pub(super) const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

pub(super) const ADDITIONS: Item = [
    0,
    9_298_411_001_130_361_340,
    12_065_312_585_734_608_966,
    9_306_329_213_124_626_780,
    5_281_919_268_842_080_866,
    10_536_153_434_571_861_004,
    3_398_623_926_847_679_864,
    9_549_104_520_008_361_294,
];

/// The registers an item's computation starts from.
pub(super) fn initial_registers(number: u64) -> Item {
    let r0 = number.wrapping_add(1).wrapping_mul(MULTIPLIER);
    ADDITIONS.map(|addition| r0 ^ addition)
}
