//! Proofs of capacity: those that leave a node are what the network would accept.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_prover::capacity::schedule::Schedule;
use basalt_prover::capacity::{CuId, Difficulty, GlobalNonce, Proof, randomx_key, records};
use basalt_prover::memory::Mmap;
use basalt_prover::randomx::{Cache, Fluence, Source, Vm};
use basalt_qemu::Guest;
use libp2p::identity::Keypair;
use serde_json::{Value, json};

use crate::client::particle::Form;
use crate::client::peer::Peer;
use crate::client::question::{Question, ask};
use crate::node::guest::{Installed, PAGES_PORT};
use crate::node::hosted::Ccp;
use crate::node::{OPERATOR, page};
use crate::target::Target;

/// How long an emulated machine may take from its start to what is waited for.
const PATIENCE: Duration = Duration::from_secs(540);
/// The same for a process.
const SOON: Duration = Duration::from_secs(240);

/// One hash in four is a proof.
const DIFFICULTY: Difficulty = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0x3f;
    Difficulty(bytes)
};
const UNITS: [CuId; 2] = [CuId([0xa1; 32]), CuId([0xb2; 32])];

/// Hashes again what proofs claim, with a cache per unit and epoch.
#[derive(Default)]
struct Judge {
    caches: BTreeMap<[u8; 32], Cache<Fluence>>,
}

impl Judge {
    fn check(&mut self, proof: &Proof) -> Result<()> {
        let memory = Mmap::default();
        let key = randomx_key(&proof.epoch.nonce, &proof.cu);
        let cache = match self.caches.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Cache::new(&memory, &key)?),
        };
        let hash = Vm::best(&memory)?.hash(Source::Light(cache), &proof.local_nonce.0);
        ensure!(hash == proof.result_hash.0, "a wrong hash in {proof:?}");
        let difficulty = proof.epoch.difficulty;
        ensure!(difficulty == DIFFICULTY, "another difficulty in {proof:?}");
        ensure!(
            difficulty.is_met_by(&proof.result_hash),
            "too easy: {proof:?}"
        );
        Ok(())
    }
}

/// Proofs in lines of a serial log.
fn proofs_in(lines: &[String]) -> Result<Vec<Proof>> {
    let told = lines
        .iter()
        .filter_map(|line| line.split_once("basalt: proof "));
    told.map(|(_, text)| Ok(records::proof_from_bytes(text.trim().as_bytes())?))
        .collect()
}

fn section(nonce: &GlobalNonce, more: &str) -> String {
    format!(
        "\n[prover]\nmode = \"light\"\nunits = [\"{}\", \"{}\"]\nglobal_nonce = \"{nonce}\"\n\
         difficulty = \"{DIFFICULTY}\"\nmin_proofs = 1\nmax_proofs = 3\nregisters = \"on\"\n{more}",
        UNITS[0], UNITS[1],
    )
}

/// Two compute cores prove two units in every epoch, stop at the maximum, and go on with the next
/// nonce.
pub(crate) async fn epochs() -> Result<()> {
    const SECONDS: u32 = 120;
    let schedule = Schedule {
        nonce: GlobalNonce([0x11; 32]),
        difficulty: DIFFICULTY,
        seconds: Some(SECONDS),
    };
    let more = format!("epoch_seconds = {SECONDS}\n[http]\nport = {PAGES_PORT}\n");
    let disk = Installed::with_more(&section(&schedule.nonce, &more), 1024).await?;
    let began = unix_seconds()?;
    let (target, guest) = disk.boot(3).await?;
    let guest = Arc::new(guest);
    let deadline = Instant::now() + PATIENCE;
    let proofs = loop {
        let proofs = proofs_in(&guest.serial().lines(0))?;
        let units: BTreeSet<CuId> = proofs.iter().map(|proof| proof.cu).collect();
        let nonces: BTreeSet<_> = proofs.iter().map(|proof| proof.epoch.nonce.0).collect();
        if units.len() == UNITS.len() && nonces.len() > 1 {
            break proofs;
        }
        ensure!(
            Instant::now() < deadline && guest.is_running(),
            "{} proofs of {} units in {} epochs:\n{}",
            proofs.len(),
            units.len(),
            nonces.len(),
            guest.serial().last(60).join("\n"),
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let pages = guest.forwarded(PAGES_PORT).context("no port")?;
    let metrics = tokio::task::spawn_blocking(move || page(pages, "/metrics")).await??;
    for unit in UNITS {
        let gauge = format!("ccp_unit_fill_percent{{cu_id=\"{unit}\"}}");
        ensure!(metrics.contains(&gauge), "no unit {unit} in:\n{metrics}");
    }
    let ends = metrics.matches("# EOF\n").count();
    ensure!(
        metrics.ends_with("# EOF\n") && ends == 1,
        "{ends} ends in:\n{metrics}"
    );
    let ended = unix_seconds()?;
    let epochs: BTreeSet<_> = (began..=ended)
        .map(|second| schedule.epoch_at(second).nonce.0)
        .collect();
    let mut indices: BTreeMap<_, u64> = BTreeMap::new();
    let mut judge = Judge::default();
    for proof in &proofs {
        ensure!(UNITS.contains(&proof.cu), "a foreign unit in {proof:?}");
        ensure!(
            epochs.contains(&proof.epoch.nonce.0),
            "a foreign nonce in {proof:?}"
        );
        let index = indices.entry((proof.epoch.nonce.0, proof.cu)).or_default();
        *index += 1;
        ensure!(
            proof.index == *index && *index <= 3,
            "a wrong index in {proof:?}"
        );
        judge.check(proof)?;
    }
    deal(&target, &guest).await?;
    // The nonces come in the order of time, and none comes again.
    let mut nonces: Vec<_> = proofs.iter().map(|proof| proof.epoch.nonce.0).collect();
    nonces.dedup();
    ensure!(
        nonces.len() == nonces.iter().collect::<BTreeSet<_>>().len(),
        "proofs of an old nonce"
    );
    Ok(())
}

/// The first unit's core serves a deal while its worker is there, and the other one goes on.
async fn deal(target: &Target, guest: &Arc<Guest>) -> Result<()> {
    let key = Keypair::ed25519_from_bytes(OPERATOR)?;
    let operator = Peer::with_key(key, &[])?;
    operator.connect(&target.tcp).await?;
    let node = target.peer_id;
    let told = |mark: usize, unit: CuId, states: &'static [&'static str]| {
        let guest = guest.clone();
        let wait = move || {
            let deadline = Instant::now() + PATIENCE;
            let mut at = mark;
            while Instant::now() < deadline {
                let line = guest.wait_for_line_from(at, &format!("unit {unit}: "), PATIENCE)?;
                if states.iter().any(|state| line.contains(state)) {
                    return Ok(());
                }
                at = guest.serial().mark();
            }
            anyhow::bail!("unit {unit} is not {states:?}")
        };
        tokio::task::spawn_blocking(wait)
    };
    let mark = guest.serial().mark();
    let create = format!(
        r#"(seq (ap "{}" $units) (seq (canon "{node}" $units #units) (call "{node}" ("worker" "create") ["0x{}" #units] x)))"#,
        UNITS[0],
        "5a".repeat(20),
    );
    let worker = Question::of(&operator, node, &create)
        .ask(&operator, Form::Bin)
        .await?;
    told(mark, UNITS[0], &["in a deal"]).await??;
    told(
        mark,
        UNITS[1],
        &["hashing", "idle at the maximum", "making the cache"],
    )
    .await??;
    let mark = guest.serial().mark();
    let removed = ask(
        &operator,
        node,
        ("worker", "remove"),
        &worker.to_string(),
        Form::Bin,
    )
    .await?;
    ensure!(removed == "", "{removed}");
    told(
        mark,
        UNITS[0],
        &["hashing", "idle at the maximum", "making the cache"],
    )
    .await??;
    Ok(())
}

/// A proof that was told outlives a reset.
pub(crate) async fn reset() -> Result<()> {
    let disk = Installed::with_more(&section(&GlobalNonce([0x22; 32]), ""), 1024).await?;
    let (_, guest) = disk.boot(3).await?;
    let waited = tokio::task::spawn_blocking(move || {
        guest.wait_for_line("basalt: proof ", PATIENCE)?;
        let before = proofs_in(&guest.serial().lines(0))?;
        let mark = guest.serial().mark();
        guest.reset()?;
        guest.wait_for_line_from(mark, "proofs of this epoch were kept", PATIENCE)?;
        guest.wait_for_line_from(mark, "basalt: proof ", PATIENCE)?;
        anyhow::Ok((before, proofs_in(&guest.serial().lines(mark))?))
    });
    let (before, after) = waited.await??;
    let mut judge = Judge::default();
    for proof in &before {
        ensure!(after.contains(proof), "{proof:?} is lost");
        judge.check(proof)?;
    }
    Ok(())
}

fn unix_seconds() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(now.as_secs())
}

/// The reference prover's JSON-RPC, as a peer drives it: start, poll, change of the nonce, restart,
/// stop.
pub(crate) async fn ccp() -> Result<()> {
    tokio::task::spawn_blocking(drive).await?
}

fn drive() -> Result<()> {
    let mut ccp = Ccp::start()?;
    let mut judge = Judge::default();
    let first = GlobalNonce([0x33; 32]);
    let active = |nonce: &GlobalNonce| {
        json!({
            "global_nonce": nonce.to_string(),
            "difficulty": DIFFICULTY.to_string(),
            "cu_allocation": { "0": UNITS[0].to_string(), "1": UNITS[1].to_string() },
        })
    };
    let bad = ccp.call(
        "ccp_on_active_commitment",
        &json!({ "global_nonce": "0x12" }),
    );
    ensure!(bad.is_err(), "a broken commitment is taken");
    ensure!(
        ccp.call("ccp_on_active_commitment", &active(&first))?
            .is_null()
    );
    for unit in UNITS {
        let proofs = poll(&ccp, unit, 2)?;
        for (index, proof) in (1..).zip(&proofs) {
            ensure!(
                (proof.index, proof.cu, proof.epoch.nonce) == (index, unit, first),
                "{proof:?} is number {index} of {unit}"
            );
            judge.check(proof)?;
        }
    }
    let batches = ccp.call(
        "ccp_get_batch_proofs_after",
        &json!([{ UNITS[0].to_string(): { "last_seen_proof_idx": 0, "proof_batch_size": 2 } }, 1, 1]),
    )?;
    ensure!(
        batches[0]["proof_batches"].as_array().map(Vec::len) == Some(2),
        "{batches}"
    );
    ensure!(
        ccp.call(
            "ccp_realloc_utility_cores",
            &json!({ "utility_core_ids": [0] })
        )?
        .is_null()
    );
    let metrics = ccp.get("/metrics")?;
    ensure!(metrics.contains("ccp_checked_hashes_total"), "{metrics}");

    // A process that is killed loses no proof that it has shown.
    let shown = after(&ccp, UNITS[1])?;
    ccp.restart()?;
    let kept = after(&ccp, UNITS[1])?;
    ensure!(kept.starts_with(&shown), "{shown:?} became {kept:?}");

    // Another nonce: nothing of the old one is ever shown again.
    let second = GlobalNonce([0x44; 32]);
    ensure!(
        ccp.call("ccp_on_active_commitment", &active(&second))?
            .is_null()
    );
    let proofs = poll(&ccp, UNITS[0], 1)?;
    ensure!(
        proofs[0].index == 1 && proofs[0].epoch.nonce == second,
        "{proofs:?}"
    );
    judge.check(&proofs[0])?;
    ensure!(
        ccp.call("ccp_on_no_active_commitment", &json!([]))?
            .is_null()
    );
    ensure!(after(&ccp, UNITS[0])?.is_empty(), "proofs of no commitment");
    Ok(())
}

/// Proofs of a unit from the first on.
fn after(ccp: &Ccp, unit: CuId) -> Result<Vec<Proof>> {
    let units = ccp.call(
        "ccp_get_proofs_after",
        &json!([{ unit.to_string(): 0 }, 100]),
    )?;
    let proofs = units[0]["proof_batches"].as_array().cloned();
    let proof = |value: Value| Ok(records::proof_from_bytes(value.to_string().as_bytes())?);
    proofs.unwrap_or_default().into_iter().map(proof).collect()
}

/// Waits until a unit has so many proofs.
fn poll(ccp: &Ccp, unit: CuId, count: usize) -> Result<Vec<Proof>> {
    let deadline = Instant::now() + SOON;
    loop {
        let proofs = after(ccp, unit)?;
        if proofs.len() >= count {
            return Ok(proofs);
        }
        let left = deadline.checked_duration_since(Instant::now());
        left.with_context(|| format!("{} of {count} proofs", proofs.len()))?;
        std::thread::sleep(Duration::from_millis(200));
    }
}
