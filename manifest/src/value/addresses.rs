//! IP addresses, alone and with the length of their subnet's prefix.

use alloc::{
    format,
    string::{String, ToString},
};
use core::net::{Ipv4Addr, Ipv6Addr};

use toml::de::DeValue;

use super::{Scalar, scalars::string};
use crate::{
    kind::{Fault, Kind},
    text::{quoted, shortened},
};

/// An address that a single machine can have.
impl Scalar for Ipv4Addr {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        let text = string(value)?;
        let address: Self = text.parse().map_err(|_| {
            Fault::Quoting(format!("\"{}\" is not an IPv4 address", shortened(text)))
        })?;
        unicast(address)?;
        Ok(address)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

fn unicast(address: Ipv4Addr) -> Result<(), Fault> {
    let what = if address.octets()[0] == 0 {
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
    Err(Fault::Quoting(format!(
        "{address} is {what}, no machine can have it"
    )))
}

/// An address of the appliance, with the length of its subnet's prefix in bits.
impl Scalar for (Ipv4Addr, u8) {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        let text = string(value)?;
        let (address, prefix) =
            text.split_once('/')
                .ok_or_else(|| match text.parse::<Ipv4Addr>() {
                    Ok(_) => "needs the length of the subnet's prefix, for example \"/24\"".into(),
                    Err(_) => Fault::Kind,
                })?;
        let address: Ipv4Addr = address.parse().map_err(|_| {
            Fault::Quoting(format!(
                "\"{}\" is neither \"dhcp\" nor an IPv4 address with a prefix",
                shortened(text)
            ))
        })?;
        let prefix = prefix
            .parse::<u8>()
            .ok()
            .filter(|bits| (1..=32).contains(bits))
            .ok_or("has no valid prefix length (1 to 32) after the `/`")?;
        unicast(address)?;
        let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        let host = address.to_bits() & host_bits;
        // Subnets of one and of two addresses have neither (RFC 3021).
        if prefix <= 30 && (host == 0 || host == host_bits) {
            let what = if host == 0 {
                "the network's own"
            } else {
                "the broadcast"
            };
            return Err(Fault::Quoting(format!(
                "{address} is {what} address of its /{prefix} subnet"
            )));
        }
        Ok((address, prefix))
    }

    fn show(&self) -> String {
        quoted(&format!("{}/{}", self.0, self.1))
    }
}

/// An IPv6 address that a single machine can have.
impl Scalar for Ipv6Addr {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        host6(string(value)?)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

fn host6(text: &str) -> Result<Ipv6Addr, Fault> {
    let address: Ipv6Addr = text
        .parse()
        .map_err(|_| Fault::Quoting(format!("\"{}\" is not an IPv6 address", shortened(text))))?;
    let what = if address.is_unspecified() {
        "the unspecified address"
    } else if address.is_loopback() {
        "the loopback address"
    } else if address.is_multicast() {
        "a multicast address"
    } else if address.to_ipv4_mapped().is_some() {
        "an IPv4 address written as an IPv6 address"
    } else {
        return Ok(address);
    };
    Err(Fault::Quoting(format!(
        "{address} is {what}, no machine can have it"
    )))
}

/// An address of the appliance, with the length of its subnet's prefix in bits.
impl Scalar for (Ipv6Addr, u8) {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        let text = string(value)?;
        let (address, prefix) =
            text.split_once('/')
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
                Fault::Quoting(format!(
                    "has a prefix of length \"{prefix}\", it must be from 1 to 128"
                ))
            })?;
        let address = host6(address)?;
        if address.is_unicast_link_local() {
            return Err(Fault::Quoting(format!(
                "{address} is a link-local address, which the appliance has anyway"
            )));
        }
        Ok((address, prefix))
    }

    fn show(&self) -> String {
        quoted(&format!("{}/{}", self.0, self.1))
    }
}
