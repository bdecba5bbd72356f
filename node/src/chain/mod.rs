//! The chain, as deals need it: which deals this peer is in, who else is in a deal, and the word
//! that a worker is there.
//!
//! Source: protocol description, "Marketplace", sections 3, 7 and 8.
//!
//! | module | what it knows |
//! |---|---|
//! | `abi`, `wallet` | calls and transactions as bytes |
//! | `rpc` | JSON-RPC |
//! | `answers` | what scripts see of answers |
//! | `model` | settings, and what is under way |
//! | `pending` | the list of transactions that were sent |
//! | `sending` | how a transaction comes onto the chain |
//! | `calls` | calls of scripts: one or two HTTP requests each, which the edge makes |

mod abi;
mod answers;
mod calls;
mod model;
mod pending;
mod rpc;
mod sending;
mod wallet;

pub use answers::views;
pub use model::Settings;
pub(crate) use model::{Chain, MAX_CALLS};
pub use pending::Resending;
pub use wallet::Wallet;

#[cfg(test)]
mod rpc_tests;
#[cfg(test)]
mod tests;
