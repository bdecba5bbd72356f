//! Answers as a run uses them: borrowed, each taken once.

use alloc::vec::Vec;

use super::results::{CallResult, CallResults};

/// A service's answer, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<'r> {
    /// 0 for success.
    pub(crate) ret_code: i32,
    /// The answer's text. It should be JSON; whether it is shows when it is read.
    pub(crate) result: &'r str,
}

/// Answers by call request id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers<'r> {
    /// Ascending ids; what was taken is none.
    entries: Vec<(u32, Option<Answer<'r>>)>,
}

impl<'r> Answers<'r> {
    /// Of several answers with one id, the last counts.
    pub(crate) fn new(answers: impl Iterator<Item = (u32, Answer<'r>)>) -> Self {
        let mut entries: Vec<_> = answers.map(|(id, answer)| (id, Some(answer))).collect();
        if !entries.is_sorted_by(|left, right| left.0 < right.0) {
            entries.sort_by_key(|(id, _)| *id);
            entries.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = next.1;
                }
                same
            });
        }
        Answers { entries }
    }

    /// Number of answers that came.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the answer to the request `id`.
    pub(crate) fn take(&mut self, id: u32) -> Option<Answer<'r>> {
        let place = self.entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.entries[place].1.take()
    }

    /// The answers that were not taken.
    pub(crate) fn left(&self) -> impl Iterator<Item = (u32, Answer<'r>)> {
        self.entries
            .iter()
            .filter_map(|&(id, answer)| Some((id, answer?)))
    }
}

impl<'r> From<&'r CallResults> for Answers<'r> {
    fn from(results: &'r CallResults) -> Self {
        Answers::new(results.0.iter().map(|(&id, answer)| {
            let CallResult { ret_code, result } = answer;
            let ret_code = *ret_code;
            (id, Answer { ret_code, result })
        }))
    }
}

impl From<Answer<'_>> for CallResult {
    fn from(answer: Answer<'_>) -> Self {
        CallResult {
            ret_code: answer.ret_code,
            result: answer.result.into(),
        }
    }
}
