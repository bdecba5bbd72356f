//! Writes the reference interpreter beside `reference.mjs`, which executes it.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../avm.wasm");
    std::fs::write(path, air_interpreter_wasm::INTERPRETER_WASM)?;
    println!("reference interpreter {}", air_interpreter_wasm::VERSION);
    Ok(())
}
