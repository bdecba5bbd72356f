//! Nodes of dag-pb with UnixFS data (IPFS specifications): files in several blocks, directories,
//! and directories in shards. Blocks are read where they are, link by link.

use alloc::format;
use alloc::string::String;

use basalt_terms::protobuf::{Fields, Value};

use super::cid::Cid;

/// Kinds of nodes.
pub(super) const RAW: u64 = 0;
pub(super) const DIRECTORY: u64 = 1;
pub(super) const FILE: u64 = 2;
pub(super) const SHARD: u64 = 5;

/// The hash function of shards: the first half of MurmurHash3 x64 of 128 bits.
const MURMUR: u64 = 0x22;
/// Most entries of a shard, as IPFS has it.
const MAX_FANOUT: u64 = 1024;

/// A link of a node.
pub(super) struct Link<'a> {
    cid: &'a [u8],
    pub(super) name: Option<&'a str>,
    pub(super) size: Option<u64>,
}

impl Link<'_> {
    pub(super) fn cid(&self) -> Option<Cid> {
        Cid::from_bytes(self.cid)
    }
}

/// The fields of a protobuf message by number; `None` where it is malformed, or has a field of a
/// fixed size, which no node has.
fn fields(message: &[u8]) -> impl Iterator<Item = Option<(u32, Value<'_>)>> {
    Fields::lenient(message).map(|field| match field.ok()? {
        field if field.value == Value::Fixed => None,
        field => Some((field.number, field.value)),
    })
}

/// The links of a node; `None` where it is malformed.
pub(super) fn links(block: &[u8]) -> impl Iterator<Item = Option<Link<'_>>> {
    fields(block).filter_map(|field| match field {
        Some((1, Value::Bytes(_))) => None,
        Some((2, Value::Bytes(bytes))) => Some(link(bytes)),
        _ => Some(None),
    })
}

fn link(bytes: &[u8]) -> Option<Link<'_>> {
    let (mut cid, mut name, mut size) = (None, None, None);
    for field in fields(bytes) {
        match field? {
            (1, Value::Bytes(bytes)) => cid = Some(bytes),
            (2, Value::Bytes(bytes)) => name = Some(core::str::from_utf8(bytes).ok()?),
            (3, Value::Varint(number)) => size = Some(number),
            _ => {}
        }
    }
    Some(Link {
        cid: cid?,
        name,
        size,
    })
}

/// The data of a node. The outer `None`: the node is malformed.
pub(super) fn data(block: &[u8]) -> Option<Option<&[u8]>> {
    let mut data = None;
    for field in fields(block) {
        match field? {
            (1, Value::Bytes(bytes)) => data = Some(bytes),
            (2, Value::Bytes(_)) => {}
            _ => return None,
        }
    }
    Some(data)
}

/// What UnixFS says of a node.
pub(super) struct UnixFs<'a> {
    pub(super) kind: u64,
    pub(super) data: &'a [u8],
    hash: Option<u64>,
    fanout: Option<u64>,
}

impl<'a> UnixFs<'a> {
    /// That of a block; `None` if it has none.
    pub(super) fn of(block: &'a [u8]) -> Option<UnixFs<'a>> {
        let (mut kind, mut content, mut hash, mut fanout) = (None, &[][..], None, None);
        for field in fields(data(block)??) {
            match field? {
                (1, Value::Varint(number)) => kind = Some(number),
                (2, Value::Bytes(bytes)) => content = bytes,
                (5, Value::Varint(number)) => hash = Some(number),
                (6, Value::Varint(number)) => fanout = Some(number),
                _ => {}
            }
        }
        Some(UnixFs {
            kind: kind?,
            data: content,
            hash,
            fanout,
        })
    }

    /// How the links of a shard begin that may lead to a name, so many shards below the first.
    fn prefix(&self, name: &str, level: u32) -> Option<String> {
        let fanout = self.fanout.filter(|fanout| fanout.is_power_of_two())?;
        if !(8..=MAX_FANOUT).contains(&fanout) || self.hash != Some(MURMUR) {
            return None;
        }
        let bits = fanout.trailing_zeros();
        let shift = 64u32.checked_sub(bits * (level + 1))?;
        let index = murmur3(name.as_bytes()) >> shift & (fanout - 1);
        let width = format!("{:X}", fanout - 1).len();
        Some(format!("{index:0width$X}"))
    }
}

/// Where a name leads.
pub(super) enum Entry {
    /// To this block.
    At(Cid),
    /// To a shard one level below.
    Below(Cid),
}

/// Finds a name in a directory, or in the links of any other node; `level` is that of a shard.
/// `None`: it is not there, or the node is malformed.
pub(super) fn find(block: &[u8], name: &str, level: u32) -> Option<Entry> {
    let unixfs = UnixFs::of(block);
    let shard = unixfs.filter(|unixfs| unixfs.kind == SHARD);
    let prefix = match &shard {
        Some(shard) => Some(shard.prefix(name, level)?),
        None => None,
    };
    for link in links(block) {
        let link = link?;
        let known = link.name.unwrap_or_default();
        match &prefix {
            None if known == name => return link.cid().map(Entry::At),
            Some(prefix) => match known.strip_prefix(&**prefix) {
                Some("") => return link.cid().map(Entry::Below),
                Some(rest) if rest == name => return link.cid().map(Entry::At),
                _ => {}
            },
            None => {}
        }
    }
    None
}

/// The first half of MurmurHash3 (x64, 128 bits, seed 0), in which shards are numbered.
fn murmur3(bytes: &[u8]) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let first = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let second = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let word = |bytes: &[u8]| {
        let bytes = bytes.iter().rev();
        bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let finish = |mut k: u64| {
        k = (k ^ k >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        k = (k ^ k >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        k ^ k >> 33
    };
    let (mut h1, mut h2) = (0u64, 0u64);
    let chunks = bytes.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        h1 = (h1 ^ first(word(&chunk[..8])))
            .rotate_left(27)
            .wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ second(word(&chunk[8..])))
            .rotate_left(31)
            .wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    h1 ^= first(word(&rest[..rest.len().min(8)]));
    h2 ^= second(word(rest.get(8..).unwrap_or_default()));
    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

#[cfg(test)]
mod tests {
    use super::murmur3;

    /// Of the reference implementation (SMHasher), seed 0.
    #[test]
    fn murmur3_is_what_everybody_computes() {
        for (text, hash) in [
            ("", 0),
            ("hello", 0xcbd8_a7b3_41bd_9b02),
            (
                "The quick brown fox jumps over the lazy dog",
                0xe34b_bc7b_bc07_1b6c,
            ),
        ] {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
        }
    }
}
