//! The store beside redb: `crash` cuts the power at the same points of the same histories,
//! `bench` does the same work on files of the host, in one run, and prints ratios.

mod bench;
mod crash;
#[allow(
    dead_code,
    reason = "shared with the store's own crash tests, which use more of it"
)]
#[path = "../../tests/sim/mod.rs"]
mod sim;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("crash") => crash::run(),
        Some("bench") => bench::run(),
        _ => {
            eprintln!("usage: basalt-store-compare crash|bench");
            std::process::exit(2);
        }
    }
}
