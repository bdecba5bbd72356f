//! What a script must keep to beyond the grammar (AIR spec section 2.4).
//!
//! The reference builds its instructions from the inside out, so most rules see them in the order
//! of their ends; [`Parser::finish`] is called in that order. Names are looked at again when the
//! script has ended, [`Parser::check_names`]: what has no definition yet may get one.

use super::error::ParseErrorKind as Kind;
use super::scopes::OpenFold;
use super::state::Parser;
use crate::ast::*;

type Result<T> = core::result::Result<T, (usize, Kind)>;

/// What an instruction ends in, as far as the rule about instructions after `next` knows: `next` of
/// an iterator, or something else.
pub(super) type Ending = Option<Name>;

impl Parser<'_> {
    /// Checks an instruction that has ended, with the endings of its first two children.
    pub(super) fn finish(&mut self, node: NodeId, children: [Ending; 2]) -> Result<Ending> {
        let [first, second] = children;
        let instr = self.nodes[node.0 as usize];
        self.note_names(node, instr);
        Ok(match instr {
            Instr::Next { iterator } => Some(iterator),
            Instr::New { .. } | Instr::Match { .. } | Instr::Mismatch { .. } => first,
            Instr::Seq { .. } | Instr::Par { .. } => match (first, second) {
                (None, right) => right,
                (left, right) if left == right => left,
                (Some(left), _) => {
                    self.infos[left.0 as usize].followed = true;
                    None
                }
            },
            // The reference loses its way where both arms end in `next`.
            Instr::Xor { .. } if first.is_some() && second.is_some() => {
                self.scopes.endings_lost = true;
                None
            }
            Instr::Xor { .. } => first.or(second),
            Instr::Fold {
                iterable, iterator, ..
            } => {
                self.close_fold();
                match iterable {
                    Iterable::Stream(_) => self.finish_stream_fold(node, iterator, first)?,
                    // Over arrays and canons anything may follow `next`.
                    Iterable::Value(_) => None,
                }
            }
            _ => None,
        })
    }

    /// Over a stream no instruction may follow `next`. The rule goes by the iterator's name, which
    /// another fold may have had before.
    fn finish_stream_fold(&mut self, node: NodeId, iterator: Name, body: Ending) -> Result<Ending> {
        let info = &mut self.infos[iterator.0 as usize];
        if info.followed && !self.scopes.endings_lost {
            return Err((self.start(node), Kind::AfterNext));
        }
        if body != Some(iterator) {
            return Ok(body);
        }
        info.followed = false;
        Ok(None)
    }

    fn start(&self, node: NodeId) -> usize {
        self.starts[node.0 as usize] as usize
    }

    /// Notes the names that an instruction reads, then those that it defines.
    fn note_names(&mut self, node: NodeId, instr: Instr) {
        match instr {
            Instr::Call(call) => {
                let call = &self.calls[call.0 as usize];
                let (arguments, output) = (call.arguments.clone(), call.output);
                for operand in [call.peer, call.service, call.function] {
                    self.note_use(operand, node);
                }
                for index in arguments {
                    self.note_use(self.operands[index as usize], node);
                }
                self.note_output(output, node);
            }
            Instr::Ap { argument, output } => {
                self.note_use(argument, node);
                self.note_output(output, node);
            }
            // The value is not looked at, nor is a canon's source.
            Instr::ApMap { key, map, .. } => {
                self.note_use(key, node);
                self.define(map.name, node);
            }
            Instr::Canon { output, .. } => {
                let (CanonOutput::Canon(name) | CanonOutput::Map(name) | CanonOutput::Scalar(name)) =
                    output;
                self.define(name, node);
            }
            Instr::Match { left, right, .. } | Instr::Mismatch { left, right, .. } => {
                self.note_use(left, node);
                self.note_use(right, node);
            }
            Instr::Fold {
                iterable, iterator, ..
            } => {
                match iterable {
                    Iterable::Value(value) => self.note_use(value, node),
                    Iterable::Stream(stream) => self.note_name(stream.name, node),
                }
                self.define(iterator, node);
            }
            Instr::New { variable, .. } => {
                let (Variable::Scalar(name)
                | Variable::Canon(name)
                | Variable::CanonMap(name)
                | Variable::Stream(StreamRef { name, .. })) = variable;
                self.define(name, node);
            }
            _ => {}
        }
    }

    fn note_output(&mut self, output: Output, node: NodeId) {
        match output {
            Output::None => {}
            Output::Scalar(name) | Output::Stream(StreamRef { name, .. }) => {
                self.define(name, node);
            }
        }
    }

    /// Nodes are numbered by their starts, and of two definitions the earlier one counts.
    fn define(&mut self, name: Name, node: NodeId) {
        let defined = &mut self.infos[name.0 as usize].defined;
        *defined = Some(defined.map_or(node, |known| NodeId(known.0.min(node.0))));
    }

    /// Of the uses of a name that have no definition in front of them when they end, the reference
    /// looks only at the first again.
    fn note_name(&mut self, name: Name, node: NodeId) {
        let info = &mut self.infos[name.0 as usize];
        if !info.is_defined_before(node) {
            info.undefined_use.get_or_insert(node);
        }
    }

    /// Notes the names an operand reads, those in its lens included.
    fn note_use(&mut self, operand: Operand, node: NodeId) {
        let (Operand::Scalar(name, lens)
        | Operand::Canon(name, lens)
        | Operand::CanonMap(name, lens)) = operand
        else {
            return;
        };
        self.note_name(name, node);
        let Some(LensKind::Path(path)) = lens.map(|lens| &self.lenses[lens.0 as usize].kind) else {
            return;
        };
        for index in path.clone() {
            if let Accessor::Scalar(name) = self.accessors[index as usize] {
                self.note_name(name, node);
            }
        }
    }

    /// At the end of the script: a definition must start before the use.
    pub(super) fn check_names(&self) -> Result<()> {
        for (index, info) in self.infos.iter().enumerate() {
            if let Some(used) = info.undefined_use
                && !info.is_defined_before(used)
            {
                let name = self.name_text(Name(index as u32)).into();
                return Err((self.start(used), Kind::UndefinedVariable(name)));
            }
        }
        Ok(())
    }

    /// A use of a stream in the instruction whose head is being parsed.
    pub(super) fn stream(&mut self, name: Name) -> StreamRef {
        let next = Slot(self.scopes.slots);
        let slot = *self.infos[name.0 as usize].slot.get_or_insert(next);
        if slot == next {
            self.scopes.slots += 1;
        }
        let at = NodeId(self.nodes.len() as u32 - 1);
        StreamRef { name, slot, at }
    }

    pub(super) fn check_new(&self, name: Name, at: usize) -> Result<()> {
        match self.infos[name.0 as usize].fold {
            Some(_) => Err((at, Kind::NewOfIterator(self.name_text(name).into()))),
            None => Ok(()),
        }
    }

    pub(super) fn open_fold(&mut self, iterator: Name, at: usize) -> Result<()> {
        let fold = &mut self.infos[iterator.0 as usize].fold;
        if fold.is_some() {
            return Err((at, Kind::IteratorInUse(self.name_text(iterator).into())));
        }
        *fold = Some(self.scopes.folds.len() as u32);
        let open = OpenFold {
            iterator,
            has_next: false,
        };
        self.heap.push(&mut self.scopes.folds, open)?;
        Ok(())
    }

    fn close_fold(&mut self) {
        if let Some(fold) = self.scopes.folds.pop() {
            self.infos[fold.iterator.0 as usize].fold = None;
        }
    }

    /// Checks a `next`. Only the first one of a name has to stand in a fold of that name; another
    /// that does not fails when it runs.
    pub(super) fn check_next(&mut self, iterator: Name, at: usize) -> Result<()> {
        let info = &mut self.infos[iterator.0 as usize];
        let is_first = !core::mem::replace(&mut info.has_next, true);
        let text = |parser: &Self| parser.name_text(iterator).into();
        let Some(index) = info.fold else {
            return match is_first {
                true => Err((at, Kind::UndefinedIterator(text(self)))),
                false => Ok(()),
            };
        };
        let fold = &mut self.scopes.folds[index as usize];
        if core::mem::replace(&mut fold.has_next, true) {
            return Err((at, Kind::MultipleNext(text(self))));
        }
        Ok(())
    }
}
