//! The text form of instructions (AIR spec section 2.5): it is part of error objects, so it is
//! exact.

use core::fmt;

use crate::ast::*;

/// The text of an instruction's head.
pub(crate) struct InstrText<'s>(pub(crate) &'s Script, pub(crate) NodeId);

impl fmt::Display for InstrText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.0;
        let operand = |operand: Operand| OperandText(script, operand);
        let name = |name: Name| script.name(name);
        match script.instr(self.1) {
            Instr::Call(call) => {
                let call = script.call(*call);
                write!(f, "call {} ", operand(call.peer))?;
                write!(
                    f,
                    "({} {}) [",
                    operand(call.service),
                    operand(call.function)
                )?;
                for (index, argument) in script.arguments(&call.arguments).iter().enumerate() {
                    if index > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{}", operand(*argument))?;
                }
                write!(f, "] {}", output(script, call.output))
            }
            Instr::Ap {
                argument,
                output: to,
            } => {
                write!(f, "ap {} {}", operand(*argument), output(script, *to))
            }
            Instr::ApMap { key, value, map } => {
                write!(
                    f,
                    "ap ({} {}) {}",
                    operand(*key),
                    operand(*value),
                    name(map.name)
                )
            }
            Instr::Canon {
                peer,
                stream,
                output,
            } => {
                let output = match output {
                    CanonOutput::Canon(name)
                    | CanonOutput::Map(name)
                    | CanonOutput::Scalar(name) => *name,
                };
                write!(
                    f,
                    "canon {} {} {}",
                    operand(*peer),
                    name(stream.name),
                    name(output)
                )
            }
            Instr::Seq { .. } => f.write_str("seq"),
            Instr::Par { .. } => f.write_str("par"),
            Instr::Xor { .. } => f.write_str("xor"),
            Instr::Match { left, right, .. } => {
                write!(f, "match {} {}", operand(*left), operand(*right))
            }
            Instr::Mismatch { left, right, .. } => {
                write!(f, "mismatch {} {}", operand(*left), operand(*right))
            }
            Instr::Fold {
                iterable, iterator, ..
            } => match iterable {
                Iterable::Value(value) => {
                    write!(f, "fold {} {}", operand(*value), name(*iterator))
                }
                Iterable::Stream(stream) => {
                    write!(f, "fold {} {}", name(stream.name), name(*iterator))
                }
            },
            Instr::Next { iterator, .. } => write!(f, "next {}", name(*iterator)),
            Instr::New { variable, .. } => {
                let variable = match variable {
                    Variable::Scalar(name) | Variable::Canon(name) | Variable::CanonMap(name) => {
                        *name
                    }
                    Variable::Stream(stream) => stream.name,
                };
                write!(f, "new {}", name(variable))
            }
            Instr::Fail(FailBody::Literal(code, message)) => {
                write!(f, "fail {code} \"{}\"", script.text(*message))
            }
            Instr::Fail(FailBody::Value(value)) => write!(f, "fail {}", operand(*value)),
            Instr::Never => f.write_str("never"),
            Instr::Null => f.write_str("null"),
        }
    }
}

fn output(script: &Script, output: Output) -> &str {
    match output {
        Output::None => "",
        Output::Scalar(name) => script.name(name),
        Output::Stream(stream) => script.name(stream.name),
    }
}

struct OperandText<'s>(&'s Script, Operand);

impl fmt::Display for OperandText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.0;
        let (head, lens) = match self.1 {
            Operand::InitPeerId => ("%init_peer_id%", None),
            Operand::Timestamp => ("%timestamp%", None),
            Operand::Ttl => ("%ttl%", None),
            Operand::LastError(lens) => ("%last_error%", lens),
            Operand::Error(lens) => (":error:", lens),
            Operand::Literal(text) => return write!(f, "\"{}\"", script.text(text)),
            Operand::Int(number) => return write!(f, "{number}"),
            Operand::Float(number) => return write!(f, "{number}"),
            Operand::Bool(true) => ("true", None),
            Operand::Bool(false) => ("false", None),
            Operand::EmptyArray => ("[]", None),
            Operand::Scalar(name, lens)
            | Operand::Canon(name, lens)
            | Operand::CanonMap(name, lens) => (script.name(name), lens),
        };
        f.write_str(head)?;
        lens.map_or(Ok(()), |lens| f.write_str(script.lens_text(lens)))
    }
}
