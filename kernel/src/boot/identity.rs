//! The file that keeps a generated identity: the seed in base64 and a newline, as it could stand in
//! the manifest. Pure.

use alloc::string::String;
use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The file does not hold an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not hold 32 bytes in base64")
    }
}

impl core::error::Error for Damaged {}

/// The file's content for `seed`.
#[must_use]
pub fn emit(seed: &[u8; 32]) -> String {
    let mut text = STANDARD.encode(seed);
    text.push('\n');
    text
}

/// The seed in the file.
///
/// # Errors
/// [`Damaged`] if it is not exactly what [`emit`] writes, white space at its ends aside.
pub fn parse(content: &[u8]) -> Result<[u8; 32], Damaged> {
    let mut seed = [0; 32];
    let len = STANDARD
        .decode_slice(content.trim_ascii(), &mut seed)
        .map_err(|_| Damaged)?;
    if len == seed.len() {
        Ok(seed)
    } else {
        Err(Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let seed: [u8; 32] = core::array::from_fn(|index| index as u8 * 7);
        assert_eq!(parse(emit(&seed).as_bytes()), Ok(seed));
        assert_eq!(parse(emit(&seed).trim_end().as_bytes()), Ok(seed));
    }

    #[test]
    fn anything_else_is_damaged() {
        let whole = emit(&[9; 32]);
        for content in [
            "",
            "\n",
            "AAAA",
            &whole[..43],
            "*".repeat(44).as_str(),
            &whole.repeat(2),
        ] {
            assert_eq!(parse(content.as_bytes()), Err(Damaged), "{content:?}");
        }
        assert_eq!(parse(&[0xff; 44]), Err(Damaged));
        assert_eq!(parse(&[b'A'; 400]), Err(Damaged));
    }
}
