//! One checked conversion per kind of value.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt::Display,
    net::{Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use log::LevelFilter;
use toml::de::DeValue;

use crate::{
    address::{label, shortened},
    model::{
        Compute, DiskTest, Effector, NetworkId, PanicAction, ProverMode, Reach, Registers, Seed,
    },
    url::{Url, UrlError},
};

/// Why a value is refused.
pub(crate) enum Fault {
    /// It is of another kind than the schema says.
    Kind,
    /// It is of the right kind; the text completes the sentence "`key` ..".
    Value(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Value(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Value(reason.into())
    }
}

/// Base64 as people paste it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn string<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Fault> {
    value.as_str().ok_or(Fault::Kind)
}

fn integer<N>(value: &DeValue<'_>, range: RangeInclusive<N>) -> Result<N, Fault>
where
    N: TryFrom<i128> + PartialOrd + Display,
{
    let integer = value.as_integer().ok_or(Fault::Kind)?;
    i128::from_str_radix(integer.as_str(), integer.radix())
        .ok()
        .and_then(|number| N::try_from(number).ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (low, high) = range.into_inner();
            format!(
                "must be from {low} to {high}, not {}",
                shortened(integer.as_str())
            )
            .into()
        })
}

pub(crate) fn port(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 1..=u16::MAX)
}

pub(crate) fn vlan(value: &DeValue<'_>) -> Result<u16, Fault> {
    // 0 means no VLAN, 4095 is reserved (IEEE 802.1Q, table 9-2).
    integer(value, 1..=4094)
}

pub(crate) fn system_cores(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 1..=crate::MAX_CORES)
}

pub(crate) fn compute_cores(value: &DeValue<'_>) -> Result<Compute, Fault> {
    match value.as_str() {
        Some("all") => Ok(Compute::All),
        Some(_) => Err(Fault::Kind),
        None => integer(value, 0..=crate::MAX_CORES).map(Compute::Count),
    }
}

pub(crate) fn host_cores(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 0..=crate::MAX_CORES)
}

pub(crate) fn network_id(value: &DeValue<'_>) -> Result<NetworkId, Fault> {
    match string(value)? {
        "dar" => Ok(NetworkId::Dar),
        "stage" => Ok(NetworkId::Stage),
        "kras" => Ok(NetworkId::Kras),
        text => hex(text).map(NetworkId::Custom).ok_or(Fault::Kind),
    }
}

/// 32 bytes in hex.
pub(crate) fn bytes(value: &DeValue<'_>) -> Result<[u8; 32], Fault> {
    hex(string(value)?).ok_or(Fault::Kind)
}

pub(crate) fn prover_mode(value: &DeValue<'_>) -> Result<ProverMode, Fault> {
    match string(value)? {
        "off" => Ok(ProverMode::Off),
        "light" => Ok(ProverMode::Light),
        "fast" => Ok(ProverMode::Fast),
        _ => Err(Fault::Kind),
    }
}

pub(crate) fn epoch_seconds(value: &DeValue<'_>) -> Result<u32, Fault> {
    const YEAR: u32 = 31_536_000;
    integer(value, 1..=YEAR)
}

pub(crate) fn min_proofs(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 0..=u16::MAX)
}

pub(crate) fn max_proofs(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 1..=u16::MAX)
}

pub(crate) fn datasets(value: &DeValue<'_>) -> Result<u16, Fault> {
    integer(value, 1..=crate::MAX_CORES)
}

pub(crate) fn registers(value: &DeValue<'_>) -> Result<Registers, Fault> {
    match string(value)? {
        "auto" => Ok(Registers::Auto),
        "on" => Ok(Registers::On),
        "off" => Ok(Registers::Off),
        _ => Err(Fault::Kind),
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

/// The address of a contract, with or without `0x`.
pub(crate) fn contract(value: &DeValue<'_>) -> Result<[u8; 20], Fault> {
    let text = string(value)?;
    hex(text.strip_prefix("0x").unwrap_or(text)).ok_or(Fault::Kind)
}

/// A key in hex, with or without `0x`.
pub(crate) fn wallet_key(value: &DeValue<'_>) -> Result<Seed, Fault> {
    let text = string(value)?;
    let key = hex(text.strip_prefix("0x").unwrap_or(text));
    key.map(Seed).ok_or(Fault::Kind)
}

pub(crate) fn wide(value: &DeValue<'_>) -> Result<u64, Fault> {
    integer(value, 0..=i64::MAX as u64)
}

/// MiB of memory that all services together may have: up to 16 TiB.
pub(crate) fn services_memory(value: &DeValue<'_>) -> Result<u32, Fault> {
    integer(value, 16..=1 << 24)
}

/// MiB of memory that a service may have: up to 4 GiB, what WebAssembly can address, for two modules.
pub(crate) fn service_memory(value: &DeValue<'_>) -> Result<u32, Fault> {
    integer(value, 2..=8192)
}

/// Seconds until something that is not used is put away: up to a year.
pub(crate) fn rest(value: &DeValue<'_>) -> Result<u32, Fault> {
    integer(value, 1..=31_536_000)
}

/// A number of particles.
pub(crate) fn particles(value: &DeValue<'_>) -> Result<u32, Fault> {
    integer(value, 1..=1_000_000)
}

/// MiB of memory of particles.
pub(crate) fn particles_memory(value: &DeValue<'_>) -> Result<u32, Fault> {
    integer(value, 1..=65_536)
}

pub(crate) fn percent(value: &DeValue<'_>) -> Result<u8, Fault> {
    integer(value, 1..=100)
}

pub(crate) fn reach(value: &DeValue<'_>) -> Result<Reach, Fault> {
    match string(value)? {
        "off" => Ok(Reach::Off),
        "public" => Ok(Reach::Public),
        "all" => Ok(Reach::All),
        _ => Err(Fault::Kind),
    }
}

/// A module's CID and the names of its programs, a space between each.
pub(crate) fn effector(value: &DeValue<'_>) -> Result<Effector, Fault> {
    /// How CIDs of version 1 with a SHA-256 begin, of a file in one block and of one in several, and how long they are.
    const CID: ([&str; 2], usize) = (["bafkrei", "bafybei"], 59);
    /// Longest name of a program.
    const LONGEST: usize = 64;
    let mut words = string(value)?.split(' ');
    let cid = words.next().unwrap_or_default();
    let base32 = |byte: u8| matches!(byte, b'a'..=b'z' | b'2'..=b'7');
    let begins = CID.0.iter().any(|prefix| cid.starts_with(prefix));
    if !begins || cid.len() != CID.1 || !cid.bytes().all(base32) {
        return Err(Fault::from(
            "has an entry that begins with no CID of a module",
        ));
    }
    let programs: Vec<String> = words.map(String::from).collect();
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = |word: &String| (1..=LONGEST).contains(&word.len()) && word.bytes().all(name);
    if programs.is_empty() || !programs.iter().all(is_name) {
        let reason =
            "has an entry whose CID is not followed by names of programs, a space between each";
        return Err(Fault::from(reason));
    }
    Ok(Effector {
        cid: cid.into(),
        programs,
    })
}

/// `http://host:port/path`, or `https`; without a port it is 80, or 443.
pub(crate) fn url(value: &DeValue<'_>) -> Result<Url, Fault> {
    string(value)?.parse().map_err(|error| match error {
        UrlError::Scheme => Fault::Kind,
        error => error.to_string().into(),
    })
}

pub(crate) fn seed(value: &DeValue<'_>) -> Result<Seed, Fault> {
    let bytes = BASE64.decode(string(value)?).map_err(|_| "is not base64")?;
    let length = bytes.len();
    let seed = <[u8; 32]>::try_from(bytes)
        .map_err(|_| format!("must be base64 of 32 bytes, this is of {length}"))?;
    Ok(Seed(seed))
}

pub(crate) fn hostname(value: &DeValue<'_>) -> Result<String, Fault> {
    let text = string(value)?;
    if label(text) {
        Ok(text.into())
    } else {
        Err(Fault::Kind)
    }
}

pub(crate) fn flag(value: &DeValue<'_>) -> Result<bool, Fault> {
    value.as_bool().ok_or(Fault::Kind)
}

/// A disk's serial number or place: printable, and not longer than disks can tell.
pub(crate) fn disk_name(value: &DeValue<'_>) -> Result<String, Fault> {
    /// Characters of the longest serial number (NVMe and ATA have 20, virtio 20).
    const LONGEST: usize = 40;
    let text = string(value)?;
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || text.trim() != text || !printable {
        return Err(Fault::Kind);
    }
    if text.len() > LONGEST {
        return Err(format!("has {} characters, more than any serial number", text.len()).into());
    }
    Ok(text.into())
}

pub(crate) fn disk_test(value: &DeValue<'_>) -> Result<DiskTest, Fault> {
    match string(value)? {
        "none" => Ok(DiskTest::None),
        "load" => Ok(DiskTest::Load),
        "speed" => Ok(DiskTest::Speed),
        _ => Err(Fault::Kind),
    }
}

pub(crate) fn level(value: &DeValue<'_>) -> Result<LevelFilter, Fault> {
    match string(value)? {
        "error" => Ok(LevelFilter::Error),
        "warn" => Ok(LevelFilter::Warn),
        "info" => Ok(LevelFilter::Info),
        "debug" => Ok(LevelFilter::Debug),
        "trace" => Ok(LevelFilter::Trace),
        _ => Err(Fault::Kind),
    }
}

pub(crate) fn panic_action(value: &DeValue<'_>) -> Result<PanicAction, Fault> {
    match string(value)? {
        "reset" => Ok(PanicAction::Reset),
        "halt" => Ok(PanicAction::Halt),
        _ => Err(Fault::Kind),
    }
}

/// An address that a single machine can have.
pub(crate) fn host(value: &DeValue<'_>) -> Result<Ipv4Addr, Fault> {
    let text = string(value)?;
    let address: Ipv4Addr = text
        .parse()
        .map_err(|_| format!("\"{}\" is not an IPv4 address", shortened(text)))?;
    unicast(address).map_err(Fault::Value)?;
    Ok(address)
}

fn unicast(address: Ipv4Addr) -> Result<(), String> {
    let kind = if address.octets()[0] == 0 {
        "an address of \"this network\""
    } else if address.is_loopback() {
        "a loopback address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.octets()[0] >= 240 {
        "a reserved or broadcast address"
    } else {
        return Ok(());
    };
    Err(format!("{address} is {kind}, no machine can have it"))
}

/// `dhcp` (`None`), or an address with the length of its prefix.
pub(crate) fn address(value: &DeValue<'_>) -> Result<Option<(Ipv4Addr, u8)>, Fault> {
    let text = string(value)?;
    if text == "dhcp" {
        return Ok(None);
    }
    let (address, prefix) = text
        .split_once('/')
        .ok_or_else(|| match text.parse::<Ipv4Addr>() {
            Ok(_) => "needs the length of the subnet's prefix, for example \"/24\"".into(),
            Err(_) => Fault::Kind,
        })?;
    let address: Ipv4Addr = address.parse().map_err(|_| {
        format!(
            "\"{}\" is neither \"dhcp\" nor an IPv4 address with a prefix",
            shortened(text)
        )
    })?;
    let prefix = prefix
        .parse::<u8>()
        .ok()
        .filter(|bits| (1..=32).contains(bits))
        .ok_or("has no valid prefix length (1 to 32) after the `/`")?;
    unicast(address)?;
    let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    let host = address.to_bits() & host_bits;
    if prefix <= 30 && (host == 0 || host == host_bits) {
        let what = if host == 0 {
            "the network's own"
        } else {
            "the broadcast"
        };
        return Err(format!("{address} is {what} address of its /{prefix} subnet").into());
    }
    Ok(Some((address, prefix)))
}

/// An IPv6 address that a single machine can have.
pub(crate) fn host6(value: &DeValue<'_>) -> Result<Ipv6Addr, Fault> {
    let text = string(value)?;
    let address: Ipv6Addr = text
        .parse()
        .map_err(|_| format!("\"{}\" is not an IPv6 address", shortened(text)))?;
    let kind = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_loopback() {
        "the loopback address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.to_ipv4_mapped().is_some() {
        "an IPv4 address in disguise"
    } else {
        return Ok(address);
    };
    Err(format!("{address} is {kind}, no machine can have it").into())
}

/// An IPv6 address with the length of its prefix.
pub(crate) fn address6(value: &DeValue<'_>) -> Result<(Ipv6Addr, u8), Fault> {
    let text = string(value)?;
    let (address, prefix) = text
        .split_once('/')
        .ok_or_else(|| match text.parse::<Ipv6Addr>() {
            Ok(_) => "needs the length of the subnet's prefix, for example \"/64\"".into(),
            Err(_) => Fault::Kind,
        })?;
    let prefix = prefix
        .parse()
        .ok()
        .filter(|prefix| (1..=128).contains(prefix))
        .ok_or_else(|| {
            let prefix = shortened(prefix);
            format!("has a prefix of length \"{prefix}\", it must be from 1 to 128")
        })?;
    let address = host6(&DeValue::String(address.into()))?;
    if address.is_unicast_link_local() {
        return Err(
            format!("{address} is a link-local address, which the appliance has anyway").into(),
        );
    }
    Ok((address, prefix))
}
