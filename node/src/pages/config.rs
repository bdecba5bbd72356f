//! The page of the configuration: every key of the manifest with the value that is in force,
//! secrets left out.

use alloc::string::String;

use basalt_manifest::Manifest;

/// A manifest's values as TOML. A key without a value stands in a comment, with what is in force
/// instead.
pub(crate) fn config_text(manifest: &Manifest) -> String {
    manifest.page()
}

#[cfg(test)]
mod tests {
    use basalt_manifest::schema::{SECTIONS, Secret};

    use super::*;
    use crate::peer::Config;

    const EXAMPLE: &str = include_str!("../../../manifest/example.toml");

    #[test]
    fn every_key_is_shown_and_no_secret() {
        let manifest = Manifest::parse(EXAMPLE).unwrap();
        let text = config_text(&manifest);
        for section in SECTIONS {
            let start = text.find(&alloc::format!("[{}]\n", section.name));
            let rest = &text[start.unwrap_or_else(|| panic!("no {}", section.name))..];
            let rest = &rest[..rest.find("\n[").unwrap_or(rest.len())];
            for key in section.keys {
                let before = alloc::format!("{} = ", key.name);
                let line = rest.lines().find(|line| line.starts_with(&before));
                let line = line.unwrap_or_else(|| panic!("no {}.{}", section.name, key.name));
                assert_eq!(
                    line.contains("(redacted)"),
                    key.secret != Secret::No,
                    "{line}"
                );
            }
        }
        let (_, key) = manifest.tls.certificate.unwrap();
        let seed = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let wallet = "1".repeat(64);
        for secret in key.lines().skip(1).chain([seed, "/rpc", &wallet]) {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    /// What the page shows as the default of a key is what the node does without the key.
    #[test]
    fn defaults_that_are_shown_are_in_force() {
        let default = Manifest::default();
        let text = config_text(&default);
        let shown = Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_ne!(shown.particles, default.particles);
        assert_ne!(shown.services, default.services);
        let [shown, default] = [shown, default].map(|manifest| {
            let mut config = Config::from_manifest(&manifest, "0.0.0").unwrap();
            config.services.set(&manifest.services, 1 << 30);
            config
        });
        assert_eq!(shown.particles, default.particles);
        assert_eq!(shown.services, default.services);
    }
}
