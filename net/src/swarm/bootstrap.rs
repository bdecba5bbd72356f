//! Peers to be connected with at all times: dialed as soon as there is an address to dial from, and
//! again after every failure and disconnect, with pauses of 5, 10, 15 and so on up to 60 seconds.

use alloc::vec::Vec;
use core::time::Duration;

use super::conn_id::ConnId;
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::time::Instant;

/// The first pause, and by how much each further one is longer.
const STEP: Duration = Duration::from_secs(5);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The routing table is refreshed at the first bootstrap connection and at every third one after
/// it: each may lead to another part of the network.
const LOOK_EVERY: u64 = 3;

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    /// When to dial next; `None` while a connection is there or under way.
    due: Option<Instant>,
    conn: Option<ConnId>,
    failures: u32,
    /// Whether its present connection was counted.
    counted: bool,
}

#[derive(Debug)]
pub(super) struct Bootstrap {
    entries: Vec<Entry>,
    /// Connections to bootstrap peers of the network so far.
    connections: u64,
}

impl Bootstrap {
    pub(super) fn new(addresses: &[Multiaddr]) -> Self {
        let entry = |address: &Multiaddr| Entry {
            address: address.clone(),
            due: None,
            conn: None,
            failures: 0,
            counted: false,
        };
        Self {
            entries: addresses.iter().map(entry).collect(),
            connections: 0,
        }
    }

    /// There is an address to dial from: nothing is dialed before.
    pub(super) fn start(&mut self, now: Instant) {
        for entry in &mut self.entries {
            if entry.conn.is_none() && entry.failures == 0 {
                entry.due.get_or_insert(now);
            }
        }
    }

    /// A peer has shown on a connection that it is one of the network; true if that is a reason to
    /// refresh the routing table.
    pub(super) fn identified(&mut self, conn: ConnId) -> bool {
        let mut entries = self.entries.iter_mut();
        let Some(entry) = entries.find(|entry| entry.conn == Some(conn) && !entry.counted) else {
            return false;
        };
        entry.counted = true;
        self.connections += 1;
        self.connections % LOOK_EVERY == 1
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.due).min()
    }

    /// An address that is to be dialed now, to be followed by [`dialed`](Self::dialed).
    pub(super) fn due(&self, now: Instant) -> Option<(usize, Multiaddr)> {
        let due = |entry: &Entry| entry.due.is_some_and(|due| due <= now);
        let index = self.entries.iter().position(due)?;
        Some((index, self.entries[index].address.clone()))
    }

    /// What came of dialing: a connection, or `None` if not even that.
    pub(super) fn dialed(&mut self, now: Instant, index: usize, conn: Option<ConnId>) {
        let entry = &mut self.entries[index];
        entry.conn = conn;
        entry.due = None;
        if conn.is_none() {
            entry.retry(now);
        }
    }

    pub(super) fn connected(&mut self, conn: ConnId) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.conn == Some(conn))
        {
            entry.failures = 0;
        }
    }

    pub(super) fn closed(&mut self, now: Instant, conn: ConnId) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.conn == Some(conn))
        {
            entry.retry(now);
        }
    }
}

impl Entry {
    fn retry(&mut self, now: Instant) {
        self.conn = None;
        self.counted = false;
        self.failures = self.failures.saturating_add(1);
        self.due = Some(now + (STEP * self.failures.min(12)).min(MAX_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_start_over_after_success() {
        let address: Multiaddr = "/ip4/10.0.0.1/tcp/977".parse().unwrap();
        let mut bootstrap = Bootstrap::new(core::slice::from_ref(&address));
        let mut now = Instant::from_millis(0);
        assert_eq!((bootstrap.due(now), bootstrap.wake_at()), (None, None));
        bootstrap.start(now);
        let mut pauses = std::vec![];
        for id in 0..14 {
            assert_eq!(bootstrap.due(now), Some((0, address.clone())));
            bootstrap.dialed(now, 0, Some(ConnId(id)));
            assert_eq!((bootstrap.due(now), bootstrap.wake_at()), (None, None));
            bootstrap.closed(now, ConnId(id));
            let next = bootstrap.wake_at().unwrap();
            pauses.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(
            pauses,
            [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60, 60]
        );
        bootstrap.dialed(now, 0, Some(ConnId(99)));
        bootstrap.connected(ConnId(99));
        bootstrap.closed(now, ConnId(99));
        assert_eq!(bootstrap.wake_at(), Some(now + STEP));
        // An address that cannot even be tried is tried again all the same.
        bootstrap.dialed(now, 0, None);
        assert_eq!(bootstrap.wake_at(), Some(now + 2 * STEP));
    }

    #[test]
    fn the_first_connection_and_every_third_after_it_are_reasons_to_look() {
        let addresses: Vec<Multiaddr> = (1..=5)
            .map(|host| std::format!("/ip4/10.0.0.{host}/tcp/977").parse().unwrap())
            .collect();
        let mut bootstrap = Bootstrap::new(&addresses);
        let now = Instant::from_millis(1);
        bootstrap.start(now);
        let reasons: Vec<bool> = (0..5)
            .map(|index| {
                bootstrap.dialed(now, index, Some(ConnId(index as u64)));
                bootstrap.identified(ConnId(index as u64))
            })
            .collect();
        assert_eq!(reasons, [true, false, false, true, false]);
        // Identify comes again and again; strangers do not count.
        assert!(!bootstrap.identified(ConnId(0)) && !bootstrap.identified(ConnId(77)));
        bootstrap.closed(now, ConnId(0));
        bootstrap.dialed(now, 0, Some(ConnId(10)));
        assert!(!bootstrap.identified(ConnId(10)));
        bootstrap.closed(now, ConnId(1));
        bootstrap.dialed(now, 1, Some(ConnId(11)));
        assert!(bootstrap.identified(ConnId(11)));
    }
}
