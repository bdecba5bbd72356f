//! CIDs of both versions, in all bases, and the check of a block against one (multiformats "CID",
//! "multibase", "multihash").

use alloc::string::String;
use alloc::vec::Vec;

use basalt_terms::{cid, multibase, varint};
use blake2::digest::block_api::{Buffer, UpdateCore, VariableOutputCore};
use blake2::{Blake2bVarCore, Blake2sVarCore};
use sha2::Digest;
use shake::{ExtendableOutput, Update};

/// Longest text of a CID, in bytes. Some bases take quadratic time. A CID with the longest digest
/// has 1,105 digits in base 2, which is the longest of all.
pub(super) const MAX_TEXT: usize = 1200;
/// Longest digest, as IPFS has it: also of blocks that a CID holds itself.
const MAX_DIGEST: usize = 128;
/// Shortest digest of a hash function, as IPFS has it: a shorter one can be forged.
const MIN_DIGEST: usize = 20;

/// What a block is, by the multicodec table.
pub(super) mod codec {
    use basalt_terms::cid;

    pub(crate) const RAW: u64 = cid::RAW as u64;
    pub(crate) const DAG_PB: u64 = cid::DAG_PB as u64;
    pub(crate) const CBOR: u64 = 0x51;
    pub(crate) const DAG_CBOR: u64 = 0x71;
    pub(crate) const DAG_JSON: u64 = 0x0129;
    pub(crate) const JSON: u64 = 0x0200;
}

/// The block itself in the place of a hash.
const IDENTITY: u64 = 0;

/// A content identifier whose hash IPFS allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cid {
    codec: u64,
    hash: u64,
    digest: Vec<u8>,
    /// As it is asked for: version 0 in base58, version 1 in base32.
    text: String,
}

impl Cid {
    /// Reads version 0 (`Qm..`), or version 1 in any base.
    pub fn parse(text: &str) -> Option<Cid> {
        if text.len() == 46 && text.starts_with("Qm") {
            return Cid::from_bytes(&bs58::decode(text).into_vec().ok()?);
        }
        let bytes = multibase::decode(text, MAX_TEXT)?;
        // Version 0 has no text with a base.
        Cid::from_bytes(&bytes).filter(|cid| !cid.text.starts_with("Qm"))
    }

    /// Reads the binary form of either version.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Cid> {
        if let [cid::SHA2_256, 32, digest @ ..] = bytes {
            let digest: [u8; 32] = digest.try_into().ok()?;
            return Some(Cid {
                codec: codec::DAG_PB,
                hash: cid::SHA2_256.into(),
                digest: digest.to_vec(),
                text: cid::encode_v0(bytes)?,
            });
        }
        let mut rest = bytes;
        // Longer forms of a number are refused: each CID has one binary form.
        let mut number = || {
            let (number, len) = varint::read(rest).ok()?;
            rest = &rest[len..];
            Some(number)
        };
        let (version, codec, hash, len) = (number()?, number()?, number()?, number()?);
        let is_sound = version == 1
            && usize::try_from(len) == Ok(rest.len())
            && allowed(hash)?.contains(&rest.len());
        is_sound.then(|| Cid {
            codec,
            hash,
            digest: rest.to_vec(),
            text: cid::encode(bytes),
        })
    }

    /// As it is asked for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What its block is.
    pub(super) fn codec(&self) -> u64 {
        self.codec
    }

    /// The block, if the CID holds it itself.
    pub(super) fn inlined(&self) -> Option<&[u8]> {
        (self.hash == IDENTITY).then_some(&self.digest[..])
    }

    /// Whether this is its block.
    pub(super) fn is_of(&self, block: &[u8]) -> bool {
        let len = self.digest.len();
        // A digest may be cut.
        let begins = |full: &[u8]| full.get(..len) == Some(&self.digest[..]);
        match self.hash {
            IDENTITY => block == self.digest,
            0x11 => begins(&sha1::Sha1::digest(block)),
            0x12 => begins(&sha2::Sha256::digest(block)),
            0x13 => begins(&sha2::Sha512::digest(block)),
            0x14 => begins(&sha3::Sha3_512::digest(block)),
            0x15 => begins(&sha3::Sha3_384::digest(block)),
            0x16 => begins(&sha3::Sha3_256::digest(block)),
            0x17 => begins(&sha3::Sha3_224::digest(block)),
            0x19 => begins(&extended::<shake::Shake256>(block)),
            0x1a => begins(&sha3::Keccak224::digest(block)),
            0x1b => begins(&sha3::Keccak256::digest(block)),
            0x1c => begins(&sha3::Keccak384::digest(block)),
            0x1d => begins(&sha3::Keccak512::digest(block)),
            0x1e => {
                let mut digest = [0; MAX_DIGEST];
                let mut hasher = blake3::Hasher::new();
                hasher.update(block).finalize_xof().fill(&mut digest[..len]);
                begins(&digest)
            }
            0x56 => begins(&sha2::Sha256::digest(sha2::Sha256::digest(block))),
            code => match blake2(code) {
                Some((true, size)) => varied::<Blake2bVarCore>(size, block, &self.digest),
                Some((false, size)) => varied::<Blake2sVarCore>(size, block, &self.digest),
                None => false,
            },
        }
    }
}

/// Whether a digest begins like that of a hash function whose size can be chosen.
fn varied<H: UpdateCore + VariableOutputCore>(size: usize, block: &[u8], digest: &[u8]) -> bool {
    let Ok(mut hasher) = H::new(size) else {
        return false;
    };
    let (mut buffer, mut full) = (Buffer::<H>::default(), Default::default());
    buffer.digest_blocks(block, |blocks| hasher.update_blocks(blocks));
    hasher.finalize_variable_core(&mut buffer, &mut full);
    full.get(..size)
        .is_some_and(|full| full.starts_with(digest))
}

/// The front of a digest without end.
fn extended<H: Default + Update + ExtendableOutput>(block: &[u8]) -> [u8; 64] {
    let (mut hasher, mut digest) = (H::default(), [0; 64]);
    hasher.update(block);
    hasher.finalize_xof_into(&mut digest);
    digest
}

/// BLAKE2b or BLAKE2s, and the size of the digest in bytes.
fn blake2(code: u64) -> Option<(bool, usize)> {
    let (is_b, first) = match code {
        0xb201..=0xb240 => (true, 0xb200),
        0xb241..=0xb260 => (false, 0xb240),
        _ => return None,
    };
    Some((is_b, (code - first) as usize))
}

/// The sizes that the digest of a hash function can have. `None`: it is not allowed.
fn allowed(hash: u64) -> Option<core::ops::RangeInclusive<usize>> {
    let full = match hash {
        IDENTITY => return Some(0..=MAX_DIGEST),
        0x11 => 20,
        0x17 | 0x1a => 28,
        0x12 | 0x16 | 0x1b | 0x56 => 32,
        0x15 | 0x1c => 48,
        0x13 | 0x14 | 0x19 | 0x1d => 64,
        0x1e => MAX_DIGEST,
        code => blake2(code)?.1,
    };
    (full >= MIN_DIGEST).then_some(MIN_DIGEST..=full)
}
