//! Errors of a run: one enum, its codes and its texts (AIR spec section 7).
//!
//! Codes 10000 to 10999 are *catchable*: `xor` catches them, `match :error:.$.error_code` can test
//! them, and their texts travel to other peers inside data, so they are exact. All others end the
//! run.

use alloc::string::String;
use core::fmt;

use crate::budget::BudgetExceeded;
use crate::data::DecodeError;
use crate::parser::{ParseError, ParseErrorKind};

/// Codes of errors, as hosts and scripts see them.
pub mod code {
    /// The script does not parse.
    pub const PARSE: i64 = 1;
    /// The body of data is malformed.
    pub const INNER_DATA: i64 = 2;
    /// The envelope of data is malformed.
    pub const ENVELOPE: i64 = 3;
    /// The envelope is malformed, but its versions are known.
    pub const ENVELOPE_VERSIONED: i64 = 4;
    /// The call results are malformed.
    pub const CALL_RESULTS: i64 = 5;
    /// The data was written by an interpreter that is too old.
    pub const VERSION: i64 = 6;
    /// The key is malformed.
    pub const KEY: i64 = 7;
    /// A CID store is wrong.
    pub const CID_STORE: i64 = 8;
    /// A signature is wrong.
    pub const SIGNATURE: i64 = 9;
    /// An input is too long.
    pub const SIZE: i64 = 10;
    /// A service answered with an error; the first catchable code.
    pub const LOCAL_SERVICE: i64 = 10000;
    /// `match` of values that differ.
    pub const MATCH: i64 = 10001;
    /// `mismatch` of values that are equal.
    pub const MISMATCH: i64 = 10002;
    /// A variable has no value.
    pub const VARIABLE_NOT_FOUND: i64 = 10003;
    /// `fold` over a value that is not an array.
    pub const FOLD_NON_ARRAY: i64 = 10005;
    /// `fail` reached no `xor`.
    pub const FAIL: i64 = 10006;
    /// A lens does not fit its value.
    pub const LENS: i64 = 10007;
    /// `fail` with a value that is not an error object.
    pub const ERROR_OBJECT: i64 = 10008;
    /// A variable is read after `new` and before it is set.
    pub const CLEARED_BY_NEW: i64 = 10009;
    /// `.length` of a value that is not an array.
    pub const LENGTH: i64 = 10010;
    /// A peer, service or function is not a string.
    pub const TRIPLET: i64 = 10011;
    /// The key of a map is neither string nor integer.
    pub const MAP_KEY: i64 = 10012;
    /// Traces can't be merged.
    pub const TRACE: i64 = 20000;
    /// Generations can't be compacted.
    pub const GENERATION_COMPACTION: i64 = 20001;
    /// `next` without its fold.
    pub const FOLD_STATE_NOT_FOUND: i64 = 20003;
    /// A variable would shadow an iterator.
    pub const ITERATOR_SHADOWED: i64 = 20004;
    /// An iterator's name is in use.
    pub const ITERATOR_IN_USE: i64 = 20005;
    /// The result of a call does not fit its output.
    pub const RESULT_KIND: i64 = 20006;
    /// A variable would be set twice.
    pub const SHADOWING: i64 = 20007;
    /// A CID is in no store.
    pub const CID_NOT_FOUND: i64 = 20010;
    /// A stored failure is malformed.
    pub const FAILED_STATE: i64 = 20012;
    /// A `new` ends whose stream is gone: the reference crashes there.
    pub const NO_STREAM: i64 = 20901;
    /// The code of an error that is raised is over `i64::MAX`: the reference crashes there.
    pub const ERROR_CODE: i64 = 20902;
    /// A stream is too long.
    pub const STREAM_SIZE: i64 = 20013;
    /// An element of a map is not a pair.
    pub const MAP_PAIR: i64 = 20014;
    /// A canon state has no value for a scalar.
    pub const CANON_SCALAR: i64 = 20016;
    /// A stored result belongs to another call.
    pub const PARAMETERS: i64 = 20017;
    /// The run exceeds its budget; no other interpreter has this code.
    pub const BUDGET: i64 = 20900;
    /// The run went well, but some call results belong to no call.
    pub const UNPROCESSED_RESULTS: i64 = 30000;
}

/// Why a run, or a part of it, failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Error {
    Parse(String),
    InnerData(DecodeError),
    Envelope(String),
    EnvelopeVersioned {
        reason: String,
        data: String,
        interpreter: String,
    },
    CallResults(String),
    Version(String),
    Key(String),
    CidStore(String),
    Signature(String),
    Size {
        what: &'static str,
        size: Option<u64>,
        limit: u64,
    },

    LocalService {
        code: i32,
        message: String,
    },
    Match,
    Mismatch,
    VariableNotFound(String),
    FoldNonArray {
        name: String,
        value: String,
    },
    Fail(String),
    Lens(LensError),
    UnfitObject(ErrorObjectError),
    ClearedByNew(String),
    Length(String),
    Triplet {
        name: String,
        value: String,
    },
    MapKey(String),

    Trace {
        instruction: String,
        reason: TraceError,
    },
    GenerationCompaction,
    FoldStateNotFound(String),
    IteratorShadowed(String),
    IteratorInUse(String),
    ResultKind(String),
    Shadowing(String),
    CidNotFound {
        what: &'static str,
        cid: String,
    },
    ValueNotJson(String),
    FailedState(String),
    NoStream(String),
    CodeTooLarge(u64),
    StreamSize,
    MapPair(&'static str),
    CanonScalar,
    Parameters {
        what: &'static str,
        expected: String,
        stored: String,
    },
    Budget(&'static str),
    UnprocessedResults(String),
}

impl From<BudgetExceeded> for Error {
    fn from(exceeded: BudgetExceeded) -> Self {
        Error::Budget(exceeded.name())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Budget(what) => Error::Budget(what),
            error => Error::InnerData(error),
        }
    }
}

impl From<&ParseError> for Error {
    fn from(error: &ParseError) -> Self {
        match error.kind {
            ParseErrorKind::Budget(what) => Error::Budget(what),
            _ => Error::Parse(error.report()),
        }
    }
}

/// A lens that does not fit its value; values are JSON texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LensError {
    IndexOfNonArray { value: String, index: u32 },
    IndexOutOfRange { value: String, index: u32 },
    FieldOfNonObject { value: String, field: String },
    FieldMissing { value: String, field: String },
    CanonTooShort { count: usize, index: u32 },
    CanonField(String),
    ScalarAccessor(String),
    IndexNotU32(String),
    StreamAccessor(String),
    MapAccessor(String),
    MapAccessorIterable,
}

/// A value that `fail` can't raise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ErrorObjectError {
    NotObject(String),
    FieldMissing {
        value: String,
        field: &'static str,
    },
    FieldType {
        value: String,
        field: &'static str,
        expected: &'static str,
    },
    ZeroCode,
}

/// Why two traces, or a trace and a script, do not fit together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TraceError {
    /// A state of another kind than the instruction's.
    Unexpected {
        source: &'static str,
        state: String,
        expected: &'static str,
    },
    /// States of different kinds in both traces.
    Incompatible { previous: String, current: String },
    /// Call states that can't both be true.
    CallsDiffer { previous: String, current: String },
    /// Results that should be equal.
    ValuesDiffer { previous: String, current: String },
    /// Canon results that should be equal.
    CanonsDiffer { previous: String, current: String },
    /// An `ap` state without exactly one generation.
    GenerationCount(usize),
    /// A generation nobody can have.
    GenerationTooBig(u32),
    /// Sizes that leave the trace.
    Sizes {
        instruction: &'static str,
        source: &'static str,
    },
    /// A sub-trace longer than what is left.
    SubTrace { len: usize, left: usize },
    /// A lore with the wrong number of descriptors.
    DescriptorCount(usize),
    /// A lore of a value that does not exist.
    PositionOutOfTrace { position: u32, len: usize },
    /// A lore of a value that is in no stream.
    NotStreamValue(String),
    /// Two lores for one value.
    SameValueTwice(u32),
    /// Lengths that add up beyond 32 bits.
    LoreOverflow,
    /// `next` came where no iteration is open.
    NoIteration,
    /// An executed state whose arguments are missing here.
    ArgumentsMissing(String),
}

impl Error {
    pub(crate) fn code(&self) -> i64 {
        match self {
            Self::Parse(_) => code::PARSE,
            Self::InnerData(_) => code::INNER_DATA,
            Self::Envelope(_) => code::ENVELOPE,
            Self::EnvelopeVersioned { .. } => code::ENVELOPE_VERSIONED,
            Self::CallResults(_) => code::CALL_RESULTS,
            Self::Version(_) => code::VERSION,
            Self::Key(_) => code::KEY,
            Self::CidStore(_) => code::CID_STORE,
            Self::Signature(_) => code::SIGNATURE,
            Self::Size { .. } => code::SIZE,
            Self::LocalService { .. } => code::LOCAL_SERVICE,
            Self::Match => code::MATCH,
            Self::Mismatch => code::MISMATCH,
            Self::VariableNotFound(_) => code::VARIABLE_NOT_FOUND,
            Self::FoldNonArray { .. } => code::FOLD_NON_ARRAY,
            Self::Fail(_) => code::FAIL,
            Self::Lens(_) => code::LENS,
            Self::UnfitObject(_) => code::ERROR_OBJECT,
            Self::ClearedByNew(_) => code::CLEARED_BY_NEW,
            Self::Length(_) => code::LENGTH,
            Self::Triplet { .. } => code::TRIPLET,
            Self::MapKey(_) => code::MAP_KEY,
            Self::Trace { .. } => code::TRACE,
            Self::GenerationCompaction => code::GENERATION_COMPACTION,
            Self::FoldStateNotFound(_) => code::FOLD_STATE_NOT_FOUND,
            Self::IteratorShadowed(_) => code::ITERATOR_SHADOWED,
            Self::IteratorInUse(_) => code::ITERATOR_IN_USE,
            Self::ResultKind(_) => code::RESULT_KIND,
            Self::Shadowing(_) => code::SHADOWING,
            Self::CidNotFound { .. } | Self::ValueNotJson(_) => code::CID_NOT_FOUND,
            Self::FailedState(_) => code::FAILED_STATE,
            Self::NoStream(_) => code::NO_STREAM,
            Self::CodeTooLarge(_) => code::ERROR_CODE,
            Self::StreamSize => code::STREAM_SIZE,
            Self::MapPair(_) => code::MAP_PAIR,
            Self::CanonScalar => code::CANON_SCALAR,
            Self::Parameters { .. } => code::PARAMETERS,
            Self::Budget(_) => code::BUDGET,
            Self::UnprocessedResults(_) => code::UNPROCESSED_RESULTS,
        }
    }

    /// Whether `xor` catches it.
    pub(crate) fn is_catchable(&self) -> bool {
        (code::LOCAL_SERVICE..code::TRACE).contains(&self.code())
    }

    /// Whether an instruction that meets it waits instead of failing (AIR spec section 4.1).
    pub(crate) fn is_joinable(&self) -> bool {
        matches!(self, Self::VariableNotFound(_))
    }
}

impl From<LensError> for Error {
    fn from(error: LensError) -> Self {
        Self::Lens(error)
    }
}

impl From<ErrorObjectError> for Error {
    fn from(error: ErrorObjectError) -> Self {
        Self::UnfitObject(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(report) => write!(f, "air can't be parsed:\n{report}"),
            Self::InnerData(reason) => {
                write!(f, "an error occurred while data deserialization: {reason}")
            }
            Self::Envelope(reason) => {
                write!(
                    f,
                    "an error occurred while envelope deserialization: {reason}"
                )
            }
            Self::EnvelopeVersioned {
                reason,
                data,
                interpreter,
            } => write!(
                f,
                "an error occurred while data deserialization: {reason}; the data is of version \
                 {data}, written by interpreter {interpreter}"
            ),
            Self::CallResults(reason) => {
                write!(f, "error occurred while deserialize call results: {reason}")
            }
            Self::Version(version) => write!(
                f,
                "supplied data was produced by `{version}` version of interpreter, but minimum \
                 `{}` version is required",
                crate::data::MIN_INTERPRETER_VERSION
            ),
            Self::Key(reason) => write!(f, "malformed keypair format: {reason}"),
            Self::CidStore(reason) | Self::Signature(reason) => f.write_str(reason),
            Self::Size {
                what,
                size: Some(size),
                limit,
            } => {
                write!(
                    f,
                    "{what} size: {size} bytes is bigger than the limit allowed: {limit} bytes"
                )
            }
            Self::Size {
                what,
                size: None,
                limit,
            } => {
                write!(
                    f,
                    "{what} size is bigger than the limit allowed: {limit} bytes"
                )
            }
            Self::LocalService { code, message } => {
                write!(
                    f,
                    "Local service error, ret_code is {code}, error message is '{message}'"
                )
            }
            Self::Match => f.write_str("compared values do not match"),
            Self::Mismatch => f.write_str("compared values do not mismatch"),
            Self::VariableNotFound(name) => {
                write!(
                    f,
                    "variable with name '{name}' wasn't defined during script execution"
                )
            }
            Self::FoldNonArray { name, value } => write!(
                f,
                "expression '{name}' returned non-array value '{value}' for fold iterable"
            ),
            Self::Fail(object) => {
                write!(f, "fail with '{object}' is used without corresponding xor")
            }
            Self::Lens(error) => error.fmt(f),
            Self::UnfitObject(error) => error.fmt(f),
            Self::ClearedByNew(name) => {
                write!(
                    f,
                    "variable with name '{name}' was cleared by new and then wasn't set"
                )
            }
            Self::Length(value) => write!(
                f,
                "the length functor could applied only to an array-like value, but it's applied to \
                 '{value}'"
            ),
            Self::Triplet { name, value } => write!(
                f,
                "call cannot resolve non-String triplet variable part `{name}` with value '{value}'"
            ),
            Self::MapKey(map) => write!(f, "unsupported type for {map} map's key"),
            Self::Trace {
                instruction,
                reason,
            } => write!(
                f,
                "on instruction '{instruction}' trace handler encountered an error: {reason}"
            ),
            Self::GenerationCompaction => {
                f.write_str("a value of a stream has no state that could hold its generation")
            }
            Self::FoldStateNotFound(name) => {
                write!(f, "fold state not found for this iterable '{name}'")
            }
            Self::IteratorShadowed(name) => write!(
                f,
                "variable with name '{name}' can't be shadowed, shadowing isn't supported for \
                 iterables"
            ),
            Self::IteratorInUse(name) => {
                write!(
                    f,
                    "multiple iterable values found for iterable name '{name}'"
                )
            }
            Self::ResultKind(value) => write!(
                f,
                "call result value {value} doesn't match with corresponding instruction"
            ),
            Self::Shadowing(name) => write!(
                f,
                "trying to shadow variable '{name}', but shadowing is allowed only inside fold blocks"
            ),
            Self::CidNotFound { what, cid } => write!(f, "{what} for CID \"{cid}\" not found"),
            Self::ValueNotJson(reason) => write!(f, "a stored value is not JSON: {reason}"),
            Self::FailedState(reason) => {
                write!(f, "failed to deserialize to CallServiceFailed: {reason}")
            }
            Self::NoStream(name) => {
                write!(f, "the stream {name} of a new is gone before the new ends")
            }
            Self::CodeTooLarge(code) => write!(f, "the error code {code} has more than 63 bits"),
            Self::StreamSize => f.write_str("stream size goes over the allowed limit of 1024"),
            Self::MapPair(reason) => f.write_str(reason),
            Self::CanonScalar => f.write_str("can not find JValue to produce scalar from"),
            Self::Parameters {
                what,
                expected,
                stored,
            } => write!(
                f,
                "{what} doesn't match expected parameters: expected {expected}, got {stored} "
            ),
            Self::Budget(what) => {
                write!(f, "the run exceeds its budget of {what}; it was stopped")
            }
            Self::UnprocessedResults(results) => write!(
                f,
                "after finishing execution of supplied AIR, there are some unprocessed call \
                 results: `{results}`, probably a wrong call_id used"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for LensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexOfNonArray { value, index } => write!(
                f,
                "value '{value}' is not an array-type to match array accessor with idx = '{index}'"
            ),
            Self::IndexOutOfRange { value, index } => {
                write!(
                    f,
                    "value '{value}' does not contain element for idx = '{index}'"
                )
            }
            Self::FieldOfNonObject { value, field } => write!(
                f,
                "value '{value}' is not an map-type to match field accessor with field_name = \
                 '{field}'"
            ),
            Self::FieldMissing { value, field } => {
                write!(
                    f,
                    "value '{value}' does not contain element with field name = '{field}'"
                )
            }
            Self::CanonTooShort { count, index } => write!(
                f,
                "lambda is applied to a stream that have only '{count}' elements, but '{index}' \
                 requested"
            ),
            Self::CanonField(field) => write!(
                f,
                "field accessor (with field name = '{field}') can't be applied to a stream"
            ),
            Self::ScalarAccessor(value) => {
                write!(
                    f,
                    "scalar accessor `{value}` should has number or string type"
                )
            }
            Self::IndexNotU32(number) => {
                write!(f, "index accessor `{number} can't be converted to u32`")
            }
            Self::StreamAccessor(value) => {
                write!(f, "stream accessor `{value}` should has number (u32) type")
            }
            Self::MapAccessor(value) => write!(
                f,
                "canon stream map accessor `{value}` should be either string or number"
            ),
            Self::MapAccessorIterable => {
                f.write_str("canon stream map accessor must not be iterable")
            }
        }
    }
}

impl fmt::Display for ErrorObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotObject(value) => write!(
                f,
                "scalar should have an object type to be converted into error object, but \
                 '{value}' doesn't have"
            ),
            Self::FieldMissing { value, field } => {
                write!(f, "scalar '{value}' must have field with name '{field}'")
            }
            Self::FieldType {
                value,
                field,
                expected,
            } => {
                write!(f, "{field} of scalar '{value}' must have {expected} type")
            }
            Self::ZeroCode => f.write_str("error code must be non-zero, but it is zero"),
        }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected {
                source,
                state,
                expected,
            } => {
                write!(
                    f,
                    "state from {source} `{state}` is incompatible with expected {expected}"
                )
            }
            Self::Incompatible { previous, current } => write!(
                f,
                "previous and current data have incompatible states: '{previous}' '{current}'"
            ),
            Self::CallsDiffer { previous, current } => write!(
                f,
                "previous and current call results are incompatible: '{previous}' '{current}'"
            ),
            Self::ValuesDiffer { previous, current } => {
                write!(
                    f,
                    "values in call results are not equal: {previous} != {current}"
                )
            }
            Self::CanonsDiffer { previous, current } => {
                write!(f, "canon results are not equal: {previous} != {current}")
            }
            Self::GenerationCount(count) => {
                write!(
                    f,
                    "ap result has {count} generations, but exactly one is expected"
                )
            }
            Self::GenerationTooBig(generation) => {
                write!(f, "generation {generation} is beyond what a trace can hold")
            }
            Self::Sizes {
                instruction,
                source,
            } => write!(
                f,
                "the sizes of a {instruction} in the {source} trace leave that trace"
            ),
            Self::SubTrace { len, left } => {
                write!(
                    f,
                    "a sub-trace of {len} states is requested, but {left} are left"
                )
            }
            Self::DescriptorCount(count) => {
                write!(
                    f,
                    "fold contains {count} sublore descriptors, but 2 is expected"
                )
            }
            Self::PositionOutOfTrace { position, len } => write!(
                f,
                "requested an element at position '{position}', but executed trace contains only \
                 '{len}' elements"
            ),
            Self::NotStreamValue(state) => write!(
                f,
                "expected a state of CallResult(Value::Stream) or Ap types but '{state}' obtained"
            ),
            Self::SameValueTwice(position) => {
                write!(
                    f,
                    "fold contains two lores for the value at position {position}"
                )
            }
            Self::LoreOverflow => f.write_str("the lengths of a fold's sub-traces overflow"),
            Self::NoIteration => f.write_str("no iteration of the fold is open"),
            Self::ArgumentsMissing(name) => write!(
                f,
                "the call was executed, but its argument '{name}' is not available in this scope"
            ),
        }
    }
}
