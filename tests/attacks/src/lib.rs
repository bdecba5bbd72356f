//! The attack lab: does to a node what strangers can do to it, and tells whether it survived.
//!
//! `cargo run --release -p basalt-attacks -- --help`

mod attack;
mod attacks;
mod author;
mod confined;
mod elsewhere;
mod floods;
mod honest;
#[allow(unreachable_pub, missing_docs, reason = "it is a test's")]
#[path = "../../../air/tests/support/lore.rs"]
mod lore;
mod node;
mod place;
#[path = "../../e2e/node/program.rs"]
mod program;
mod raw;
mod silent;
mod stage;
mod verdict;
#[allow(dead_code, reason = "each suite uses its part")]
#[path = "../../../net/tests/attacks/wire.rs"]
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;

use attack::{Attack, Home, Times};
use honest::{Honest, Served};
pub use node::Elsewhere;
use node::Node;
use stage::Stage;
use verdict::{Bounds, Measured};

/// Attacks a hosted node from outside and tells whether it survived.
///
/// A node is started as a child under an address-space limit. Each attack comes from a new key and
/// a new address, while an honest client sends one small particle after the other. An attack is
/// survived if the process lives, its memory stays within the budget of the attack, the honest
/// client is served within its bounds, and what is refused is counted with its reason.
///
/// For each attack one line: peak of memory; processor time of the node against the time that it
/// charged to authors; median, 99 of 100 and worst of the honest client, beside those of the quiet
/// node and the latest that this machine woke a sleeper in the same time; refusals by reason. The
/// last line is `N attacks, M survived`, and the exit code says whether all were.
///
/// The node's binary is the one that the environment's BASALT_HOSTED names, or is built.
#[derive(Debug, Parser)]
#[command(name = "basalt-attacks", after_help = names())]
struct Cli {
    /// An attack, by its name; `all`: all of them, one after the other
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// How much, in the unit of the attack (see the list) instead of its large form
    size: Option<usize>,
    /// The small form, with bounds that other work on this machine does not break; attacks share
    /// nodes, and one that is not survived is made again. This is the form of the gate
    #[arg(long)]
    small: bool,
    /// Only lists the attacks
    #[arg(long)]
    list: bool,
}

/// Stands for all attacks.
const ALL: &str = "all";

fn names() -> String {
    let mut text = String::from("Attacks, with their sizes in the small and the large form:\n");
    for attack in attacks::all() {
        let [small, large] = attack.sizes;
        text += &format!(
            "  {:<24} {} ({small}; {large})\n",
            attack.name, attack.about
        );
    }
    text
}

/// The program: reads its arguments, makes the attacks, and tells whether all were survived.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == confined::WORD) {
        return confined::become_program(arguments);
    }
    let cli = Cli::parse();
    if cli.list {
        print!("{}", names());
        return ExitCode::SUCCESS;
    }
    match lab(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the attacks; whether all were survived.
fn lab(cli: &Cli) -> Result<bool> {
    let name = cli.name.as_deref().unwrap_or(ALL);
    let chosen: Vec<Attack> = attacks::all()
        .into_iter()
        .filter(|attack| name == ALL || attack.name == name)
        .collect();
    if name == ALL && cli.size.is_some() {
        bail!("attacks have units of their own: a size goes with one attack, not with all");
    }
    if chosen.is_empty() {
        bail!("no such attack; --list tells their names");
    }
    confined::allow_many_files();
    let mut lab = Lab {
        program: program::hosted(&[env!("CARGO_PKG_NAME")])?,
        small: cli.small,
        stand: None,
    };
    let (count, mut survived) = (chosen.len(), 0);
    for attack in chosen {
        let size = cli.size.unwrap_or(attack.sizes[usize::from(!cli.small)]);
        let name = format!("{} {size}", attack.name);
        let mut measured = lab.attack(&attack, size)?;
        println!("{name:<24} {measured}");
        if cli.small && !measured.survived() {
            // The gate runs on machines that do other work: what fails there by chance does not
            // fail twice.
            measured = lab.attack(&attack, size)?;
            println!("{name:<24} {measured}, the second time");
        }
        survived += usize::from(measured.survived());
    }
    println!("{count} attacks, {survived} survived");
    Ok(survived == count)
}

/// A node with an honest client, and what that saw while nothing else was done.
struct Stand {
    // Clients go first: a node that is gone is no fault.
    honest: Honest,
    node: Node,
    quiet: Served,
    home: Home,
}

struct Lab {
    program: PathBuf,
    small: bool,
    stand: Option<Stand>,
}

impl Lab {
    fn times(&self) -> Times {
        match self.small {
            true => Times::SMALL,
            false => Times::LARGE,
        }
    }

    /// The node for an attack: the last one if it may be shared, or a new one.
    fn stand(&mut self, home: Home) -> Result<Stand> {
        let last = self.stand.take();
        if let Some(stand) = last
            && self.small
            && home.is_shared()
            && stand.home == home
        {
            return Ok(stand);
        }
        start(&self.program, home, self.times().quiet)
    }

    fn attack(&mut self, attack: &Attack, size: usize) -> Result<Measured> {
        let times = self.times();
        let bounds = match self.small {
            true => Bounds::GATE,
            false => Bounds::FULL,
        };
        let mut stand = self.stand(attack.home)?;
        let (measured, settled) = made(attack, size, &mut stand, &times, &bounds)?;
        // What is not over would be seen as the next attack's doing.
        if settled && measured.survived() {
            self.stand = Some(stand);
        }
        Ok(measured)
    }
}

/// Makes an attack; what came of it, and whether the node has come to rest since.
fn made(
    attack: &Attack,
    size: usize,
    stand: &mut Stand,
    times: &Times,
    bounds: &Bounds,
) -> Result<(Measured, bool)> {
    let before = stand.node.metrics()?;
    stand.node.forget_peak();
    let mut measured = Measured {
        budget: attack.budget << 20,
        memory: stand.node.memory(),
        quiet: stand.quiet.clone(),
        ..Measured::default()
    };
    let ran = stand.node.processor();
    stand.honest.take();

    let begin = Instant::now();
    let mut stage = Stage::new(&stand.node, size, times.most);
    let done = (attack.run)(&mut stage);
    measured.notes = std::mem::take(&mut stage.notes);
    if let Err(error) = done {
        measured.wrong.push(format!("{error:#}"));
    }
    while begin.elapsed() < times.least {
        std::thread::sleep(Duration::from_millis(20));
    }
    let settled = match stand.node.is_machine() {
        // What its processors do is not seen from outside. Calls end with their particles.
        true => {
            std::thread::sleep(Stage::life_of_calls(times.most) + times.least);
            true
        }
        false => settle(&mut stand.node, times.settle),
    };

    measured.served = stand.honest.take();
    measured.processor = stand.node.processor().saturating_sub(ran);
    measured.memory.1 = stand.node.memory().1.max(measured.memory.0);
    if let Some(status) = stand.node.ended() {
        measured.wrong = vec![format!("the node is dead: {status}\n{}", stand.node.tail())];
        return Ok((measured, false));
    }
    match stand.node.metrics() {
        Ok(after) => {
            measured.refused = after.refused_since(&before);
            let charged = after.get(CHARGED) - before.get(CHARGED);
            measured.charged = Duration::try_from_secs_f64(charged).unwrap_or_default();
        }
        Err(error) => measured.wrong.push(format!("the pages: {error:#}")),
    }
    measured.judge(bounds, attack.counted);
    Ok((measured, settled))
}

/// Seconds that the node charged to authors, on its page of metrics.
const CHARGED: &str = "basalt_charged_seconds_total";
/// Particles that wait for their turn.
const WAITING: &str = "basalt_turns_waiting";

fn start(program: &Path, home: Home, quiet: Duration) -> Result<Stand> {
    let node = Node::start(program, &home.set_up())?;
    Stand::watched(node, home, quiet)
}

impl Stand {
    /// Watches a quiet node for a time.
    fn watched(node: Node, home: Home, quiet: Duration) -> Result<Self> {
        let honest = Honest::start(&node.address)?;
        // What is done for the first time takes longer.
        std::thread::sleep(quiet / 4);
        honest.take();
        std::thread::sleep(quiet);
        let quiet = honest.take();
        Ok(Self {
            honest,
            node,
            quiet,
            home,
        })
    }
}

/// Waits until a node has little to do beside its honest client; whether it came to that.
fn settle(node: &mut Node, most: Duration) -> bool {
    const GLANCE: Duration = Duration::from_millis(150);
    let begin = Instant::now();
    while begin.elapsed() < most {
        let (start, before) = (Instant::now(), node.processor());
        std::thread::sleep(GLANCE);
        let ran = node.processor().saturating_sub(before);
        let waits = |metrics: node::Metrics| metrics.get(WAITING) > 1.0;
        if ran < start.elapsed() / 3 && !node.metrics().is_ok_and(waits) {
            return true;
        }
        if node.ended().is_some() {
            return false;
        }
    }
    false
}
