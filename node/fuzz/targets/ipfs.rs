//! Texts as CIDs, and blocks as a file: a node that is sound links to blocks of any content.

use basalt_node::ipfs::dag::{Assembly, Cid, Error, Form, Path};
use sha2::{Digest, Sha256};

/// Longest file, and its most blocks.
const MAX: usize = 4096;
const BLOCKS: usize = 32;
/// Digits of base32 (RFC 4648), in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The CID of a dag-pb node (0x70) or of raw bytes (0x55).
fn cid(codec: u8, block: &[u8]) -> Vec<u8> {
    let mut cid = vec![1, codec, 0x12, 32];
    cid.extend_from_slice(&Sha256::digest(block));
    cid
}

fn text(cid: &[u8]) -> String {
    let (mut bits, mut held, mut text) = (0u32, 0, String::from("b"));
    for &byte in cid {
        (bits, held) = (bits << 8 | u32::from(byte), held + 8);
        while held >= 5 {
            held -= 5;
            text.push(DIGITS[(bits >> held & 31) as usize].into());
        }
    }
    if held > 0 {
        text.push(DIGITS[(bits << (5 - held) & 31) as usize].into());
    }
    text
}

/// A node over blocks: links, then UnixFS data of a file.
fn node(cids: &[Vec<u8>]) -> Vec<u8> {
    let mut node = Vec::new();
    for cid in cids {
        // All lengths are below 128, one byte as a varint.
        node.extend_from_slice(&[0x12, cid.len() as u8 + 2, 0x0a, cid.len() as u8]);
        node.extend_from_slice(cid);
    }
    node.extend_from_slice(&[0x0a, 2, 0x08, 2]);
    node
}

/// Blocks, each behind a byte: its length; with the highest bit set it is raw.
fn blocks(mut data: &[u8]) -> Vec<(u8, &[u8])> {
    let mut blocks = Vec::new();
    while let [head, rest @ ..] = data {
        let (block, rest) = rest.split_at(rest.len().min(usize::from(head & 0x7f)));
        blocks.push((if head & 0x80 == 0 { 0x70 } else { 0x55 }, block));
        data = rest;
    }
    blocks
}

/// Any bytes as a block of each kind, and names in it.
fn nodes(block: &[u8]) {
    for codec in [0x51, 0x55, 0x70, 0x71] {
        let root = text(&cid(codec, block));
        for names in ["", "/a", "/0/a", "/a/0", "/Links/0"] {
            let path = Path::parse(&format!("{root}{names}")).expect("a path");
            let mut assembly = Assembly::new(path, Form::Json, MAX, BLOCKS).expect("nothing yet");
            if assembly.take(block).is_ok() && assembly.wanted().is_none() {
                let text = assembly.into_bytes();
                assert!(text.len() <= MAX);
                let _: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            }
        }
    }
}

/// A text, or blocks under a node.
pub fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(path) = Path::parse(text)
    {
        if let Some(cid) = Cid::parse(text) {
            assert_eq!(Cid::parse(cid.text()), Some(cid));
        }
        // What stands in the CID itself is all that it may take.
        for form in [Form::File, Form::Json] {
            if let Ok(assembly) = Assembly::new(path.clone(), form, MAX, BLOCKS) {
                assert!(assembly.size() <= MAX);
            }
        }
    }
    nodes(data);
    let blocks = blocks(data);
    let cids: Vec<_> = blocks
        .iter()
        .map(|(codec, block)| cid(*codec, block))
        .collect();
    let root = node(&cids);
    let root_cid = Cid::parse(&text(&cid(0x70, &root))).expect("a CID");
    let mut assembly = Assembly::new(root_cid, Form::File, MAX, BLOCKS).expect("nothing yet");
    let mut taken = assembly.take(&root);
    let mut len = 0;
    let mut steps = 0;
    while let (Ok(()), Some(wanted)) = (&taken, assembly.wanted()) {
        let wanted = wanted.text().to_owned();
        let known = cids.iter().position(|cid| text(cid) == wanted);
        let block = known.map_or(&b"no such block"[..], |known| blocks[known].1);
        taken = assembly.take(block);
        match known {
            Some(_) => assert!(!matches!(taken, Err(Error::WrongBlock(_)))),
            // The only block with that name is the one that nobody has.
            None => assert_eq!(taken, Err(Error::WrongBlock(wanted))),
        }
        if let (Ok(()), Some(known)) = (&taken, known)
            && blocks[known].0 == 0x55
        {
            len += block.len();
        }
        steps += 1;
    }
    assert!(steps <= BLOCKS);
    if taken.is_ok() {
        let file = assembly.into_bytes();
        assert!(len <= file.len() && file.len() <= MAX);
    }
}
