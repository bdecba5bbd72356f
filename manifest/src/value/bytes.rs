//! Keys, ids and hashes: bytes, written in hex or base64; and what is named by a CID.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use toml::de::DeValue;

use super::{REDACTED, Scalar, scalars::string};
use crate::{
    kind::{Fault, Kind},
    model::{Effector, NetworkId, Seed},
    text::{hex, quoted},
};

/// Base64 as people paste it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

/// Hex as wallets and explorers of chains show it: with or without `0x`.
fn from_chain_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex(text.strip_prefix("0x").unwrap_or(text))
}

/// An id or a hash in hex.
impl Scalar for [u8; 32] {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        from_hex(string(value)?).ok_or(Fault::Kind)
    }

    fn show(&self) -> String {
        quoted(&hex(self))
    }
}

/// The address of a contract.
impl Scalar for [u8; 20] {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        from_chain_hex(string(value)?).ok_or(Fault::Kind)
    }

    fn show(&self) -> String {
        quoted(&hex(self))
    }
}

/// A secret key, in hex or in base64 as its row says.
impl Scalar for Seed {
    fn read(value: &DeValue<'_>, kind: &Kind) -> Result<Self, Fault> {
        let text = string(value)?;
        if let Kind::Hex(_) = kind {
            return from_chain_hex(text).map(Seed).ok_or(Fault::Kind);
        }
        let bytes = BASE64.decode(text).map_err(|_| "is not base64")?;
        let length = bytes.len();
        let seed = <[u8; 32]>::try_from(bytes).map_err(|_| {
            Fault::Plain(format!("must be base64 of 32 bytes, this is of {length}"))
        })?;
        Ok(Self(seed))
    }

    fn show(&self) -> String {
        quoted(REDACTED)
    }
}

impl Scalar for NetworkId {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        match string(value)? {
            "dar" => Ok(Self::Dar),
            "stage" => Ok(Self::Stage),
            "kras" => Ok(Self::Kras),
            text => from_hex(text).map(Self::Custom).ok_or(Fault::Kind),
        }
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

/// A module's CID and the names of its programs, a space between each.
impl Scalar for Effector {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        /// How a CID of version 1 with a SHA-256 begins in base32: of a file in one block, and of
        /// a file in several.
        const BEGINNINGS: [&str; 2] = ["bafkrei", "bafybei"];
        /// Length of such a CID.
        const LENGTH: usize = 59;
        /// Longest name of a program.
        const LONGEST: usize = 64;
        let mut words = string(value)?.split(' ');
        let cid = words.next().unwrap_or_default();
        let base32 = |byte: u8| matches!(byte, b'a'..=b'z' | b'2'..=b'7');
        let begins = BEGINNINGS.iter().any(|prefix| cid.starts_with(prefix));
        if !begins || cid.len() != LENGTH || !cid.bytes().all(base32) {
            return Err("has an entry that does not begin with the CID of a module".into());
        }
        let programs: Vec<String> = words.map(String::from).collect();
        let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = |word: &String| (1..=LONGEST).contains(&word.len()) && word.bytes().all(name);
        if programs.is_empty() || !programs.iter().all(is_name) {
            return Err(
                "has an entry whose CID is not followed by names of programs, a space between each"
                    .into(),
            );
        }
        Ok(Self {
            cid: cid.into(),
            programs,
        })
    }

    fn show(&self) -> String {
        quoted(&format!("{} {}", self.cid, self.programs.join(" ")))
    }
}
