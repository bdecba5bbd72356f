//! The tables of keys in the documentation are the schema's.

use std::{env, fmt::Write, fs, path::Path};

use basalt_manifest::schema::SECTIONS;

/// A default as the tables show it: values as code, words as words.
fn default(text: &str) -> String {
    match text.starts_with(|c: char| c == '"' || c == '[' || c.is_ascii_digit()) {
        true => format!("`{text}`"),
        false => text.to_owned(),
    }
}

/// The manual's tables, one for each section.
fn manual() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        writeln!(text, "### `[{}]`\n", section.name).unwrap();
        writeln!(
            text,
            "| key | value | default | meaning |\n|---|---|---|---|"
        )
        .unwrap();
        for key in section.keys {
            let default = default(key.default);
            writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                key.name, key.kind, key.meaning
            )
            .unwrap();
        }
        writeln!(text).unwrap();
    }
    text
}

/// The README's table of all keys.
fn overview() -> String {
    let mut text = String::from("| key | default | meaning |\n|---|---|---|\n");
    for section in SECTIONS {
        for key in section.keys {
            let (section, name, default) = (section.name, key.name, default(key.default));
            writeln!(text, "| `{section}.{name}` | {default} | {} |", key.meaning).unwrap();
        }
    }
    text
}

/// Checks that `file` has `table` between the lines `<!-- keys -->` and `<!-- end of keys -->`, or puts
/// it there when the environment has `UPDATE_DOCS`.
fn check(file: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let marks = ["<!-- keys -->\n", "<!-- end of keys -->\n"];
    let (head, rest) = text.split_once(marks[0]).expect(file);
    let (found, tail) = rest.split_once(marks[1]).expect(file);
    if found == table {
        return;
    }
    assert!(
        env::var_os("UPDATE_DOCS").is_some(),
        "{file} is not up to date: run UPDATE_DOCS=1 cargo test -p basalt-manifest"
    );
    fs::write(&path, [head, marks[0], table, marks[1], tail].concat()).unwrap();
}

#[test]
fn the_manual_has_the_tables_of_the_schema() {
    check("docs/manifest.md", &manual());
}

#[test]
fn the_readme_has_the_table_of_the_schema() {
    check("README.md", &overview());
}
