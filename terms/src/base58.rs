//! Base58 with Bitcoin's alphabet, for texts as short as peer ids are.
//!
//! Every particle names its author in base58, so this is on the path of each one. It works on limbs
//! of five digits and words of four bytes, which makes a peer id no dearer than the rest of a
//! particle.

const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits of a limb: as many as fit into 32 bits.
const LIMB: usize = 5;
/// What one limb counts to.
const BASE: u64 = 58u64.pow(LIMB as u32);
/// Limbs, or words of 32 bits, of the longest text or number that is taken.
const MAX: usize = 16;
/// Longest text, in digits.
pub const MAX_DIGITS: usize = LIMB * MAX;
/// Longest number, in bytes.
const MAX_BYTES: usize = 56;

/// Writes the digits of `bytes` and returns how many there are. `None` if `bytes` is longer than
/// 56.
pub fn encode(bytes: &[u8], out: &mut [u8; MAX_DIGITS]) -> Option<usize> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let mut limbs = [0; MAX];
    let mut used = 0;
    let (first, words) = bytes.split_at(bytes.len() % 4);
    for word in core::iter::once(first).chain(words.chunks_exact(4)) {
        let mut carry = word
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte));
        for limb in &mut limbs[..used] {
            carry += *limb << (8 * word.len());
            (*limb, carry) = (carry % BASE, carry / BASE);
        }
        while carry > 0 {
            (limbs[used], carry) = (carry % BASE, carry / BASE);
            used += 1;
        }
    }
    out[..zeros].fill(DIGITS[0]);
    let mut at = zeros;
    for (index, &limb) in limbs[..used].iter().rev().enumerate() {
        let mut digits = [0; LIMB];
        let mut rest = limb;
        for digit in digits.iter_mut().rev() {
            (*digit, rest) = (DIGITS[(rest % 58) as usize], rest / 58);
        }
        // The number itself begins with no zero.
        let skip = match index {
            0 => digits
                .iter()
                .take_while(|&&digit| digit == DIGITS[0])
                .count(),
            _ => 0,
        };
        let digits = &digits[skip..];
        out.get_mut(at..at + digits.len())?.copy_from_slice(digits);
        at += digits.len();
    }
    Some(at)
}

/// Writes the bytes that `text` stands for and returns how many there are. `None` if it is not
/// base58, has more than [`MAX_DIGITS`] digits or does not fit into `out`.
pub fn decode(text: &str, out: &mut [u8]) -> Option<usize> {
    let digits = text.as_bytes();
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let zeros = digits.iter().take_while(|&&d| d == DIGITS[0]).count();
    let mut words = [0; MAX];
    let mut used = 0;
    for limb in digits.chunks(LIMB) {
        let (mut carry, mut scale) = (0, 1);
        for &digit in limb {
            carry = carry * 58 + value(digit)?;
            scale *= 58;
        }
        for word in &mut words[..used] {
            carry += *word * scale;
            (*word, carry) = (carry & 0xffff_ffff, carry >> 32);
        }
        if carry > 0 {
            *words.get_mut(used)? = carry;
            used += 1;
        }
    }
    let number = words[..used]
        .iter()
        .rev()
        .flat_map(|&word| (word as u32).to_be_bytes());
    let number = number.skip_while(|&byte| byte == 0);
    out.get_mut(..zeros)?.fill(0);
    let mut at = zeros;
    for byte in number {
        *out.get_mut(at)? = byte;
        at += 1;
    }
    Some(at)
}

/// What a digit stands for.
fn value(digit: u8) -> Option<u64> {
    const VALUES: [u8; 128] = {
        let mut values = [u8::MAX; 128];
        let mut value = 0;
        while value < DIGITS.len() {
            values[DIGITS[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let value = *VALUES.get(usize::from(digit))?;
    (value != u8::MAX).then_some(u64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    proptest! {
        /// The general implementation agrees, on what is base58 and on what is not.
        #[test]
        fn as_everybody_else_does(
            zeros in 0usize..4,
            bytes in proptest::collection::vec(any::<u8>(), 0..46),
            text in "[0-9A-Za-z]{0,60}",
        ) {
            let bytes = [&[0; 4][..zeros], &bytes].concat();
            let mut digits = [0; MAX_DIGITS];
            let len = encode(&bytes, &mut digits).unwrap();
            let expected = bs58::encode(&bytes).into_string();
            prop_assert_eq!(&digits[..len], expected.as_bytes());
            for text in [expected, text] {
                let mut out = [0; 64];
                let got = decode(&text, &mut out).map(|len| out[..len].to_vec());
                prop_assert_eq!(got, bs58::decode(&text).into_vec().ok());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut digits = [0; MAX_DIGITS];
        assert_eq!(encode(&[0xff; MAX_BYTES], &mut digits), Some(77));
        assert_eq!(encode(&[0xff; MAX_BYTES + 1], &mut digits), None);
        let long: String = core::iter::repeat_n('z', MAX_DIGITS).collect();
        assert_eq!(decode(&long, &mut [0; 64]), Some(59));
        assert_eq!(decode(&long, &mut [0; 58]), None);
        assert_eq!(decode(&(long + "z"), &mut [0; 99]), None);
        assert_eq!(decode("é", &mut [0; 9]), None);
        assert_eq!(decode("", &mut [0; 9]), Some(0));
    }
}
