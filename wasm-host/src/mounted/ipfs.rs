//! The `ipfs` command as effectors use it: put, get, cat and friends over the HTTP interface of an
//! IPFS node.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

use super::{
    multipart,
    native::{Environment, Mounted, Output, file_error},
};
use crate::host::HttpRequest;

/// The content tool; `--api MULTIADDR` names the node.
#[derive(Clone, Copy, Debug)]
pub struct Ipfs;

impl Mounted for Ipfs {
    fn run(&self, arguments: &[String], environment: &mut Environment<'_>) -> Output {
        match run(arguments, environment) {
            Ok(stdout) => Output::success(stdout),
            Err(message) => Output::failure(1, format!("Error: {message}\n")),
        }
    }
}

/// A command line sorted out: words of the command, options by name.
struct Command {
    words: Vec<String>,
    options: Vec<(String, String)>,
}

impl Command {
    fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(option, _)| option == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Options with a value in the next word.
const VALUED: [&str; 5] = ["timeout", "api", "o", "output", "f"];

fn parse(arguments: &[String]) -> Result<Command, String> {
    let mut command = Command {
        words: Vec::new(),
        options: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let name = word.trim_start_matches('-');
        if name.len() == word.len() || name.is_empty() {
            command.words.push(word.clone());
        } else if let Some((name, value)) = name.split_once('=') {
            command.options.push((name.to_string(), value.to_string()));
        } else if VALUED.contains(&name) {
            let value = words
                .next()
                .ok_or_else(|| format!("missing argument for option \"{name}\""))?;
            command.options.push((name.to_string(), value.clone()));
        } else {
            command.options.push((name.to_string(), "true".to_string()));
        }
    }
    Ok(command)
}

fn run(arguments: &[String], environment: &mut Environment<'_>) -> Result<Vec<u8>, String> {
    let command = parse(arguments)?;
    let api = base_url(command.option("api").ok_or("no API address: pass --api")?)?;
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["add", path] => {
            let mut query = "quieter=true".to_string();
            for name in ["cid-version", "chunker", "raw-leaves", "pin", "only-hash"] {
                if let Some(value) = command.option(name) {
                    query += &format!("&{name}={}", escape(value));
                }
            }
            let answer = upload(environment, &format!("{api}/add?{query}"), path)?;
            field(&answer, "/Hash")
        }
        ["block", "put", path] => {
            let answer = upload(environment, &format!("{api}/block/put"), path)?;
            field(&answer, "/Key")
        }
        ["dag", "put", path] => {
            let answer = upload(environment, &format!("{api}/dag/put"), path)?;
            field(&answer, "/Cid/~1")
        }
        ["cat", hash] => post(
            environment,
            &format!("{api}/cat?arg={}", escape(hash)),
            None,
        ),
        ["get", hash] => {
            let path = command
                .option("o")
                .or(command.option("output"))
                .ok_or("no output file: pass -o")?;
            // `cat` gives the file itself, where `get` would wrap it into an archive.
            let bytes = post(
                environment,
                &format!("{api}/cat?arg={}", escape(hash)),
                None,
            )?;
            environment
                .write(path, &bytes)
                .map_err(|error| file_error(path, error))?;
            Ok(Vec::new())
        }
        ["dag", "get", hash] => {
            let bytes = post(
                environment,
                &format!("{api}/dag/get?arg={}", escape(hash)),
                None,
            )?;
            match command.option("o").or(command.option("output")) {
                Some(path) => {
                    environment
                        .write(path, &bytes)
                        .map_err(|error| file_error(path, error))?;
                    Ok(Vec::new())
                }
                None => Ok(bytes),
            }
        }
        ["id"] => {
            let answer = post(environment, &format!("{api}/id"), None)?;
            match command.option("f") {
                Some("<id>") => field(&answer, "/ID"),
                _ => Ok(answer),
            }
        }
        ["swarm", "connect", address] => post(
            environment,
            &format!("{api}/swarm/connect?arg={}", escape(address)),
            None,
        ),
        _ => Err(format!("unknown command \"{}\"", command.words.join(" "))),
    }
}

/// `/ip4/A/tcp/P`, `/ip6/A/tcp/P`, `/dns4/H/tcp/P[/https]` as the base of the HTTP interface.
fn base_url(address: &str) -> Result<String, String> {
    let parts: Vec<&str> = address.trim_matches('/').split('/').collect();
    let bad = || format!("address {address} is not of the form /ip4/ADDRESS/tcp/PORT");
    let [kind, host, "tcp", port, rest @ ..] = parts.as_slice() else {
        return Err(bad());
    };
    // The parts go into a URL: whatever could end its host part early is refused.
    port.parse::<u16>().map_err(|_| bad())?;
    if host.is_empty() || host.contains(['@', '?', '#', '\\']) {
        return Err(bad());
    }
    let scheme = if rest.contains(&"https") || rest.contains(&"tls") {
        "https"
    } else {
        "http"
    };
    match *kind {
        "ip4" | "dns" | "dns4" | "dns6" | "dnsaddr" => {
            Ok(format!("{scheme}://{host}:{port}/api/v0"))
        }
        "ip6" => Ok(format!("{scheme}://[{host}]:{port}/api/v0")),
        _ => Err(bad()),
    }
}

fn upload(environment: &mut Environment<'_>, url: &str, path: &str) -> Result<Vec<u8>, String> {
    let contents = environment
        .read(path)
        .map_err(|error| file_error(path, error))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let (content_type, body) = multipart::file(name, &contents);
    post(environment, url, Some((content_type, body)))
}

fn post(
    environment: &mut Environment<'_>,
    url: &str,
    content: Option<(String, Vec<u8>)>,
) -> Result<Vec<u8>, String> {
    let (headers, body) = match content {
        Some((content_type, body)) => ([("Content-Type".to_string(), content_type)].into(), body),
        None => (Vec::new(), Vec::new()),
    };
    let request = HttpRequest {
        method: "POST".to_string(),
        url: url.to_string(),
        headers,
        body,
    };
    let response = environment.host.http(&request, environment.deadline)?;
    // The interface answers with a text then; the tool prints it.
    if response.status >= 400 {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        return Err(format!("HTTP status {}: {text}", response.status));
    }
    Ok(response.body)
}

/// A field of an answer as a line, by its JSON pointer. Answers are streams of objects, with
/// progress before the result and perhaps an error after it; the last that has the field counts.
fn field(answer: &[u8], pointer: &str) -> Result<Vec<u8>, String> {
    let mut last = None;
    for value in serde_json::Deserializer::from_slice(answer).into_iter::<Value>() {
        let value = value.map_err(|error| error.to_string())?;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        if let (Some("error"), Some(message)) = (text("/Type"), text("/Message")) {
            return Err(message.to_string());
        }
        last = text(pointer).map(String::from).or(last);
    }
    match last {
        Some(value) => Ok(format!("{value}\n").into_bytes()),
        None => Err(format!("answer without {pointer}")),
    }
}

/// Percent encoding of what may not stand in a query.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_streams() {
        let hash = |answer: &str| field(answer.as_bytes(), "/Hash");
        let progress = r#"{"Name":"file","Bytes":262144}"#;
        let done = r#"{"Name":"file","Hash":"Qm1","Size":"3"}"#;
        let found = Ok(b"Qm1\n".to_vec());
        assert_eq!(hash(done), found);
        assert_eq!(hash(&format!("{progress}\n{done}\n")), found);
        assert_eq!(hash(&format!("{done}{progress}\n\n")), found);
        assert_eq!(hash(&done.replace(',', ",\n")), found);
        let broken = r#"{"Message":"disk full","Code":0,"Type":"error"}"#;
        assert_eq!(hash(&format!("{done}\n{broken}")), Err("disk full".into()));
        assert!(hash(progress).is_err());
        assert!(hash("").is_err());
        assert!(hash("<html>").is_err());
        let node = br#"{"Cid":{"/":"bafy"}}"#;
        assert_eq!(field(node, "/Cid/~1"), Ok(b"bafy\n".to_vec()));
    }
}
