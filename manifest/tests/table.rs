//! The table of keys holds together: names, bounds, defaults and examples.

use std::collections::BTreeSet;

use basalt_manifest::{
    Manifest,
    schema::{Fallback, Kind, SECTIONS, Secret},
};

/// A manifest with the example of each key.
fn example() -> Manifest {
    let mut text = String::new();
    for section in SECTIONS {
        text += &format!("[{}]\n", section.name);
        for key in section.keys {
            text += &format!("{} = {}\n", key.name, key.example);
        }
    }
    Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn names_are_unique_and_plain() {
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    let mut names = BTreeSet::new();
    for section in SECTIONS {
        assert!(
            plain(section.name) && section.about.ends_with('.'),
            "{}",
            section.name
        );
        for key in section.keys {
            assert!(
                names.insert((section.name, key.name)),
                "{} is there twice",
                key.name
            );
            assert!(
                plain(key.name) && key.meaning.ends_with('.'),
                "{}",
                key.name
            );
        }
    }
}

/// Every default that is a value is in force when nothing is written, and written out it changes
/// nothing.
#[test]
fn defaults_are_in_force() {
    let default = Manifest::default();
    for section in SECTIONS {
        for key in section.keys {
            let name = format!("{}.{}", section.name, key.name);
            let Fallback::Value(value) = key.default else {
                assert_eq!(
                    key.show(&default),
                    None,
                    "{name} has a value, but tells none"
                );
                continue;
            };
            // Beside DHCP an empty list of name servers is refused like any other.
            if name == "network.dns" {
                continue;
            }
            let text = format!("[{}]\n{} = {value}\n", section.name, key.name);
            let written = Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(key.show(&written).as_deref(), Some(value), "{name}");
            // What the manifest leaves open is the node's own default, which the node's tests hold
            // against the table.
            if let Some(shown) = key.show(&default) {
                assert_eq!(shown, value, "{name}");
            }
        }
    }
}

/// The highest and the lowest number of each key fit the field of the model.
#[test]
fn bounds_fit_their_fields() {
    for section in SECTIONS {
        for key in section.keys {
            let (low, high) = match key.kind {
                Kind::Integer { low, high, .. }
                | Kind::Either(_, &Kind::Integer { low, high, .. }) => (low, high),
                _ => continue,
            };
            for (number, within) in [(low, true), (high, true), (high.saturating_add(1), false)] {
                let line = format!("{} = {number}", key.name);
                let said = match Manifest::parse(&format!("[{}]\n{line}\n", section.name)) {
                    Ok(manifest) => {
                        assert_eq!(key.show(&manifest), Some(number.to_string()), "{line}");
                        String::new()
                    }
                    Err(problems) => problems.to_string(),
                };
                assert_eq!(!said.contains("must be from"), within, "{line}: {said}");
            }
        }
    }
}

/// What is read from the example and shown again is read as the same manifest.
#[test]
fn examples_are_read_and_shown() {
    let manifest = example();
    for section in SECTIONS {
        for key in section.keys {
            let shown = key.show(&manifest);
            let shown = shown.unwrap_or_else(|| panic!("{} is not shown", key.name));
            let text = format!("x = {shown}").parse::<toml::Table>().unwrap();
            let given = format!("x = {}", key.example)
                .parse::<toml::Table>()
                .unwrap();
            let redacted = shown.contains("(redacted)");
            assert_eq!(redacted, key.secret != Secret::No, "{}", key.name);
            // Addresses of contracts are shown in lower case, without `0x`.
            if !redacted && key.name != "diamond" {
                assert_eq!(text, given, "{}", key.name);
            }
        }
    }
}

#[test]
fn the_page_has_every_key_and_no_secret() {
    let manifest = example();
    let page = manifest.page();
    let table: toml::Table = page.parse().unwrap();
    for section in SECTIONS {
        for key in section.keys {
            let value = table[section.name].get(key.name);
            let value = value.unwrap_or_else(|| panic!("{} is not there", key.name));
            let redacted = value
                .as_str()
                .is_some_and(|text| text.contains("(redacted)"));
            assert_eq!(redacted, key.secret != Secret::No, "{value:?}");
        }
    }
    // A page of defaults is a manifest of defaults.
    let defaults = Manifest::default().page();
    Manifest::parse(&defaults).unwrap_or_else(|problems| panic!("{problems}\n{defaults}"));
    for line in [
        "address = \"dhcp\"",
        "author_rate = 50000",
        "# author_memory: three quarters of the memory for particles",
        "# dns: []",
        "# endpoint: none: the node serves no deals",
        "# seed: generated at the first boot and kept",
    ] {
        assert!(
            defaults.lines().any(|shown| shown == line),
            "{line}\n{defaults}"
        );
    }
}
