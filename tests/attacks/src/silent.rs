//! A server that takes connections and never answers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that it got.
static CAME: AtomicUsize = AtomicUsize::new(0);

/// Where it listens.
pub(crate) fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.expect("a free port of this machine");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                CAME.fetch_add(1, Ordering::Relaxed);
                held.push(stream);
            }
        });
        address
    })
}

/// How many connections it has got.
pub(crate) fn connections() -> usize {
    CAME.load(Ordering::Relaxed)
}

/// A section `[chain]` whose endpoint it is.
pub(crate) fn manifest() -> String {
    format!(
        "[chain]\nendpoint = \"http://{}\"\ndiamond = \"0x{}\"\nchain_id = 1\nwallet_key = \"{}\"\n",
        address(),
        "11".repeat(20),
        "11".repeat(32),
    )
}
