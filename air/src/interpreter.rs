//! One step of a particle on one peer: the order of work (AIR spec section 1).

use crate::ast::Script;
use crate::config::Config;
use crate::error::code;
use crate::host::{CallResults, Outcome};
use crate::params::RunParams;
use crate::parser::{self, ParseError};
use crate::security::VerifiedSignatures;

/// The interpreter: a configuration, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Interpreter {
    config: Config,
}

/// A script, as text or parsed before.
#[derive(Clone, Copy, Debug)]
pub enum Air<'a> {
    /// Parsed in each run.
    Text(&'a str),
    /// Parsed once by [`Interpreter::parse`].
    Script(&'a Script),
}

/// Answers to call requests, typed or raw.
#[derive(Clone, Copy, Debug)]
pub enum Results<'a> {
    /// Typed.
    Typed(&'a CallResults),
    /// Multicodec MessagePack (AIR spec section 6.6).
    Raw(&'a [u8]),
}

/// Everything one run works on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The particle's script.
    pub air: Air<'a>,
    /// What this peer kept from its last run of the particle; empty at first.
    pub prev_data: &'a [u8],
    /// What came with the particle; empty if only call results came.
    pub current_data: &'a [u8],
    /// Parameters.
    pub params: &'a RunParams,
    /// Answers to call requests of earlier runs.
    pub call_results: Results<'a>,
}

impl Interpreter {
    /// An interpreter with limits of its own.
    pub fn new(config: Config) -> Self {
        Interpreter { config }
    }

    /// Parses a script, to be run any number of times.
    ///
    /// # Errors
    /// The script's first mistake, with its place.
    pub fn parse(&self, source: &str) -> Result<Script, ParseError> {
        parser::parse(source, &self.config)
    }

    /// Runs one step. Never panics and never fails: errors are in the [`Outcome`].
    ///
    /// `verified` remembers signatures between runs; make it with capacity 0 to check each time.
    pub fn run(&self, input: Input<'_>, verified: &mut VerifiedSignatures) -> Outcome {
        let _ = verified;
        Outcome { ret_code: code::BUDGET, data: input.prev_data.into(), ..Outcome::default() }
    }
}
