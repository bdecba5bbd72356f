//! Small forms of attacks with data and scripts: each ends with an error and the previous data, or
//! costs no more than its size allows.

mod support;

use basalt_air::data::{Cid, Data};
use basalt_air::{Air, CallResults, Input, Interpreter, Outcome, Results, VerifiedSignatures, code};
use support::single::{params, run};

/// Runs `air` over the data of an earlier run and over `current`, which a stranger has sent.
fn meet(air: &str, current: &Data<'_>) -> Outcome {
    let prev_data = run("(null)").data;
    let params = params();
    let none = CallResults::new();
    let input = Input {
        air: Air::Text(air),
        prev_data: &prev_data,
        current_data: &current.encode(0),
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
        values: (0..cids.len() as u32).map(|cid| (Cid(cid), value)).collect(),
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
    assert_eq!(meet("(null)", &one_value("1", vec![ONE, &base58])).ret_code, 0);
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
