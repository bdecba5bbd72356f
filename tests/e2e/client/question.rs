//! Questions to a node: a particle that calls one of its services and brings the result back to the
//! asking peer.

use anyhow::{Result, ensure};
use libp2p::PeerId;
use serde_json::Value;

use super::aqua_vm;
use super::particle::{Form, Particle};
use super::peer::Peer;

/// A question on its way.
pub(crate) struct Question {
    /// The particle that asks.
    pub(crate) particle: Particle,
    asked: PeerId,
    mark: usize,
}

impl Question {
    /// A particle of `peer` that calls `service` on `node`; `arguments` is AIR text.
    pub(crate) fn new(peer: &Peer, node: PeerId, service: (&str, &str), arguments: &str) -> Self {
        let (service, function) = service;
        let call = format!(r#"(call "{node}" ("{service}" "{function}") [{arguments}] x)"#);
        Self::of(peer, node, &call)
    }

    /// A particle of `peer` that does what `air` says and brings back `x`, which it sets on `node`.
    pub(crate) fn of(peer: &Peer, node: PeerId, air: &str) -> Self {
        let script = format!(r#"(seq {air} (call %init_peer_id% ("return" "result") [x]))"#);
        Self {
            particle: Particle::new(&peer.keypair, script),
            asked: node,
            mark: peer.mark(),
        }
    }

    /// Sends the particle and waits for what it brings back.
    pub(crate) async fn ask(&self, peer: &Peer, form: Form) -> Result<Value> {
        peer.send(self.asked, &self.particle, form).await?;
        self.answer(peer).await
    }

    /// Waits for the particle to come back to `peer` and reads what the node's service returned.
    pub(crate) async fn answer(&self, peer: &Peer) -> Result<Value> {
        let back = peer
            .particle(self.mark, "the answer", |from, particle| {
                (*from == self.asked && particle.id == self.particle.id).then(|| particle.clone())
            })
            .await?;
        let unchanged = Particle {
            data: self.particle.data.clone(),
            ..back.clone()
        };
        ensure!(unchanged == self.particle, "it came back changed");
        aqua_vm::returned(&peer.keypair, &back).await
    }
}

/// Asks in the given form and reads the answer.
pub(crate) async fn ask(
    peer: &Peer,
    node: PeerId,
    service: (&str, &str),
    arguments: &str,
    form: Form,
) -> Result<Value> {
    Question::new(peer, node, service, arguments)
        .ask(peer, form)
        .await
}

/// Whether the node answers `peer`: the shortest sign of life.
pub(crate) async fn echo(peer: &Peer, node: PeerId) -> Result<()> {
    let got = ask(peer, node, ("op", "identity"), r#""hello""#, Form::Bin).await?;
    ensure!(got == "hello", "got {got}");
    Ok(())
}
