//! HTTP/1.1 for JSON-RPC: what the reference's server takes, what it refuses, and how.

use anyhow::Result;
use basalt_prover::rpc::{self, Answer, Call, Error, Limits};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use log::{debug, warn};
use serde_json::Value;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

/// Connections served at once, as many as by the reference: against a client that opens many.
const CONNECTIONS: usize = 100;
/// Large bodies at once, each up to the longest: bounds what is kept of them.
const BODIES: usize = 16;
/// Bodies that say that they are no longer than this, in bytes, wait for no turn: slow clients with
/// large ones hold nobody up.
const SMALL: u64 = 64 << 10;
/// Requests that are carried out at once; others wait.
const CALLS_AT_ONCE: usize = 4;
/// How long the head of a request may take, so long its body, and so long until some of an answer
/// goes. An idle connection ends as well.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Longest head of a request, and most that is read ahead, in bytes.
const HEAD: usize = 128 << 10;
/// How long the process waits before it takes connections again, if it has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain";
/// Media types of a call, in small letters.
const CALLS: [&str; 6] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=utf-8",
    "application/json-rpc",
    "application/json-rpc; charset=utf-8",
    "application/json-rpc;charset=utf-8",
];
const WRONG_METHOD: &str = "Used HTTP Method is not allowed. POST is required\n";
const WRONG_TYPE: &str =
    "Supplied content type is not allowed. Content-Type: application/json is required\n";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\n\
                    connection: close\r\ncontent-length: 45\r\n\r\n\
                    Too many connections. Please try again later.";

/// What is behind the server.
pub(super) trait Service: Send + Sync + 'static {
    /// Does what a client asks.
    fn call(&self, call: &Call) -> Result<Value, Error>;
    /// The media type and the text of the metrics.
    fn metrics(&self) -> (&'static str, String);
}

/// Serves until the process ends, with patience for slow clients.
pub(super) fn serve(
    listener: TcpListener,
    service: impl Service,
    patience: Duration,
) -> Result<()> {
    listener.set_nonblocking(true)?;
    // One thread for all connections, since the others are for hashing. A call that is written to
    // the disk must not hold it up.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(CALLS_AT_ONCE)
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let server = Arc::new(Server {
            service,
            patience,
            limits: Limits::default(),
            bodies: Semaphore::new(BODIES),
        });
        let open = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("no connection can be taken: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            match Arc::clone(&open).try_acquire_owned() {
                Ok(permit) => {
                    tokio::spawn(connection(Arc::clone(&server), stream, permit));
                }
                Err(_) => {
                    debug!("a connection is refused: {CONNECTIONS} are open");
                    // Nothing is sent yet, so the socket takes it at once or the client is gone.
                    let _ = stream.try_write(BUSY.as_bytes());
                }
            }
        }
    })
}

async fn connection(
    server: Arc<Server<impl Service>>,
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
) {
    // Without it an answer may wait for the acknowledgement of the last one: slower, not wrong.
    let _ = stream.set_nodelay(true);
    // A client that does not read would keep its place otherwise.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(server.patience));
    let answer = service_fn(|request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(&server, request).await) }
    });
    let ended = http1::Builder::new()
        .half_close(true)
        .max_buf_size(HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(server.patience)
        .serve_connection(TokioIo::new(Box::pin(stream)), answer)
        .await;
    if let Err(error) = ended {
        debug!("a connection ended: {error}");
    }
}

struct Server<S> {
    service: S,
    patience: Duration,
    limits: Limits,
    bodies: Semaphore,
}

async fn answer<S: Service>(
    server: &Arc<Server<S>>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if head.method == Method::GET && head.uri.path() == "/metrics" {
        // It may wait for one that is written to the disk.
        let shared = Arc::clone(server);
        let work = tokio::task::spawn_blocking(move || shared.service.metrics());
        return match work.await {
            Ok((kind, text)) => response(StatusCode::OK, kind, text),
            Err(error) => {
                warn!("the metrics failed: {error}");
                response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "")
            }
        };
    }
    if head.method != Method::POST {
        return response(StatusCode::METHOD_NOT_ALLOWED, TEXT, WRONG_METHOD);
    }
    if !is_call(&head.headers) {
        return response(StatusCode::UNSUPPORTED_MEDIA_TYPE, TEXT, WRONG_TYPE);
    }
    let max = server.limits.request;
    let failure = |status, error| response(status, JSON, rpc::refusal(error));
    let too_large = || failure(StatusCode::PAYLOAD_TOO_LARGE, Error::TooLargeRequest(max));
    let internal = || failure(StatusCode::INTERNAL_SERVER_ERROR, Error::Internal);
    // A number that is none was refused with the head.
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > max as u64) {
        return too_large();
    }
    let is_small = length.is_some_and(|length| length <= SMALL);
    let read = timeout(server.patience, async {
        let turn = match is_small {
            true => None,
            false => server.bodies.acquire().await.ok(),
        };
        (turn, Limited::new(body, max).collect().await)
    });
    // A large body keeps its turn until it is answered.
    let (_turn, body) = match read.await {
        Ok((turn, Ok(body))) => (turn, body.to_bytes()),
        Ok((_, Err(error))) if error.is::<LengthLimitError>() => return too_large(),
        Ok((_, Err(error))) => {
            debug!("the body of a request did not come: {error}");
            return internal();
        }
        Err(_) => return failure(StatusCode::REQUEST_TIMEOUT, Error::Internal),
    };
    let shared = Arc::clone(server);
    let work = tokio::task::spawn_blocking(move || {
        let mut execute = |call: &Call| shared.service.call(call);
        rpc::answer(&body, &shared.limits, &mut execute)
    });
    match work.await {
        Ok(Answer::Text(text)) => response(StatusCode::OK, JSON, text),
        Ok(Answer::Nothing) => response(StatusCode::OK, JSON, ""),
        Ok(Answer::Bad(text)) => response(StatusCode::BAD_REQUEST, JSON, text),
        Err(error) => {
            warn!("a call failed: {error}");
            internal()
        }
    }
}

/// Whether the headers say that the body is JSON.
fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| CALLS.iter().any(|call| kind.eq_ignore_ascii_case(call)))
}

fn response(
    status: StatusCode,
    kind: &'static str,
    text: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
