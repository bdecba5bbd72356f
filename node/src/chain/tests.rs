//! What the contracts took and gave, and what the reference library signed.

use super::answers::{app_cid, status};
use super::*;
use serde_json::from_str;

fn vectors(text: &str) -> Vec<Value> {
    from_str(text).unwrap()
}

fn calls(function: &str) -> Vec<(Value, Vec<u8>)> {
    let all = vectors(include_str!("../../tests/vectors/chain/calls.json"));
    let of = all.into_iter().filter(|call| call["function"] == function);
    of.map(|call| {
        let answer = rpc::bytes(&call["returndata"]).unwrap();
        (call, answer)
    })
    .collect()
}

fn number(value: &Value) -> u128 {
    rpc::quantity(value).unwrap()
}

#[test]
fn transactions_are_signed_byte_for_byte() {
    let vectors: Value = from_str(include_str!("../../tests/vectors/chain/eip1559.json")).unwrap();
    let key = rpc::bytes(&vectors["private_key"]).unwrap();
    let wallet = Wallet::new(&key.try_into().unwrap()).unwrap();
    let address = vectors["address"].as_str().unwrap().to_ascii_lowercase();
    assert_eq!(rpc::hex(&wallet.address()), address);
    for transaction in vectors["transactions"].as_array().unwrap() {
        let fields = &transaction["fields"];
        let data = rpc::bytes(&fields["data"]).unwrap();
        let raw = wallet.sign(&Transaction {
            chain_id: number(&fields["chainId"]) as u64,
            nonce: number(&fields["nonce"]) as u64,
            max_priority_fee: number(&fields["maxPriorityFeePerGas"]),
            max_fee: number(&fields["maxFeePerGas"]),
            gas: number(&fields["gasLimit"]) as u64,
            to: deal_address(fields["to"].as_str().unwrap()).unwrap(),
            data: &data,
        });
        assert_eq!(rpc::hex(&raw), transaction["raw"].as_str().unwrap());
    }
}

#[test]
fn units_of_a_peer_are_read() {
    let calls = calls("getComputeUnits");
    assert!(calls.len() > 1);
    let mut most = 0;
    for (call, answer) in calls {
        let peer = rpc::bytes(&call["calldata"]).unwrap()[4..]
            .try_into()
            .unwrap();
        assert_eq!(
            rpc::hex(&abi::call(GET_COMPUTE_UNITS, &[peer])),
            call["calldata"]
        );
        let found = deals(&answer).unwrap();
        let units = call["decoded"][0].as_array().unwrap();
        let in_deals = units
            .iter()
            .filter(|unit| !unit[1].as_str().unwrap().ends_with(&"0".repeat(40)));
        let in_deals: Vec<_> = in_deals
            .map(|unit| unit[0].as_str().unwrap().to_string())
            .collect();
        let read = found.iter().flat_map(|deal| deal.units.iter());
        assert_eq!(
            read.map(|unit| rpc::hex(unit)).collect::<Vec<_>>(),
            in_deals
        );
        most = most.max(found.len());
    }
    assert!(most > 0, "no deal in any of them");
}

#[test]
fn workers_of_a_deal_are_read() {
    let mut activated = 0;
    for (call, answer) in calls("getWorkers") {
        let read = workers(&answer).unwrap();
        let read = read.as_array().unwrap();
        let decoded = call["decoded"][0].as_array().unwrap();
        assert_eq!(read.len(), decoded.len());
        for (worker, decoded) in read.iter().zip(decoded) {
            assert_eq!(worker["cu_ids"], decoded[5]);
            let offchain = rpc::bytes(&decoded[0]).unwrap();
            let is_activated = offchain.iter().any(|&byte| byte != 0);
            assert_eq!(
                worker["worker_id"].as_array().unwrap().len(),
                usize::from(is_activated)
            );
            activated += usize::from(is_activated);
            let host = worker["host_id"].as_str().unwrap();
            let host: PeerId = host.parse().unwrap();
            assert_eq!(
                rpc::hex(&chain_id_of(&host).unwrap()),
                decoded[2].as_str().unwrap()
            );
        }
    }
    assert!(activated > 0);
}

#[test]
fn deals_tell_application_and_status() {
    for (call, answer) in calls("appCID") {
        let text = app_cid(&answer).unwrap();
        let cid: Vec<u8> = data_encoding::BASE32_NOPAD
            .decode(text[1..].to_ascii_uppercase().as_bytes())
            .unwrap();
        let decoded = &call["decoded"][0];
        assert_eq!(rpc::hex(&cid[..4]), decoded[0].as_str().unwrap());
        assert_eq!(rpc::hex(&cid[4..]), decoded[1].as_str().unwrap());
    }
    let mut names: Vec<_> = calls("getStatus")
        .iter()
        .map(|(_, answer)| status(answer).unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert!(
        names.contains(&"ACTIVE") && names.contains(&"NOT_ENOUGH_WORKERS"),
        "{names:?}"
    );
    assert!(status(&abi::number(5)).is_err());
    assert!(app_cid(&[]).is_err());
}

#[test]
fn answers_of_another_shape_are_refused() {
    for (_, answer) in calls("getWorkers")
        .into_iter()
        .chain(calls("getComputeUnits"))
    {
        for end in (0..answer.len()).step_by(31) {
            let short = &answer[..end];
            // Whatever is left is read or refused; nothing is made up.
            if let Ok(Value::Array(found)) = workers(short) {
                assert!(found.len() <= 1 + short.len() / 32);
            }
            let _ = deals(short);
        }
    }
    let endless = [abi::number(32), abi::number(u32::MAX.into())].concat();
    assert_eq!(workers(&endless), Err(abi::Malformed));
    // All workers are the same bytes, with the same hundred units.
    let same = |count: u64| {
        let mut words = alloc::vec![abi::number(32), abi::number(count)];
        words.extend((0..count).map(|_| abi::number(32 * count)));
        words.extend([1, 1, 1, 1, 7, 192, 100].map(abi::number));
        words.extend([abi::number(9); 100]);
        words.concat()
    };
    let once = workers(&same(1)).unwrap();
    assert_eq!(once[0]["cu_ids"].as_array().unwrap().len(), 100);
    assert_eq!(workers(&same(100)), Err(abi::Malformed));
    assert!(deals(&endless).is_err());
}

#[test]
fn answers_come_in_any_order() {
    let body = br#"[{"id":1,"result":"0x2"},{"id":0,"error":{"code":3,"message":"execution reverted","data":"0x08"}}]"#;
    let answers = rpc::answers(body, 3).unwrap();
    assert_eq!(answers[0], Err("execution reverted (\"0x08\")".into()));
    assert_eq!(answers[1], Ok(json!("0x2")));
    assert_eq!(answers[2], Err("the chain does not answer".into()));
    assert!(rpc::answers(br#"[{"id":9,"result":1}]"#, 1).is_err());
    assert!(rpc::answers(br#"{"error":{"message":"busy"}}"#, 1).is_err());
    assert_eq!(rpc::quantity(&json!("12")), Ok(12));
    assert_eq!(rpc::quantity(&json!("0x1f")), Ok(31));
    assert!(rpc::quantity(&json!("0xzz")).is_err());
}

/// A chain that a test plays: it answers the request that is next.
struct Played {
    chain: Chain,
    now: Instant,
}

impl Played {
    fn new() -> Played {
        let text = format!(
            "[chain]\nendpoint = \"https://rpc.example/x\"\ndiamond = \"{}\"\nchain_id = 5\nwallet_key = \"{}\"\n",
            "ab".repeat(20),
            "11".repeat(32)
        );
        let settings = Settings::from_manifest(&Manifest::parse(&text).unwrap()).unwrap();
        Played {
            chain: Chain::new(settings),
            now: Instant::from_millis(1_000),
        }
    }

    /// Answers the next request; gives what was asked, by method, and the reply to the call that waits.
    fn answer(&mut self, answers: &[Value]) -> (Vec<(String, Value)>, Option<Value>) {
        let request = self.chain.next_request().expect("a request");
        let text = String::from_utf8(request.bytes).unwrap();
        let batch: Vec<Value> = from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        let asked = batch.iter().map(|question| {
            let method = question["method"].as_str().unwrap().to_string();
            (method, question["params"].clone())
        });
        let asked = asked.collect();
        assert_eq!(batch.len(), answers.len(), "{asked:?}");
        let Asked {
            ticket,
            until,
            work,
            ..
        } = self.chain.works.remove(&request.id).unwrap();
        let answers = Ok(answers.iter().cloned().map(Ok).collect());
        let Some(ticket) = ticket else {
            self.chain.look_after(self.now, until, work, answers);
            return (asked, None);
        };
        let reply = self
            .chain
            .proceed(self.now, request.id, until, ticket, work, answers);
        let reply = reply.map(|reply| match reply {
            Ok(Reply::Value(value)) => value,
            _ => panic!("no value"),
        });
        (asked, reply)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.chain.timer(self.now);
    }
}

#[test]
fn what_is_not_mined_is_sent_again_for_more() {
    let mut played = Played::new();
    let until = Instant::from_millis(60_000);
    let waiting = (Ticket(1), until, [5; 20], vec![1, 2]);
    played.chain.waiting.push_back(waiting);
    played.chain.send_next();
    let block = json!({ "baseFeePerGas": "0x64" });
    let (_, reply) = played.answer(&[
        json!("0x5"),
        block.clone(),
        json!("0x5208"),
        json!("0x2"),
        json!("0x7"),
    ]);
    assert!(reply.is_none());
    let raw = |max_fee, max_priority_fee| {
        let raw = played_wallet().sign(&Transaction {
            chain_id: 5,
            nonce: 7,
            max_priority_fee,
            max_fee,
            gas: 21_000,
            to: [5; 20],
            data: &[1, 2],
        });
        json!([rpc::hex(&raw)])
    };
    let (asked, reply) = played.answer(&[json!("0xaa")]);
    assert_eq!(
        asked,
        [(String::from("eth_sendRawTransaction"), raw(202, 2))]
    );
    assert_eq!(reply, Some(json!("0xaa")));
    // It is not mined in time.
    played.pass(89);
    assert!(played.chain.next_request().is_none());
    played.pass(1);
    let (asked, _) = played.answer(&[block.clone(), json!("0x2"), Value::Null]);
    assert_eq!(
        asked[2],
        (String::from("eth_getTransactionReceipt"), json!(["0xaa"]))
    );
    let (asked, _) = played.answer(&[json!("0xbb")]);
    assert_eq!(
        asked,
        [(String::from("eth_sendRawTransaction"), raw(253, 3))]
    );
    // Gas has become dear meanwhile: the next one follows. A node that refuses it is asked again later.
    played.pass(90);
    let dear = json!({ "baseFeePerGas": "0x3e8" });
    played.answer(&[dear, json!("0x2"), Value::Null, Value::Null]);
    let (asked, _) = played.answer(&[json!("0xcc")]);
    assert_eq!(
        asked,
        [(String::from("eth_sendRawTransaction"), raw(2002, 4))]
    );
    // The second one is mined: who asks for the first is told.
    assert_eq!(
        played.chain.pending.hashes("0xaa"),
        ["0xaa", "0xbb", "0xcc"]
    );
    played.pass(90);
    let receipt = json!({ "status": "0x1", "transactionHash": "0xbb" });
    played.answer(&[
        block,
        json!("0x2"),
        Value::Null,
        receipt.clone(),
        Value::Null,
    ]);
    assert!(played.chain.next_request().is_none());
    assert_eq!(played.chain.wake_at(), None);
    assert_eq!(played.chain.pending.hashes("0xaa").len(), 3);
    let answers = [Ok(Value::Null), Ok(receipt.clone()), Err("gone".into())];
    assert_eq!(mined(answers.into_iter()), Ok(receipt));
}

fn played_wallet() -> Wallet {
    Wallet::new(&[0x11; 32]).unwrap()
}
