//! Submissions and completions (NVMe 1.4, sections 4.2 and 4.6, 5 and 6).

/// Bytes of a submission.
pub(super) const SUBMISSION: usize = 64;
/// Bytes of a completion.
pub(super) const COMPLETION: usize = 16;

/// Codes of commands.
pub(super) mod opcode {
    pub(in super::super) const CREATE_SUBMISSIONS: u8 = 0x01;
    pub(in super::super) const CREATE_COMPLETIONS: u8 = 0x05;
    pub(in super::super) const IDENTIFY: u8 = 0x06;
    pub(in super::super) const SET_FEATURES: u8 = 0x09;

    pub(in super::super) const FLUSH: u8 = 0x00;
    pub(in super::super) const WRITE: u8 = 0x01;
    pub(in super::super) const READ: u8 = 0x02;
    pub(in super::super) const MANAGE: u8 = 0x09;
}

/// What to identify.
pub(super) mod identify {
    pub(in super::super) const NAMESPACE: u32 = 0;
    pub(in super::super) const CONTROLLER: u32 = 1;
    pub(in super::super) const NAMESPACES: u32 = 2;
}

/// Number of the feature that gives queues.
const QUEUES: u32 = 0x07;
/// A ring in one piece.
const CONTIGUOUS: u32 = 1;
/// The managed blocks hold nothing any more.
const DEALLOCATE: u32 = 4;

/// A command, its number still to be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) opcode: u8,
    pub(super) namespace: u32,
    /// The two entries that name the data.
    pub(super) data: [u64; 2],
    /// The words from 10 on.
    pub(super) words: [u32; 3],
}

impl Command {
    pub(super) fn identify(what: u32, namespace: u32, page: u64) -> Self {
        Self {
            opcode: opcode::IDENTIFY,
            namespace,
            data: [page, 0],
            words: [what, 0, 0],
        }
    }

    /// Asks for one submission ring and one completion ring; both numbers are told less one.
    pub(super) fn one_queue() -> Self {
        Self {
            opcode: opcode::SET_FEATURES,
            words: [QUEUES, 0, 0],
            ..Self::default()
        }
    }

    /// Makes the completion ring `queue` at `ring`; it does not interrupt.
    pub(super) fn create_completions(queue: u16, places: u16, ring: u64) -> Self {
        Self {
            opcode: opcode::CREATE_COMPLETIONS,
            data: [ring, 0],
            words: [size_of_ring(queue, places), CONTIGUOUS, 0],
            ..Self::default()
        }
    }

    /// Makes the submission ring `queue` at `ring`, answered in the completion ring of that number.
    pub(super) fn create_submissions(queue: u16, places: u16, ring: u64) -> Self {
        Self {
            opcode: opcode::CREATE_SUBMISSIONS,
            data: [ring, 0],
            words: [
                size_of_ring(queue, places),
                u32::from(queue) << 16 | CONTIGUOUS,
                0,
            ],
            ..Self::default()
        }
    }

    /// Reads or writes `count` blocks, at most 65,536.
    pub(super) fn transfer(opcode: u8, block: u64, count: u32, data: [u64; 2]) -> Self {
        Self {
            opcode,
            data,
            words: [block as u32, (block >> 32) as u32, (count - 1) & 0xffff],
            ..Self::default()
        }
    }

    pub(super) fn flush() -> Self {
        Self {
            opcode: opcode::FLUSH,
            ..Self::default()
        }
    }

    /// Says that the blocks of the one range at `page` hold nothing any more.
    pub(super) fn deallocate(page: u64) -> Self {
        Self {
            opcode: opcode::MANAGE,
            data: [page, 0],
            words: [0, DEALLOCATE, 0],
            ..Self::default()
        }
    }

    /// The command for `namespace`.
    pub(super) fn on(self, namespace: u32) -> Self {
        Self { namespace, ..self }
    }

    /// The submission, with the number `id`.
    pub(super) fn bytes(&self, id: u16) -> [u8; SUBMISSION] {
        let mut bytes = [0; SUBMISSION];
        bytes[0] = self.opcode;
        bytes[2..4].copy_from_slice(&id.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.namespace.to_le_bytes());
        for (place, word) in bytes[24..40].chunks_exact_mut(8).zip(self.data) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        for (place, word) in bytes[40..52].chunks_exact_mut(4).zip(self.words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// The word that says which ring, and its places less one.
fn size_of_ring(queue: u16, places: u16) -> u32 {
    u32::from(places - 1) << 16 | u32::from(queue)
}

/// A range of blocks to be managed.
pub(super) fn range(block: u64, count: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&count.to_le_bytes());
    bytes[8..].copy_from_slice(&block.to_le_bytes());
    bytes
}

/// The last word of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Completion(pub(super) u32);

impl Completion {
    /// The number of the command.
    pub(super) const fn id(self) -> u16 {
        self.0 as u16
    }

    /// Changes with each round of the ring.
    pub(super) const fn phase(self) -> bool {
        self.0 >> 16 & 1 == 1
    }

    /// Type and code of the status; 0 is success.
    pub(super) const fn status(self) -> u32 {
        self.0 >> 17 & 0x7ff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_are_laid_out_as_the_specification_says() {
        let bytes = Command::transfer(opcode::WRITE, 0x1_0000_0002, 65_536, [0x1000, 0x2000])
            .on(3)
            .bytes(0x0405);
        assert_eq!(bytes[..8], [1, 0, 5, 4, 3, 0, 0, 0]);
        assert_eq!(bytes[24..26], [0, 0x10]);
        assert_eq!(bytes[32..34], [0, 0x20]);
        assert_eq!(bytes[40..52], [2, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0]);
        assert!(bytes[52..].iter().all(|&byte| byte == 0));
        let bytes = Command::create_submissions(1, 16, 0x3000).bytes(0);
        assert_eq!(bytes[40..48], [1, 0, 15, 0, 1, 0, 1, 0]);
        assert_eq!(
            range(7, 9),
            [0, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn completions_are_taken_apart() {
        let completion = Completion(0x0281 << 17 | 1 << 16 | 0x1234);
        assert_eq!(completion.id(), 0x1234);
        assert!(completion.phase());
        assert_eq!(completion.status(), 0x281);
        assert_eq!(
            Completion(1 << 31 | 0x80 << 17).status(),
            0x80,
            "do not retry"
        );
    }
}
