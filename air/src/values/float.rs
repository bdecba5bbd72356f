//! Floats as the reference reads them.
//!
//! Its JSON reader makes a float of the first digits that fit 64 bits and one multiplication or
//! division by a power of ten, which may be off by a unit in the last place. A peer that rounds
//! better sees other arguments than the others, and refuses their results. So the rounding is part
//! of the data format, and stands here, where no feature of a dependency changes it (AIR spec
//! section 3).

/// Finds the floats of a JSON text, one after the other.
pub(super) struct Floats<'t> {
    text: &'t [u8],
    at: usize,
}

/// A number as it is written: its first digits, and where its point stands.
struct Digits {
    negative: bool,
    significand: u64,
    exponent: i32,
    is_float: bool,
}

impl<'t> Floats<'t> {
    /// `text` must be JSON as far as floats are asked for.
    pub(super) fn new(text: &'t str) -> Self {
        Floats {
            text: text.as_bytes(),
            at: 0,
        }
    }

    /// The next number that is a float: it has a point or an exponent, or is no integer of 64 bits.
    /// Infinite if it is out of range; none at the end.
    pub(super) fn next(&mut self) -> Option<f64> {
        loop {
            match self.peek()? {
                b'"' => self.skip_string(),
                b'-' | b'0'..=b'9' => {
                    let digits = self.number();
                    if digits.is_float {
                        return Some(digits.value());
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(run) = memchr::memchr2(b'"', b'\\', &self.text[self.at..]) {
            self.at += run + 1;
            if self.text[self.at - 1] == b'"' {
                return;
            }
            // What is escaped.
            self.at = (self.at + 1).min(self.text.len());
        }
        self.at = self.text.len();
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = self.peek().filter(u8::is_ascii_digit)?;
        self.at += 1;
        Some(digit - b'0')
    }

    fn take(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Digits {
        let negative = self.take(b"-").is_some();
        let (mut significand, mut exponent) = (0u64, 0i32);
        // From the first digit that does not fit on, those before the point count as zeros, those
        // behind it as nothing.
        let mut is_full = false;
        while let Some(digit) = self.digit() {
            is_full = is_full || !push(&mut significand, digit);
            exponent = exponent.saturating_add(i32::from(is_full));
        }
        let has_point = self.take(b".").is_some();
        if has_point {
            let mut is_full = false;
            while let Some(digit) = self.digit() {
                is_full = is_full || !push(&mut significand, digit);
                exponent = exponent.saturating_sub(i32::from(!is_full));
            }
        }
        let has_exponent = self.take(b"eE").is_some();
        if has_exponent {
            let is_below = self.take(b"+-") == Some(b'-');
            let mut written = 0i32;
            while let Some(digit) = self.digit() {
                written = written.saturating_mul(10).saturating_add(digit.into());
            }
            exponent = match is_below {
                true => exponent.saturating_sub(written),
                false => exponent.saturating_add(written),
            };
        }
        // Zero with a sign is a float, as is what is below the range of 64 bits.
        let is_beyond = negative && (significand == 0 || significand > 1 << 63);
        Digits {
            negative,
            significand,
            exponent,
            is_float: has_point || has_exponent || is_full || is_beyond,
        }
    }
}

/// Appends a digit; false if there is no room for it.
fn push(significand: &mut u64, digit: u8) -> bool {
    let next = significand.checked_mul(10);
    let next = next.and_then(|tens| tens.checked_add(digit.into()));
    if let Some(next) = next {
        *significand = next;
    }
    next.is_some()
}

impl Digits {
    fn value(&self) -> f64 {
        let (mut value, mut exponent) = (self.significand as f64, self.exponent);
        // More than one step only where the result is tiny or none.
        while value != 0.0 && exponent < -MAX_POWER {
            value /= POWERS[MAX_POWER as usize];
            exponent += MAX_POWER;
        }
        if value != 0.0 {
            value = match POWERS.get(exponent.unsigned_abs() as usize) {
                Some(power) if exponent < 0 => value / power,
                Some(power) => value * power,
                None => f64::INFINITY,
            };
        }
        if self.negative { -value } else { value }
    }
}

const MAX_POWER: i32 = 308;

/// Powers of ten, each as near as a float can be.
#[rustfmt::skip]
const POWERS: [f64; 309] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31,
    1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46,
    1e47, 1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61,
    1e62, 1e63, 1e64, 1e65, 1e66, 1e67, 1e68, 1e69, 1e70, 1e71, 1e72, 1e73, 1e74, 1e75, 1e76,
    1e77, 1e78, 1e79, 1e80, 1e81, 1e82, 1e83, 1e84, 1e85, 1e86, 1e87, 1e88, 1e89, 1e90, 1e91,
    1e92, 1e93, 1e94, 1e95, 1e96, 1e97, 1e98, 1e99, 1e100, 1e101, 1e102, 1e103, 1e104, 1e105,
    1e106, 1e107, 1e108, 1e109, 1e110, 1e111, 1e112, 1e113, 1e114, 1e115, 1e116, 1e117, 1e118,
    1e119, 1e120, 1e121, 1e122, 1e123, 1e124, 1e125, 1e126, 1e127, 1e128, 1e129, 1e130, 1e131,
    1e132, 1e133, 1e134, 1e135, 1e136, 1e137, 1e138, 1e139, 1e140, 1e141, 1e142, 1e143, 1e144,
    1e145, 1e146, 1e147, 1e148, 1e149, 1e150, 1e151, 1e152, 1e153, 1e154, 1e155, 1e156, 1e157,
    1e158, 1e159, 1e160, 1e161, 1e162, 1e163, 1e164, 1e165, 1e166, 1e167, 1e168, 1e169, 1e170,
    1e171, 1e172, 1e173, 1e174, 1e175, 1e176, 1e177, 1e178, 1e179, 1e180, 1e181, 1e182, 1e183,
    1e184, 1e185, 1e186, 1e187, 1e188, 1e189, 1e190, 1e191, 1e192, 1e193, 1e194, 1e195, 1e196,
    1e197, 1e198, 1e199, 1e200, 1e201, 1e202, 1e203, 1e204, 1e205, 1e206, 1e207, 1e208, 1e209,
    1e210, 1e211, 1e212, 1e213, 1e214, 1e215, 1e216, 1e217, 1e218, 1e219, 1e220, 1e221, 1e222,
    1e223, 1e224, 1e225, 1e226, 1e227, 1e228, 1e229, 1e230, 1e231, 1e232, 1e233, 1e234, 1e235,
    1e236, 1e237, 1e238, 1e239, 1e240, 1e241, 1e242, 1e243, 1e244, 1e245, 1e246, 1e247, 1e248,
    1e249, 1e250, 1e251, 1e252, 1e253, 1e254, 1e255, 1e256, 1e257, 1e258, 1e259, 1e260, 1e261,
    1e262, 1e263, 1e264, 1e265, 1e266, 1e267, 1e268, 1e269, 1e270, 1e271, 1e272, 1e273, 1e274,
    1e275, 1e276, 1e277, 1e278, 1e279, 1e280, 1e281, 1e282, 1e283, 1e284, 1e285, 1e286, 1e287,
    1e288, 1e289, 1e290, 1e291, 1e292, 1e293, 1e294, 1e295, 1e296, 1e297, 1e298, 1e299, 1e300,
    1e301, 1e302, 1e303, 1e304, 1e305, 1e306, 1e307, 1e308,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn floats(text: &str) -> Vec<f64> {
        let mut floats = Floats::new(text);
        core::iter::from_fn(|| floats.next()).collect()
    }

    #[test]
    fn floats_are_found_between_all_else() {
        let text = r#"{"1.5":[1,-2,"2.5\\\"3.5",0.5],"\"":-0,"a":1e3,"b":18446744073709551616}"#;
        let found = floats(text);
        assert_eq!(found, [0.5, 0.0, 1000.0, 18446744073709551616.0]);
        assert!(found[1].is_sign_negative());
        assert!(floats("[-9223372036854775808,18446744073709551615,0]").is_empty());
        assert_eq!(floats("-9223372036854775809"), [-9223372036854775809.0]);
    }

    #[test]
    fn the_last_place_is_the_references() {
        // The nearest float is one unit above.
        assert_eq!(floats("0.12379999458789825"), [0.12379999458789824]);
        assert_eq!(floats("0.1"), [0.1]);
        assert_eq!(
            floats("123456789012345678901234567890"),
            [1.2345678901234567e29]
        );
        assert_eq!(
            floats("0.00000000000000000000000000001"),
            [1.0000000000000001e-29]
        );
        assert_eq!(
            floats("[5e-324,1e-400,0e999999999999,1e400]"),
            [5e-324, 0.0, 0.0, f64::INFINITY]
        );
    }
}
