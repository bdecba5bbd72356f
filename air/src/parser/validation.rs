//! What a script must keep to beyond the grammar (AIR spec section 2.4).
//!
//! All rules are checked while parsing: instructions are met in the order of their opening parentheses, so
//! a definition "starting before" a use is one that was already met.

use super::error::ParseErrorKind as Kind;
use super::scopes::OpenFold;
use super::state::Parser;
use crate::ast::*;

type Result<T> = core::result::Result<T, (usize, Kind)>;

impl Parser<'_> {
    pub(super) fn define(&mut self, name: Name) {
        self.infos[name.0 as usize].defined = true;
    }

    pub(super) fn require(&self, name: Name, at: usize) -> Result<()> {
        if self.infos[name.0 as usize].defined {
            return Ok(());
        }
        Err((at, Kind::UndefinedVariable(self.name_text(name).into())))
    }

    /// Checks the names an operand reads, those in its lens included.
    pub(super) fn require_operand(&self, operand: Operand, at: usize) -> Result<()> {
        let (Operand::Scalar(name, lens)
        | Operand::Canon(name, lens)
        | Operand::CanonMap(name, lens)) = operand
        else {
            return Ok(());
        };
        self.require(name, at)?;
        let Some(LensKind::Path(path)) = lens.map(|lens| &self.lenses[lens.0 as usize].kind) else {
            return Ok(());
        };
        for accessor in &self.accessors[path.start as usize..path.end as usize] {
            if let Accessor::Scalar(name) = accessor {
                self.require(*name, at)?;
            }
        }
        Ok(())
    }

    /// The stream a name stands for here: that of the innermost open `new`, else the global one.
    pub(super) fn stream(&mut self, name: Name) -> StreamRef {
        let renewed = self
            .scopes
            .renewed
            .iter()
            .rev()
            .find(|(renewed, _)| *renewed == name);
        let slot = match renewed {
            Some(&(_, slot)) => slot,
            None => match self.infos[name.0 as usize].global {
                Some(slot) => slot,
                None => {
                    let slot = self.scopes.new_slot();
                    self.infos[name.0 as usize].global = Some(slot);
                    slot
                }
            },
        };
        StreamRef { name, slot }
    }

    pub(super) fn open_new(&mut self, name: Name, is_stream: bool, at: usize) -> Result<StreamRef> {
        if self.infos[name.0 as usize].fold.is_some() {
            return Err((at, Kind::NewOfIterator(self.name_text(name).into())));
        }
        self.define(name);
        if !is_stream {
            return Ok(StreamRef {
                name,
                slot: Slot(0),
            });
        }
        let slot = self.scopes.new_slot();
        self.scopes.renewed.push((name, slot));
        Ok(StreamRef { name, slot })
    }

    pub(super) fn close_new(&mut self) {
        self.scopes.renewed.pop();
    }

    pub(super) fn open_fold(
        &mut self,
        node: NodeId,
        iterator: Name,
        over_stream: bool,
        at: usize,
    ) -> Result<()> {
        if self.infos[iterator.0 as usize].fold.is_some() {
            return Err((at, Kind::IteratorInUse(self.name_text(iterator).into())));
        }
        self.define(iterator);
        self.infos[iterator.0 as usize].fold = Some(self.scopes.folds.len() as u32);
        let (lefts, xors) = (self.scopes.lefts, self.scopes.xors);
        let fold = OpenFold {
            node,
            iterator,
            over_stream,
            has_next: false,
            lefts,
            xors,
        };
        self.scopes.folds.push(fold);
        Ok(())
    }

    pub(super) fn close_fold(&mut self) {
        if let Some(fold) = self.scopes.folds.pop() {
            self.infos[fold.iterator.0 as usize].fold = None;
        }
    }

    /// Checks a `next`; returns its fold.
    pub(super) fn next(&mut self, node: NodeId, iterator: Name, at: usize) -> Result<NodeId> {
        let text = |parser: &Self| parser.name_text(iterator).into();
        let Some(index) = self.infos[iterator.0 as usize].fold else {
            return Err((at, Kind::UndefinedIterator(text(self))));
        };
        let fold = &mut self.scopes.folds[index as usize];
        if core::mem::replace(&mut fold.has_next, true) {
            return Err((at, Kind::MultipleNext(text(self))));
        }
        if fold.over_stream && self.scopes.lefts > fold.lefts {
            if self.scopes.xors == fold.xors {
                return Err((at, Kind::AfterNext));
            }
            self.scopes.suspects.push((node, fold.node));
        }
        Ok(fold.node)
    }

    /// Settles the suspects: walks from each `next` up to its fold. The first seq or par entered from
    /// the left convicts; a xor with both arms ending in `next` excuses, as the reference gives up there.
    pub(super) fn settle_suspects(&self, parents: &[NodeId]) -> Result<()> {
        // Bounds walks over deep scripts; no script that a compiler makes comes near.
        let mut steps = 1_000_000usize;
        for &(next, fold) in &self.scopes.suspects {
            let mut child = next;
            while child != fold {
                let parent = parents[child.0 as usize];
                steps = steps.checked_sub(1).ok_or((0, Kind::AfterNext))?;
                match self.nodes[parent.0 as usize] {
                    Instr::Seq { left, .. } | Instr::Par { left, .. } if left == child => {
                        return Err((self.starts[next.0 as usize] as usize, Kind::AfterNext));
                    }
                    Instr::Xor { left, right }
                        if self.ends_in_next(left, &mut steps)
                            && self.ends_in_next(right, &mut steps) =>
                    {
                        break;
                    }
                    _ => child = parent,
                }
            }
        }
        Ok(())
    }

    fn ends_in_next(&self, mut node: NodeId, steps: &mut usize) -> bool {
        loop {
            *steps = steps.saturating_sub(1);
            node = match self.nodes[node.0 as usize] {
                Instr::Next { .. } => return true,
                Instr::Seq { right, .. } | Instr::Par { right, .. } => right,
                Instr::New { body, .. }
                | Instr::Match { body, .. }
                | Instr::Mismatch { body, .. } => body,
                _ => return false,
            };
        }
    }
}
