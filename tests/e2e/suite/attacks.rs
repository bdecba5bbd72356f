//! The attack lab against the booted image: guests on the kernel's stacks, connections that use up
//! the machine's sockets, and a serial line that takes nothing more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_attacks::Elsewhere;
use basalt_net::keypair::Keypair;
use basalt_qemu::Guest;
use libp2p::identity;

use crate::client::particle::Form;
use crate::client::peer::Peer;
use crate::client::question::{Question, echo};
use crate::node::guest::{Installed, PAGES_PORT};
use crate::node::page;
use crate::target::{Target, port};

/// Attacks of the lab, with how much of each. The machine has 160 places for peers, of which an
/// address gets 35: those that hold connections try to take all.
const ATTACKS: &[(&str, usize)] = &[
    ("idle-connections", 300),
    ("idle-peers", 100),
    ("tls-hellos", 2_000),
    ("open-words", 10),
    ("idle-pages", 64),
    ("slow-pages", 64),
    ("unread-pages", 64),
    ("refused-memory", 200_000),
    ("refused-table", 200_000),
    ("branching-guest", 200_000),
    ("recursive-guest", 4),
    ("hungry-guest", 1),
    ("endless-guest", 2),
    ("adapter-chain", 1),
];

/// Memory of the machine in MiB.
const MEMORY_MIB: u32 = 512;
/// The key of the peer of which the log tells each step.
const LOUD: [u8; 32] = [0x10; 32];
/// How long the serial line may be stuck before lines are left out.
const STUCK: Duration = Duration::from_secs(60);
/// How long an answer may take from an emulated machine.
const ANSWER: Duration = Duration::from_secs(10);
/// Turns of two seconds or more: a core that waited for the line would have one for each line, and
/// an emulated one may be left without its host's processor at any time.
const MAX_SLOW: f64 = 3.0;
/// Particles that are sent before the next look.
const LOUD_AT_ONCE: usize = 40;

/// The kernel's words for lines that the serial line was too slow for.
const LEFT_OUT: &str = " lines are left out: the serial line is slow";

pub(crate) async fn booted() -> Result<()> {
    let loud = Keypair::from_seed(LOUD).peer_id();
    let more = format!("\n[http]\nport = {PAGES_PORT}\n[log]\ntrace = \"{loud}\"\n");
    let disk = Installed::passing(&more, MEMORY_MIB).await?;
    let (target, guest) = disk.boot(2).await?;
    let guest = Arc::new(guest);
    let outcome = attacked(&disk, &target, &guest).await;
    outcome.with_context(|| format!("the serial line:\n{}", guest.serial().last(60).join("\n")))
}

async fn attacked(disk: &Installed, target: &Target, guest: &Arc<Guest>) -> Result<()> {
    stuck_line(target, guest).await?;
    let lab = Elsewhere {
        peer: target.peer_id.to_string().parse()?,
        tcp: ([127, 0, 0, 1], port(&target.tcp)?).into(),
        websocket: ([127, 0, 0, 1], port(&target.ws)?).into(),
        pages: guest.forwarded(PAGES_PORT).context("no port for pages")?,
        process: guest.process_id(),
    };
    let watched = guest.clone();
    let made = tokio::task::spawn_blocking(move || {
        let mut wrong = Vec::new();
        lab.attack(ATTACKS, |line, survived| {
            eprintln!("{line}");
            if !survived || !watched.is_running() {
                wrong.push(line.to_owned());
            }
        })?;
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    });
    made.await??;
    // The bootstrap peer has kept its place meanwhile.
    echo(disk.bootstrap(), target.peer_id).await?;
    let panics = |line: &String| line.contains("basalt: panic");
    ensure!(!guest.serial().lines(0).iter().any(panics), "it panicked");
    Ok(())
}

/// A serial line that takes nothing holds up no core: what finds no room is left out and counted.
async fn stuck_line(target: &Target, guest: &Arc<Guest>) -> Result<()> {
    let node = target.peer_id;
    let loud = Peer::with_key(identity::Keypair::ed25519_from_bytes(LOUD)?, &[])?;
    let other = Peer::start(&[])?;
    for peer in [&loud, &other] {
        peer.connect(&target.tcp).await?;
    }
    let slow_before = number(guest, SLOWEST).await?;
    let mark = guest.serial().mark();
    guest.serial().hold(true);
    let begin = Instant::now();
    let mut answers = Duration::ZERO;
    let outcome = async {
        while number(guest, "basalt_machine_log_lines_left_out_total").await? == 0.0 {
            ensure!(begin.elapsed() < STUCK, "no line was left out");
            for _ in 0..LOUD_AT_ONCE {
                let question = Question::new(&loud, node, ("op", "identity"), "1");
                loud.send(node, &question.particle, Form::Bin).await?;
            }
            let asked = Instant::now();
            echo(&other, node).await?;
            answers = answers.max(asked.elapsed());
        }
        Ok(())
    };
    let outcome = outcome.await;
    let stuck = begin.elapsed();
    guest.serial().hold(false);
    outcome?;
    ensure!(answers < ANSWER, "an answer took {answers:?}");

    let heard = {
        let guest = guest.clone();
        tokio::task::spawn_blocking(move || guest.wait_for_line_from(mark, LEFT_OUT, ANSWER))
    };
    let heard = heard.await??;
    let told = heard.strip_suffix(LEFT_OUT);
    let told = told.and_then(|text| text.rsplit(' ').next());
    let told: u64 = told.with_context(|| heard.clone())?.parse()?;
    let counted = number(guest, "basalt_machine_log_lines_left_out_total").await?;
    ensure!(told > 0 && told as f64 <= counted, "{told} of {counted}");
    let slow = number(guest, SLOWEST).await? - slow_before;
    eprintln!(
        "the serial line was stuck for {stuck:?}: {told} lines are left out, the slowest answer took \
         {answers:?}, {slow} turns took two seconds or more, the longest {} s",
        number(guest, "basalt_machine_turn_longest_seconds").await?,
    );
    ensure!(slow < MAX_SLOW, "{slow} turns of two seconds or more");
    Ok(())
}

/// Turns of the system core's loop that took two seconds or more.
const SLOWEST: &str = "basalt_machine_turns_slow_total{seconds=\"2\"}";

/// A number of the page of metrics.
async fn number(guest: &Guest, name: &str) -> Result<f64> {
    // What the page tells of the machine is half a second old at most.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let pages = guest.forwarded(PAGES_PORT).context("no port for pages")?;
    let metrics = tokio::task::spawn_blocking(move || page(pages, "/metrics")).await??;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("no {name} in:\n{metrics}"))?;
    Ok(value.trim().parse()?)
}
