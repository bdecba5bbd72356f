//! Numbers, flags, words and strings.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};

use toml::de::DeValue;

use super::Scalar;
use crate::{
    kind::{Check, Fault, Kind},
    model::Compute,
    text::{quoted, shortened},
    url::{Url, UrlError},
    words::Words,
};

/// The text of a string.
pub(super) fn string<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Fault> {
    value.as_str().ok_or(Fault::Kind)
}

/// A number within the bounds of its row.
fn integer<N: TryFrom<u64>>(value: &DeValue<'_>, kind: &Kind) -> Result<N, Fault> {
    let written = value.as_integer().ok_or(Fault::Kind)?;
    let (low, high) = match *kind {
        Kind::Integer { low, high, .. } | Kind::Either(_, &Kind::Integer { low, high, .. }) => {
            (low, high)
        }
        _ => return Err(Fault::Kind),
    };
    u64::from_str_radix(written.as_str(), written.radix())
        .ok()
        .filter(|number| (low..=high).contains(number))
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| {
            let written = shortened(written.as_str());
            Fault::Quoting(format!("must be from {low} to {high}, not {written}"))
        })
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Scalar for $number {
            fn read(value: &DeValue<'_>, kind: &Kind) -> Result<Self, Fault> {
                integer(value, kind)
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}
numbers!(u8, u16, u32, u64);

impl Scalar for bool {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        value.as_bool().ok_or(Fault::Kind)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<T: Words> Scalar for T {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        T::of(string(value)?).ok_or(Fault::Kind)
    }

    fn show(&self) -> String {
        quoted(self.word())
    }
}

impl Scalar for String {
    fn read(value: &DeValue<'_>, kind: &Kind) -> Result<Self, Fault> {
        let text = string(value)?;
        if let Kind::Checked(_, Check(check)) = kind {
            check(text)?;
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

impl Scalar for Compute {
    fn read(value: &DeValue<'_>, kind: &Kind) -> Result<Self, Fault> {
        match value.as_str() {
            Some("all") => Ok(Self::All),
            Some(_) => Err(Fault::Kind),
            None => integer(value, kind).map(Self::Count),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::All => quoted("all"),
            Self::Count(count) => count.to_string(),
        }
    }
}

/// `http://host:port/path`, or `https`; without a port it is 80, or 443.
impl Scalar for Url {
    fn read(value: &DeValue<'_>, _: &Kind) -> Result<Self, Fault> {
        string(value)?.parse().map_err(|error| match error {
            UrlError::Scheme => Fault::Kind,
            error => Fault::Plain(error.to_string()),
        })
    }

    /// Without the path: who sells access to such a server puts the customer's key there.
    fn show(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let authority = self.authority();
        quoted(&format!("{scheme}://{authority}/{}", super::REDACTED))
    }
}
