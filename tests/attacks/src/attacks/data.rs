//! Data that a particle brings: made to be dear before anybody has seen what it is.

use anyhow::Result;
use basalt_air::data::{
    CanonResult, Cid, Data, Lore, Sender, Signature, State, SubTrace, Tetraplet,
};
use basalt_net::particle::Particle;
use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};

use super::text::call;
use crate::attack::Attack;
use crate::author::in_parallel;
use crate::lore::lore_that_many_folds_read;
use crate::stage::Stage;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "canon-copies",
        "entries that all share one canon result as long as they are many",
        [4_000, 60_000],
        canon_copies,
    ),
    Attack::new(
        "long-cid",
        "bytes of a CID in base58",
        [500_000, 8_000_000],
        long_cid,
    ),
    Attack::new(
        "cid-spellings",
        "spellings of one CID, each with the same megabyte",
        [300, 1_200],
        spellings,
    ),
    Attack::new(
        "collisions",
        "names that meet in hash tables with the usual constants",
        [4_000, 20_000],
        collisions,
    ),
    Attack::new(
        "signatures",
        "signatures of as many keys, of nothing",
        [2_000, 10_000],
        signatures,
    )
    .counted(&["run_budget"]),
    Attack::new(
        "fold-lore",
        "iterations whose lore an inner fold reads again",
        [400, 3_000],
        fold_lore,
    ),
    Attack::new(
        "trace-promises",
        "particles whose states promise more states than there are",
        [100, 2_000],
        promises,
    ),
    Attack::new(
        "shared-values",
        "entries of the store of values that share a megabyte",
        [300, 10_000],
        shared_values,
    ),
    Attack::new(
        "big-data",
        "MiB of data that is sound, in one particle",
        [8, 60],
        big_data,
    )
    .budget(640),
    Attack::new(
        "many-data",
        "times the same particle, each with another MiB of data",
        [40, 400],
        many_data,
    )
    .budget(512),
];

/// Length of the root at the end of a body, and places of stores in it.
const ROOT: usize = 60;
const VALUES: usize = 12;
const CANON_RESULTS: usize = 36;

/// Lets all entries of a store point to what the first one points to.
fn share_first(blob: &mut [u8], store: usize) {
    let word = |blob: &[u8], at: usize| {
        blob[at..at + 4]
            .iter()
            .fold(0, |word: i32, byte| word << 8 | i32::from(*byte))
    };
    let place = |at: usize, offset: i32| at.wrapping_add_signed(offset as isize);
    let store = blob.len() - ROOT + store;
    let entries = place(store, word(blob, store));
    let first = place(entries + 8, word(blob, entries + 8));
    for entry in 1..word(blob, store + 4) as usize {
        let at = entries + entry * 12 + 8;
        let offset = (first as i64 - at as i64) as i32;
        blob[at..at + 4].copy_from_slice(&offset.to_be_bytes());
    }
}

/// The CID of a value, as the interpreter makes it.
pub(super) fn cid(value: &[u8]) -> String {
    let digits = BASE32_NOPAD.encode(blake3::hash(value).as_bytes());
    format!("bagaaihra{}", digits.to_lowercase())
}

/// Texts in the form of CIDs, of nothing.
fn forms(count: usize) -> Vec<String> {
    let base = cid(b"1");
    let letter = |number: usize| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[number & 31]);
    let form = |n: usize| {
        let end = [n >> 15, n >> 10, n >> 5, n].map(letter);
        format!("{}{}", &base[..57], end.iter().collect::<String>())
    };
    (0..count).map(form).collect()
}

fn canon_copies(stage: &mut Stage<'_>) -> Result<()> {
    let count = stage.size;
    let keys = forms(count);
    let elements: Vec<Cid> = (0..count as u32).map(Cid).collect();
    let canon = |entry: usize| CanonResult {
        tetraplet: Cid(0),
        values: if entry == 0 { &elements } else { &[] },
    };
    let mut blob = Data {
        cids: keys.iter().map(String::as_str).collect(),
        canon_results: (0..count)
            .map(|entry| (Cid(entry as u32), canon(entry)))
            .collect(),
        ..Data::default()
    }
    .encode(0);
    share_first(&mut blob, CANON_RESULTS);
    stage.bytes("(null)", blob)
}

fn long_cid(stage: &mut Stage<'_>) -> Result<()> {
    let long = format!("z{}", "2".repeat(stage.size));
    let data = Data {
        cids: vec![&long],
        values: vec![(Cid(0), "1")],
        ..Data::default()
    };
    stage.data("(null)", &data)
}

/// A number as a varint, with bytes that add nothing.
fn padded(number: u64, more: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    basalt_net::varint::write(number, &mut bytes);
    for _ in 0..more {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(0);
    }
    bytes
}

fn spellings(stage: &mut Stage<'_>) -> Result<()> {
    let value = format!("\"{}\"", "v".repeat(1 << 20));
    let digest = blake3::hash(value.as_bytes());
    let spelling = |number: usize| {
        let [a, b, c] = [number % 8, number / 8 % 8, number / 64 % 8];
        let head = [padded(1, a), padded(0x200, b), padded(0x1e, c)].concat();
        let bytes = [&head[..], &padded(32, number / 512), digest.as_bytes()].concat();
        format!("b{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
    };
    let cids: Vec<String> = (0..stage.size).map(spelling).collect();
    let mut values: Vec<(Cid, &str)> = (0..stage.size as u32).map(|n| (Cid(n), "")).collect();
    if let Some(first) = values.first_mut() {
        first.1 = &value;
    }
    let mut blob = Data {
        cids: cids.iter().map(String::as_str).collect(),
        values,
        ..Data::default()
    }
    .encode(0);
    share_first(&mut blob, VALUES);
    stage.bytes("(null)", blob)
}

fn shared_values(stage: &mut Stage<'_>) -> Result<()> {
    let value = format!("\"{}\"", "v".repeat(1 << 20));
    let mut cids = forms(stage.size);
    cids[0] = cid(value.as_bytes());
    let mut values: Vec<(Cid, &str)> = (0..stage.size as u32).map(|n| (Cid(n), "")).collect();
    values[0].1 = &value;
    let mut blob = Data {
        cids: cids.iter().map(String::as_str).collect(),
        values,
        ..Data::default()
    }
    .encode(0);
    share_first(&mut blob, VALUES);
    stage.bytes("(null)", blob)
}

fn collisions(stage: &mut Stage<'_>) -> Result<()> {
    // The last eight bytes are the constant that meets them, in which two bits are changed so that
    // they are a text.
    let end = (0x3f84_d5b5_b547_0917_u64 ^ 0x00a0_0000).to_le_bytes();
    let end = String::from_utf8_lossy(&end).into_owned();
    let name = |number: usize| {
        let digits: String = [0, 3, 6, 9, 12, 15, 18, 21]
            .iter()
            .map(|shift| char::from(b'0' + (number >> shift & 7) as u8))
            .collect();
        format!("{digits}{end}")
    };
    let peer = stage.peer();
    let calls: Vec<String> = (0..stage.size)
        .map(|number| {
            call(
                &peer,
                &format!("op.{}", name(number)),
                "",
                &format!("v{number}"),
            )
        })
        .collect();
    stage.script(&in_parallel(&calls))?;
    let tetraplets: Vec<String> = (0..stage.size).map(name).collect();
    let cids: Vec<String> = tetraplets
        .iter()
        .map(|text| {
            let hashed = format!(
                "{{\"peer_pk\":{0},\"service_id\":\"\",\"function_name\":\"\",\"lens\":\"\"}}",
                serde_json::Value::from(text.as_str())
            );
            cid(hashed.as_bytes())
        })
        .collect();
    let tetraplet = |text| Tetraplet {
        peer_pk: text,
        ..Tetraplet::default()
    };
    let data = Data {
        cids: cids.iter().map(String::as_str).collect(),
        tetraplets: tetraplets
            .iter()
            .enumerate()
            .map(|(number, text)| (Cid(number as u32), tetraplet(text.as_str())))
            .collect(),
        ..Data::default()
    };
    stage.data("(null)", &data)
}

fn signatures(stage: &mut Stage<'_>) -> Result<()> {
    let mut author = stage.attacker()?;
    let empty = author.particle("(null)", &Bytes::new(), stage.time);
    let id = empty.id.as_bytes();
    let length = u32::try_from(id.len())?.to_le_bytes();
    let message = [&[0; 4][..], &length, id].concat();
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..stage.size as u32)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            let key = SigningKey::from_bytes(&seed);
            let signature = key.sign(&message).to_bytes();
            let key = key.verifying_key().to_bytes();
            ([&[0][..], &key].concat(), [&[0][..], &signature].concat())
        })
        .collect();
    let data = Data {
        signatures: pairs
            .iter()
            .map(|(public_key, signature)| Signature {
                public_key,
                signature,
            })
            .collect(),
        ..Data::default()
    };
    let particle = Particle::new(empty.authored.clone(), data.encode(0));
    stage.particles(author, [particle])
}

fn fold_lore(stage: &mut Stage<'_>) -> Result<()> {
    let (script, data) = lore_that_many_folds_read(stage.size as u32);
    stage.bytes(&script, data)
}

fn promises(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let mut author = stage.attacker()?;
    let script = format!(
        "(par (call \"{peer}\" (\"op\" \"noop\") [] $s) (fold $s i (par (null) (next i))))"
    );
    let most = u32::MAX;
    let highest = [most];
    let sent = State::Call(basalt_air::data::CallResult::RequestSentBy(
        Sender::PeerWithCallId {
            peer: &peer,
            call_id: most,
        },
    ));
    let piece = SubTrace {
        begin: most - 1,
        len: most,
    };
    let pieces = [piece, piece];
    let lore = [Lore {
        value_pos: most,
        subtraces: &pieces,
    }];
    let traces: [Vec<State<'_>>; 4] = [
        vec![State::Par {
            left: most,
            right: most,
        }],
        vec![
            State::Par { left: 1, right: 1 },
            sent,
            State::Fold { lore: &lore },
        ],
        vec![State::Ap {
            generations: &highest,
        }],
        vec![sent; 3],
    ];
    for number in 0..stage.size {
        let data = Data {
            trace: traces[number % traces.len()].clone(),
            last_call_request_id: most - (number as u32 & 1),
            ..Data::default()
        };
        let particle = author.particle(&script, &Bytes::from(data.encode(0)), stage.time);
        if !author.send(&particle)? {
            break;
        }
    }
    stage.sent(author)
}

/// Sound data that holds so many values of a kibibyte.
fn sound(count: usize, first: usize) -> Vec<u8> {
    let values: Vec<String> = (first..first + count)
        .map(|number| format!("\"{number:1022}\""))
        .collect();
    let cids: Vec<String> = values.iter().map(|value| cid(value.as_bytes())).collect();
    Data {
        cids: cids.iter().map(String::as_str).collect(),
        values: values
            .iter()
            .enumerate()
            .map(|(number, value)| (Cid(number as u32), value.as_str()))
            .collect(),
        ..Data::default()
    }
    .encode(0)
}

fn big_data(stage: &mut Stage<'_>) -> Result<()> {
    stage.bytes("(null)", sound(stage.size << 10, 0))
}

fn many_data(stage: &mut Stage<'_>) -> Result<()> {
    let mut author = stage.attacker()?;
    let empty = author.particle("(null)", &Bytes::new(), stage.time);
    let particles: Vec<Particle> = (0..stage.size)
        .map(|number| Particle::new(empty.authored.clone(), sound(1 << 10, number << 10)))
        .collect();
    stage.particles(author, particles)
}
