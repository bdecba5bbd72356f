//! A trace of one peer or one particle on demand: who sent what, when, and why something was
//! dropped. Errors of protocols show as silence; a trace makes it visible, in the log, under the
//! target `trace`.

use alloc::string::String;
use core::fmt;

use basalt_net::peer_id::PeerId;

use crate::quoted::Quoted;

/// What is traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All that goes on with a peer.
    Peer(PeerId),
    /// All that goes on with the particle of this id.
    Particle(String),
}

impl From<&str> for Subject {
    /// A peer if the text is a peer id, else a particle.
    fn from(text: &str) -> Subject {
        text.parse()
            .map_or_else(|_| Subject::Particle(text.into()), Subject::Peer)
    }
}

/// Writes what concerns its subject into the log.
#[derive(Debug)]
pub(super) struct Trace(Option<Subject>);

impl Trace {
    pub(super) fn new(subject: Option<Subject>) -> Trace {
        Trace(subject)
    }

    fn follows_peer(&self, peer: &PeerId) -> bool {
        matches!(&self.0, Some(Subject::Peer(id)) if id == peer)
    }

    fn follows_particle(&self, id: &str, peer: &PeerId) -> bool {
        self.follows_peer(peer) || matches!(&self.0, Some(Subject::Particle(name)) if name == id)
    }

    /// Something happened with a peer.
    pub(super) fn peer(&self, peer: &PeerId, what: impl fmt::Display) {
        if self.follows_peer(peer) {
            log::info!(target: "trace", "{peer}: {what}");
        }
    }

    /// Something happened with a particle that came from a peer or is to go to it.
    pub(super) fn particle(&self, id: &str, peer: &PeerId, what: impl fmt::Display) {
        if self.follows_particle(id, peer) {
            log::info!(target: "trace", "{peer}: particle {}: {what}", Quoted(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::seek::tests::peer;
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_text_is_a_peer_or_a_particle() {
        let id = peer(1).to_string();
        assert_eq!(Subject::from(id.as_str()), Subject::Peer(peer(1)));
        let particle = "2883f959-e9e7-4843-8c37-205d393ca372";
        assert_eq!(
            Subject::from(particle),
            Subject::Particle(particle.to_string())
        );
    }

    #[test]
    fn only_the_subject_is_followed() {
        let trace = Trace::new(Some(Subject::Peer(peer(1))));
        assert!(trace.follows_peer(&peer(1)) && !trace.follows_peer(&peer(2)));
        assert!(trace.follows_particle("a", &peer(1)) && !trace.follows_particle("a", &peer(2)));
        let trace = Trace::new(Some(Subject::Particle("a".into())));
        assert!(trace.follows_particle("a", &peer(2)) && !trace.follows_particle("b", &peer(2)));
        assert!(!trace.follows_peer(&peer(1)) && !Trace::new(None).follows_peer(&peer(1)));
    }
}
