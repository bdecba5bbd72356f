//! HTTP of guests: the job of a guest that asks for something leaves its request here and waits,
//! without keeping its core from others; the node makes the request like its own, leaves the answer
//! here and wakes the job.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;

use basalt_manifest::Url;
use basalt_net::multiaddr::Scope;
use basalt_net::time::Instant;
use basalt_wasm_host::host::{HttpRequest, HttpResponse};
use spin::Mutex;

use crate::compute::{Pauser, Platform};
use crate::outgoing::{Answer, Head, HeadError, Method, Owner, Request, Server};

/// What services may do with HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebLimits {
    /// Who may be reached.
    pub reach: Reach,
    /// Requests under way at the same time. Against services that open connections without end.
    pub max_requests: usize,
    /// Longest request, head and body, in bytes.
    pub max_request: usize,
    /// Longest answer, in bytes. Against servers that send without end.
    pub max_answer: usize,
    /// Longest time for a request, in milliseconds; the call's own deadline holds as well. Against
    /// servers that say nothing.
    pub max_ms: u64,
}

/// Whom services may reach. Against modules of strangers that look around in the provider's own
/// network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody.
    Nobody,
    /// Addresses of the public internet.
    Public,
    /// Every address.
    All,
}

impl Default for WebLimits {
    fn default() -> WebLimits {
        WebLimits {
            reach: Reach::Public,
            max_requests: 16,
            max_request: 4 << 20,
            max_answer: 8 << 20,
            max_ms: 30_000,
        }
    }
}

/// Where requests and answers are exchanged. Clones exchange the same ones.
#[derive(Clone)]
pub(crate) struct Web {
    limits: WebLimits,
    exchange: Arc<Mutex<Exchange>>,
}

/// A request that a job waits for.
struct Open {
    answer: Option<Answer>,
    /// Lets the job go on.
    waker: Waker,
}

#[derive(Default)]
struct Exchange {
    /// Requests that the node has not taken yet.
    waiting: VecDeque<Request>,
    /// All that a job waits for.
    open: BTreeMap<u64, Open>,
    next: u64,
    refused: u64,
}

impl Web {
    pub(crate) fn new(limits: WebLimits) -> Web {
        Web {
            limits,
            exchange: Arc::default(),
        }
    }

    /// The next request that the node has to make.
    pub(crate) fn next_request(&self) -> Option<Request> {
        self.exchange.lock().waiting.pop_front()
    }

    /// Requests that were refused since this was last asked.
    pub(crate) fn take_refused(&self) -> u64 {
        core::mem::take(&mut self.exchange.lock().refused)
    }

    /// Takes the answer to a request. Nobody may wait for it any more.
    pub(crate) fn done(&self, id: u64, answer: Answer) {
        let mut exchange = self.exchange.lock();
        let Some(open) = exchange.open.get_mut(&id) else {
            return;
        };
        open.answer = Some(answer);
        let waker = open.waker.clone();
        // Whoever is woken wants the lock.
        drop(exchange);
        waker.wake();
    }

    /// Makes a request and waits for the answer, in a job. The job's core does something else
    /// meanwhile.
    pub(crate) fn fetch(
        &self,
        platform: &dyn Platform,
        pauser: &Pauser,
        request: &HttpRequest,
        deadline: Option<Duration>,
    ) -> Result<HttpResponse, String> {
        let latest = platform.clock().now + Duration::from_millis(self.limits.max_ms);
        let deadline = deadline.map(|at| Instant::from_micros(at.as_micros() as u64));
        let until = deadline.map_or(latest, |deadline| deadline.min(latest));
        let id = self.post(request, pauser, until).inspect_err(|_| {
            self.exchange.lock().refused += 1;
        })?;
        loop {
            if let Some(answer) = self.take(id) {
                let answer = answer?;
                return Ok(HttpResponse {
                    status: answer.status,
                    headers: answer.headers,
                    body: answer.body,
                });
            }
            if platform.clock().now >= until {
                self.exchange.lock().open.remove(&id);
                return Err("no answer in time".to_string());
            }
            pauser.pause(platform, until);
        }
    }

    fn take(&self, id: u64) -> Option<Answer> {
        let mut exchange = self.exchange.lock();
        exchange.open.get(&id)?.answer.as_ref()?;
        exchange.open.remove(&id)?.answer
    }

    /// Leaves a request for the node.
    fn post(&self, request: &HttpRequest, pauser: &Pauser, until: Instant) -> Result<u64, String> {
        if self.limits.reach == Reach::Nobody {
            return Err("services of this peer have no HTTP".to_string());
        }
        let url: Url = match request.url.parse() {
            Ok(url) => url,
            Err(error) => return Err(format!("the URL {error}: {:.200}", request.url)),
        };
        let server = Server::of_url(&url).within(match self.limits.reach {
            Reach::All => Scope::Any,
            _ => Scope::Global,
        });
        if !server.endpoint.is_admitted() {
            let host = &server.endpoint.host;
            return Err(format!("services of this peer may not reach {host}"));
        }
        let bytes = bytes(request, &url, &server).map_err(|error| error.to_string())?;
        if bytes.len() > self.limits.max_request {
            return Err("the request is too long".to_string());
        }
        let mut exchange = self.exchange.lock();
        if exchange.open.len() >= self.limits.max_requests || !pauser.has_room() {
            return Err(
                "this peer is too busy: too many requests of services are under way".into(),
            );
        }
        let id = exchange.next;
        exchange.next += 1;
        exchange.waiting.push_back(Request {
            owner: Owner::Guest(id),
            server,
            bytes,
            has_body: request.method != "HEAD",
            max_body: self.limits.max_answer,
            until,
        });
        let waker = pauser.waker();
        let answer = None;
        exchange.open.insert(id, Open { answer, waker });
        Ok(id)
    }
}

/// A guest's request as bytes.
fn bytes(request: &HttpRequest, url: &Url, server: &Server) -> Result<Vec<u8>, HeadError> {
    let mut head = Head::new(Method::new(&request.method)?, &url.path, server);
    for (name, value) in &request.headers {
        head = head.header(name, value)?;
    }
    Ok(head.with_body(&request.body))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::task::Wake;
    use std::thread::{self, Thread};

    use basalt_net::multiaddr::HostName;

    use super::*;
    use crate::compute::{NoPause, Pause};
    use crate::outgoing::Response;

    /// Jobs that wait as a thread does.
    struct Parked(Thread);

    impl Wake for Parked {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    impl Pause for Arc<Parked> {
        fn has_room(&self) -> bool {
            true
        }
        fn waker(&self) -> Waker {
            self.clone().into()
        }
        fn pause(&self, _: Instant) {
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn pauser() -> Pauser {
        let parked = Arc::new(Parked(thread::current()));
        Pauser::new(Arc::new(parked), Arc::default())
    }

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter();
        HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: headers
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: b"body".to_vec(),
        }
    }

    fn posted(request: &HttpRequest) -> Result<Request, String> {
        let web = Web::new(WebLimits::default());
        web.post(request, &pauser(), Instant::from_millis(5))?;
        Ok(web.next_request().unwrap())
    }

    #[test]
    fn urls_and_headers_become_a_request() {
        let headers = [("X-A", "b c"), ("Host", "elsewhere")];
        let made = posted(&request("PUT", "https://a.example:8443/x?y=1#z", &headers)).unwrap();
        assert_eq!(
            String::from_utf8(made.bytes).unwrap(),
            "PUT /x?y=1 HTTP/1.1\r\nhost: a.example:8443\r\nconnection: close\r\nX-A: b c\r\ncontent-length: 4\r\n\r\nbody"
        );
        assert_eq!(made.server.endpoint.host, HostName::Dns("a.example".into()));
        assert_eq!(made.server.endpoint.port, 8443);
        assert_eq!(made.server.tls_name.as_deref(), Some("a.example"));
        let made = posted(&request("GET", "http://[2606:4700::1]?q", &[])).unwrap();
        assert!(
            made.bytes
                .starts_with(b"GET /?q HTTP/1.1\r\nhost: [2606:4700::1]\r\n")
        );
        assert_eq!(
            (made.server.endpoint.port, made.server.tls_name),
            (80, None)
        );
    }

    #[test]
    fn what_is_no_request_or_leads_inside_is_refused() {
        let refused = posted(&request("GET", "ftp://a", &[])).unwrap_err();
        assert!(refused.starts_with("the URL begins with"), "{refused}");
        for url in [
            "http://127.0.0.1/",
            "http://192.168.1.1:8080/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            let refused = posted(&request("GET", url, &[])).unwrap_err();
            assert!(refused.contains("may not reach"), "{refused}");
        }
        assert!(posted(&request("G T", "http://a/", &[])).is_err());
        assert!(posted(&request("GET", "http://a/", &[("a", "b\nc")])).is_err());
        assert!(posted(&request("GET", "http://a/", &[("a b", "c")])).is_err());
    }

    #[test]
    fn places_are_few_and_answers_find_who_waits() {
        let web = Web::new(WebLimits {
            max_requests: 1,
            ..WebLimits::default()
        });
        let asked = request("GET", "http://a/", &[]);
        let id = web
            .post(&asked, &pauser(), Instant::from_millis(5))
            .unwrap();
        assert!(
            web.post(&asked, &pauser(), Instant::from_millis(5))
                .is_err()
        );
        assert!(web.take(id).is_none());
        web.done(id, Err("gone".into()));
        assert_eq!(web.take(id).unwrap().unwrap_err(), "gone");
        web.done(id, Err("too late".into()));
        let no_room = Pauser::new(Arc::new(NoPause), Arc::default());
        assert!(web.post(&asked, &no_room, Instant::from_millis(5)).is_err());
        assert!(web.post(&asked, &pauser(), Instant::from_millis(5)).is_ok());
    }

    /// The machine's own clock.
    struct Real(std::time::Instant);

    impl Platform for Real {
        fn clock(&self) -> crate::clock::Clock {
            crate::clock::Clock {
                now: Instant::from_micros(self.0.elapsed().as_micros() as u64),
                wall_ms: 0,
            }
        }
        fn random(&self, _: &mut [u8]) {}
    }

    #[test]
    fn a_core_waits_for_its_answer_but_not_for_ever() {
        let web = Web::new(WebLimits::default());
        let core = web.clone();
        let fetch = move |deadline| {
            let platform = Real(std::time::Instant::now());
            let asked = request("GET", "http://a.example/", &[]);
            core.fetch(&platform, &pauser(), &asked, Some(deadline))
        };
        let waits = fetch.clone();
        let thread = std::thread::spawn(move || waits(Duration::from_secs(20)));
        let asked = loop {
            match web.next_request() {
                Some(asked) => break asked,
                None => std::thread::yield_now(),
            }
        };
        let answer = Response {
            status: 201,
            headers: alloc::vec![("x".into(), "y".into())],
            body: b"made".to_vec(),
        };
        let Owner::Guest(id) = asked.owner else {
            panic!("a request of somebody else");
        };
        web.done(id, Ok(answer));
        let answer = thread.join().unwrap().unwrap();
        assert_eq!((answer.status, answer.body), (201, b"made".to_vec()));
        assert_eq!(
            fetch(Duration::from_millis(3)).unwrap_err(),
            "no answer in time"
        );
        assert!(web.exchange.lock().open.is_empty());
        assert_eq!(web.take_refused(), 0);
    }
}
