//! One stream of a session: what waits to be sent, and the windows of both directions.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use super::config::INITIAL_WINDOW;
use basalt_terms::time::Instant;

/// Bytes up to this size are joined with what waits before them, up to the other size. Otherwise
/// answers of a few bytes that nobody reads would take twenty times their size in memory.
const MAX_SMALL: usize = 64;
const MAX_JOINED: usize = 4096;

/// State of our half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Open,
    /// A FIN follows the queue.
    Closing,
    Closed,
}

#[derive(Debug)]
pub(super) struct Stream {
    /// Credit left to send, in bytes.
    pub(super) credit: u64,
    queue: VecDeque<Bytes>,
    /// Bytes of the queue's front that are sent.
    sent: usize,
    /// Bytes in the queue that are not sent.
    pub(super) queued: usize,
    pub(super) half: Half,
    /// Flags that the next frame carries.
    pub(super) syn: bool,
    pub(super) ack: bool,
    /// Whether it stands in the session's queue of streams with something to send.
    pub(super) scheduled: bool,

    /// Bytes the other side may still send.
    window: u32,
    /// Size the window is restored to.
    size: u32,
    /// Bytes taken from the stream whose credit is not returned yet.
    unreturned: u32,
    updated: Instant,
    pub(super) remote_finished: bool,
}

impl Stream {
    pub(super) fn new(now: Instant, ours: bool) -> Self {
        Self {
            credit: u64::from(INITIAL_WINDOW),
            queue: VecDeque::new(),
            sent: 0,
            queued: 0,
            half: Half::Open,
            syn: ours,
            ack: !ours,
            scheduled: false,
            window: INITIAL_WINDOW,
            size: INITIAL_WINDOW,
            unreturned: 0,
            updated: now,
            remote_finished: false,
        }
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.queued += bytes.len();
        if bytes.len() <= MAX_SMALL
            && let Some(last) = self.queue.pop_back_if(|last| last.len() < MAX_JOINED)
        {
            match last.try_into_mut() {
                Ok(mut joined) => {
                    joined.extend_from_slice(&bytes);
                    return self.queue.push_back(joined.freeze());
                }
                Err(last) => self.queue.push_back(last),
            }
        }
        self.queue.push_back(bytes);
    }

    /// Whether a frame could be written now.
    pub(super) fn is_ready(&self) -> bool {
        self.wants_update()
            || (self.queued > 0 && self.credit > 0)
            || (self.queued == 0 && self.half == Half::Closing)
    }

    /// Moves queued bytes to `out`, filling it. The caller has asked for no more than there is.
    pub(super) fn pop(&mut self, mut out: &mut [u8]) {
        self.queued -= out.len();
        self.credit -= out.len() as u64;
        while let Some(front) = self.queue.front() {
            let rest = &front[self.sent..];
            let len = rest.len().min(out.len());
            let (filled, left) = out.split_at_mut(len);
            filled.copy_from_slice(&rest[..len]);
            out = left;
            if len == rest.len() {
                self.queue.pop_front();
                self.sent = 0;
            } else {
                self.sent += len;
            }
            if out.is_empty() {
                break;
            }
        }
    }

    /// Takes `len` announced bytes off the window; false if it does not hold them.
    pub(super) fn receive(&mut self, len: u32) -> bool {
        let left = self.window.checked_sub(len);
        self.window = left.unwrap_or(0);
        left.is_some()
    }

    pub(super) fn consume(&mut self, len: u32) {
        self.unreturned = self.unreturned.saturating_add(len);
    }

    pub(super) fn wants_update(&self) -> bool {
        !self.remote_finished && self.unreturned >= self.size / 2
    }

    /// Bytes the window has grown beyond its initial size.
    pub(super) fn growth(&self) -> u64 {
        u64::from(self.size - INITIAL_WINDOW)
    }

    /// Returns credit: gives the length of a window update. The window doubles if it was used up
    /// within two round trips, as long as it stays below `max` and grows by no more than
    /// `allowance`.
    pub(super) fn update(
        &mut self,
        now: Instant,
        round_trip: Option<Duration>,
        max: u32,
        allowance: u64,
    ) -> u32 {
        let mut delta = self.unreturned;
        let busy = round_trip.is_some_and(|rtt| now.since(self.updated) < 2 * rtt);
        let grown = self.size.saturating_mul(2).min(max).max(self.size);
        if busy && u64::from(grown - self.size) <= allowance {
            delta += grown - self.size;
            self.size = grown;
        }
        self.window += delta;
        self.unreturned = 0;
        self.updated = now;
        delta
    }
}
