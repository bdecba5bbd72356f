//! Turns a compiled guest into a Marine module: `embed IN.wasm OUT.wasm SDK_VERSION` adds the SDK
//! version and the interface types, which the SDK's macros left in custom sections.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, version] = words.as_slice() else {
        eprintln!("usage: embed IN.wasm OUT.wasm SDK_VERSION");
        std::process::exit(2);
    };
    let version = semver::Version::parse(version).expect("version");
    marine_module_info_parser::sdk_version::embed_from_path(input, output, &version)
        .expect("version section");
    marine_it_generator::embed_it(output).expect("interface types");
}
