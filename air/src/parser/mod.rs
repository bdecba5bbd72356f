//! Text to [`Script`]: lexer, lenses, grammar and validation in one pass over the source.
//!
//! Nesting lives on an explicit stack, so the depth of a script costs heap, not native stack, and
//! is bounded by [`Config::max_nesting`](crate::Config::max_nesting). All failures are error 1.

mod error;
mod grammar;
mod lens;
mod lexer;
mod scopes;
mod state;
mod validation;

pub use error::{ParseError, ParseErrorKind};

use crate::Config;
use crate::ast::Script;
use crate::budget::Heap;
use crate::hashing::Seed;

/// Parses and validates `source`.
///
/// `heap` pays, and keeps holding what the script takes.
pub(crate) fn parse(source: &str, config: &Config, heap: &Heap<'_>) -> Result<Script, ParseError> {
    let seed = Seed::new(config.seed);
    let parsed = state::Parser::new(source, config, &seed, heap).parse();
    parsed.map_err(|error| ParseError {
        time: heap.time(),
        ..error
    })
}
