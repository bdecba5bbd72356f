//! Rows of `[tls]`.

use super::{
    joined,
    key::{Fallback, Key, Secret, Section},
};
use crate::{
    formats,
    kind::{Check, Kind},
    limits::MAX_LIST,
};

/// A text of several lines in TOML.
macro_rules! lines {
    ($before:literal, $file:literal, $after:literal) => {
        concat!($before, "\"\"\"\n", include_str!($file), "\"\"\"", $after)
    };
}

pub(super) const TLS: Section = Section {
    name: "tls",
    about: "Certificates, in PEM. Those of the example are public: make your own.",
    keys: &[
        Key {
            name: "certificate",
            kind: Kind::Checked(
                "a string: certificates in PEM, the node's own first",
                Check(formats::certificates),
            ),
            default: Fallback::Nothing,
            example: lines!("", "pem/certificate.pem", ""),
            meaning: "The node's certificate. With it the WebSocket listener accepts TLS as well, \
                      which browsers ask for.",
            secret: Secret::No,
            field: joined::CERTIFICATE,
        },
        Key {
            name: "key",
            kind: Kind::Checked(
                "a string: a P-256 or Ed25519 key in PKCS #8 PEM",
                Check(formats::any),
            ),
            default: Fallback::Nothing,
            example: lines!("", "pem/key.pem", ""),
            meaning: "The private key of the certificate.",
            secret: Secret::Yes,
            field: joined::KEY,
        },
        Key {
            name: "roots",
            kind: Kind::List {
                of: "strings: certificates in PEM",
                most: MAX_LIST,
                entry: &Kind::Checked("a certificate", Check(formats::root)),
            },
            default: Fallback::Value("[]"),
            example: lines!("[", "pem/root.pem", "]"),
            meaning: "Authorities that the node trusts when it connects by TLS, beside those that \
                      browsers trust.",
            secret: Secret::No,
            field: joined::ROOTS,
        },
    ],
};
