//! The table: service, function, arguments as a JSON array, result. A result in `Is` is exact JSON
//! text, in `Fails` the exact error text, in `Starts` its beginning up to the debug form. `{1}` to
//! `{4}` stand for the ids of the peers of the bench.

mod array;
mod host;
mod json;
mod numbers;
mod op;

pub(crate) enum Expected {
    Is(&'static str),
    Fails(&'static str),
    Starts(&'static str),
}

pub(crate) type Case = (&'static str, &'static str, &'static str, Expected);

/// The whole table.
pub(crate) fn cases() -> impl Iterator<Item = &'static Case> {
    let parts = [
        host::CASES,
        op::CASES,
        numbers::CASES,
        array::CASES,
        json::CASES,
    ];
    parts.into_iter().flatten()
}
