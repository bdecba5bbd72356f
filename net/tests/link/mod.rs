//! Ethernet on virtual time: ports on one switch with seeded loss, delay, reordering and
//! duplication.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use basalt_net::ip::Tick;
use basalt_net::ip::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use basalt_net::time::Instant;

/// How a link mistreats frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// Frames lost, per mille.
    pub(crate) loss: u64,
    /// Frames delivered twice, per mille.
    pub(crate) duplicate: u64,
    /// Shortest way, microseconds.
    pub(crate) delay: u64,
    /// Up to this much more, at random per frame, which reorders them.
    pub(crate) jitter: u64,
}

/// A perfect wire with a short way.
pub(crate) const PERFECT: Faults = Faults {
    loss: 0,
    duplicate: 0,
    delay: 50,
    jitter: 0,
};

/// What became of the frames, those of each receiver counted by themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    /// Frames lost.
    pub(crate) lost: u64,
    /// Frames that came twice.
    pub(crate) duplicated: u64,
    /// Frames that came after one that was sent later.
    pub(crate) reordered: u64,
    /// Frames that came, also for the second time.
    pub(crate) delivered: u64,
}

/// xorshift64*: small, seeded, good enough to decide about frames.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// The NIC of one host.
#[derive(Default)]
pub(crate) struct Nic {
    pub(crate) received: VecDeque<Vec<u8>>,
    pub(crate) sent: VecDeque<Vec<u8>>,
}

pub(crate) struct Rx(Vec<u8>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub(crate) struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl Device for Nic {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Tick) -> Option<(Rx, Tx<'_>)> {
        self.received
            .pop_front()
            .map(|frame| (Rx(frame), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _: Tick) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A switch with `N` ports that floods every frame to all the others.
pub(crate) struct Link<const N: usize> {
    pub(crate) nics: [Nic; N],
    pub(crate) faults: Faults,
    /// What each port sends at, in Mbit/s; without one at once.
    pub(crate) rate: Option<u64>,
    pub(crate) counters: Counters,
    /// When each port has sent what it was given, in nanoseconds.
    free: [u64; N],
    random: Random,
    /// By the time of arrival and the order of sending.
    under_way: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    order: u64,
    /// The latest in that order that each port has received.
    latest: [u64; N],
}

impl<const N: usize> Link<N> {
    pub(crate) fn new(faults: Faults, seed: u64) -> Link<N> {
        Link {
            nics: std::array::from_fn(|_| Nic::default()),
            faults,
            rate: None,
            counters: Counters::default(),
            free: [0; N],
            random: Random(seed | 1),
            under_way: BTreeMap::new(),
            order: 0,
            latest: [0; N],
        }
    }

    /// Takes what the NICs sent and delivers what is due. `Some` while frames are under way.
    pub(crate) fn carry(&mut self, now: Instant) -> Option<Instant> {
        for from in 0..N {
            while let Some(frame) = self.nics[from].sent.pop_front() {
                let start = self.free[from].max(now.as_micros() * 1000);
                let took = self.rate.map_or(0, |rate| frame.len() as u64 * 8000 / rate);
                self.free[from] = start + took;
                let sent = Instant::from_micros(self.free[from].div_ceil(1000));
                for to in (0..N).filter(|&to| to != from) {
                    self.launch(sent, to, frame.clone());
                }
            }
        }
        while let Some(first) = self.under_way.first_entry()
            && first.key().0 <= now
        {
            let order = first.key().1;
            let (to, frame) = first.remove();
            self.counters.delivered += 1;
            self.counters.reordered += u64::from(order < self.latest[to]);
            self.latest[to] = order.max(self.latest[to]);
            self.nics[to].received.push_back(frame);
        }
        self.under_way.keys().next().map(|&(at, _)| at)
    }

    fn launch(&mut self, sent: Instant, to: usize, frame: Vec<u8>) {
        if self.random.below(1000) < self.faults.loss {
            self.counters.lost += 1;
            return;
        }
        let copies = 1 + u64::from(self.random.below(1000) < self.faults.duplicate);
        self.counters.duplicated += copies - 1;
        for _ in 0..copies {
            let way = self.faults.delay + self.random.below(self.faults.jitter + 1);
            self.order += 1;
            let at = sent + Duration::from_micros(way);
            self.under_way.insert((at, self.order), (to, frame.clone()));
        }
    }
}
