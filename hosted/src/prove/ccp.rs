//! The reference prover's JSON-RPC over HTTP, for a peer that uses this protocol: `POST /` for
//! calls, `GET /metrics` for metrics.

use super::Pages;
use super::engine::{Engine, Options};
use crate::clock::Clocks;
use crate::logger;
use anyhow::{Context, Result};
use basalt_prover::capacity::need::Plan;
use basalt_prover::capacity::{Input, Prover, metrics, prover};
use basalt_prover::randomx::Fluence;
use basalt_prover::rpc::{self, Call, Limits, Request};
use clap::Args;
use log::{LevelFilter, debug, info};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct CcpArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9383")]
    listen: SocketAddr,
    /// Folder for the state and the proofs
    #[arg(long, default_value = "state")]
    state: PathBuf,
    /// Datasets held at once; with fewer than compute units these take turns
    #[arg(long, default_value_t = 1)]
    datasets: usize,
    /// Threads that hash per core [default: all hardware threads of the core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=16))]
    threads_per_core: Option<u16>,
    /// Compute dataset items as they are needed: 256 MiB per unit, slow
    #[arg(long)]
    light: bool,
    /// Pages to ask for
    #[arg(long, value_enum, default_value_t)]
    pages: Pages,
}

/// Connections served at once: bounds threads against a client that opens many.
const CONNECTIONS: usize = 16;
/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest head of a request, in bytes, and most header fields.
const HEAD_BYTES: usize = 8 << 10;
const HEAD_FIELDS: usize = 64;

/// Serves until the process ends.
///
/// # Errors
///
/// If the address or the folder cannot be used.
pub fn serve(args: &CcpArgs) -> Result<()> {
    logger::install(Clocks::start(), LevelFilter::Info);
    let config = prover::Config {
        slots: args.datasets.max(1),
        at_once: args.light,
        ..prover::Config::default()
    };
    let options = Options {
        memory: args.pages.memory(),
        light: args.light,
        threads_per_core: args.threads_per_core.map(usize::from),
        folder: args.state.clone(),
    };
    let plan = Plan {
        light: options.light,
        datasets: config.slots,
        threads: options.threads_per_core.unwrap_or(1),
        lanes: 2,
    };
    info!(
        "a core of compute units needs {} MiB",
        plan.bytes::<Fluence>() >> 20
    );
    let engine = Engine::start(Prover::new(config), options)?;
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; see --listen", args.listen))?;
    info!("serving ccp on {}", listener.local_addr()?);
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                debug!("a connection failed: {error}");
                continue;
            }
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            debug!("a connection is refused: {CONNECTIONS} are open");
            continue;
        }
        let (engine, open) = (Arc::clone(&engine), Arc::clone(&open));
        std::thread::spawn(move || {
            if let Err(error) = connection(&engine, stream) {
                debug!("a connection ended: {error:#}");
            }
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    Ok(())
}

/// An answer: status line, content type and body.
type Answer = (&'static str, &'static str, String);

fn connection(engine: &Arc<Engine>, mut stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let limits = Limits::default();
    let mut buffer = Vec::new();
    loop {
        let Some((head, answer)) = next_request(engine, &mut stream, &mut buffer, &limits)? else {
            return Ok(());
        };
        let (status, kind, body) = answer;
        let length = body.len();
        let connection = if head.keep_alive {
            "keep-alive"
        } else {
            "close"
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: \
             {connection}\r\n\r\n{body}"
        )?;
        if !head.keep_alive {
            return Ok(());
        }
    }
}

/// What matters of a request's head.
struct Head {
    bytes: usize,
    post: bool,
    path: String,
    length: usize,
    keep_alive: bool,
}

/// Reads a request and answers it; `None` when the client is done.
fn next_request(
    engine: &Arc<Engine>,
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    limits: &Limits,
) -> Result<Option<(Head, Answer)>> {
    let head = loop {
        if let Some(head) = parse_head(buffer)? {
            break head;
        }
        anyhow::ensure!(
            buffer.len() <= HEAD_BYTES,
            "the head of a request has more than {HEAD_BYTES} bytes"
        );
        if !read_more(stream, buffer)? {
            return Ok(None);
        }
    };
    anyhow::ensure!(
        head.length <= limits.bytes,
        "a request has {} bytes, {} at most are read",
        head.length,
        limits.bytes
    );
    while buffer.len() < head.bytes + head.length {
        anyhow::ensure!(
            read_more(stream, buffer)?,
            "the connection ended before the body of a request"
        );
    }
    let answer = match (head.post, head.path.as_str()) {
        (true, _) => {
            let body = &buffer[head.bytes..head.bytes + head.length];
            let text = call(engine, body, limits).unwrap_or_default();
            ("200 OK", "application/json; charset=utf-8", text)
        }
        (false, "/metrics") => {
            let now = engine.now();
            (
                "200 OK",
                metrics::CONTENT_TYPE,
                engine.look(|prover| metrics::encode(prover, now)),
            )
        }
        (false, _) => ("404 Not Found", "text/plain", "not found\n".into()),
    };
    buffer.drain(..head.bytes + head.length);
    Ok(Some((head, answer)))
}

fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool> {
    let mut chunk = [0; 4096];
    let read = stream.read(&mut chunk)?;
    buffer.extend_from_slice(&chunk[..read]);
    Ok(read > 0)
}

fn parse_head(buffer: &[u8]) -> Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; HEAD_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request
        .parse(buffer)
        .map_err(|error| anyhow::anyhow!("a request is not HTTP: {error}"))?;
    let httparse::Status::Complete(bytes) = parsed else {
        return Ok(None);
    };
    let field = |name: &str| {
        let field = request
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name));
        field.and_then(|field| std::str::from_utf8(field.value).ok())
    };
    let length = match field("content-length") {
        Some(length) => length
            .trim()
            .parse()
            .context("the content length is not a number")?,
        None => 0,
    };
    let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head {
        bytes,
        post: request.method == Some("POST"),
        path: request.path.unwrap_or_default().to_owned(),
        length,
        keep_alive: !closes && request.version == Some(1),
    }))
}

/// Does what a call asks; the answer, if one is wanted.
fn call(engine: &Arc<Engine>, body: &[u8], limits: &Limits) -> Option<String> {
    let request = Request::parse(body, limits);
    let result = match &request.call {
        Err(error) => Err(error.clone()),
        Ok(Call::OnActiveCommitment { epoch, allocation }) => {
            let input = Input::Active {
                epoch: *epoch,
                allocation: allocation.clone(),
            };
            engine
                .input(input)
                .map(|()| Value::Null)
                .map_err(rpc::Error::Prover)
        }
        Ok(Call::OnNoActiveCommitment) => engine
            .input(Input::Inactive)
            .map(|()| Value::Null)
            .map_err(rpc::Error::Prover),
        // The operating system places these threads; there is nothing to move.
        Ok(Call::ReallocUtilityCores(_)) => Ok(Value::Null),
        Ok(query) => Ok(engine
            .look(|prover| rpc::query(query, prover.proofs(), limits))
            .unwrap_or_default()),
    };
    request.answer(result)
}
