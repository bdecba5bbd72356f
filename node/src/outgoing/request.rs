//! A request: where to, what is sent, and whose it is.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::net::IpAddr;

use basalt_manifest::Url;
use basalt_net::multiaddr::{Endpoint, HostName, Scope};
use basalt_net::swarm::Transport;
use basalt_net::time::Instant;

/// Who waits for the answer to a request. The client gives it back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The chain: the number of its question.
    Chain(u64),
    /// `aqua-ipfs`: the number of the file's transfer.
    Ipfs(u64),
    /// A module of a service: the number of its request.
    Guest(u64),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Where to connect.
    pub(crate) endpoint: Endpoint,
    /// The name that the server's certificate must have, if TLS is spoken.
    pub(crate) tls_name: Option<String>,
    /// Value of the header `host`.
    authority: String,
}

impl Server {
    /// The same server, reached within another scope than the public internet.
    pub(crate) fn within(self, scope: Scope) -> Server {
        Server {
            endpoint: self.endpoint.within(scope),
            ..self
        }
    }

    /// The server of a URL, which its parser has checked.
    pub(crate) fn of_url(url: &Url) -> Server {
        let ip = url.host.parse().map(HostName::Ip);
        Server {
            endpoint: Endpoint {
                host: ip.unwrap_or_else(|_| HostName::Dns(url.host.clone())),
                scope: Scope::Global,
                port: url.port,
                transport: Transport::Tcp,
                server_name: None,
                path: None,
                peer: None,
            },
            tls_name: url.tls.then(|| url.host.clone()),
            authority: url.authority().to_string(),
        }
    }

    /// The server at an endpoint, with TLS or without.
    ///
    /// # Errors
    /// Its host is not one that can stand in the head of a request. Multiaddrs let any text be a
    /// name.
    pub(crate) fn at(endpoint: Endpoint, tls: bool) -> Result<Server, String> {
        let name = match &endpoint.host {
            HostName::Ip(ip) => ip.to_string(),
            HostName::Dns(name) | HostName::Dns4(name) | HostName::Dns6(name) => name.clone(),
        };
        if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{name:?} is not the name of a host"));
        }
        let port = endpoint.port;
        let authority = match &endpoint.host {
            HostName::Ip(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
            _ => format!("{name}:{port}"),
        };
        Ok(Server {
            authority,
            tls_name: tls.then_some(name),
            endpoint,
        })
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Who waits for the answer.
    pub(crate) owner: Owner,
    /// Where it goes.
    pub(crate) server: Server,
    /// All that is sent: head and body.
    pub(crate) bytes: Vec<u8>,
    /// Whether the answer can have a body. The answer to a `HEAD` has none, whatever length it
    /// names.
    pub(crate) has_body: bool,
    /// Longest body that is taken, in bytes.
    pub(crate) max_body: usize,
    /// When it is too late for an answer.
    pub(crate) until: Instant,
}

/// A method that can stand in the head of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method<'a>(&'a str);

impl<'a> Method<'a> {
    pub(crate) const GET: Method<'static> = Method("GET");
    pub(crate) const POST: Method<'static> = Method("POST");

    /// The method of that name.
    ///
    /// # Errors
    /// It is not a token.
    pub(crate) fn new(name: &'a str) -> Result<Method<'a>, HeadError> {
        match is_token(name) {
            true => Ok(Method(name)),
            false => Err(HeadError::Method),
        }
    }
}

/// Why a head cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeadError {
    /// The method is not a token.
    Method,
    /// The header of this name has a name that is not a token, or control characters in its value.
    Header(String),
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeadError::Method => f.write_str("the request's method is not a valid one"),
            HeadError::Header(name) => write!(f, "the request's header {name:.100?} is not valid"),
        }
    }
}

/// Builds the head of a request, HTTP/1.1 (RFC 9112). Nothing that is given to it can end a line or
/// begin one of its own.
///
/// One request per connection: requests are rare, and a server that closes when it has answered
/// needs no other end mark.
pub(crate) struct Head(String);

impl Head {
    /// Headers that are written here, whatever a caller says.
    const OWN: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

    /// The head of a request for `target`, a path and a query.
    pub(crate) fn new(method: Method<'_>, target: &str, server: &Server) -> Head {
        let mut head = String::from(method.0);
        head.push(' ');
        for byte in target.bytes() {
            match byte.is_ascii_graphic() {
                true => head.push(char::from(byte)),
                false => {
                    // Text takes whatever is written to it.
                    let _ = write!(head, "%{byte:02X}");
                }
            }
        }
        let authority = &server.authority;
        let _ = write!(
            head,
            " HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n"
        );
        Head(head)
    }

    /// Adds the media type of the body.
    pub(crate) fn content_type(mut self, kind: &'static str) -> Head {
        self.line("content-type", kind);
        self
    }

    /// Adds a header. Those that are the builder's own are left out: a caller must not contradict
    /// them.
    ///
    /// # Errors
    /// The name is not a token, or the value has control characters.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Result<Head, HeadError> {
        if !is_token(name) || value.chars().any(char::is_control) {
            return Err(HeadError::Header(name.to_string()));
        }
        if !Head::OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            self.line(name, value);
        }
        Ok(self)
    }

    fn line(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "{name}: {value}\r\n");
    }

    /// The whole request.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Vec<u8> {
        let _ = write!(self.0, "content-length: {}\r\n\r\n", body.len());
        let mut bytes = self.0.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server::of_url(&url.parse().unwrap())
    }

    #[test]
    fn a_head_is_written_line_by_line() {
        let server = server("https://a.example:8443/");
        let head = Head::new(Method::POST, "/x?y=1", &server).content_type("application/json");
        let head = head.header("X-A", "b c").unwrap();
        let head = head.header("Host", "elsewhere").unwrap();
        assert_eq!(
            String::from_utf8(head.with_body(b"{}")).unwrap(),
            "POST /x?y=1 HTTP/1.1\r\nhost: a.example:8443\r\nconnection: close\r\n\
             content-type: application/json\r\nX-A: b c\r\ncontent-length: 2\r\n\r\n{}"
        );
        assert_eq!(server.tls_name.as_deref(), Some("a.example"));
    }

    #[test]
    fn nothing_that_is_given_makes_a_line_of_its_own() {
        let server = server("http://a/");
        let head = Head::new(Method::GET, "/a b\r\nx: y", &server);
        assert!(head.0.starts_with("GET /a%20b%0D%0Ax:%20y HTTP/1.1\r\n"));
        assert_eq!(Method::new("G T"), Err(HeadError::Method));
        for (name, value) in [("a b", "c"), ("", "c"), ("a", "b\nc")] {
            let head = Head::new(Method::GET, "/", &server);
            assert!(head.header(name, value).is_err());
        }
        let endpoint = Endpoint {
            host: HostName::Dns("a\r\nx: y".into()),
            ..server.endpoint
        };
        assert!(Server::at(endpoint, false).is_err());
    }
}
