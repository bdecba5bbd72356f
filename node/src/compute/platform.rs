//! What a machine gives to services.

use alloc::string::{String, ToString};
use core::time::Duration;

use basalt_wasm_host::host::{HttpRequest, HttpResponse};

use crate::host::Clock;

/// Clocks, randomness and the outside, from any compute core.
pub trait Platform: Send + Sync {
    /// Both clocks: the monotonic one is the node's, for deadlines are in it.
    fn clock(&self) -> Clock;

    /// Fills a buffer from a cryptographic generator.
    fn random(&self, buffer: &mut [u8]);

    /// Waits. A machine whose cores must not wait may return at once, which is what it does by default.
    fn sleep(&self, _duration: Duration) {}

    /// Makes an HTTP request for a service and waits for the answer, until the deadline (monotonic time) at the latest.
    ///
    /// # Errors
    /// A sentence for the service; by default that there is no HTTP.
    fn http(
        &self,
        _request: &HttpRequest,
        _deadline: Option<Duration>,
    ) -> Result<HttpResponse, String> {
        Err("services of this machine have no HTTP".to_string())
    }
}
