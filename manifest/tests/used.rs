//! Every key is used: the field that it fills is read somewhere outside this crate.
//!
//! Fields are looked for by name: `.vlan` of `network.vlan`, in files that speak of a manifest and
//! of the part that the field is in. A field whose name is common may so be taken for used although
//! it is not; one that is reported is not used.

use std::{
    fs,
    path::{Path, PathBuf},
};

use basalt_manifest::schema::SECTIONS;

/// Fields that others read by a method of the model.
const BEHIND_METHODS: &[(&str, &str)] = &[
    ("cores.system", "compute_on"),
    ("cores.compute", "compute_on"),
];

/// The sources of the workspace that may use a manifest: not this crate, no tests, no examples.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    const OTHERS: &[&str] = &["target", "manifest", "tests", "examples", "fuzz", "compare"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !OTHERS.contains(&name) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Source code without comments and unit tests; nothing of a file that has no manifest in it.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    match code.contains("manifest") {
        true => code,
        false => String::new(),
    }
}

/// Whether code reads the field `name` of something, or calls a method of that name.
fn reads(code: &str, name: &str) -> bool {
    let wanted = format!(".{name}");
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(&wanted).any(|(at, _)| {
        let rest = &code[at + wanted.len()..];
        // An assignment is no reading.
        let assigned = rest
            .trim_start()
            .strip_prefix('=')
            .is_some_and(|rest| !rest.starts_with('='));
        !rest.starts_with(word) && !assigned
    })
}

#[test]
fn every_key_is_used() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        &mut files,
    );
    let all: Vec<_> = files
        .iter()
        .map(|file| code(&fs::read_to_string(file).unwrap()))
        .filter(|code| !code.is_empty())
        .collect();
    assert!(all.len() > 5, "only {} files use a manifest", all.len());
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        let path = key.path();
        let (part, field) = path.rsplit_once('.').unwrap();
        let part = part.rsplit('.').next().unwrap();
        let method = BEHIND_METHODS.iter().find(|(of, _)| *of == path);
        let name = method.map_or(field, |(_, method)| method);
        let mut about = all.iter().filter(|code| code.to_lowercase().contains(part));
        assert!(
            about.any(|code| reads(code, name)),
            "nobody reads `{path}`, which the key `{}` fills",
            key.name
        );
    }
}

#[test]
fn what_is_not_used_is_found() {
    let source = "use manifest;\n// settings.told\nlet x = settings.vlan == 1;\n\
                  settings.set = 3;\nlet y = settings.vlans;\n\
                  #[cfg(test)]\nmod tests { settings.tested }\n";
    let code = code(source);
    assert!(reads(&code, "vlan"));
    for unused in ["told", "set", "vla", "tested", "absent"] {
        assert!(!reads(&code, unused), "{unused}");
    }
    assert_eq!(self::code("settings.vlan"), "");
}
