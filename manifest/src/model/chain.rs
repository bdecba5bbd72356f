//! Section `[chain]`.

use alloc::string::String;

use super::node::Seed;
use crate::url::Url;

/// Section `[chain]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Where a node of the chain takes JSON-RPC. Its path may hold a customer's key.
    pub endpoint: Url,
    /// Address of the market's contract.
    pub diamond: [u8; 20],
    /// The chain's id.
    pub chain_id: u64,
    /// Secret key of the wallet that pays for the node's transactions.
    pub wallet_key: Seed,
    /// Wei per gas in place of the chain's base fee.
    pub base_fee: Option<u64>,
    /// Wei per gas on top, in place of what the chain suggests.
    pub priority_fee: Option<u64>,
    /// Multiaddr of the IPFS API that has the definitions of deals; absent: the network's own.
    pub ipfs: Option<String>,
}

impl Chain {
    /// A section of which nothing was read yet. It is never handed out: the check of the section
    /// refuses a manifest in which a value is missing that has no default.
    pub(crate) fn blank() -> Self {
        Self {
            endpoint: Url {
                tls: false,
                host: String::new(),
                port: 0,
                path: String::new(),
            },
            diamond: [0; 20],
            chain_id: 0,
            wallet_key: Seed([0; 32]),
            base_fee: None,
            priority_fee: None,
            ipfs: None,
        }
    }
}
