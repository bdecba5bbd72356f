//! From endpoints to sockets: names become addresses, and addresses are tried one after the other.
//!
//! Every outgoing connection of a node passes here: to peers, to the chain, for files and for
//! services. So this is where an address has to be in the endpoint's [`Scope`], whoever named it
//! and whatever name it hid behind.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use basalt_net::multiaddr::{Endpoint, HostName, Scope};
use basalt_net::swarm::ConnId;
use basalt_net::time::Instant;

use crate::sockets::{Found, Question, Reason, Sockets};

/// Time that an address has to answer while there are others to try. A host whose IPv6 packets
/// vanish is reached over IPv4 within the time that the swarm gives to a dial.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that is to be made.
struct Dial<L> {
    /// The name, for lookups and reasons; empty for an address.
    name: String,
    /// Which addresses may be dialed.
    scope: Scope,
    port: u16,
    /// Whether it is about TXT records instead of addresses.
    texts: bool,
    /// What was not asked yet, the first last.
    questions: Vec<Question>,
    /// Addresses that were not tried yet, the first last.
    addresses: Vec<IpAddr>,
    /// The lookup that it waits for.
    lookup: Option<L>,
    /// Until when the address that is being tried may be silent.
    until: Option<Instant>,
}

impl<L> Dial<L> {
    /// Takes addresses to try, the first first, as far as they may be dialed. What to say if none
    /// of them answers is the result.
    fn take(&mut self, found: Vec<IpAddr>) -> Reason {
        let kind = if found.is_empty() { "" } else { "public " };
        let scope = self.scope;
        let admitted = found.into_iter().filter(|&ip| scope.admits(ip));
        self.addresses.extend(admitted.rev());
        match self.name.is_empty() {
            true => "the address is not public".into(),
            false => format!("{} has no {kind}address", self.name).into(),
        }
    }
}

/// How a dial goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// By this socket.
    Connecting(T),
    /// By a lookup.
    LookingUp,
    /// By the TXT records that were asked for.
    Texts(Vec<Vec<u8>>),
    /// Not at all.
    Failed(Reason),
}

/// Connections that are to be made.
pub(crate) struct Dialer<S: Sockets> {
    dials: BTreeMap<ConnId, Dial<S::Lookup>>,
    lookups: BTreeMap<S::Lookup, ConnId>,
    /// Addresses that are being tried while there are others, by the time that they have.
    trials: BTreeSet<(Instant, ConnId)>,
}

impl<S: Sockets> Default for Dialer<S> {
    fn default() -> Dialer<S> {
        Dialer {
            dials: BTreeMap::new(),
            lookups: BTreeMap::new(),
            trials: BTreeSet::new(),
        }
    }
}

impl<S: Sockets> Dialer<S> {
    /// Begins a connection.
    pub(crate) fn dial(
        &mut self,
        now: Instant,
        sockets: &mut S,
        conn: ConnId,
        endpoint: &Endpoint,
    ) -> Step<S::Socket> {
        let mut dial = Dial {
            name: endpoint.host.name().unwrap_or_default().to_owned(),
            scope: endpoint.scope,
            port: endpoint.port,
            texts: false,
            questions: Vec::new(),
            addresses: Vec::new(),
            lookup: None,
            until: None,
        };
        let reason = match &endpoint.host {
            HostName::Ip(ip) => dial.take(vec![*ip]),
            host => match sockets.questions(host) {
                Ok(questions) => {
                    dial.questions.extend(questions.iter().rev());
                    "the name has no address".into()
                }
                Err(reason) => return Step::Failed(reason),
            },
        };
        self.dials.insert(conn, dial);
        self.go_on(now, sockets, conn, reason)
    }

    /// Begins a lookup of TXT records for a connection.
    pub(crate) fn look_up(
        &mut self,
        now: Instant,
        sockets: &mut S,
        conn: ConnId,
        name: &str,
    ) -> Step<S::Socket> {
        let dial = Dial {
            name: name.to_owned(),
            scope: Scope::Any,
            port: 0,
            texts: true,
            questions: vec![Question::Texts],
            addresses: Vec::new(),
            lookup: None,
            until: None,
        };
        self.dials.insert(conn, dial);
        self.go_on(now, sockets, conn, "the name has no TXT record".into())
    }

    /// Tries what is next. If nothing is left, `reason` says why the last attempt failed.
    pub(crate) fn go_on(
        &mut self,
        now: Instant,
        sockets: &mut S,
        conn: ConnId,
        mut reason: Reason,
    ) -> Step<S::Socket> {
        self.end_trial(conn);
        while let Some(dial) = self.dials.get_mut(&conn) {
            if let Some(ip) = dial.addresses.pop() {
                match sockets.connect(SocketAddr::new(ip, dial.port)) {
                    Ok(socket) => {
                        if !dial.addresses.is_empty() || !dial.questions.is_empty() {
                            let until = now + PATIENCE;
                            dial.until = Some(until);
                            self.trials.insert((until, conn));
                        }
                        return Step::Connecting(socket);
                    }
                    Err(error) => reason = error,
                }
            } else if let Some(question) = dial.questions.pop() {
                match sockets.look_up(&dial.name, question) {
                    Ok(lookup) => {
                        dial.lookup = Some(lookup);
                        self.lookups.insert(lookup, conn);
                        return Step::LookingUp;
                    }
                    Err(error) => reason = error,
                }
            } else {
                self.dials.remove(&conn);
            }
        }
        Step::Failed(reason)
    }

    /// Takes what came of a lookup. `None` if nobody waits for it any more.
    pub(crate) fn found(
        &mut self,
        now: Instant,
        sockets: &mut S,
        lookup: S::Lookup,
        result: Result<Found, Reason>,
    ) -> Option<(ConnId, Step<S::Socket>)> {
        let conn = self.lookups.remove(&lookup)?;
        let dial = self.dials.get_mut(&conn)?;
        dial.lookup = None;
        let reason = match result {
            Ok(Found::Texts(texts)) if dial.texts && !texts.is_empty() => {
                self.dials.remove(&conn);
                return Some((conn, Step::Texts(texts)));
            }
            Ok(_) if dial.texts => format!("{} has no TXT record", dial.name).into(),
            Ok(Found::Texts(_)) => format!("{} has no address", dial.name).into(),
            Ok(Found::Addresses(addresses)) => dial.take(addresses),
            Err(reason) => reason,
        };
        Some((conn, self.go_on(now, sockets, conn, reason)))
    }

    /// A connection whose address was silent for too long, with others to try.
    pub(crate) fn silent(&mut self, now: Instant) -> Option<ConnId> {
        let (until, conn) = *self.trials.first()?;
        (until <= now).then_some(conn)
    }

    /// When an address has been silent for too long.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.trials.first().map(|(until, _)| *until)
    }

    /// Forgets a connection: it is made, or not wanted any more.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.end_trial(conn);
        if let Some(lookup) = self.dials.remove(&conn).and_then(|dial| dial.lookup) {
            self.lookups.remove(&lookup);
        }
    }

    fn end_trial(&mut self, conn: ConnId) {
        let until = self.dials.get_mut(&conn).and_then(|dial| dial.until.take());
        if let Some(until) = until {
            self.trials.remove(&(until, conn));
        }
    }
}
