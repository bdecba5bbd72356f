//! Small forms of attacks with data and scripts: each ends with an error and the previous data, or
//! costs no more than its size allows.

mod support;

use basalt_air::data::{CanonResult, Cid, Data};
use basalt_air::{
    Air, CallResults, Input, Interpreter, Outcome, Results, VerifiedSignatures, code,
};
use support::single::{params, run};

/// Runs `air` over the data of an earlier run and over `current`, which a stranger has sent.
fn meet(air: &str, current: &Data<'_>) -> Outcome {
    meet_bytes(air, &current.encode(0))
}

fn meet_bytes(air: &str, current_data: &[u8]) -> Outcome {
    let prev_data = run("(null)").data;
    let params = params();
    let none = CallResults::new();
    let input = Input {
        air: Air::Text(air),
        prev_data: &prev_data,
        current_data,
        params: &params,
        call_results: Results::Typed(&none),
    };
    let outcome = Interpreter::default().run(input, &mut VerifiedSignatures::new(0));
    if outcome.ret_code != 0 {
        assert_eq!(outcome.data, prev_data, "{}", outcome.error_message);
        assert!(outcome.error_message.len() < 10_000);
    }
    outcome
}

/// Data with one value, under all of `cids`.
fn one_value<'a>(value: &'a str, cids: Vec<&'a str>) -> Data<'a> {
    Data {
        values: (0..cids.len() as u32)
            .map(|cid| (Cid(cid), value))
            .collect(),
        cids,
        ..Data::default()
    }
}

/// The CID of `1`.
const ONE: &str = "bagaaihra2y55tkbgv6i4d7vdoglfuzhbd3ra6e7ennpvfrmzaejwmbntusdq";

#[test]
fn cids_are_read_in_canonical_forms_only() {
    let binary = multibase::decode(ONE).unwrap().1;
    let base58 = multibase::encode(multibase::Base::Base58Btc, &binary);
    assert_eq!(
        meet("(null)", &one_value("1", vec![ONE, &base58])).ret_code,
        0
    );
    let upper = ONE.to_uppercase();
    let base16 = multibase::encode(multibase::Base::Base16Lower, &binary);
    let padded = [&[0x81, 0][..], &binary[1..]].concat();
    let padded = multibase::encode(multibase::Base::Base32Lower, padded);
    for text in ["", "1", &upper, &base16, &padded] {
        let outcome = meet("(null)", &one_value("1", vec![ONE, text]));
        assert_eq!(outcome.ret_code, code::CID_STORE, "{text}");
    }
    // Base58 takes time in the square of the digits: at once, or never.
    let long = format!("z{}", "2".repeat(8 << 20));
    let outcome = meet("(null)", &one_value("1", vec![&long]));
    assert_eq!(outcome.ret_code, code::CID_STORE);
}

/// Length of the root at the end of a body, and place of the store of canon results in it.
const ROOT: usize = 60;
const CANON_RESULTS: usize = 36;

/// Lets all entries of the store of canon results point to what the first one points to.
fn share_first_canon(blob: &mut [u8]) {
    let word = |blob: &[u8], at: usize| i32::from_be_bytes(blob[at..at + 4].try_into().unwrap());
    let store = blob.len() - ROOT + CANON_RESULTS;
    let entries = store
        .checked_add_signed(word(blob, store) as isize)
        .unwrap();
    let first = entries as isize + 8 + word(blob, entries + 8) as isize;
    for entry in 1..word(blob, store + 4) as usize {
        let at = entries + entry * 12 + 8;
        let offset = (first - at as isize) as i32;
        blob[at..at + 4].copy_from_slice(&offset.to_be_bytes());
    }
}

#[test]
fn what_entries_share_is_not_copied_for_each() {
    const COUNT: usize = 2_000;
    let letter = |number: usize| b"abcdefghijklmnopqrstuvwxyz234567"[number & 31] as char;
    let keys: Vec<String> = (0..COUNT)
        .map(|n| {
            format!(
                "{}{}{}{}",
                &ONE[..58],
                letter(n >> 10),
                letter(n >> 5),
                letter(n)
            )
        })
        .collect();
    let elements: Vec<Cid> = (0..COUNT as u32).map(Cid).collect();
    let canon = |entry: usize| CanonResult {
        tetraplet: Cid(0),
        values: if entry == 0 { &elements } else { &[] },
    };
    for same_key in [false, true] {
        let key = |entry: usize| Cid(if same_key { 0 } else { entry as u32 });
        let mut blob = Data {
            cids: keys.iter().map(String::as_str).collect(),
            canon_results: (0..COUNT).map(|entry| (key(entry), canon(entry))).collect(),
            ..Data::default()
        }
        .encode(0);
        share_first_canon(&mut blob);
        let outcome = meet_bytes("(null)", &blob);
        assert_eq!(
            outcome.ret_code,
            code::CID_STORE,
            "{}",
            outcome.error_message
        );
        assert!(outcome.memory < 4 * blob.len() as u64, "{}", outcome.memory);
    }
}
