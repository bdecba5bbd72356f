//! Connections of which one end goes away without a word: the node's end is over at once, whichever
//! side dialed, and its socket closed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use basalt_net::peer_id::PeerId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::node::citizen::Citizen;

/// In which an end has to be noticed, on a busy machine.
const SOON: Duration = Duration::from_secs(2);

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// TCP's FIN, without a word of the layers above.
    Fin,
    /// TCP's RST.
    Reset,
}

impl Cut {
    pub(super) const ALL: [Self; 2] = [Self::Fin, Self::Reset];
}

/// A wire for one connection, which is cut on demand towards our side.
pub(super) struct Wire {
    /// Where it listens.
    pub(super) address: SocketAddr,
    cut: oneshot::Sender<Cut>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Wire {
    /// Joins one caller with `remote`. Ours is the end that `ours_calls`, or else the other one.
    pub(super) async fn to(remote: SocketAddr, ours_calls: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (cut, cut_now) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (caller, _) = listener.accept().await?;
            let callee = TcpStream::connect(remote).await?;
            let (ours, theirs) = match ours_calls {
                true => (caller, callee),
                false => (callee, caller),
            };
            join(ours, theirs, cut_now).await
        });
        Ok(Self { address, cut, task })
    }

    /// Cuts it, and sees that our side notices: `peer` is not connected any more, and the socket is
    /// closed.
    pub(super) async fn cut(self, cut: Cut, ours: &Citizen, peer: PeerId) -> Result<()> {
        let start = Instant::now();
        ensure!(self.cut.send(cut).is_ok(), "the connection had ended");
        while ours.is_connected(peer)? {
            ensure!(start.elapsed() < SOON, "{cut:?}: it is still connected");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let closed = tokio::time::timeout(SOON, self.task).await;
        closed.with_context(|| format!("{cut:?}: the socket is still open"))??
    }
}

/// Carries bytes both ways until it is told to cut our side off, then waits for its end.
async fn join(ours: TcpStream, theirs: TcpStream, cut: oneshot::Receiver<Cut>) -> Result<()> {
    let (mut from_ours, mut to_ours) = ours.into_split();
    let (mut from_theirs, mut to_theirs) = theirs.into_split();
    let cut = tokio::select! {
        cut = cut => cut?,
        ended = carry(&mut from_ours, &mut to_theirs) => return ended,
        ended = carry(&mut from_theirs, &mut to_ours) => return ended,
    };
    match cut {
        Cut::Fin => {
            to_ours.shutdown().await?;
            let mut rest = Vec::new();
            // A reset is an end as well.
            let _ = from_ours.read_to_end(&mut rest).await;
        }
        Cut::Reset => to_ours.as_ref().set_zero_linger()?,
    }
    Ok(())
}

async fn carry(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> Result<()> {
    tokio::io::copy(from, to).await?;
    Ok(())
}
