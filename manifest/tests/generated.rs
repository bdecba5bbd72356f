//! `manifest/example.toml` and the reference in `docs/manifest.md` are what the table of keys says.

use std::{env, fmt::Write, fs, path::Path};

use basalt_manifest::schema::{Fallback, Key, SECTIONS, Secret};

/// Longest line of a comment.
const WIDTH: usize = 100;

/// What a key means, and whether it is secret.
fn meaning(key: &Key) -> String {
    let secret = match key.secret {
        Secret::No => "",
        Secret::Partly => " Secret in part.",
        Secret::Yes => " Secret.",
    };
    format!("{}{secret}", key.meaning)
}

/// The keys of each section as a table of Markdown.
fn reference() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        writeln!(text, "### `[{}]`\n\n{}\n", section.name, section.about).unwrap();
        text += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for key in section.keys {
            let default = match key.default {
                Fallback::Value(value) => format!("`{value}`"),
                other => other.to_string(),
            };
            let (name, kind, meaning) = (key.name, key.kind, meaning(key));
            let row = format!("`{name}` | {kind} | {default} | {meaning}");
            // A bar of the text would end its cell.
            assert_eq!(row.matches('|').count(), 3, "{row}");
            writeln!(text, "| {row} |").unwrap();
        }
        text += "\n";
    }
    text
}

/// Text as lines of a comment.
fn comment(text: &str) -> String {
    let mut comment = String::from("#");
    let mut width = 1;
    // What stands between backticks is not broken.
    let parts = text.split('`').enumerate();
    let bound = parts.map(|(index, part)| match index % 2 {
        1 => format!("`{}`", part.replace(' ', "\u{1}")),
        _ => part.to_owned(),
    });
    for word in bound.collect::<String>().split_whitespace() {
        let word = &word.replace('\u{1}', " ");
        let length = word.chars().count() + 1;
        if width + length > WIDTH {
            comment += "\n#";
            width = 1;
        }
        comment += " ";
        comment += word;
        width += length;
    }
    comment + "\n"
}

/// What the example says above a key.
fn explanation(key: &Key) -> String {
    let default = match key.default {
        Fallback::Nothing => String::new(),
        default => format!(" Default: {default}."),
    };
    comment(&meaning(key)) + &comment(&format!("Value: {}.{default}", key.kind))
}

fn example() -> String {
    let mut text = comment(
        "A Basalt manifest with every key that exists. All of them are optional: with an empty \
         manifest the node belongs to the main network, gets its address by DHCP, and makes its \
         identity at the first boot.",
    );
    for section in SECTIONS {
        write!(text, "\n{}[{}]\n", comment(section.about), section.name).unwrap();
        for key in section.keys {
            write!(
                text,
                "\n{}{} = {}\n",
                explanation(key),
                key.name,
                key.example
            )
            .unwrap();
        }
    }
    text
}

/// Checks that the file is `wanted`, or writes it when the environment has `BASALT_BLESS`.
fn check(path: &str, found: &str, wanted: &str) {
    if found == wanted {
        return;
    }
    assert!(
        env::var_os("BASALT_BLESS").is_some(),
        "{path} is not what the table of keys says: run BASALT_BLESS=1 cargo test -p basalt-manifest"
    );
    fs::write(root(path), wanted).unwrap();
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn the_manual_has_the_reference() {
    let path = "docs/manifest.md";
    let found = fs::read_to_string(root(path)).unwrap();
    let marks = ["<!-- keys -->\n", "<!-- end of keys -->\n"];
    let (head, rest) = found.split_once(marks[0]).expect(path);
    let (_, tail) = rest.split_once(marks[1]).expect(path);
    let wanted = [head, marks[0], &reference(), marks[1], tail].concat();
    check(path, &found, &wanted);
}

#[test]
fn the_example_has_every_key() {
    let path = "manifest/example.toml";
    let found = fs::read_to_string(root(path)).unwrap();
    check(path, &found, &example());
}
