//! What a service needs from the machine around it.

use alloc::{string::String, vec::Vec};

use crate::logger::Level;

/// What a service gets from outside: time, randomness, output, HTTP. Nothing else comes in, so a
/// test can replay a service exactly.
pub trait Host: Send {
    /// Wall-clock time in nanoseconds since 1970.
    fn now(&mut self) -> u64;

    /// Nanoseconds of a clock that never goes back; deadlines are in it.
    fn monotonic(&mut self) -> u64;

    /// Fills a buffer from a cryptographic generator.
    fn random(&mut self, buffer: &mut [u8]);

    /// Waits; never called for longer than the call's deadline allows. A host whose core must not
    /// block may return at once.
    fn sleep(&mut self, nanoseconds: u64);

    /// Takes a line that a module logs. Masks were applied; the level filter is the host's.
    fn log(&mut self, module: &str, level: Level, message: &str);

    /// Takes what a module writes to its standard output (1) or error (2).
    fn output(&mut self, module: &str, stream: u32, bytes: &[u8]);

    /// Runs an HTTP request for a mounted binary and waits for the answer, until the deadline at
    /// the latest.
    ///
    /// # Errors
    /// A sentence for the caller when there is no answer.
    fn http(
        &mut self,
        request: &HttpRequest,
        deadline: Option<u64>,
    ) -> Result<HttpResponse, String>;
}

/// An HTTP request of a mounted binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method, upper case.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// The answer to an [`HttpRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}
