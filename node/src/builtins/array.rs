//! `array`: sums, sets and slices.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::args::Args;
use super::math::two;
use super::op::array_length;
use super::ordered::text_of;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "array",
        "sum",
        "exactly 1: []i64",
        "i64",
        "`i64 add overflow`",
        sum,
    ),
    row(
        "array",
        "dedup",
        "exactly 1: []string",
        "[]string",
        "keeps the order of first occurrences",
        dedup,
    ),
    row(
        "array",
        "intersect",
        "exactly 2: []string, []string",
        "[]string",
        "a set, sorted here",
        intersect,
    ),
    row(
        "array",
        "diff",
        "exactly 2: []string, []string",
        "[]string",
        "a set, sorted here",
        diff,
    ),
    row(
        "array",
        "sdiff",
        "exactly 2: []string, []string",
        "[]string",
        "a set, sorted here",
        sdiff,
    ),
    row(
        "array",
        "slice",
        "exactly 3: array, start: uint, end: uint",
        "array",
        "an empty array gives [] whatever the indexes; \
         `invalid number of parameters. need array, start index and end index`; \
         `first argument must be an array, was ...`; \
         `second argument (start index) must be an unsigned integer, was ...`; \
         `third argument (end index) must be an unsigned integer, was ...`; \
         `slice indexes out of bounds. start index: <s>, end index: <e>, array length: <n>`",
        slice,
    ),
    row(
        "array",
        "length",
        "exactly 1 array",
        "number",
        "as `op.array_length`",
        array_length,
    ),
];

fn sum(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(1)?;
    let numbers: Vec<i64> = args.next("xs")?;
    let sum = numbers.into_iter().try_fold(0i64, i64::checked_add);
    sum.map(Reply::from)
        .ok_or_else(|| CallError::text("i64 add overflow"))
}

fn dedup(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(1)?;
    let mut strings: Vec<String> = args.next("xs")?;
    let mut seen = BTreeSet::new();
    strings.retain(|string| seen.insert(string.clone()));
    Ok(strings.into())
}

fn sets(args: &mut Args<'_>) -> Result<(BTreeSet<String>, BTreeSet<String>), CallError> {
    let (x, y): (Vec<String>, Vec<String>) = two(args)?;
    Ok((x.into_iter().collect(), y.into_iter().collect()))
}

fn intersect(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y) = sets(args)?;
    Ok(x.intersection(&y).cloned().collect::<Vec<String>>().into())
}

fn diff(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y) = sets(args)?;
    Ok(x.difference(&y).cloned().collect::<Vec<String>>().into())
}

fn sdiff(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y) = sets(args)?;
    Ok(x.symmetric_difference(&y)
        .cloned()
        .collect::<Vec<String>>()
        .into())
}

fn slice(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let [array, start, end] = args.rest() else {
        return Err(CallError::text(
            "invalid number of parameters. need array, start index and end index",
        ));
    };
    let Value::Array(array) = array else {
        return Err(CallError::text(format!(
            "first argument must be an array, was {}",
            text_of(array)
        )));
    };
    let index = |value: &Value, which: &str| {
        value.as_u64().ok_or_else(|| {
            CallError::text(format!(
                "{which} index) must be an unsigned integer, was {}",
                text_of(value)
            ))
        })
    };
    if array.is_empty() {
        return Ok(Value::Array(Vec::new()).into());
    }
    let start = index(start, "second argument (start")?;
    let end = index(end, "third argument (end")?;
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| array.get(start..end)) {
        Some(part) => Ok(Value::Array(part.to_vec()).into()),
        None => Err(CallError::text(format!(
            "slice indexes out of bounds. start index: {start}, end index: {end}, array length: {}",
            array.len()
        ))),
    }
}
