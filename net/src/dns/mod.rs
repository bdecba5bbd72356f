//! Host names: addresses (A, AAAA) and texts (TXT) from a name server, over UDP (RFC 1035, RFC
//! 3596, EDNS0 of RFC 6891).
//!
//! | file | content |
//! |---|---|
//! | `message.rs` | questions written, answers read; the packet format is smoltcp's |
//! | `lookup.rs` | one question to several servers, with time-outs |
//!
//! A stub resolver: the server that is asked does the recursion. There is no cache: a name is
//! dialed right after its lookup, and seldom again.

mod error;
mod limits;
mod lookup;
mod message;
mod record;

pub use error::Error;
pub use limits::Limits;
pub use lookup::{Lookup, Step};
pub use message::{question, read_answer};
pub use record::{Kind, Record};
