//! The fixed-point reciprocal of `IMUL_RCP`.

/// `floor(2^x / divisor)` for the largest `x` that keeps the value below 2^64. The divisor must be
/// neither 0 nor a power of two; `None` otherwise (the instruction is then a no-operation).
pub const fn reciprocal(divisor: u32) -> Option<u64> {
    if divisor == 0 || divisor.is_power_of_two() {
        return None;
    }
    let d = divisor as u64;
    let (quotient, remainder) = ((1 << 63) / d, (1 << 63) % d);
    let shift = 32 - divisor.leading_zeros();
    Some((quotient << shift) + (remainder << shift) / d)
}
