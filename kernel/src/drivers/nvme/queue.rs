//! A pair of rings: commands go out by one, completions come back by the other (NVMe 1.4, section
//! 4.1). One command is under way at a time.

use core::time::Duration;

use super::command::{COMPLETION, Command, Completion, SUBMISSION};
use super::registers::{Capabilities, Status};
use crate::drivers::disk::Failure;
use crate::drivers::dma::{self, Dma};
use crate::drivers::wait;
use crate::drivers::window::Window;
use crate::mem::frames::OutOfMemory;

/// Places of each ring, where the controller has so many: few, so that their ends are met often.
pub(super) const PLACES: u16 = 16;
/// How often the status is looked at while an answer is waited for.
const GLANCE: Duration = Duration::from_millis(10);

/// The two rings.
pub(super) struct Pair {
    number: u16,
    places: u16,
    submissions: Dma,
    completions: Dma,
    tail: u16,
    head: u16,
    /// What the phase of the next completion will be.
    phase: bool,
    next_id: u16,
}

impl Pair {
    /// Memory for the queue `number`, of at most `places` places.
    pub(super) fn new(number: u16, places: u32) -> Result<Self, OutOfMemory> {
        let places = places.min(PLACES.into()) as u16;
        Ok(Self {
            number,
            places,
            submissions: Dma::new(usize::from(places) * SUBMISSION)?,
            completions: Dma::new(usize::from(places) * COMPLETION)?,
            tail: 0,
            head: 0,
            phase: true,
            next_id: 0,
        })
    }

    /// Forgets everything, as the controller has.
    pub(super) fn restart(&mut self) {
        self.completions.clear(0, self.completions.len());
        (self.tail, self.head, self.phase) = (0, 0, true);
    }

    pub(super) const fn number(&self) -> u16 {
        self.number
    }

    pub(super) const fn places(&self) -> u16 {
        self.places
    }

    /// Addresses of the submission ring and the completion ring.
    pub(super) const fn rings(&self) -> (u64, u64) {
        (self.submissions.address(), self.completions.address())
    }

    /// Lets the controller execute a command, and waits for its end.
    pub(super) fn execute<W: Window>(
        &mut self,
        window: &mut W,
        capabilities: Capabilities,
        command: &Command,
        limit: Duration,
    ) -> Result<(), Failure> {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let place = usize::from(self.tail) * SUBMISSION;
        self.submissions.write(place, &command.bytes(id));
        self.tail = (self.tail + 1) % self.places;
        dma::barrier();
        window.write(capabilities.tail_doorbell(self.number), self.tail.into());

        let end = window.now() + limit;
        let mut glance = window.now() + GLANCE;
        loop {
            if let Some(completion) = self.take() {
                window.write(capabilities.head_doorbell(self.number), self.head.into());
                // Another number would be the late answer to a command given up: there is none
                // after a reset, but a device may be wrong.
                if completion.id() == id {
                    return match completion.status() {
                        0 => Ok(()),
                        status => Err(Failure::Refused(status)),
                    };
                }
            }
            let now = window.now();
            if now >= glance {
                let status = Status::read(window);
                if status.is_absent() {
                    return Err(Failure::Gone);
                }
                if status.is_fatal() {
                    return Err(Failure::Broken(status.0));
                }
                if now >= end {
                    return Err(Failure::Silent);
                }
                glance = now + GLANCE;
            }
            wait::relax();
        }
    }

    /// The next completion, if it has come.
    fn take(&mut self) -> Option<Completion> {
        let last_word = usize::from(self.head) * COMPLETION + 12;
        let completion = Completion(self.completions.load(last_word));
        if completion.phase() != self.phase {
            return None;
        }
        dma::barrier();
        self.head = (self.head + 1) % self.places;
        self.phase ^= self.head == 0;
        Some(completion)
    }
}
