//! `curl` as effectors use it: one transfer over HTTP, in memory or into a file of the module.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::native::{Environment, Mounted, Output, file_error};
use crate::host::{HttpRequest, HttpResponse};

/// Exit status for a command line that makes no sense.
const USAGE: i32 = 2;
/// Exit status for a URL of another scheme.
const SCHEME: i32 = 1;
/// Exit status when no answer comes.
const CONNECT: i32 = 7;
/// Exit status for an HTTP error with `--fail`.
const HTTP_ERROR: i32 = 22;
/// Exit status when output cannot be written.
const WRITE: i32 = 23;
/// Exit status when a file to send cannot be read.
const READ: i32 = 26;

/// The transfer tool. Options without effect here (silence, redirects, time limits, repetitions:
/// the host sees to them) are accepted; unknown ones are refused.
#[derive(Clone, Copy, Debug)]
pub struct Curl;

#[derive(Default)]
struct Command {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    output: Option<String>,
    fail: bool,
    head: bool,
    include: bool,
    get: bool,
}

impl Mounted for Curl {
    fn run(&self, arguments: &[String], environment: &mut Environment<'_>) -> Output {
        match run(arguments, environment) {
            Ok(stdout) => Output::success(stdout),
            Err((code, message)) => Output::failure(code, format!("curl: ({code}) {message}\n")),
        }
    }
}

type Failure = (i32, String);

fn run(arguments: &[String], environment: &mut Environment<'_>) -> Result<Vec<u8>, Failure> {
    let command = parse(arguments, environment)?;
    let mut url = command.url.ok_or((USAGE, "no URL specified".to_string()))?;
    if !url.contains("://") {
        url = format!("http://{url}");
    }
    // `file:` and the like would lead to the host's own files, in the real tool.
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err((SCHEME, "Protocol not supported".to_string()));
    }
    let mut body = command.body.unwrap_or_default();
    let mut method = if command.head {
        "HEAD"
    } else if body.is_empty() {
        "GET"
    } else {
        "POST"
    };
    if command.get && !body.is_empty() {
        // With `-G` the body becomes the query, as it is: the tool does not encode it.
        let query = String::from_utf8_lossy(&body).into_owned();
        url = format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' });
        body.clear();
        method = "GET";
    }
    let mut headers = command.headers;
    if !body.is_empty()
        && !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push((
            "Content-Type".to_string(),
            "application/x-www-form-urlencoded".to_string(),
        ));
    }
    let request = HttpRequest {
        method: command.method.unwrap_or_else(|| method.to_string()),
        url,
        headers,
        body,
    };
    let response = environment
        .host
        .http(&request, environment.deadline)
        .map_err(|error| (CONNECT, error))?;
    // Before anything is written: an error page must not end up in the file.
    if command.fail && response.status >= 400 {
        return Err((
            HTTP_ERROR,
            format!("The requested URL returned error: {}", response.status),
        ));
    }
    let bytes = if command.include || command.head {
        with_head(response)
    } else {
        response.body
    };
    match command.output {
        Some(path) if path != "-" => {
            environment
                .write(&path, &bytes)
                .map_err(|error| (WRITE, file_error(&path, error)))?;
            Ok(Vec::new())
        }
        _ => Ok(bytes),
    }
}

fn with_head(response: HttpResponse) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&response.body);
    bytes
}

fn parse(arguments: &[String], environment: &Environment<'_>) -> Result<Command, Failure> {
    let mut command = Command::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
            let (name, inline) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (name, None),
            };
            let letter =
                long(name).ok_or_else(|| (USAGE, format!("option --{name}: is unknown")))?;
            let value = if takes_value(letter) {
                inline.or_else(|| words.next().cloned())
            } else {
                None
            };
            command.set(letter, value, environment)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            // Letters may be joined; the first one that takes a value takes the rest of the word or
            // the next one.
            for (at, letter) in letters.char_indices() {
                if takes_value(letter) {
                    let rest = &letters[at + letter.len_utf8()..];
                    let value = if rest.is_empty() {
                        words.next().cloned()
                    } else {
                        Some(rest.to_string())
                    };
                    command.set(letter, value, environment)?;
                    break;
                }
                command.set(letter, None, environment)?;
            }
        } else if command.url.replace(word.clone()).is_some() {
            return Err((USAGE, "more than one URL".to_string()));
        }
    }
    Ok(command)
}

/// The letter that stands for a long option here; long options without a letter of their own get a
/// free one.
fn long(name: &str) -> Option<char> {
    Some(match name {
        "request" => 'X',
        "header" => 'H',
        "data" | "data-ascii" => 'd',
        "data-raw" => 'r',
        "data-binary" => 'b',
        "output" => 'o',
        "fail" => 'f',
        "head" => 'I',
        "include" => 'i',
        "get" => 'G',
        "url" => 'u',
        "user-agent" => 'A',
        "silent" | "no-progress-meter" => 's',
        "show-error" => 'S',
        "location" => 'L',
        "max-time" | "connect-timeout" | "retry" | "retry-delay" | "retry-max-time" => 'm',
        _ => return None,
    })
}

fn takes_value(letter: char) -> bool {
    matches!(letter, 'X' | 'H' | 'd' | 'r' | 'b' | 'o' | 'u' | 'A' | 'm')
}

impl Command {
    fn set(
        &mut self,
        letter: char,
        value: Option<String>,
        environment: &Environment<'_>,
    ) -> Result<(), Failure> {
        let missing = || (USAGE, format!("option -{letter}: requires parameter"));
        let value = if takes_value(letter) {
            value.ok_or_else(missing)?
        } else {
            String::new()
        };
        match letter {
            'X' => self.method = Some(value.to_ascii_uppercase()),
            'H' => {
                let (name, value) = value
                    .split_once(':')
                    .ok_or_else(|| (USAGE, format!("header without colon: {value}")))?;
                self.headers
                    .push((name.trim().to_string(), value.trim().to_string()));
            }
            'A' => self.headers.push(("User-Agent".to_string(), value)),
            'd' | 'b' => {
                let bytes = match value.strip_prefix('@') {
                    Some(path) => environment
                        .read(path)
                        .map_err(|error| (READ, file_error(path, error)))?,
                    None => value.into_bytes(),
                };
                self.append(&bytes, letter == 'd');
            }
            'r' => self.append(value.as_bytes(), false),
            'o' => self.output = Some(value),
            'u' => self.url = Some(value),
            'f' => self.fail = true,
            'I' => self.head = true,
            'i' => self.include = true,
            'G' => self.get = true,
            's' | 'S' | 'L' | 'm' => {}
            _ => return Err((USAGE, format!("option -{letter}: is unknown"))),
        }
        Ok(())
    }

    /// Adds to the body; parts are joined by `&`, and text loses its line ends, as with the tool.
    fn append(&mut self, bytes: &[u8], text: bool) {
        let body = self.body.get_or_insert_with(Vec::new);
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend(
            bytes
                .iter()
                .filter(|byte| !text || !matches!(byte, b'\r' | b'\n')),
        );
    }
}
