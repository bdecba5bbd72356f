//! Fields of the model that several keys make together, and those that are shown in a way of their
//! own.
//!
//! Keys are read in the order of the table: the first one of each group makes the part of the model
//! that the others belong to. Where it is missing the others are not kept; the checks across keys
//! refuse them then.

use alloc::{string::String, vec::Vec};

use super::key::{Field, field};
use crate::{
    formats::certificates_alone,
    model::{Addressing, Manifest, StaticAddress, StaticAddress6},
    text::quoted,
    value::{Value, read},
};

/// The static IPv4 address, if there is one.
fn fixed(manifest: &Manifest) -> Option<&StaticAddress> {
    match &manifest.network.addressing {
        Addressing::Dhcp => None,
        Addressing::Static(fixed) => Some(fixed),
    }
}

/// `network.address`: "dhcp", or an address with its prefix.
pub(super) const ADDRESS: Field = Field {
    path: "network.addressing",
    read: |manifest, value, kind, faults| {
        if value.get_ref().as_str() == Some("dhcp") {
            return;
        }
        if let Some((address, prefix)) = read(value, kind, faults) {
            manifest.network.addressing = Addressing::Static(StaticAddress {
                address,
                prefix,
                gateway: None,
                dns: Vec::new(),
            });
        }
    },
    show: |manifest| match fixed(manifest) {
        Some(fixed) => (fixed.address, fixed.prefix).show(),
        None => Some(quoted("dhcp")),
    },
};

/// `network.gateway`.
pub(super) const GATEWAY: Field = Field {
    path: "network.addressing.gateway",
    read: |manifest, value, kind, faults| {
        let mut gateway = None;
        gateway.store(value, kind, faults);
        if let Addressing::Static(fixed) = &mut manifest.network.addressing {
            fixed.gateway = gateway;
        }
    },
    show: |manifest| fixed(manifest)?.gateway.show(),
};

/// `network.dns`.
pub(super) const DNS: Field = Field {
    path: "network.addressing.dns",
    read: |manifest, value, kind, faults| {
        let mut dns = Vec::new();
        dns.store(value, kind, faults);
        if let Addressing::Static(fixed) = &mut manifest.network.addressing {
            fixed.dns = dns;
        }
    },
    show: |manifest| fixed(manifest)?.dns.show(),
};

/// `network.ipv6_address`.
pub(super) const ADDRESS6: Field = Field {
    path: "network.ipv6",
    read: |manifest, value, kind, faults| {
        if let Some((address, prefix)) = read(value, kind, faults) {
            manifest.network.ipv6 = Some(StaticAddress6 {
                address,
                prefix,
                gateway: None,
            });
        }
    },
    show: |manifest| {
        let fixed = manifest.network.ipv6.as_ref()?;
        (fixed.address, fixed.prefix).show()
    },
};

/// `network.ipv6_gateway`.
pub(super) const GATEWAY6: Field = Field {
    path: "network.ipv6.gateway",
    read: |manifest, value, kind, faults| {
        let mut gateway = None;
        gateway.store(value, kind, faults);
        if let Some(fixed) = &mut manifest.network.ipv6 {
            fixed.gateway = gateway;
        }
    },
    show: |manifest| manifest.network.ipv6.as_ref()?.gateway.show(),
};

/// `tls.certificate`.
pub(super) const CERTIFICATE: Field = Field {
    path: "tls.certificate",
    read: |manifest, value, kind, faults| {
        if let Some(certificate) = read(value, kind, faults) {
            manifest.tls.certificate = Some((certificate, String::new()));
        }
    },
    show: |manifest| {
        let (certificate, _) = manifest.tls.certificate.as_ref()?;
        certificates_alone(certificate).show()
    },
};

/// `tls.key`.
pub(super) const KEY: Field = Field {
    path: "tls.certificate",
    read: |manifest, value, kind, faults| {
        let Some(key) = read(value, kind, faults) else {
            return;
        };
        if let Some((_, of_certificate)) = &mut manifest.tls.certificate {
            *of_certificate = key;
        }
    },
    show: |manifest| manifest.tls.certificate.as_ref()?.1.show(),
};

/// `tls.roots`.
pub(super) const ROOTS: Field = Field {
    show: |manifest| {
        let roots = manifest.tls.roots.iter();
        let alone: Vec<String> = roots.map(|root| certificates_alone(root)).collect();
        alone.show()
    },
    ..field!(tls.roots)
};

/// `prover.global_nonce`: all zero while there is none.
pub(super) const GLOBAL_NONCE: Field = Field {
    show: |manifest| unless_zero(&manifest.prover.global_nonce),
    ..field!(prover.global_nonce)
};

/// `prover.difficulty`: all zero while there is none.
pub(super) const DIFFICULTY: Field = Field {
    show: |manifest| unless_zero(&manifest.prover.difficulty),
    ..field!(prover.difficulty)
};

fn unless_zero(bytes: &[u8; 32]) -> Option<String> {
    (*bytes != [0; 32]).then(|| bytes.show()).flatten()
}
