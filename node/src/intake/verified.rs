//! Particles whose signature was checked.

use alloc::sync::Arc;
use core::ops::Deref;

use basalt_net::particle::{Authored, Particle, VerifyError};
use bytes::Bytes;

use super::limits::Limits;
use crate::refusal::Refusal;

/// What the author of a particle wrote, after its signature was checked.
///
/// [`Verified::check`] is the only way to make one, and the actors take nothing else. A particle
/// that gets to the interpreter without the check is therefore an error of the compiler, not one
/// that a test has to find.
///
/// Holding one proves that
/// * the key in `init_peer_id` has signed exactly this id, timestamp, ttl and script;
/// * the particle had not expired when it came in, and its script is no longer than the node takes.
///
/// It does not prove
/// * anything about the particle's data, which every peer on the way changes and which the
///   signature does not cover: the interpreter checks the signatures in there;
/// * that the particle is still alive: compare [`Authored::deadline`] with the clock again;
/// * that this is the only particle with this signature: the signed bytes have no separators
///   between the fields, so that one signature can cover two readings with different ids;
/// * that the author may do what the script asks for.
///
/// Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified(Arc<Authored>);

impl Verified {
    /// Checks a particle at `wall_ms`, Unix milliseconds, and takes its data off. The cheap checks
    /// come first: whoever sends rubbish shall not make the node compute signatures over it.
    ///
    /// # Errors
    /// It has expired, its script is too long, its author's key is of another kind than Ed25519, or
    /// its signature is not its author's.
    pub fn check(
        particle: Particle,
        wall_ms: u64,
        limits: &Limits,
    ) -> Result<(Verified, Bytes), Refusal> {
        if particle.is_expired(wall_ms) {
            return Err(Refusal::Expired);
        }
        if particle.script.len() > limits.max_script {
            return Err(Refusal::ScriptTooLong);
        }
        particle.verify().map_err(|error| match error {
            VerifyError::NoKey => Refusal::AuthorKind,
            VerifyError::Key(_) => Refusal::BadSignature,
        })?;
        Ok((Verified(particle.authored), particle.data))
    }

    /// What the author wrote, for those who keep it beyond the particle's life here.
    pub fn authored(&self) -> &Arc<Authored> {
        &self.0
    }

    /// The particle with new data, to be sent on. It shares everything else.
    pub fn with_data(&self, data: Bytes) -> Particle {
        Particle::new(self.0.clone(), data)
    }
}

impl Deref for Verified {
    type Target = Authored;

    fn deref(&self) -> &Authored {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use basalt_net::keypair::Keypair;

    fn particle() -> Particle {
        let author = Keypair::from_seed([1; 32]);
        let mut authored = Authored {
            id: "p".into(),
            init_peer_id: author.peer_id(),
            timestamp: 1_000,
            ttl: 100,
            script: "(null)".into(),
            signature: alloc::vec::Vec::new(),
        };
        authored.sign(&author);
        Particle::new(authored, &b"data"[..])
    }

    #[test]
    fn what_is_signed_and_alive_passes_and_is_sent_on_without_a_copy() {
        let limits = Limits::default();
        let (verified, data) = Verified::check(particle(), 1_100, &limits).unwrap();
        assert_eq!(data, &b"data"[..]);
        let on = verified.with_data(Bytes::new());
        assert!(Arc::ptr_eq(&on.authored, verified.authored()));
        let expired = Verified::check(particle(), 1_101, &limits);
        assert_eq!(expired, Err(Refusal::Expired));
    }

    #[test]
    fn authors_with_other_keys_are_told_why() {
        for id in [
            "16Uiu2HAmPLe7Mzm8TsYUubgCAW1aJoeFScxrLj8ppHFivPo97bUZ",
            "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
        ] {
            let mut other = particle();
            Arc::make_mut(&mut other.authored).init_peer_id = id.parse().unwrap();
            let refused = Verified::check(other, 1_000, &Limits::default());
            assert_eq!(refused, Err(Refusal::AuthorKind));
        }
    }

    #[test]
    fn whatever_the_signature_covers_must_not_change() {
        let limits = Limits::default();
        let changes: [fn(&mut Authored); 6] = [
            |authored| authored.id.push('x'),
            |authored| authored.timestamp += 1,
            |authored| authored.ttl += 1,
            |authored| authored.script.push(' '),
            |authored| authored.init_peer_id = Keypair::from_seed([2; 32]).peer_id(),
            |authored| authored.signature[0] ^= 1,
        ];
        for change in changes {
            let mut forged = particle();
            change(Arc::make_mut(&mut forged.authored));
            let refused = Verified::check(forged, 1_000, &limits);
            assert_eq!(refused, Err(Refusal::BadSignature));
        }
        let limits = Limits {
            max_script: 5,
            ..Limits::default()
        };
        let refused = Verified::check(particle(), 1_000, &limits);
        assert_eq!(refused, Err(Refusal::ScriptTooLong));
    }
}
