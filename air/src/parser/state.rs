//! What a parser has read so far.

use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

use super::lexer::Lexer;
use super::scopes::{NameInfo, Scopes};
use crate::Config;
use crate::ast::*;
use crate::hashing::{Keyed, Seed};

pub(super) struct Parser<'s> {
    pub(super) source: &'s str,
    pub(super) lexer: Lexer<'s>,
    pub(super) max_nesting: usize,

    pub(super) nodes: Vec<Instr>,
    pub(super) calls: Vec<Call>,
    /// Offsets of the nodes' opening parentheses.
    pub(super) starts: Vec<u32>,
    pub(super) operands: Vec<Operand>,
    pub(super) accessors: Vec<Accessor>,
    pub(super) lenses: Vec<Lens>,
    pub(super) lens_texts: String,

    pub(super) interned: HashMap<&'s str, Name, Keyed<'s>>,
    pub(super) names: Vec<Text>,
    pub(super) infos: Vec<NameInfo>,
    pub(super) scopes: Scopes,
}

impl<'s> Parser<'s> {
    pub(super) fn new(source: &'s str, config: &Config, seed: &'s Seed) -> Self {
        // A guess that spares most of the growing, and is bounded.
        let names = (source.len() / 64).min(1 << 12);
        Parser {
            source,
            lexer: Lexer::new(source),
            max_nesting: config.max_nesting,
            nodes: Vec::with_capacity(2 * names),
            calls: Vec::with_capacity(names),
            starts: Vec::with_capacity(2 * names),
            operands: Vec::with_capacity(names),
            accessors: Vec::new(),
            lenses: Vec::new(),
            lens_texts: String::new(),
            interned: HashMap::with_capacity_and_hasher(names, seed.keyed()),
            names: Vec::with_capacity(names),
            infos: Vec::with_capacity(names),
            scopes: Scopes::default(),
        }
    }

    pub(super) fn name(&mut self, text: Text) -> Name {
        let key = &self.source[text.start as usize..text.end as usize];
        let next = Name(self.names.len() as u32);
        let name = *self.interned.entry(key).or_insert(next);
        if name == next {
            self.names.push(text);
            self.infos.push(NameInfo::default());
        }
        name
    }

    pub(super) fn name_text(&self, name: Name) -> &'s str {
        let text = self.names[name.0 as usize];
        &self.source[text.start as usize..text.end as usize]
    }
}
