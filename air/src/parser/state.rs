//! What a parser has read so far.

use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

use super::lexer::Lexer;
use super::scopes::{NameInfo, Scopes};
use crate::Config;
use crate::ast::*;
use crate::budget::{BudgetExceeded, Heap, cost};
use crate::hashing::{Keyed, Seed};

pub(super) struct Parser<'s> {
    pub(super) source: &'s str,
    pub(super) heap: &'s Heap<'s>,
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
    pub(super) fn new(
        source: &'s str,
        config: &Config,
        seed: &'s Seed,
        heap: &'s Heap<'s>,
    ) -> Self {
        Parser {
            source,
            heap,
            lexer: Lexer::new(source),
            max_nesting: config.max_nesting,
            nodes: Vec::new(),
            calls: Vec::new(),
            starts: Vec::new(),
            operands: Vec::new(),
            accessors: Vec::new(),
            lenses: Vec::new(),
            lens_texts: String::new(),
            interned: HashMap::with_hasher(seed.keyed()),
            names: Vec::new(),
            infos: Vec::new(),
            scopes: Scopes::default(),
        }
    }

    pub(super) fn name(&mut self, text: Text) -> Result<Name, BudgetExceeded> {
        self.heap.charge(cost::LOOKUP)?;
        let heap = self.heap;
        if self.interned.len() == self.interned.capacity() {
            heap.grow_table(&mut self.interned)?;
        }
        let key = &self.source[text.start as usize..text.end as usize];
        let next = Name(self.names.len() as u32);
        let name = *self.interned.entry(key).or_insert(next);
        if name == next {
            heap.push(&mut self.names, text)?;
            heap.push(&mut self.infos, NameInfo::default())?;
        }
        Ok(name)
    }

    pub(super) fn name_text(&self, name: Name) -> &'s str {
        let text = self.names[name.0 as usize];
        &self.source[text.start as usize..text.end as usize]
    }
}
