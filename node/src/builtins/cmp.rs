//! `cmp`: comparing integers.

use core::cmp::Ordering;

use super::args::Args;
use super::math::two;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row("cmp", "gt", "exactly 2: i64, i64", "bool", "", gt),
    row("cmp", "gte", "exactly 2: i64, i64", "bool", "", gte),
    row("cmp", "lt", "exactly 2: i64, i64", "bool", "", lt),
    row("cmp", "lte", "exactly 2: i64, i64", "bool", "", lte),
    row("cmp", "cmp", "exactly 2: i64, i64", "-1, 0, 1", "", cmp),
];

fn order(args: &mut Args<'_>) -> Result<Ordering, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    Ok(x.cmp(&y))
}

fn gt(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(order(args)?.is_gt().into())
}

fn gte(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(order(args)?.is_ge().into())
}

fn lt(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(order(args)?.is_lt().into())
}

fn lte(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(order(args)?.is_le().into())
}

fn cmp(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok((order(args)? as i8).into())
}
