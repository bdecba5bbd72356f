//! Bytes to CID texts.

use alloc::vec::Vec;

use crate::data::{CanonElement, CanonResult, Cid, Provenance, ServiceResult, Tetraplet};
use crate::values::write_string;

/// Text of the fixed part of every CID that is made here: CIDv1, JSON, BLAKE3, 32 bytes, in base32.
pub(crate) const PREFIX: &[u8; 9] = b"bagaaihra";
/// The same of a CID with SHA2-256, which others may have made.
pub(super) const SHA2_PREFIX: &[u8; 9] = b"bagaaiera";
/// Length of such a CID.
pub(super) const LEN: usize = 61;

/// The text of a CID, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CidText([u8; LEN]);

impl CidText {
    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The CID of `bytes`.
pub(crate) fn of_bytes(bytes: &[u8]) -> CidText {
    text(PREFIX, blake3::hash(bytes).as_bytes())
}

/// The CID of `bytes` with SHA2-256.
pub(super) fn sha2_text(bytes: &[u8]) -> CidText {
    use sha2::Digest;
    text(SHA2_PREFIX, &sha2::Sha256::digest(bytes).into())
}

fn text(prefix: &[u8; 9], digest: &[u8; 32]) -> CidText {
    let mut text = [0; LEN];
    text[..prefix.len()].copy_from_slice(prefix);
    base32(digest, &mut text[prefix.len()..]);
    CidText(text)
}

/// All pairs of base32 letters.
const PAIRS: [[u8; 2]; 1024] = {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut pairs = [[0; 2]; 1024];
    let mut index = 0;
    while index < 1024 {
        pairs[index] = [ALPHABET[index >> 5], ALPHABET[index & 31]];
        index += 1;
    }
    pairs
};

/// Base32 of RFC 4648, lower case, without padding.
fn base32(digest: &[u8; 32], out: &mut [u8]) {
    for (group, letters) in digest.chunks(5).zip(out.chunks_mut(8)) {
        let mut padded = [0; 8];
        padded[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(padded);
        for (index, pair) in letters.chunks_mut(2).enumerate() {
            pair.copy_from_slice(&PAIRS[(bits >> (30 - 10 * index)) as usize & 1023]);
        }
    }
}

/// The texts that are hashed: compact JSON with fields in a fixed order.
pub(super) struct Hashed<'t, 'r> {
    pub(super) out: Vec<u8>,
    pub(super) texts: &'t [&'r str],
}

impl<'r> Hashed<'_, 'r> {
    fn text(&mut self, cid: Cid) {
        self.string(self.texts[cid.index()]);
    }

    fn string(&mut self, text: &str) {
        write_string(text, &mut self.out);
    }

    fn put(&mut self, piece: &str) {
        self.out.extend_from_slice(piece.as_bytes());
    }

    fn finish(&self) -> CidText {
        of_bytes(&self.out)
    }

    pub(super) fn tetraplet(&mut self, tetraplet: &Tetraplet<'r>) -> CidText {
        self.out.clear();
        self.put("{\"peer_pk\":");
        self.string(tetraplet.peer_pk);
        self.put(",\"service_id\":");
        self.string(tetraplet.service_id);
        self.put(",\"function_name\":");
        self.string(tetraplet.function_name);
        self.put(",\"lens\":");
        self.string(tetraplet.lens);
        self.put("}");
        self.finish()
    }

    pub(super) fn service_result(&mut self, result: &ServiceResult<'r>) -> CidText {
        self.out.clear();
        self.put("{\"value_cid\":");
        self.text(result.value);
        self.put(",\"argument_hash\":");
        self.string(result.argument_hash);
        self.put(",\"tetraplet_cid\":");
        self.text(result.tetraplet);
        self.put("}");
        self.finish()
    }

    pub(super) fn canon_element(&mut self, element: &CanonElement) -> CidText {
        self.out.clear();
        self.put("{\"value\":");
        self.text(element.value);
        self.put(",\"tetraplet\":");
        self.text(element.tetraplet);
        self.put(",\"provenance\":{\"type\":");
        let (kind, cid) = match element.provenance {
            Provenance::Literal => ("\"literal\"", None),
            Provenance::ServiceResult(cid) => ("\"service_result\"", Some(cid)),
            Provenance::Canon(cid) => ("\"canon\"", Some(cid)),
        };
        self.put(kind);
        if let Some(cid) = cid {
            self.put(",\"cid\":");
            self.text(cid);
        }
        self.put("}}");
        self.finish()
    }

    pub(super) fn canon_result(&mut self, canon: &CanonResult<'r>) -> CidText {
        self.out.clear();
        self.put("{\"tetraplet\":");
        self.text(canon.tetraplet);
        self.put(",\"values\":[");
        for (index, &cid) in canon.values.iter().enumerate() {
            if index > 0 {
                self.put(",");
            }
            self.text(cid);
        }
        self.put("]}");
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::of_bytes;

    #[test]
    fn known_values() {
        for (bytes, cid) in [
            (
                "\"test\"",
                "bagaaihrarcyykpv4oj7zwdbepczyfthxya4og7s2rwvrzolm5kg2eu5dz3xa",
            ),
            (
                "1",
                "bagaaihra2y55tkbgv6i4d7vdoglfuzhbd3ra6e7ennpvfrmzaejwmbntusdq",
            ),
            (
                "{\"key\":42}",
                "bagaaihracpzxhsrpviexa7k6glwdhyh3a4kvy6j7qlcqokzqbs3q424cmxyq",
            ),
        ] {
            assert_eq!(of_bytes(bytes.as_bytes()).as_str(), cid);
        }
    }
}
