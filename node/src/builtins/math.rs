//! `math`: checked integer arithmetic.

use super::args::{Args, Argument};
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "math",
        "add",
        "exactly 2: i64, i64",
        "i64",
        "`i64 add overflow`",
        add,
    ),
    row(
        "math",
        "sub",
        "exactly 2: i64, i64",
        "i64",
        "`i64 neg overflow`, `i64 add overflow`",
        sub,
    ),
    row(
        "math",
        "mul",
        "exactly 2: i64, i64",
        "i64",
        "`i64 mul overflow`",
        mul,
    ),
    row(
        "math",
        "fmul",
        "exactly 2: f64, f64",
        "i64",
        "the product rounded down; the nearest i64 when it has none",
        fmul,
    ),
    row(
        "math",
        "div",
        "exactly 2: i64, i64",
        "i64",
        "`i64 div overflow`, also for division by 0",
        div,
    ),
    row(
        "math",
        "rem",
        "exactly 2: i64, i64",
        "i64",
        "`i64 rem overflow`, also for division by 0",
        rem,
    ),
    row(
        "math",
        "pow",
        "exactly 2: i64, u32",
        "i64",
        "`i64 pow overflow`",
        pow,
    ),
    row(
        "math",
        "log",
        "exactly 2: base: i64, y: i64",
        "u32",
        "logarithm of y rounded down; `i64 log overflow` for base < 2 or y <= 0",
        log,
    ),
];

/// Two arguments and no more.
pub(super) fn two<A: Argument, B: Argument>(args: &mut Args<'_>) -> Result<(A, B), CallError> {
    args.exactly(2)?;
    Ok((args.next("x")?, args.next("y")?))
}

fn checked(value: Option<i64>, name: &str) -> Result<Reply, CallError> {
    value
        .map(Reply::from)
        .ok_or_else(|| CallError::text(alloc::format!("i64 {name} overflow")))
}

fn add(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    checked(x.checked_add(y), "add")
}

fn sub(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    // The reference adds the negated number, which shows in its errors.
    match y.checked_neg() {
        Some(negated) => checked(x.checked_add(negated), "add"),
        None => checked(None, "neg"),
    }
}

fn mul(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    checked(x.checked_mul(y), "mul")
}

fn fmul(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (f64, f64) = two(args)?;
    Ok(floor(x * y).into())
}

/// The largest integer not above `value`, saturating.
fn floor(value: f64) -> i64 {
    // `as` rounds towards zero and saturates.
    let whole = value as i64;
    match (whole as f64) > value {
        true => whole.saturating_sub(1),
        false => whole,
    }
}

fn div(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    checked(x.checked_div(y), "div")
}

fn rem(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, i64) = two(args)?;
    checked(x.checked_rem(y), "rem")
}

fn pow(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (x, y): (i64, u32) = two(args)?;
    checked(x.checked_pow(y), "pow")
}

fn log(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let (base, y): (i64, i64) = two(args)?;
    checked(y.checked_ilog(base).map(i64::from), "log")
}
