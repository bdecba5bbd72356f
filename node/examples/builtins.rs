//! Prints the manual page of the built-in services: `docs/builtins.md`.

fn main() {
    print!("{}", basalt_node::builtins::manual());
}
