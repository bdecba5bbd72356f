//! States of `call`, `ap` and `canon` (AIR spec section 5.3).

use super::describe::{describe_call, describe_canon};
use super::merge::{Pair, Source, Trace, expect};
use crate::data::{CallResult, CanonState, State, ValueRef};
use crate::error::TraceError;

type Result<T> = core::result::Result<T, TraceError>;

impl<'r> Trace<'r> {
    /// Takes the state of a `call`.
    pub(crate) fn meet_call(&mut self) -> Result<Option<(CallResult<'r>, Source)>> {
        let taken = self.take();
        let (state, source, both) = match expect(taken, "call", select_call)? {
            Pair::None => return Ok(None),
            Pair::Previous(state) => (state, Source::Previous, false),
            Pair::Current(state) => (state, Source::Current, false),
            Pair::Both(previous, current) => merge_calls(previous, current)?,
        };
        if let CallResult::Executed(ValueRef::Stream { generation, .. }) = state {
            self.check_generation(generation)?;
        }
        self.map(
            both || source == Source::Previous,
            both || source == Source::Current,
        );
        Ok(Some((state, source)))
    }

    /// Takes the state of an `ap`: its generation.
    pub(crate) fn meet_ap(&mut self) -> Result<Option<(u32, Source)>> {
        let taken = self.take();
        let select = |state| match state {
            State::Ap { generations } => Some(generations),
            _ => None,
        };
        let single = |generations: &[u32]| match generations {
            [generation] => Ok(*generation),
            others => Err(TraceError::GenerationCount(others.len())),
        };
        let (generation, source, both) = match expect(taken, "ap", select)? {
            Pair::None => return Ok(None),
            Pair::Previous(generations) => (single(generations)?, Source::Previous, false),
            Pair::Current(generations) => (single(generations)?, Source::Current, false),
            Pair::Both(previous, current) => {
                single(current)?;
                (single(previous)?, Source::Previous, true)
            }
        };
        self.check_generation(generation)?;
        self.map(
            both || source == Source::Previous,
            both || source == Source::Current,
        );
        Ok(Some((generation, source)))
    }

    /// Takes the state of a `canon`.
    pub(crate) fn meet_canon(&mut self) -> Result<Option<CanonState<'r>>> {
        let taken = self.take();
        Ok(match expect(taken, "canon", select_canon)? {
            Pair::None => None,
            Pair::Previous(state) | Pair::Current(state) => Some(state),
            Pair::Both(previous, current) => Some(merge_canons(previous, current)?),
        })
    }
}

/// The state that holds more; whether it stands for both.
fn merge_calls<'r>(
    previous: CallResult<'r>,
    current: CallResult<'r>,
) -> Result<(CallResult<'r>, Source, bool)> {
    use CallResult::{Executed, Failed, RequestSentBy};
    use ValueRef::{Scalar, Stream, Unused};
    let equal = |equal: bool, both: bool| {
        if equal {
            return Ok((previous, Source::Previous, both));
        }
        Err(TraceError::ValuesDiffer {
            previous: describe_call(&previous),
            current: describe_call(&current),
        })
    };
    match (previous, current) {
        (RequestSentBy(_), RequestSentBy(_)) => Ok((previous, Source::Previous, false)),
        (RequestSentBy(_), Failed(_) | Executed(_)) => Ok((current, Source::Current, false)),
        (Failed(_) | Executed(_), RequestSentBy(_)) => Ok((previous, Source::Previous, false)),
        (Failed(left), Failed(right)) => equal(left == right, false),
        (Executed(Scalar(left)), Executed(Scalar(right)))
        | (Executed(Unused(left)), Executed(Unused(right)))
        | (Executed(Stream { cid: left, .. }), Executed(Stream { cid: right, .. })) => {
            equal(left == right, true)
        }
        (Executed(_), Executed(_)) | (Executed(_), Failed(_)) | (Failed(_), Executed(_)) => {
            Err(TraceError::CallsDiffer {
                previous: describe_call(&previous),
                current: describe_call(&current),
            })
        }
    }
}

fn merge_canons<'r>(previous: CanonState<'r>, current: CanonState<'r>) -> Result<CanonState<'r>> {
    use CanonState::{Executed, RequestSentBy};
    match (previous, current) {
        (RequestSentBy(_), Executed(_)) => Ok(current),
        (Executed(left), Executed(right)) if left != right => Err(TraceError::CanonsDiffer {
            previous: describe_canon(&previous),
            current: describe_canon(&current),
        }),
        _ => Ok(previous),
    }
}

fn select_call(state: State<'_>) -> Option<CallResult<'_>> {
    match state {
        State::Call(result) => Some(result),
        _ => None,
    }
}

fn select_canon(state: State<'_>) -> Option<CanonState<'_>> {
    match state {
        State::Canon(canon) => Some(canon),
        _ => None,
    }
}
