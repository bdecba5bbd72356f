//! Our connections beside rust-libp2p's, in one run: connection set-ups, bytes through one stream
//! and in messages, and exchanges (open a stream, send 1,400 bytes, get as many back), over TCP on
//! loopback.
//!
//! `cd net/compare && cargo build --release && taskset -c 0 target/release/basalt-net-compare
//! [ROUNDS]`
//!
//! The two take turns, nine rounds of each unless told otherwise, and the medians are shown with
//! what the ratio was between.
//!
//! `.. basalt-net-compare idle [CONNECTIONS]` shows instead what idle connections over WebSocket
//! take, sockets and all. Each takes two file descriptors. `.. basalt-net-compare ours|rust
//! [ROUNDS]` runs one of the two alone, for profilers.
//!
//! Both ends of each run on one thread: theirs on a single-threaded runtime, ours on the hosted
//! node's reactor.

mod ours;
mod rust;

/// Connections that are made, one after the other.
const SET_UPS: usize = 500;
/// Bytes that are sent through one stream, and how often.
const BULK: usize = 16 << 20;
const BULKS: usize = 32;
/// Exchanges, one after the other, and the size of each message.
const EXCHANGES: usize = 5000;
const MESSAGE: usize = 1400;

/// Rounds, if not told.
const ROUNDS: usize = 9;

/// What was measured, per second.
struct Rates {
    set_ups: f64,
    /// Through one stream; the other end forgets what it reads, but ours keeps particles whole.
    megabytes: f64,
    /// In messages of [`BULK`] bytes, a stream each, which the other end keeps whole.
    kept: f64,
    exchanges: f64,
}

/// A row of the table: its name, and where its number is.
type Row = (&'static str, fn(&Rates) -> f64);
const ROWS: [Row; 4] = [
    ("connection set-ups", |rates| rates.set_ups),
    ("MB through one stream", |rates| rates.megabytes),
    ("MB in kept messages", |rates| rates.kept),
    ("exchanges", |rates| rates.exchanges),
];

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let number = |text: String| text.parse().expect("a number");
    let mode = arguments.next_if(|text| text.parse::<usize>().is_err());
    let count = arguments.next().map(number);
    match mode.as_deref() {
        None => compare(count.unwrap_or(ROUNDS)),
        Some("idle") => match ours::idle(count.unwrap_or(5000)) {
            Some(each) => println!("{each:.1} KiB per end of an idle connection"),
            None => println!("this system does not tell how much memory a process has"),
        },
        Some("ours") => alone(count.unwrap_or(ROUNDS), ours::measure),
        Some("rust") => alone(count.unwrap_or(ROUNDS), rust::measure),
        Some(mode) => {
            eprintln!("{mode}: not one of idle, ours, rust");
            std::process::exit(2);
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn compare(rounds: usize) {
    let rounds: Vec<(Rates, Rates)> = (0..rounds)
        .map(|_| (rust::measure(), ours::measure()))
        .collect();
    println!(
        "{:>22} {:>12} {:>12} {:>8}  between",
        "per second", "rust-libp2p", "ours", "ratio"
    );
    for (name, rate) in ROWS {
        let rust = median(rounds.iter().map(|(rust, _)| rate(rust)).collect());
        let ours = median(rounds.iter().map(|(_, ours)| rate(ours)).collect());
        let ratios = rounds.iter().map(|(rust, ours)| rate(ours) / rate(rust));
        let (least, most) = ratios.fold((f64::MAX, 0.0), |(least, most), ratio| {
            (ratio.min(least), ratio.max(most))
        });
        println!(
            "{name:>22} {rust:>12.0} {ours:>12.0} {:>8.2}  {least:.2} and {most:.2}",
            ours / rust
        );
    }
}

fn alone(rounds: usize, measure: fn() -> Rates) {
    let rounds: Vec<Rates> = (0..rounds).map(|_| measure()).collect();
    for (name, rate) in ROWS {
        println!(
            "{name:>22} {:>12.0}",
            median(rounds.iter().map(rate).collect())
        );
    }
}
