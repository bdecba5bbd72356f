"""Circles that are planted in a workspace made for it: each has to be found, and nothing else."""

import tempfile
from pathlib import Path

from layering import check, table

# Name -> files of a crate, and a line that has to be in what is said (None: nothing is wrong).
PLANTED = {
    "use": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::B; pub struct A(B);",
            "b.rs": "use crate::a::A; pub struct B(Box<A>);",
        },
        "2 rooms in circles: a b",
    ),
    "use of a tree, renamed": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::{b::{self as other, C as D}, b as third}; pub fn a() { third::b() }",
            "b.rs": "pub struct C; pub fn b() { super::a::a() }",
        },
        "2 rooms in circles: a b",
    ),
    "path in code": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "pub fn a() -> u8 { crate::b::b() }",
            "b.rs": "pub fn b() -> u8 { if false { crate::a::a() } else { 0 } }",
        },
        "2 rooms in circles: a b",
    ),
    "path in code by a module that was imported": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b; pub fn a() -> u8 { b::b() }",
            "b.rs": "use crate::a; pub fn b() -> u8 { a::a() }",
        },
        "2 rooms in circles: a b",
    ),
    "use inside a function": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "pub fn a() { use crate::b::b; b() }",
            "b.rs": "impl crate::a::T for u8 {} pub fn b() {}",
        },
        "2 rooms in circles: a b",
    ),
    "super": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use super::b::B; pub struct A(B);",
            "b.rs": "use super::a::A; pub struct B(Box<A>);",
        },
        "2 rooms in circles: a b",
    ),
    "super: what the parent defines": (
        {
            "lib.rs": "mod a;",
            "a/mod.rs": "mod child; pub struct Shared; pub fn a() { child::grow() }",
            "a/child.rs": "use super::Shared; pub fn grow() { let _ = Shared; }",
        },
        "2 files in circles: src/a/child.rs src/a/mod.rs",
    ),
    "pub use": (
        {
            "lib.rs": "pub mod a; pub mod b;",
            "a.rs": "pub use crate::b::B; pub struct A;",
            "b.rs": "use crate::a::A; pub struct B(A);",
        },
        "2 rooms in circles: a b",
    ),
    "pub use: siblings through their parent": (
        {
            "lib.rs": "mod a;",
            "a/mod.rs": "mod x; mod y; pub use x::X; pub use y::Y;",
            "a/x.rs": "use super::Y; pub struct X(Y);",
            "a/y.rs": "use super::X; pub struct Y(Box<X>);",
        },
        "2 files in circles: src/a/x.rs src/a/y.rs",
    ),
    "nested module in a file": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "pub mod inner { pub fn deep() { super::super::b::b() } } pub fn a() {}",
            "b.rs": "pub fn b() { crate::a::a() }",
        },
        "2 rooms in circles: a b",
    ),
    "nested modules, rooms only": (
        {
            "lib.rs": "mod a; mod b;",
            "a/mod.rs": "pub mod low; pub mod high;",
            "a/low.rs": "pub struct Low;",
            "a/high.rs": "use crate::b::B; pub struct High(B);",
            "b.rs": "use crate::a::low::Low; pub struct B(Low);",
        },
        "2 rooms in circles: a b",
    ),
    "glob": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::*; pub fn a() {}",
            "b.rs": "use crate::a::*; pub trait B {}",
        },
        "2 rooms in circles: a b",
    ),
    "glob of a module that re-exports": (
        {
            "lib.rs": "mod a; mod b;",
            "a/mod.rs": "mod x; pub use x::*;",
            "a/x.rs": "use crate::b::B; pub struct X(B);",
            "b.rs": "use crate::a::*; pub struct B(Box<X>);",
        },
        "2 rooms in circles: a b",
    ),
    "macro": (
        {
            "lib.rs": "#[macro_use] mod a; mod b;",
            "a.rs": "macro_rules! made { () => { $crate::b::b() } }",
            "b.rs": "pub fn b() {} pub fn c() { made!() }",
        },
        "2 rooms in circles: a b",
    ),
    "in a program, beside the library": (
        {
            "lib.rs": "",
            "main.rs": "mod a; mod b; fn main() {}",
            "a.rs": "use crate::b::B; pub struct A(B);",
            "b.rs": "use crate::a::A; pub struct B(Box<A>);",
        },
        "2 rooms in circles: a b",
    ),
    "nothing: tests, comments, strings, visibility": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": """
                use crate::b::B;
                pub struct A(B);
                impl A { pub(in crate::a) fn text(&self) -> char { '"' } }
            """,
            "b.rs": """
                //! [`crate::a::A`] /* crate::a::A
                /* crate::a::A /* nested */ crate::a::A */
                pub struct B;
                const TEXT: &str = "crate::a::A \\" crate::a::A";
                const RAW: &str = r#"crate::a::A " crate::a::A"#;
                fn generic<'a, T: 'a>(x: &'a T) -> &'a T { x }
                #[cfg(test)]
                use crate::a::A;
                #[cfg(all(test, feature = "x"))]
                mod tests { use super::super::a::A; }
                #[test]
                fn works() -> [u8; 2] { crate::a::A; [0; 2] }
            """,
        },
        None,
    ),
    "nothing: children through their parent's names": (
        {
            "lib.rs": "mod a; pub use a::X;",
            "a/mod.rs": "mod x; mod y; pub use x::X; pub use y::Y;",
            "a/x.rs": "pub struct X;",
            "a/y.rs": "use super::X; use crate::X as Same; pub struct Y(X);",
        },
        None,
    ),
    "not for tests alone": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::B; pub struct A(B);",
            "b.rs": '#[cfg(any(test, feature = "x"))] use crate::a::A; pub struct B;',
        },
        "2 rooms in circles: a b",
    ),
}

# What is wrong by the table alone: name -> table, and a line that has to be in what is said.
ORDERS = {
    "as the table has it": ("| `low` | | |\n| `top` | `low` | `x` < `y` |", None),
    "a crate that may not be used": ("| `low` | | |\n| `top` | | `x` < `y` |", "uses low"),
    "a crate without a row": ("| `low` | | |", "top: has no row"),
    "a crate that is gone": (
        "| `low` | | |\n| `top` | `low` | `x` < `y` |\n| `gone` | | |",
        "gone: is in the table",
    ),
    "crates upside down": ("| `top` | `low` | `x` < `y` |\n| `low` | | |", "stands below it"),
    "rooms upside down": ("| `low` | | |\n| `top` | `low` | `y` < `x` |", "not below y"),
    "rooms side by side": ("| `low` | | |\n| `top` | `low` | `x` `y` |", "not below y"),
    "a room without a place": ("| `low` | | |\n| `top` | `low` | `x` |", "room y is not in"),
    "a room that is gone": ("| `low` | | |\n| `top` | `low` | `x` < `y` < `z` |", "room z is in"),
}


def workspace(folder, crates):
    """Writes a workspace: {crate: (names of its dependencies, files)}."""
    members = ", ".join(f'"{crate}"' for crate in crates)
    (folder / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = [{members}]\n')
    for crate, (uses, files) in crates.items():
        for name, text in files.items():
            path = folder / crate / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        uses = "".join(f'basalt-{used} = {{ path = "../{used}" }}\n' for used in uses)
        (folder / crate / "Cargo.toml").write_text(
            f'[package]\nname = "basalt-{crate}"\nedition = "2024"\n[dependencies]\n{uses}'
        )
    return check.workspace(folder)


def verdict(name, said, wanted):
    said = "\n".join(said)
    right = (not said) if wanted is None else wanted in said
    print(f"{'ok' if right else 'FAILED'}  {name}")
    if not right:
        print(f"    wanted: {wanted}\n    said:   {said}")
    return right


def run():
    right = []
    for name, (files, wanted) in PLANTED.items():
        with tempfile.TemporaryDirectory() as folder:
            (crate,) = workspace(Path(folder), {"one": ((), files)})
            right.append(verdict(name, check.problems_of(crate), wanted))
    with tempfile.TemporaryDirectory() as folder:
        top = {"lib.rs": "mod x; mod y;", "x.rs": "pub struct X;", "y.rs": "use crate::x::X;"}
        crates = workspace(Path(folder), {"low": ((), {"lib.rs": ""}), "top": (("low",), top)})
        for name, (lines, wanted) in ORDERS.items():
            rows = table.read(f"{table.BEGIN}\n{lines}\n{table.END}")
            right.append(verdict(f"table: {name}", check.problems_by_table(crates, rows), wanted))
    print(f"{sum(right)} of {len(right)} right")
    return 0 if all(right) else 1
