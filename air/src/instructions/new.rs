//! `new`: a variable of the same name, for the body only.

use super::fault::Fault;
use super::frame::{Flow, Frame, NewBody, Stack, Step};
use super::run::Run;
use crate::ast::{NodeId, Variable};
use crate::error::Error;

impl<'r> Run<'r> {
    pub(super) fn new_variable(
        &mut self,
        node: NodeId,
        variable: Variable,
        body: NodeId,
        end: NodeId,
        stack: &mut Stack<'r>,
    ) -> Step<'r> {
        match variable {
            Variable::Scalar(name) => self.scalars.renew(name, &self.depths, &self.heap)?,
            Variable::Canon(name) => self.canons.renew(name, &self.depths, &self.heap)?,
            Variable::CanonMap(name) => self.canon_maps.renew(name, &self.depths, &self.heap)?,
            Variable::Stream(stream) => self.streams.open(stream.slot, node..end, &self.heap)?,
        }
        stack.push(Frame::New(NewBody { variable }));
        Ok(Flow::Enter(body))
    }

    /// The variable is closed also behind an error, which then counts for more than an error of
    /// closing.
    pub(super) fn new_resume(&mut self, frame: NewBody, result: Result<(), Fault<'r>>) -> Step<'r> {
        let closed = match frame.variable {
            Variable::Scalar(name) => {
                self.scalars.forget(name);
                Ok(())
            }
            Variable::Canon(name) => {
                self.canons.forget(name);
                Ok(())
            }
            Variable::CanonMap(name) => {
                self.canon_maps.forget(name);
                Ok(())
            }
            Variable::Stream(stream) => match self.streams.close(stream.slot) {
                Some(stream) => self.compact(stream),
                // The reference crashes here, also behind an error.
                None => return Err(Error::NoStream(self.script.name(stream.name).into()).into()),
            },
        };
        result?;
        closed?;
        Ok(Flow::Done)
    }
}
