//! URLs of web servers (RFC 3986, as far as HTTP needs them): those of the manifest, and those that
//! services ask for.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};

/// The URL of something on a web server. Its `Debug` does not show the path, which may hold a
/// customer's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// Port, never 0.
    pub port: u16,
    /// Path and query, with the slash in front.
    pub path: String,
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/..", self.authority())
    }
}

/// Why a text is not the URL of a web server; completes the sentence "the URL ..".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It begins with something other than `http://` and `https://`.
    Scheme,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The host is neither a name nor an address.
    Host,
    /// The path has characters that no path may have.
    Path,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlError::Scheme => "begins with neither http:// nor https://",
            UrlError::Port => "has a port that is not a number from 1 to 65535",
            UrlError::Host => "has a host that is neither a name nor an address",
            UrlError::Path => "has characters in its path that no path may have",
        })
    }
}

impl core::error::Error for UrlError {}

fn default_port(tls: bool) -> u16 {
    match tls {
        true => 443,
        false => 80,
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(UrlError::Scheme),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        if !path.chars().all(|c| c.is_ascii_graphic()) {
            return Err(UrlError::Path);
        }
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of an IPv6 address is within its brackets.
            Some((host, port)) if !authority.ends_with(']') => (host, port.parse().ok()),
            _ => (authority, Some(default_port(tls))),
        };
        let port = port.filter(|port| *port != 0).ok_or(UrlError::Port)?;
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = match inner {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(plain),
        };
        if !good {
            return Err(UrlError::Host);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Url {
            tls,
            host: inner.unwrap_or(host).into(),
            port,
            path: format!("{slash}{path}"),
        })
    }
}

impl Url {
    /// The host, and the port if it is not the usual one, as a request tells them.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == default_port(self.tls) {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> (bool, String, u16, String) {
        let Url {
            tls,
            host,
            port,
            path,
        } = text.parse().unwrap();
        (tls, host, port, path)
    }

    #[test]
    fn hosts_ports_and_paths() {
        for (text, tls, host, port, path) in [
            ("http://a", false, "a", 80, "/"),
            (
                "https://a-b.example/x?y=1#z",
                true,
                "a-b.example",
                443,
                "/x?y=1",
            ),
            (
                "http://192.0.2.9:8545/rpc",
                false,
                "192.0.2.9",
                8545,
                "/rpc",
            ),
            ("http://[2606:4700::1]?q", false, "2606:4700::1", 80, "/?q"),
            ("https://[::1]:9", true, "::1", 9, "/"),
        ] {
            assert_eq!(url(text), (tls, host.into(), port, path.into()), "{text}");
        }
        let of = |text: &str| text.parse::<Url>().unwrap().authority();
        assert_eq!(of("https://a:443/x"), "a");
        assert_eq!(of("http://a:443/x"), "a:443");
        assert_eq!(of("http://[::1]:9/x"), "[::1]:9");
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("ftp://a", UrlError::Scheme),
            ("a:80", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http://:80", UrlError::Host),
            ("http://u@a/", UrlError::Host),
            ("http://[a]/", UrlError::Host),
            ("http://::1/", UrlError::Host),
            ("http://a:0/", UrlError::Port),
            ("http://a:b/", UrlError::Port),
            ("http://a:65536", UrlError::Port),
            ("http://a/\r\nx: y", UrlError::Path),
            ("http://a/ü", UrlError::Path),
        ] {
            assert_eq!(text.parse::<Url>(), Err(error), "{text}");
        }
    }
}
