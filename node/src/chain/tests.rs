//! What the contracts took and gave, and what the reference library signed.

use super::abi;
use super::answers::{app_cid, status};
use super::answers::{deals, mined, workers};
use super::calls::{GET_COMPUTE_UNITS, chain_id_of, deal_address};
use super::model::{Asked, Chain, Settings, Work, receipts};
use super::rpc::{self, Question};
use super::wallet::Transaction;
use super::wallet::{self, Wallet};
use crate::compute::{JobId, JobIds};
use crate::outgoing::Owner;
use crate::reply::{CallError, Reply};
use crate::state::State;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use basalt_manifest::Manifest;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use basalt_store::Memory;
use core::time::Duration;
use serde_json::from_str;
use serde_json::{Value, json};

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

/// The reply to a call that waits.
type Replied = Option<Result<Value, CallError>>;

/// A chain that a test plays: it answers the request that is next. The node's state is on a disk.
struct Played {
    chain: Chain,
    disk: Memory,
    state: Option<State>,
    now: Instant,
}

fn no_answer() -> Value {
    json!("no answer")
}

impl Played {
    fn new() -> Played {
        Played::on(Memory::new(512, 1 << 20))
    }

    fn on(disk: Memory) -> Played {
        let text = format!(
            "[chain]\nendpoint = \"https://rpc.example/x\"\ndiamond = \"{}\"\nchain_id = 5\nwallet_key = \"{}\"\n",
            "ab".repeat(20),
            "11".repeat(32)
        );
        let settings = Settings::from_manifest(&Manifest::parse(&text).unwrap()).unwrap();
        let mut state = Some(State::open(disk.clone(), [1; 16]).unwrap().0);
        Played {
            chain: Chain::new(settings, JobIds::default(), &mut state).unwrap(),
            disk,
            state,
            now: Instant::from_millis(1_000),
        }
    }

    /// After a power cut; time begins anew.
    fn rebooted(self) -> Played {
        self.disk.cut(|_| false);
        Played::on(self.disk)
    }

    /// A script wants a transaction.
    fn call(&mut self, data: &[u8]) {
        let until = self.now + Duration::from_secs(60);
        let waiting = (JobId(1), until, [5; 20], data.to_vec());
        self.chain.waiting.push_back(waiting);
        self.chain.send_next();
    }

    /// The chain tells what a transaction needs: a base fee, and how many transactions the wallet
    /// has made.
    fn prepare(&mut self, base_fee: u64, count: u64) -> Replied {
        let answers = [
            json!("0x5"),
            json!({ "baseFeePerGas": base_fee }),
            json!("0x5208"),
            json!("0x2"),
            json!(count),
        ];
        self.answer(&answers).1
    }

    /// Answers the next request, or lets it be in vain; gives what was asked, by method, and the
    /// reply to the call that waits.
    fn answer(&mut self, answers: &[Value]) -> (Vec<(String, Value)>, Replied) {
        let request = self.chain.next_request().expect("a request");
        let Owner::Chain(id) = request.owner else {
            panic!("a request of somebody else");
        };
        let text = String::from_utf8(request.bytes).unwrap();
        let batch: Vec<Value> = from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        let asked = batch.iter().map(|question| {
            let method = question["method"].as_str().unwrap().to_string();
            (method, question["params"].clone())
        });
        let asked = asked.collect();
        assert_eq!(batch.len(), answers.len(), "{asked:?}");
        let Asked {
            job, until, work, ..
        } = self.chain.works.remove(&id).unwrap();
        let answers = match answers {
            [one] if *one == no_answer() => Err("the endpoint is silent".into()),
            answers => Ok(answers.iter().cloned().map(refusal).collect()),
        };
        let now = self.now;
        let Some(job) = job else {
            self.chain.look_after(now, until, work, answers);
            self.keep();
            return (asked, None);
        };
        let reply = self.chain.proceed(now, id, until, job, work, answers);
        let reply = self.keep().or(reply);
        let reply = reply.map(|reply| {
            reply.map(|reply| match reply {
                Reply::Value(value) => value,
                _ => panic!("no value"),
            })
        });
        (asked, reply)
    }

    /// The disk keeps what it is asked to, or not; gives the reply to a call that comes of that.
    fn keep(&mut self) -> Option<Result<Reply, CallError>> {
        let mut reply = None;
        while let Some((id, changes)) = self.chain.next_commit() {
            let kept = self.state.as_mut().unwrap().commit(changes);
            if let Ok(Some((_, answer))) = self.chain.kept(self.now, id, kept) {
                reply = Some(answer);
            }
        }
        reply
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.chain.timer(self.now);
    }

    /// The hashes that one has that is looked after.
    fn hashes(&self, nonce: u64) -> Vec<String> {
        self.chain.pending.get(nonce).unwrap().hashes.clone()
    }
}

/// An answer; an object with an error is one.
fn refusal(answer: Value) -> Result<Value, String> {
    match answer["error"].as_str() {
        Some(error) => Err(error.into()),
        None => Ok(answer),
    }
}

/// The transaction of the call `[1, 2]` with number 7, as it is sent.
fn raw(max_fee: u128, max_priority_fee: u128) -> Vec<u8> {
    Wallet::new(&[0x11; 32]).unwrap().sign(&Transaction {
        chain_id: 5,
        nonce: 7,
        max_priority_fee,
        max_fee,
        gas: 21_000,
        to: [5; 20],
        data: &[1, 2],
    })
}

fn sending(raw: &[u8]) -> [(String, Value); 1] {
    [("eth_sendRawTransaction".into(), json!([rpc::hex(raw)]))]
}

fn hash(raw: &[u8]) -> String {
    rpc::hex(&wallet::hash(raw))
}

#[test]
fn what_is_not_mined_is_sent_again_for_more() {
    let mut played = Played::new();
    played.call(&[1, 2]);
    assert!(played.prepare(100, 7).is_none());
    let first = hash(&raw(202, 2));
    let (asked, reply) = played.answer(&[json!(first)]);
    assert_eq!(asked, sending(&raw(202, 2)));
    assert_eq!(reply, Some(Ok(json!(first))));
    // It is not mined in time.
    played.pass(89);
    assert!(played.chain.next_request().is_none());
    played.pass(1);
    let block = json!({ "baseFeePerGas": "0x64" });
    let (asked, _) = played.answer(&[block.clone(), json!("0x2"), Value::Null]);
    assert_eq!(
        asked[2],
        ("eth_getTransactionReceipt".into(), json!([first]))
    );
    let (asked, _) = played.answer(&[json!({ "error": "busy" })]);
    assert_eq!(asked, sending(&raw(253, 3)));
    // Gas has become dear meanwhile: the next one follows. An endpoint may count otherwise than by
    // the bytes.
    played.pass(90);
    let dear = json!({ "baseFeePerGas": "0x3e8" });
    played.answer(&[dear, json!("0x2"), Value::Null, Value::Null]);
    let (asked, _) = played.answer(&[json!("0xcc")]);
    assert_eq!(asked, sending(&raw(2002, 4)));
    let all = [
        first.clone(),
        hash(&raw(253, 3)),
        hash(&raw(2002, 4)),
        "0xcc".into(),
    ];
    assert_eq!(played.hashes(7), all);
    // The second one is mined: who asks for the first is told, also after a reboot.
    played.pass(90);
    let receipt = json!({ "status": "0x1", "transactionHash": all[1] });
    let receipts = [Value::Null, receipt.clone(), Value::Null, Value::Null];
    played.answer(&[&[block, json!("0x2")][..], &receipts].concat());
    assert!(played.chain.next_request().is_none());
    assert_eq!(played.chain.wake_at(), None);
    let played = played.rebooted();
    let family = played.chain.pending.of_hash(&first).unwrap();
    assert_eq!(family.hashes, all);
    assert_eq!(played.chain.wake_at(), None);
    let answers = [Ok(Value::Null), Ok(receipt.clone()), Err("gone".into())];
    assert_eq!(mined(answers.into_iter()), Ok(receipt));
}

#[test]
fn an_error_in_place_of_a_receipt_is_no_reason_to_pay_again() {
    let mut played = Played::new();
    played.call(&[1, 2]);
    played.prepare(100, 7);
    played.answer(&[json!(hash(&raw(202, 2)))]);
    let block = json!({ "baseFeePerGas": "0x64" });
    // It may be mined: nobody has said that it is not.
    for answer in [json!({ "error": "limit exceeded" }), json!("busy")] {
        played.pass(90);
        played.answer(&[block.clone(), json!("0x2"), answer]);
        assert!(played.chain.next_request().is_none());
        assert_eq!(played.hashes(7).len(), 1);
    }
    played.pass(90);
    played.answer(&[block, json!("0x2"), Value::Null]);
    assert_eq!(played.answer(&[no_answer()]).0, sending(&raw(253, 3)));
}

#[test]
fn a_power_cut_neither_loses_nor_doubles_a_transaction() {
    let block = json!({ "baseFeePerGas": "0x64" });
    let first = hash(&raw(202, 2));
    // The power goes before the transaction is sent, or after its hash is told.
    for told in [false, true] {
        let mut played = Played::new();
        played.call(&[1, 2]);
        assert!(played.prepare(100, 7).is_none());
        if told {
            let (_, reply) = played.answer(&[json!(first)]);
            assert_eq!(reply, Some(Ok(json!(first))));
        }
        let mut played = played.rebooted();
        // The script knows of nothing and asks again: it gets the hash of the one that is under
        // way.
        played.call(&[1, 2]);
        assert_eq!(played.prepare(100, 8), Some(Ok(json!(first))));
        assert!(played.chain.next_request().is_none());
        // Another call has the next number, though the chain may not have seen this one.
        played.call(&[3]);
        played.prepare(100, 7);
        assert_eq!(played.chain.pending.get(8).unwrap().data, [3]);
        played.answer(&[json!({ "error": "insufficient funds" })]);
        assert_eq!(played.chain.pending.get(8), None);
        // Its time begins anew; then it is sent again with its number, for more.
        played.pass(88);
        assert!(played.chain.next_request().is_none());
        played.pass(1);
        played.answer(&[block.clone(), json!("0x2"), Value::Null]);
        let (asked, _) = played.answer(&[no_answer()]);
        assert_eq!(asked, sending(&raw(253, 3)));
        // That one is known after the next cut, and how often it was sent.
        let played = played.rebooted();
        let sent = played.chain.pending.get(7).unwrap();
        assert_eq!(sent.hashes, [first.clone(), hash(&raw(253, 3))]);
        assert_eq!((sent.times, sent.fees.max), (2, 253));
    }
}

#[test]
fn without_an_answer_a_transaction_may_be_on_the_chain() {
    let mut played = Played::new();
    played.call(&[1, 2]);
    played.prepare(100, 7);
    let (_, reply) = played.answer(&[no_answer()]);
    assert!(reply.unwrap().is_err());
    // The script tries again: the first one is looked after, there is no second one.
    played.call(&[1, 2]);
    let first = hash(&raw(202, 2));
    assert_eq!(played.prepare(100, 7), Some(Ok(json!(first))));
    // What a state does not keep is not sent.
    played.disk.fail(0, u32::MAX);
    played.call(&[3]);
    let refused = played.prepare(100, 8).unwrap().unwrap_err();
    let text = format!("{refused:?}");
    assert!(text.contains("the transaction cannot be kept"), "{text}");
    assert!(played.chain.next_request().is_none());
}

#[test]
fn a_receipt_that_a_script_sees_ends_the_looking() {
    let mut played = Played::new();
    played.call(&[1, 2]);
    played.prepare(100, 7);
    let first = hash(&raw(202, 2));
    played.answer(&[json!(first)]);
    let families = vec![played.hashes(7)];
    let until = played.now + Duration::from_secs(60);
    let work = Work::Receipts(families);
    let questions: Vec<Question> = receipts(&[first]).collect();
    played.chain.ask(JobId(2), until, work, &questions);
    let receipt = json!({ "status": "0x0", "blockNumber": "0x10" });
    let (_, reply) = played.answer(&[receipt]);
    assert_eq!(reply.unwrap().unwrap()[0]["status"], "failed");
    assert_eq!(played.chain.wake_at(), None);
    // It has failed: the same call makes another one.
    played.call(&[1, 2]);
    assert!(played.prepare(100, 8).is_none());
    assert!(played.chain.pending.get(8).is_some());
}
