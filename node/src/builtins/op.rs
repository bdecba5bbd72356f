//! `op`: arrays, strings and bytes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::args::Args;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row("op", "noop", "any", "\"\"", "", noop),
    row("op", "array", "any n", "array of the arguments", "", array),
    row(
        "op",
        "array_length",
        "exactly 1 array",
        "number",
        "`op array_length's argument must be an array`; `op array_length accepts exactly 1 argument: <n> found`",
        array_length,
    ),
    row(
        "op",
        "concat",
        "n arrays",
        "flattened array",
        "`all arguments of 'concat' must be arrays: argument #<i> is not` (from 0)",
        concat,
    ),
    row(
        "op",
        "concat_strings",
        "n strings",
        "string",
        "`all arguments of 'concat_strings' must be strings: argument #<i> is not`",
        concat_strings,
    ),
    row(
        "op",
        "string_to_b58",
        "string",
        "base58 string",
        "4,096 bytes at most",
        string_to_b58,
    ),
    row(
        "op",
        "string_from_b58",
        "base58 string",
        "string",
        "4,096 bytes at most",
        string_from_b58,
    ),
    row(
        "op",
        "bytes_from_b58",
        "base58 string",
        "[]u8",
        "4,096 bytes at most",
        bytes_from_b58,
    ),
    row(
        "op",
        "bytes_to_b58",
        "[]u8",
        "base58 string",
        "4,096 bytes at most",
        bytes_to_b58,
    ),
    row(
        "op",
        "sha256_string",
        "string, digest_only: ?bool, as_bytes: ?bool",
        "base58 string or []u8",
        "does not hash: the bytes of the string are wrapped as the digest of a SHA-256 multihash; \
         with digest_only they are returned as they are; more than 64 bytes fail",
        sha256_string,
    ),
    row(
        "op",
        "identity",
        "0 or 1",
        "the argument, or \"\"",
        "`identity accepts up to 1 arguments, received <n> arguments`",
        identity,
    ),
];

fn noop(_: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(Reply::unit())
}

fn array(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(Value::Array(args.rest().to_vec()).into())
}

pub(super) fn array_length(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    match args.rest() {
        [Value::Array(array)] => Ok(array.len().into()),
        [_] => Err(CallError::text(
            "op array_length's argument must be an array",
        )),
        others => Err(CallError::text(format!(
            "op array_length accepts exactly 1 argument: {} found",
            others.len()
        ))),
    }
}

fn concat(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let mut all = Vec::new();
    for (index, value) in args.rest().iter().enumerate() {
        match value {
            Value::Array(array) => all.extend_from_slice(array),
            _ => {
                return Err(CallError::text(format!(
                    "all arguments of 'concat' must be arrays: argument #{index} is not"
                )));
            }
        }
    }
    Ok(Value::Array(all).into())
}

fn concat_strings(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let mut all = String::new();
    for (index, value) in args.rest().iter().enumerate() {
        match value {
            Value::String(string) => all.push_str(string),
            _ => {
                return Err(CallError::text(format!(
                    "all arguments of 'concat_strings' must be strings: argument #{index} is not"
                )));
            }
        }
    }
    Ok(all.into())
}

fn string_to_b58(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let string: String = args.next("string")?;
    to_base58(string.as_bytes())
}

fn string_from_b58(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let bytes = base58(args)?;
    Ok(String::from_utf8(bytes)
        .map_err(CallError::from_error)?
        .into())
}

fn bytes_from_b58(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(base58(args)?.into())
}

fn bytes_to_b58(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let bytes: Vec<u8> = args.next("bytes")?;
    to_base58(&bytes)
}

fn sha256_string(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let string: String = args.next("string")?;
    let digest_only = args.optional("digest_only")?.unwrap_or(false);
    let as_bytes = args.optional("as_bytes")?.unwrap_or(false);
    let wrapped = wrap_as_multihash(string.as_bytes())?;
    let bytes = match digest_only {
        true => string.into_bytes(),
        false => wrapped,
    };
    Ok(match as_bytes {
        true => bytes.into(),
        false => bs58::encode(bytes).into_string().into(),
    })
}

fn identity(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    match args.rest() {
        [] => Ok(Reply::unit()),
        [value] => Ok(value.clone().into()),
        more => Err(CallError::text(format!(
            "identity accepts up to 1 arguments, received {} arguments",
            more.len()
        ))),
    }
}

/// Longest value that becomes base58, and longest text that is read as such, in bytes. Against
/// scripts that hold the node up with long ones: the time grows with the square of the length.
pub(super) const MAX_BASE58: usize = 4096;

/// Refuses what is too long for base58.
pub(super) fn short_enough(len: usize) -> Result<(), CallError> {
    match len <= MAX_BASE58 {
        true => Ok(()),
        false => Err(CallError::text(format!(
            "base58 is for {MAX_BASE58} bytes at most, these are {len}"
        ))),
    }
}

fn to_base58(bytes: &[u8]) -> Result<Reply, CallError> {
    short_enough(bytes.len())?;
    Ok(bs58::encode(bytes).into_string().into())
}

/// The next argument, base58 text, as bytes.
fn base58(args: &mut Args<'_>) -> Result<Vec<u8>, CallError> {
    let string: String = args.next("base58_string")?;
    short_enough(string.len())?;
    bs58::decode(string)
        .into_vec()
        .map_err(CallError::from_error)
}

/// Multihash code of SHA-256.
const SHA2_256: u8 = 0x12;

/// Room for a digest in the reference's multihash type.
const MAX_DIGEST: usize = 64;

/// Bytes, not hashed, as the digest of a SHA-256 multihash.
pub(super) fn wrap_as_multihash(bytes: &[u8]) -> Result<Vec<u8>, CallError> {
    if bytes.len() > MAX_DIGEST {
        return Err(CallError::text(format!(
            "Error: Invalid multihash size {}.",
            bytes.len()
        )));
    }
    // Below 128, so its varint is one byte.
    let mut multihash = alloc::vec![SHA2_256, bytes.len() as u8];
    multihash.extend_from_slice(bytes);
    Ok(multihash)
}
