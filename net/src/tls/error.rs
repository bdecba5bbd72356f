//! How a TLS connection fails.

use core::fmt;

/// How a TLS connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The other side's certificate is not valid for the name that was dialed.
    Certificate,
    /// The other side ended the handshake with an alert.
    Alert,
    /// The other side broke the protocol, or there is no version or cipher that both speak.
    Protocol,
    /// No certificate can be issued for the name that was dialed.
    Name,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the TLS certificate is not valid for the name",
            Self::Alert => "the other side ended TLS with an alert",
            Self::Protocol => {
                "the other side breaks the TLS protocol, or speaks neither TLS 1.3 nor our ciphers"
            }
            Self::Name => "no TLS certificate can be issued for the name",
        })
    }
}

impl core::error::Error for TlsError {}
