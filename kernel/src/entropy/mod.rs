//! Randomness: every source the machine has, mixed into one generator.
//!
//! [`sources`] collects, [`drbg`] stretches. Nothing is trusted alone: a source can only add to
//! what the others gave.

pub mod drbg;
pub mod sources;

use hermit_sync::TicketMutex;

use self::drbg::Drbg;

static GENERATOR: TicketMutex<Option<Drbg>> = TicketMutex::new(None);

/// Starts the generator from `seed`.
pub fn seed(seed: [u8; 32]) {
    *GENERATOR.lock() = Some(Drbg::new(seed));
}

/// Mixes more entropy in.
pub fn add(bytes: &[u8]) {
    if let Some(generator) = GENERATOR.lock().as_mut() {
        generator.reseed(bytes);
    }
}

/// 32 fresh random bytes.
///
/// # Panics
/// Before [`seed`]: silence would be predictable keys.
#[must_use]
pub fn seed_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    GENERATOR
        .lock()
        .as_mut()
        .expect("the random generator is not seeded yet")
        .fill(&mut bytes);
    bytes
}
