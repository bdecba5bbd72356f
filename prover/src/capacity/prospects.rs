//! What a hash rate is worth: finding proofs is a Poisson process.

use super::Difficulty;

/// Proofs expected after `seconds` at `rate` hashes per second.
pub fn expected_proofs(difficulty: &Difficulty, rate: f64, seconds: f64) -> f64 {
    rate * seconds / difficulty.hashes_per_proof()
}

/// The probability of at least `target` proofs where `expected` are expected.
pub fn probability_of_reaching(target: u32, expected: f64) -> f64 {
    if target == 0 {
        return 1.0;
    }
    if expected <= 0.0 {
        return 0.0;
    }
    // The terms of the distribution below the target, from their logarithms: e^-x alone underflows
    // for a fast machine.
    let ln_expected = libm::log(expected);
    let mut ln_term = -expected;
    let mut missed = 0.0;
    for i in 1..=target {
        missed += libm::exp(ln_term);
        ln_term += ln_expected - libm::log(f64::from(i));
    }
    (1.0 - missed).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test network's difficulty and day.
    fn failure(rate: f64, target: u32) -> f64 {
        let mut threshold = [0xFF; 32];
        threshold[..4].copy_from_slice(&[0, 0, 0x24, 0x1F]);
        let difficulty = Difficulty(threshold);
        assert_eq!(difficulty.hashes_per_proof() as u64, 464_421);
        1.0 - probability_of_reaching(target, expected_proofs(&difficulty, rate, 86_400.0))
    }

    #[test]
    fn success_on_the_test_network_is_as_tabulated() {
        for (rate, below_30, below_50) in [
            (156.0, 0.55, 1.0),
            (200.0, 0.10, 0.97),
            (260.0, 0.0019, 0.57),
        ] {
            assert!(
                (failure(rate, 30) - below_30).abs() < below_30 * 0.06 + 1e-4,
                "{rate}"
            );
            assert!((failure(rate, 50) - below_50).abs() < 0.01, "{rate}");
        }
        assert!(failure(400.0, 30) < 1e-8);
        assert!(failure(1e6, 50) < 1e-8);
    }

    #[test]
    fn certain_and_impossible_targets() {
        assert_eq!(probability_of_reaching(0, 0.0), 1.0);
        assert_eq!(probability_of_reaching(1, 0.0), 0.0);
        assert_eq!(Difficulty([0xFF; 32]).hashes_per_proof(), 1.0);
    }
}
