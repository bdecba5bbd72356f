//! The table of keys in the manual is the schema's.

use std::{fmt::Write, fs, path::Path};

use basalt_manifest::schema::SECTIONS;

fn table() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        writeln!(text, "### `[{}]`\n", section.name).unwrap();
        writeln!(
            text,
            "| key | value | default | meaning |\n|---|---|---|---|"
        )
        .unwrap();
        for key in section.keys {
            let code = |text: &str| match text.starts_with(['"', '[', '0', '1', '9']) {
                true => format!("`{text}`"),
                false => text.to_owned(),
            };
            let default = code(key.default);
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

#[test]
fn the_manual_has_the_table_of_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifest.md");
    let manual = fs::read_to_string(&path).unwrap();
    let table = table();
    if manual.contains(&table) {
        return;
    }
    let (Some((head, _)), Some((_, tail))) = (
        manual.split_once("### `["),
        manual.split_once("## Problems"),
    ) else {
        panic!("docs/manifest.md has lost its sections");
    };
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/manifest.md is not up to date: run UPDATE_DOCS=1 cargo test -p basalt-manifest"
    );
    fs::write(&path, format!("{head}{table}## Problems{tail}")).unwrap();
}
