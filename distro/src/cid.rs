//! Content identifiers (CIDv1) of modules and blueprints: a file is cut into chunks of 256 KiB,
//! each a raw leaf. Several leaves have one dag-pb node over them (Marine specification, section
//! 7.1).

use alloc::string::String;
use alloc::vec::Vec;

pub use basalt_terms::cid::encode as text;
use basalt_terms::cid::{DAG_PB, RAW, SHA2_256};
use basalt_terms::protobuf::{write_bytes, write_varint};
use sha2::{Digest, Sha256};

/// Bytes of a leaf.
const CHUNK: usize = 262_144;

/// The CID of a file, as text.
#[must_use]
pub fn of_file(bytes: &[u8]) -> String {
    let mut leaves = bytes.chunks(CHUNK);
    match (leaves.next(), leaves.next()) {
        (Some(only), None) => text(&binary(RAW, only)),
        _ => text(&binary(DAG_PB, &node(bytes))),
    }
}

/// Version, codec and SHA-256 multihash of a block.
fn binary(codec: u8, block: &[u8]) -> Vec<u8> {
    let mut cid = alloc::vec![1, codec, SHA2_256, 32];
    cid.extend_from_slice(&Sha256::digest(block));
    cid
}

/// The dag-pb node over a file's leaves: links first, then the UnixFS data.
#[must_use]
pub fn node(bytes: &[u8]) -> Vec<u8> {
    let mut node = Vec::new();
    let mut unixfs = alloc::vec![0x08, 2];
    write_varint(3, bytes.len() as u64, &mut unixfs);
    for leaf in bytes.chunks(CHUNK) {
        let mut link = Vec::new();
        write_bytes(1, &binary(RAW, leaf), &mut link);
        write_bytes(2, b"", &mut link);
        write_varint(3, leaf.len() as u64, &mut link);
        write_bytes(2, &link, &mut node);
        write_varint(4, leaf.len() as u64, &mut unixfs);
    }
    write_bytes(1, &unixfs, &mut node);
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_ipfs() {
        // `ipfs add --cid-version 1 --raw-leaves` of these files.
        for (bytes, cid) in [
            (
                &b"hello\n"[..],
                "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
            ),
            (
                b"",
                "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y",
            ),
        ] {
            assert_eq!(of_file(bytes), cid);
        }
    }

    #[cfg(feature = "published")]
    #[test]
    fn large_modules_have_the_ids_of_the_network() {
        for (bytes, cid) in [
            (
                fluence_spell_distro::SPELL_WASM,
                "bafybeiap6455wxt4dy3zeikbwsz4fwih2zhnudj57f2bpiih3tkb7ktsti",
            ),
            (
                fluence_spell_distro::SQLITE_WASM,
                "bafybeifxv46ki77vtgf3kfvxr6zwmmi4gaixzyr4vczyov6hozbyslkqaq",
            ),
        ] {
            assert_eq!(of_file(bytes), cid);
        }
    }
}
