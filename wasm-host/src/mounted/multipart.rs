//! A `multipart/form-data` body with one file.

use alloc::{format, string::String, vec::Vec};

/// Content type and body. The boundary is chosen so that it is not in the contents.
pub(super) fn file(name: &str, contents: &[u8]) -> (String, Vec<u8>) {
    let mut number = 0_u64;
    let boundary = loop {
        let boundary = format!("basalt-{number:016x}");
        if !contents
            .windows(boundary.len())
            .any(|window| window == boundary.as_bytes())
        {
            break boundary;
        }
        number += 1;
    };
    let name: String = name
        .chars()
        .filter(|letter| !matches!(letter, '"' | '\r' | '\n'))
        .collect();
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let mut body = head.into_bytes();
    body.extend_from_slice(contents);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
