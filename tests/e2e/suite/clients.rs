//! The two foreign clients against each other, without a node: what one writes the other reads. It
//! proves the judges before they judge.

use anyhow::{Context as _, Result, ensure};
use libp2p::identity::Keypair;

use crate::client::particle::{Form, Particle, recorded_vector};
use crate::client::peer::{Event, Peer};
use crate::client::{aqua_vm, js};

/// The frame codec of the tests agrees with the recorded particle.
pub(crate) async fn codec() -> Result<()> {
    recorded_vector()
}

/// AquaVM runs a script for its author, and refuses data that is none.
pub(crate) async fn aqua_vm_runs() -> Result<()> {
    let keypair = Keypair::generate_ed25519();
    let script = r#"(call %init_peer_id% ("return" "result") ["hello"])"#;
    let mut particle = Particle::new(&keypair, script);
    ensure!(aqua_vm::returned(&keypair, &particle).await? == "hello");
    particle.data = b"no data of any interpreter".to_vec();
    let error = aqua_vm::returned(&keypair, &particle).await.err();
    let error = error.context("it took broken data")?.to_string();
    ensure!(error.contains("AquaVM"), "{error}");
    Ok(())
}

/// The js-client dials a rust-libp2p peer over WebSocket; a particle goes each way.
pub(crate) async fn js_meets_rust() -> Result<()> {
    let peer = Peer::start(&["/ip4/127.0.0.1/tcp/0/ws"])?;
    let address = peer.address(true).await?.to_string();
    let arguments = [address.as_str()];
    let script = js::run("meet.mjs", &arguments);
    let greet = async {
        let (remote, bytes) = peer
            .wait(0, "a frame from the js-client", |event| match event {
                Event::Frame { peer, bytes, .. } => Some((*peer, bytes.clone())),
                _ => None,
            })
            .await?;
        let (particle, form) = Particle::parse(&bytes)?;
        particle.verify()?;
        ensure!(form == Form::Array, "the js-client wrote {form:?}");
        ensure!(particle.init_peer_id == remote.to_string());
        ensure!(
            !particle.data.is_empty(),
            "it ran the script before it sent"
        );
        let info = peer.identified(remote).await?;
        let particles = info
            .protocols
            .iter()
            .any(|p| p == "/fluence/particle/2.0.0");
        ensure!(particles, "identify lists {:?}", info.protocols);
        let script = format!(r#"(call "{remote}" ("greeting" "hello") ["from rust"])"#);
        let greeting = Particle::new(&peer.keypair, script);
        peer.send(remote, &greeting, Form::Bin).await?;
        anyhow::Ok(remote)
    };
    let (report, remote) = tokio::join!(script, greet);
    let (report, remote) = (report?, remote?);
    ensure!(report.passed == ["connect", "greeted by the other side"]);
    let told = report.facts.first().context("no peer id told")?;
    ensure!(
        told["client"] == remote.to_string(),
        "{told} is not {remote}"
    );
    Ok(())
}

/// Two rust-libp2p peers: frames arrive whole, over TCP and over WebSocket.
pub(crate) async fn rust_meets_rust() -> Result<()> {
    let listener = Peer::start(&["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"])?;
    for websocket in [false, true] {
        let dialer = Peer::start(&[])?;
        dialer.connect(&listener.address(websocket).await?).await?;
        let sent = Particle::new(&dialer.keypair, "(null)");
        let mark = listener.mark();
        dialer.send(listener.id(), &sent, Form::Bin).await?;
        let id = dialer.id();
        let got = listener
            .particle(mark, "the particle", |from, particle| {
                (*from == id).then(|| particle.clone())
            })
            .await?;
        ensure!(got == sent, "got {got:?}, sent {sent:?}");
    }
    Ok(())
}
