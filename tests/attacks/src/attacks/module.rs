//! Marine modules of a few hundred bytes, written by hand: one function `f` without arguments, an
//! adapter for it, and adapters for functions of other modules.

/// What the function does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// Nothing.
    Empty,
    /// Repeats instructions that leave the stack as it was.
    Repeat {
        /// How often.
        times: u32,
        /// The instructions.
        what: &'static [u8],
    },
    /// Repeats instructions without end.
    Endless(&'static [u8]),
    /// Calls itself.
    Recursive,
}

/// `memory.grow` by 65,536 pages, which is always refused.
pub(super) const GROW_MEMORY: &[u8] = &[0x41, 0x80, 0x80, 0x04, 0x40, 0x00, 0x1a];
/// `memory.grow` by one page.
pub(super) const GROW_PAGE: &[u8] = &[0x41, 0x01, 0x40, 0x00, 0x1a];
/// `table.grow` by 2^31 - 1 entries, which is always refused.
pub(super) const GROW_TABLE: &[u8] = &[
    0xd0, 0x70, 0x41, 0xff, 0xff, 0xff, 0xff, 0x07, 0xfc, 0x0f, 0x00, 0x1a,
];
/// `memory.fill` of the first page.
pub(super) const FILL: &[u8] = &[
    0x41, 0x00, 0x41, 0x01, 0x41, 0x80, 0x80, 0x04, 0xfc, 0x0b, 0x00,
];

/// A module. Its adapter calls `callee.f` so many times, or else its own function once.
pub(super) fn module(body: Body, callee: Option<(&str, u8)>) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    // One type: no arguments, no results.
    section(1, &[1, 0x60, 0, 0], &mut wasm);
    section(3, &[1, 0], &mut wasm);
    // A table of functions, and a memory of one page.
    section(4, &[1, 0x70, 0, 1], &mut wasm);
    section(5, &[1, 0, 1], &mut wasm);
    let exports = [&[2, 1, b'f', 0, 0, 6][..], b"memory", &[2, 0]].concat();
    section(7, &exports, &mut wasm);
    let code = code(body);
    let mut bodies = vec![1];
    leb(code.len() as u64, &mut bodies);
    bodies.extend_from_slice(&code);
    section(10, &bodies, &mut wasm);
    custom("__fluence_sdk_version", b"0.14.0", &mut wasm);
    custom("interface-types", &interface(callee), &mut wasm);
    wasm
}

fn code(body: Body) -> Vec<u8> {
    // One local number.
    let mut code = vec![1, 1, 0x7f];
    match body {
        Body::Empty => {}
        Body::Recursive => code.extend_from_slice(&[0x10, 0]),
        Body::Endless(what) => {
            code.extend_from_slice(&[0x03, 0x40]);
            code.extend_from_slice(what);
            code.extend_from_slice(&[0x0c, 0, 0x0b]);
        }
        Body::Repeat { times, what } => {
            code.push(0x41);
            signed_leb(i64::from(times), &mut code);
            code.extend_from_slice(&[0x21, 0, 0x03, 0x40]);
            code.extend_from_slice(what);
            code.extend_from_slice(&[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b]);
        }
    }
    code.push(0x0b);
    code
}

/// Types 0 to 3 are all the same. 0 is the function's, 1 its adapter's, 3 the import's, 2 the
/// adapter's of the import.
fn interface(callee: Option<(&str, u8)>) -> Vec<u8> {
    let mut bytes = [&[5, 6][..], b"0.28.0"].concat();
    bytes.extend_from_slice(&[0, 4]);
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(&[3, 1, 1, b'f', 0]);
    let (times, index) = match callee {
        Some((name, times)) => {
            bytes.extend_from_slice(&[1, 1, name.len() as u8]);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&[1, b'f', 3]);
            (times, 1)
        }
        None => (1, 0),
    };
    bytes.extend_from_slice(&[2, 2, 1, times]);
    for _ in 0..times {
        bytes.extend_from_slice(&[1, index]);
    }
    bytes.extend_from_slice(&[2, 0]);
    bytes.extend_from_slice(&[4, 2, 0, 1, 3, 2]);
    bytes
}

fn leb(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed_leb(mut value: i64, out: &mut Vec<u8>) {
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn section(id: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    leb(body.len() as u64, out);
    out.extend_from_slice(body);
}

fn custom(name: &str, content: &[u8], out: &mut Vec<u8>) {
    let body = [&[name.len() as u8][..], name.as_bytes(), content].concat();
    section(0, &body, out);
}
