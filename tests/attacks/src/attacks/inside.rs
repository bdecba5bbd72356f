//! Ways to what is behind the node: its own machine, its provider's network, its chain.

use anyhow::{Result, ensure};
use basalt_net::keypair::Keypair;
use basalt_net::yamux::{Flags, Kind};
use basalt_net::{identify, prefixed};

use super::text::call;
use crate::attack::{Attack, Home};
use crate::author::in_parallel;
use crate::raw;
use crate::silent;
use crate::stage::Stage;
use crate::wire::{header, proposal};

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "ipfs-inside",
        "calls of aqua-ipfs on a worker that name this machine",
        [16, 200],
        ipfs_inside,
    )
    .counted(&["file_refused"]),
    Attack::new(
        "chain-reads",
        "calls of subnet.resolve, of a chain that never answers",
        [300, 4_000],
        chain_reads,
    )
    .on(Home::SilentChain),
    Attack::new(
        "told-addresses",
        "peers that tell addresses of this machine as their own",
        [20, 200],
        told_addresses,
    ),
];

/// Any CID of a block.
const BLOCK: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

fn ipfs_inside(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let mut operator = stage.operator()?;
    // The number of the unit is the worker's alone.
    let unit = format!("{:064x}", stage.key());
    let deal = format!("0x{:040x}", stage.key());
    let steps = [
        call(&peer, "op.array", &format!("\"{unit}\""), "units"),
        call(
            &peer,
            "worker.create",
            &format!("\"{deal}\" units"),
            "worker",
        ),
    ];
    let values = operator.ask(&steps, "worker")?;
    let worker = values.first().and_then(|value| value.as_str());
    let worker = worker.unwrap_or_default().to_owned();
    let before = silent::connections();
    let api = format!("/ip4/127.0.0.1/tcp/{}", silent::address().port());
    let named = format!("/dns4/localhost/tcp/{}", silent::address().port());
    let mut author = stage.attacker()?;
    for scope in [&peer, &worker] {
        let calls: Vec<String> = (0..stage.size)
            .map(|n| {
                let api = if n % 2 == 0 { &api } else { &named };
                let function = ["aqua-ipfs.cat_from", "aqua-ipfs.get_from"][n / 2 % 2];
                let call = call(scope, function, &format!("\"{BLOCK}\" \"{api}\""), "");
                format!("(xor {call} (null))")
            })
            .collect();
        let go = call(&peer, "op.noop", "", "");
        author.ask(&[go, in_parallel(&calls)], "")?;
    }
    let remove = call(&peer, "worker.remove", &format!("\"{worker}\""), "");
    operator.ask(&[remove], "")?;
    let came = silent::connections() - before;
    ensure!(
        came == 0,
        "{came} connections to this machine's own loopback"
    );
    Ok(())
}

fn chain_reads(stage: &mut Stage<'_>) -> Result<()> {
    let peer = stage.peer();
    let reads: Vec<String> = (0..stage.size)
        .map(|number| call(&peer, "subnet.resolve", &format!("\"0x{number:040x}\""), ""))
        .collect();
    let mut author = stage.attacker()?;
    author.throw(&in_parallel(&reads), stage.time)?;
    author.flush(stage.time)?;
    author.ask(&[call(&peer, "op.noop", "", "")], "")?;
    let text = format!("\"0x{:040x}\"", u64::MAX);
    let again = call(&peer, "subnet.resolve", &text, "x");
    // The chain is silent for him too: he is told so, and not that there is no place for him.
    let mut honest = stage.operator()?;
    let told = honest.ask(&[again], "x");
    let told = told.map_or_else(|error| error.to_string(), |value| format!("{value:?}"));
    stage.notes.push(format!(
        "the operator is told {}",
        told.chars().take(80).collect::<String>()
    ));
    ensure!(
        !told.contains("busy"),
        "the operator finds no place: {told}"
    );
    Ok(())
}

fn told_addresses(stage: &mut Stage<'_>) -> Result<()> {
    let before = silent::connections();
    let port = silent::address().port();
    let mut held = Vec::new();
    for number in 0..stage.size {
        let key = stage.key();
        let mut client = raw::Client::connect(stage.place(), key)?;
        let id = crate::wire::keypair(key).peer_id();
        client.forget()?;
        let addresses = (0..64).map(|n| match n % 3 {
            0 => format!("/ip4/127.0.0.1/tcp/{port}/p2p/{id}"),
            1 => format!("/ip4/10.{number}.0.{n}/tcp/{port}"),
            _ => format!("/dns4/name-{number}-{n}.invalid/tcp/{port}"),
        });
        let told = identify::Info {
            listen_addrs: addresses.filter_map(|text| text.parse().ok()).collect(),
            protocols: vec![basalt_net::particle::PROTOCOL.into()],
            ..identify::Info::default()
        };
        let bytes = [
            proposal(identify::PUSH_PROTOCOL),
            prefixed::frame(&told.encode()),
        ]
        .concat();
        let stream = client.open(&bytes)?;
        client.say(&header(Kind::Data, Flags::FIN, stream, 0))?;
        held.push((client, id));
    }
    // Now somebody wants to reach those who have gone.
    let gone: Vec<String> = held
        .drain(..)
        .map(|(_, id)| format!("(call \"{id}\" (\"a\" \"b\") [])"))
        .collect();
    let other = Keypair::from_seed([78; 32]).peer_id();
    stage.script(&format!(
        "(par {} (call \"{other}\" (\"a\" \"b\") []))",
        in_parallel(&gone)
    ))?;
    std::thread::sleep(std::time::Duration::from_millis(500));
    let came = silent::connections() - before;
    stage
        .notes
        .push(format!("{came} connections to told addresses"));
    Ok(())
}
