//! One component of a multiaddr: its code, its name, how its value is stored and written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write as _;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::error::MultiaddrError;
use crate::peer_id::PeerId;
use crate::varint;

/// A component of a multiaddr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol<'a> {
    /// `/ip4/1.2.3.4`
    Ip4(Ipv4Addr),
    /// `/ip6/::1`
    Ip6(Ipv6Addr),
    /// `/dns/host`: any address family.
    Dns(&'a str),
    /// `/dns4/host`
    Dns4(&'a str),
    /// `/dns6/host`
    Dns6(&'a str),
    /// `/dnsaddr/host`: multiaddrs in TXT records.
    Dnsaddr(&'a str),
    /// `/tcp/977`
    Tcp(u16),
    /// `/udp/4001`
    Udp(u16),
    /// `/ws`
    Ws,
    /// `/wss`: the same as `/tls/ws`.
    Wss,
    /// `/tls`
    Tls,
    /// `/sni/host`
    Sni(&'a str),
    /// `/http-path/a%2Fb`
    HttpPath(&'a str),
    /// `/p2p/12D3..`
    P2p(PeerId),
    /// A protocol that is known by name only, such as `/quic-v1`: it has no value.
    Plain(&'static str),
    /// A protocol that is not known: its code and everything after it, since where its value ends
    /// is not known either.
    Unknown(&'a [u8]),
}

/// Codes of the multiformats table.
mod code {
    pub(super) const IP4: u64 = 4;
    pub(super) const TCP: u64 = 6;
    pub(super) const IP6: u64 = 41;
    pub(super) const DNS: u64 = 53;
    pub(super) const DNS4: u64 = 54;
    pub(super) const DNS6: u64 = 55;
    pub(super) const DNSADDR: u64 = 56;
    pub(super) const UDP: u64 = 273;
    pub(super) const P2P: u64 = 421;
    pub(super) const TLS: u64 = 448;
    pub(super) const SNI: u64 = 449;
    pub(super) const WS: u64 = 477;
    pub(super) const WSS: u64 = 478;
    pub(super) const HTTP_PATH: u64 = 481;
}

/// Protocols without a value which other peers announce and we only carry along.
const PLAIN: [(u64, &str); 8] = [
    (290, "p2p-circuit"),
    (280, "webrtc-direct"),
    (281, "webrtc"),
    (454, "noise"),
    (460, "quic"),
    (461, "quic-v1"),
    (465, "webtransport"),
    (480, "http"),
];

/// Host names hold no separator of the text form and nothing that would confuse a log.
fn host(bytes: &[u8]) -> Result<&str, MultiaddrError> {
    let text = core::str::from_utf8(bytes).map_err(|_| MultiaddrError::Host)?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
    if text.is_empty() || text.len() > 253 || !text.chars().all(plain) {
        return Err(MultiaddrError::Host);
    }
    Ok(text)
}

/// Splits a value with a length in front off `bytes`.
fn prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), MultiaddrError> {
    let (len, used) = varint::read(bytes).map_err(|_| MultiaddrError::Truncated)?;
    let len = usize::try_from(len).map_err(|_| MultiaddrError::Truncated)?;
    bytes[used..]
        .split_at_checked(len)
        .ok_or(MultiaddrError::Truncated)
}

/// Splits a value of fixed size off `bytes`.
fn fixed<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), MultiaddrError> {
    let (value, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or(MultiaddrError::Truncated)?;
    Ok((*value, rest))
}

impl<'a> Protocol<'a> {
    /// Reads the component at the front of `bytes`, giving it and what follows it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), MultiaddrError> {
        let (code, used) = varint::read(bytes).map_err(|_| MultiaddrError::Truncated)?;
        let rest = &bytes[used..];
        let text = |make: fn(&'a str) -> Self| {
            let (value, rest) = prefixed(rest)?;
            Ok((make(host(value)?), rest))
        };
        Ok(match code {
            code::IP4 => fixed::<4>(rest).map(|(ip, rest)| (Self::Ip4(ip.into()), rest))?,
            code::IP6 => fixed::<16>(rest).map(|(ip, rest)| (Self::Ip6(ip.into()), rest))?,
            code::TCP => {
                fixed(rest).map(|(port, rest)| (Self::Tcp(u16::from_be_bytes(port)), rest))?
            }
            code::UDP => {
                fixed(rest).map(|(port, rest)| (Self::Udp(u16::from_be_bytes(port)), rest))?
            }
            code::DNS => return text(Self::Dns),
            code::DNS4 => return text(Self::Dns4),
            code::DNS6 => return text(Self::Dns6),
            code::DNSADDR => return text(Self::Dnsaddr),
            code::SNI => return text(Self::Sni),
            code::WS => (Self::Ws, rest),
            code::WSS => (Self::Wss, rest),
            code::TLS => (Self::Tls, rest),
            code::P2P => {
                let (value, rest) = prefixed(rest)?;
                (
                    Self::P2p(PeerId::from_bytes(value).map_err(MultiaddrError::PeerId)?),
                    rest,
                )
            }
            code::HTTP_PATH => {
                let (value, rest) = prefixed(rest)?;
                (
                    Self::HttpPath(core::str::from_utf8(value).map_err(|_| MultiaddrError::Path)?),
                    rest,
                )
            }
            _ => match PLAIN.iter().find(|(known, _)| *known == code) {
                Some((_, name)) => (Self::Plain(name), rest),
                None => (Self::Unknown(bytes), &[]),
            },
        })
    }

    /// Appends the binary form.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let text = |code: u64, value: &[u8], out: &mut Vec<u8>| {
            varint::write(code, out);
            varint::write(value.len() as u64, out);
            out.extend_from_slice(value);
        };
        let fixed = |code: u64, value: &[u8], out: &mut Vec<u8>| {
            varint::write(code, out);
            out.extend_from_slice(value);
        };
        match self {
            Self::Ip4(ip) => fixed(code::IP4, &ip.octets(), out),
            Self::Ip6(ip) => fixed(code::IP6, &ip.octets(), out),
            Self::Tcp(port) => fixed(code::TCP, &port.to_be_bytes(), out),
            Self::Udp(port) => fixed(code::UDP, &port.to_be_bytes(), out),
            Self::Dns(host) => text(code::DNS, host.as_bytes(), out),
            Self::Dns4(host) => text(code::DNS4, host.as_bytes(), out),
            Self::Dns6(host) => text(code::DNS6, host.as_bytes(), out),
            Self::Dnsaddr(host) => text(code::DNSADDR, host.as_bytes(), out),
            Self::Sni(host) => text(code::SNI, host.as_bytes(), out),
            Self::HttpPath(path) => text(code::HTTP_PATH, path.as_bytes(), out),
            Self::P2p(id) => text(code::P2P, id.as_bytes(), out),
            Self::Ws => varint::write(code::WS, out),
            Self::Wss => varint::write(code::WSS, out),
            Self::Tls => varint::write(code::TLS, out),
            Self::Plain(name) => {
                let known = PLAIN.iter().find(|(_, known)| known == name);
                varint::write(known.map_or(0, |(code, _)| *code), out);
            }
            Self::Unknown(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Reads the text of one component (`name`, then its value from `parts`) and appends its binary
    /// form.
    pub(super) fn read_text<'t>(
        name: &str,
        parts: &mut impl Iterator<Item = &'t str>,
        out: &mut Vec<u8>,
    ) -> Result<(), MultiaddrError> {
        let mut value = || parts.next().ok_or(MultiaddrError::Truncated);
        let port = |text: &str| text.parse().map_err(|_| MultiaddrError::Port);
        let name_of = |text: &'t str| host(text.as_bytes());
        match name {
            "ip4" => Protocol::Ip4(value()?.parse().map_err(|_| MultiaddrError::Ip)?).write(out),
            "ip6" => Protocol::Ip6(value()?.parse().map_err(|_| MultiaddrError::Ip)?).write(out),
            "tcp" => Protocol::Tcp(port(value()?)?).write(out),
            "udp" => Protocol::Udp(port(value()?)?).write(out),
            "dns" => Protocol::Dns(name_of(value()?)?).write(out),
            "dns4" => Protocol::Dns4(name_of(value()?)?).write(out),
            "dns6" => Protocol::Dns6(name_of(value()?)?).write(out),
            "dnsaddr" => Protocol::Dnsaddr(name_of(value()?)?).write(out),
            "sni" => Protocol::Sni(name_of(value()?)?).write(out),
            "http-path" => {
                Protocol::HttpPath(&unescape(value()?).ok_or(MultiaddrError::Path)?).write(out);
            }
            "ws" => Protocol::Ws.write(out),
            "wss" => Protocol::Wss.write(out),
            "tls" => Protocol::Tls.write(out),
            "p2p" | "ipfs" => {
                Protocol::P2p(value()?.parse().map_err(MultiaddrError::PeerId)?).write(out);
            }
            "unknown" => {
                let bytes = from_hex(value()?).ok_or(MultiaddrError::Unknown)?;
                match Protocol::read(&bytes)? {
                    (Protocol::Unknown(_), _) => out.extend_from_slice(&bytes),
                    _ => return Err(MultiaddrError::Unknown),
                }
            }
            _ => match PLAIN.iter().find(|(_, known)| *known == name) {
                Some((_, name)) => Protocol::Plain(name).write(out),
                None => return Err(MultiaddrError::Unknown),
            },
        }
        Ok(())
    }
}

impl fmt::Display for Protocol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip4(ip) => write!(f, "/ip4/{ip}"),
            Self::Ip6(ip) => write!(f, "/ip6/{ip}"),
            Self::Dns(host) => write!(f, "/dns/{host}"),
            Self::Dns4(host) => write!(f, "/dns4/{host}"),
            Self::Dns6(host) => write!(f, "/dns6/{host}"),
            Self::Dnsaddr(host) => write!(f, "/dnsaddr/{host}"),
            Self::Tcp(port) => write!(f, "/tcp/{port}"),
            Self::Udp(port) => write!(f, "/udp/{port}"),
            Self::Ws => f.write_str("/ws"),
            Self::Wss => f.write_str("/wss"),
            Self::Tls => f.write_str("/tls"),
            Self::Sni(host) => write!(f, "/sni/{host}"),
            Self::P2p(id) => write!(f, "/p2p/{id}"),
            Self::Plain(name) => write!(f, "/{name}"),
            Self::HttpPath(path) => {
                f.write_str("/http-path/")?;
                for &byte in path.as_bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        f.write_char(char::from(byte))?;
                    } else {
                        write!(f, "%{byte:02X}")?;
                    }
                }
                Ok(())
            }
            Self::Unknown(bytes) => {
                f.write_str("/unknown/")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let digit = |c: u8| char::from(c).to_digit(16);
    match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes().chunks(2).map(hex_byte).collect()
}

/// Undoes percent encoding.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (pair, after) = rest.split_at_checked(2)?;
            bytes.push(hex_byte(pair)?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
