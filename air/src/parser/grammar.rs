//! Tokens to nodes (AIR spec section 2.3).

use alloc::vec::Vec;

use super::error::{ParseError, ParseErrorKind as Kind};
use super::lexer::{Keyword, Sigil, Token, TokenKind};
use super::state::Parser;
use super::validation::Ending;
use crate::ast::*;
use crate::budget::cost;

type Result<T> = core::result::Result<T, (usize, Kind)>;

/// An instruction whose closing parenthesis was not yet met, with the number of its parsed children
/// and their endings.
struct Open {
    node: NodeId,
    children: u8,
    endings: [Ending; 2],
}

/// Stands for a child that is not yet known.
const PENDING: NodeId = NodeId(u32::MAX);

impl Parser<'_> {
    pub(super) fn parse(mut self) -> core::result::Result<Script, ParseError> {
        if u32::try_from(self.source.len()).is_err() {
            return Err(ParseError::new(self.source, 0, Kind::TooLong));
        }
        match self.script() {
            Ok(()) => Ok(Script {
                time: self.heap.time(),
                source: self.source.into(),
                nodes: self.nodes,
                calls: self.calls,
                operands: self.operands,
                accessors: self.accessors,
                lenses: self.lenses,
                lens_texts: self.lens_texts.into(),
                names: self.names,
                slots: self.scopes.slots,
            }),
            Err((offset, kind)) => Err(ParseError::new(self.source, offset, kind)),
        }
    }

    fn script(&mut self) -> Result<()> {
        // The text is kept beside the script.
        self.heap.hold(self.source.len())?;
        // Twice, as a blank or a comment may be as short as a byte.
        self.heap.charge(cost::parsed(2 * self.source.len()))?;
        let mut stack: Vec<Open> = Vec::new();
        let done = self.instructions(&mut stack);
        self.heap.release(stack.capacity() * size_of::<Open>());
        done
    }

    fn instructions(&mut self, stack: &mut Vec<Open>) -> Result<()> {
        'instruction: loop {
            let start = self.expect(b'(', "\"(\"")?;
            if stack.len() >= self.max_nesting {
                return Err((start, Kind::TooDeep(self.max_nesting)));
            }
            let node = NodeId(self.nodes.len() as u32);
            self.heap.charge(cost::NODE)?;
            self.heap.push(&mut self.starts, start as u32)?;
            // The place is taken before the head is parsed, so that numbers follow the text.
            self.heap.push(&mut self.nodes, Instr::Null)?;
            let instr = self.head(start)?;
            let has_children = has_children(&instr);
            self.nodes[node.0 as usize] = instr;
            if has_children {
                let open = Open {
                    node,
                    children: 0,
                    endings: [None; 2],
                };
                self.heap.push(stack, open)?;
                continue 'instruction;
            }
            self.expect(b')', "\")\"")?;
            let mut done = node;
            let mut ending = self.finish(node, [None; 2])?;
            while let Some(parent) = stack.last_mut() {
                let more = self.attach(parent, done, ending);
                if more == More::Needed || (more == More::Allowed && !self.at_close()) {
                    continue 'instruction;
                }
                self.expect(b')', "\")\"")?;
                done = parent.node;
                if let Instr::New { end, .. } = &mut self.nodes[done.0 as usize] {
                    *end = NodeId(self.starts.len() as u32);
                }
                ending = self.finish(done, parent.endings)?;
                stack.pop();
            }
            if self.lexer.peek().is_some() {
                return Err((self.lexer.position(), Kind::Expected("<nothing>")));
            }
            return self.check_names();
        }
    }

    /// Gives a parent its next child; tells whether it wants another.
    fn attach(&mut self, parent: &mut Open, child: NodeId, ending: Ending) -> More {
        let first = parent.children == 0;
        parent.endings[usize::from(!first)] = ending;
        parent.children += 1;
        match &mut self.nodes[parent.node.0 as usize] {
            Instr::Seq { left, right }
            | Instr::Par { left, right }
            | Instr::Xor { left, right } => {
                *(if first { left } else { right }) = child;
                if first {
                    return More::Needed;
                }
            }
            Instr::Fold { body, last, .. } => {
                if first {
                    *body = child;
                    return More::Allowed;
                }
                *last = Some(child);
            }
            Instr::Match { body, .. } | Instr::Mismatch { body, .. } | Instr::New { body, .. } => {
                *body = child;
            }
            _ => {}
        }
        More::Refused
    }

    /// Parses what stands before an instruction's children.
    fn head(&mut self, start: usize) -> Result<Instr> {
        let token = self.lexer.token()?;
        let TokenKind::Keyword(keyword) = token.kind else {
            return Err((token.start, Kind::Expected("an instruction")));
        };
        let (left, right, body) = (PENDING, PENDING, PENDING);
        Ok(match keyword {
            Keyword::Call => {
                let call = self.call()?;
                self.heap.push(&mut self.calls, call)?;
                Instr::Call(CallId(self.calls.len() as u32 - 1))
            }
            Keyword::Ap => self.ap()?,
            Keyword::Canon => self.canon()?,
            Keyword::Seq => Instr::Seq { left, right },
            Keyword::Par => Instr::Par { left, right },
            Keyword::Xor => Instr::Xor { left, right },
            Keyword::Match => {
                let (left, right) = self.pair()?;
                Instr::Match { left, right, body }
            }
            Keyword::Mismatch => {
                let (left, right) = self.pair()?;
                Instr::Mismatch { left, right, body }
            }
            Keyword::Fold => self.fold(start)?,
            Keyword::Next => {
                let iterator = self.scalar("an iterator")?;
                self.check_next(iterator, start)?;
                Instr::Next { iterator }
            }
            Keyword::New => self.new_variable(start)?,
            Keyword::Fail => Instr::Fail(self.fail(start)?),
            Keyword::Never => Instr::Never,
            Keyword::Null => Instr::Null,
        })
    }

    fn call(&mut self) -> Result<Call> {
        let peer = self.peer()?;
        self.expect(b'(', "\"(\"")?;
        let service = self.string()?;
        let function = self.string()?;
        self.expect(b')', "\")\"")?;
        self.expect(b'[', "\"[\"")?;
        let first = self.operands.len() as u32;
        while self.lexer.take(b']').is_none() {
            let argument = self.value()?;
            self.heap.charge(cost::NODE)?;
            self.heap.push(&mut self.operands, argument)?;
        }
        let arguments = first..self.operands.len() as u32;
        let output = if self.at_close() {
            Output::None
        } else {
            self.output()?
        };
        Ok(Call {
            peer,
            service,
            function,
            arguments,
            output,
        })
    }

    fn output(&mut self) -> Result<Output> {
        let token = self.lexer.token()?;
        let TokenKind::Variable(sigil, name, None) = token.kind else {
            return Err((token.start, Kind::Expected("a scalar or a stream")));
        };
        let name = self.name(name)?;
        match sigil {
            Sigil::Scalar => Ok(Output::Scalar(name)),
            Sigil::Stream => Ok(Output::Stream(self.stream(name))),
            _ => Err((token.start, Kind::Expected("a scalar or a stream"))),
        }
    }

    fn ap(&mut self) -> Result<Instr> {
        if self.lexer.take(b'(').is_some() {
            let at = self.lexer.position();
            let key = self.value()?;
            if !matches!(
                key,
                Operand::Literal(_)
                    | Operand::Int(_)
                    | Operand::Scalar(..)
                    | Operand::Canon(_, Some(_))
            ) {
                return Err((at, Kind::Expected("a key")));
            }
            let value = self.ap_argument()?;
            self.expect(b')', "\")\"")?;
            let map = self.variable(Sigil::Map, "a stream map")?;
            return Ok(Instr::ApMap {
                key,
                value,
                map: self.stream(map),
            });
        }
        let argument = self.ap_argument()?;
        Ok(Instr::Ap {
            argument,
            output: self.output()?,
        })
    }

    fn ap_argument(&mut self) -> Result<Operand> {
        let at = self.lexer.position();
        match self.value()? {
            Operand::CanonMap(_, None) => Err((at, Kind::Expected("a lens"))),
            argument => Ok(argument),
        }
    }

    fn canon(&mut self) -> Result<Instr> {
        let peer = self.peer()?;
        let source = self.lexer.token()?;
        let target = self.lexer.token()?;
        let (TokenKind::Variable(from, stream, None), TokenKind::Variable(to, output, None)) =
            (source.kind, target.kind)
        else {
            return Err((source.start, Kind::Expected("a stream and a canon stream")));
        };
        let output = self.name(output)?;
        let output = match (from, to) {
            (Sigil::Stream, Sigil::Canon) => CanonOutput::Canon(output),
            (Sigil::Map, Sigil::CanonMap) => CanonOutput::Map(output),
            (Sigil::Map, Sigil::Scalar) => CanonOutput::Scalar(output),
            _ => return Err((target.start, Kind::Expected("a canon stream"))),
        };
        let stream = self.name(stream)?;
        Ok(Instr::Canon {
            peer,
            stream: self.stream(stream),
            output,
        })
    }

    fn pair(&mut self) -> Result<(Operand, Operand)> {
        let left = self.value()?;
        let right = self.value()?;
        Ok((left, right))
    }

    fn fold(&mut self, start: usize) -> Result<Instr> {
        let token = self.lexer.token()?;
        let iterable = match token.kind {
            TokenKind::Variable(Sigil::Stream | Sigil::Map, name, None) => {
                let name = self.name(name)?;
                Iterable::Stream(self.stream(name))
            }
            TokenKind::OpenSquare | TokenKind::Variable(..) => {
                let value = self.value_of(token)?;
                if matches!(value, Operand::Canon(_, Some(_))) {
                    return Err((token.start, Kind::Expected("a canon stream without lens")));
                }
                Iterable::Value(value)
            }
            _ => return Err((token.start, Kind::Expected("an iterable"))),
        };
        let iterator = self.scalar("an iterator")?;
        self.open_fold(iterator, start)?;
        Ok(Instr::Fold {
            iterable,
            iterator,
            body: PENDING,
            last: None,
        })
    }

    fn new_variable(&mut self, start: usize) -> Result<Instr> {
        let token = self.lexer.token()?;
        let TokenKind::Variable(sigil, name, None) = token.kind else {
            return Err((token.start, Kind::Expected("a variable")));
        };
        let name = self.name(name)?;
        self.check_new(name, start)?;
        let variable = match sigil {
            Sigil::Scalar => Variable::Scalar(name),
            Sigil::Stream | Sigil::Map => Variable::Stream(self.stream(name)),
            Sigil::Canon => Variable::Canon(name),
            Sigil::CanonMap => Variable::CanonMap(name),
        };
        Ok(Instr::New {
            variable,
            body: PENDING,
            end: PENDING,
        })
    }

    fn fail(&mut self, start: usize) -> Result<FailBody> {
        let at = self.lexer.position();
        match self.value()? {
            Operand::Int(0) => Err((start, Kind::FailZero)),
            Operand::Int(code) => {
                let token = self.lexer.token()?;
                let TokenKind::Literal(message) = token.kind else {
                    return Err((token.start, Kind::Expected("a message")));
                };
                Ok(FailBody::Literal(code, message))
            }
            value @ (Operand::Scalar(..)
            | Operand::Canon(_, Some(_))
            | Operand::LastError(None)
            | Operand::Error(None)) => Ok(FailBody::Value(value)),
            _ => Err((at, Kind::Expected("an error code, a scalar or an error"))),
        }
    }

    fn value(&mut self) -> Result<Operand> {
        let token = self.lexer.token()?;
        self.value_of(token)
    }

    /// The value that begins with `token`.
    fn value_of(&mut self, token: Token) -> Result<Operand> {
        let of_error = matches!(token.kind, TokenKind::LastError(_) | TokenKind::Error(_));
        let mut lens = |lens: Option<Text>| lens.map(|lens| self.lens(lens, of_error)).transpose();
        Ok(match token.kind {
            TokenKind::InitPeerId => Operand::InitPeerId,
            TokenKind::Timestamp => Operand::Timestamp,
            TokenKind::Ttl => Operand::Ttl,
            TokenKind::LastError(text) => Operand::LastError(lens(text)?),
            TokenKind::Error(text) => Operand::Error(lens(text)?),
            TokenKind::Literal(text) => Operand::Literal(text),
            TokenKind::Int(number) => Operand::Int(number),
            TokenKind::Float(number) => Operand::Float(number),
            TokenKind::True => Operand::Bool(true),
            TokenKind::False => Operand::Bool(false),
            TokenKind::OpenSquare => {
                self.expect(b']', "\"]\"")?;
                Operand::EmptyArray
            }
            TokenKind::Variable(sigil, name, text) => {
                let lens = lens(text)?;
                let name = self.name(name)?;
                match sigil {
                    Sigil::Scalar => Operand::Scalar(name, lens),
                    Sigil::Canon => Operand::Canon(name, lens),
                    Sigil::CanonMap => Operand::CanonMap(name, lens),
                    Sigil::Stream | Sigil::Map => {
                        return Err((token.start, Kind::Expected("a value, not a stream")));
                    }
                }
            }
            _ => return Err((token.start, Kind::Expected("a value"))),
        })
    }

    fn peer(&mut self) -> Result<Operand> {
        let token = self.lexer.token()?;
        match self.value_of(token)? {
            Operand::InitPeerId => Ok(Operand::InitPeerId),
            operand => Self::string_of(operand, token.start),
        }
    }

    /// A value that may be a string.
    fn string(&mut self) -> Result<Operand> {
        let token = self.lexer.token()?;
        let operand = self.value_of(token)?;
        Self::string_of(operand, token.start)
    }

    fn string_of(operand: Operand, at: usize) -> Result<Operand> {
        match operand {
            operand @ (Operand::Literal(_)
            | Operand::Scalar(..)
            | Operand::Canon(_, Some(_))
            | Operand::CanonMap(_, Some(_))) => Ok(operand),
            _ => Err((at, Kind::Expected("a string or a variable"))),
        }
    }

    fn scalar(&mut self, what: &'static str) -> Result<Name> {
        self.variable(Sigil::Scalar, what)
    }

    fn variable(&mut self, wanted: Sigil, what: &'static str) -> Result<Name> {
        let token = self.lexer.token()?;
        match token.kind {
            TokenKind::Variable(sigil, name, None) if sigil == wanted => Ok(self.name(name)?),
            _ => Err((token.start, Kind::Expected(what))),
        }
    }

    fn at_close(&mut self) -> bool {
        self.lexer.peek() == Some(b')')
    }

    /// Takes a bracket; tells where it stood.
    fn expect(&mut self, bracket: u8, what: &'static str) -> Result<usize> {
        match self.lexer.take(bracket) {
            Some(start) => Ok(start),
            None => Err((self.lexer.position(), Kind::Expected(what))),
        }
    }
}

/// Whether another child may follow.
#[derive(PartialEq, Eq)]
enum More {
    Needed,
    Allowed,
    Refused,
}

fn has_children(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::Seq { .. }
            | Instr::Par { .. }
            | Instr::Xor { .. }
            | Instr::Match { .. }
            | Instr::Mismatch { .. }
            | Instr::Fold { .. }
            | Instr::New { .. }
    )
}
