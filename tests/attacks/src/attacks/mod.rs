//! The attacks, by what they aim at.

mod builtins;
mod connections;
mod copies;
mod data;
mod guests;
mod inside;
mod module;
mod pages;
mod scripts;
mod shares;
mod streams;
mod text;
mod values;

use crate::attack::Attack;

/// All of them. Those that share a node come one after the other.
pub(crate) fn all() -> Vec<Attack> {
    let mut all: Vec<Attack> = [
        data::ATTACKS,
        scripts::ATTACKS,
        values::ATTACKS,
        builtins::ATTACKS,
        copies::ATTACKS,
        guests::ATTACKS,
        shares::ATTACKS,
        inside::ATTACKS,
        streams::ATTACKS,
        connections::ATTACKS,
        pages::ATTACKS,
    ]
    .concat();
    all.sort_by_key(|attack| !attack.home.is_shared());
    all
}
