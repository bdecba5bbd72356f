//! All connections of one peer: who is connected, what they send, whom to dial.
//!
//! The edge owns the sockets. It tells the [`Swarm`] what happens on them with [`Swarm::handle`],
//! does what the [`Effect`]s ask for, fetches bytes with [`Swarm::transmit`] as its sockets have
//! room, and offers no more than [`Swarm::receive_capacity`]: that is the back-pressure in both
//! directions.

mod ask;
mod bootstrap;
mod config;
mod conn_id;
mod connections;
mod delivery;
mod discovery;
mod effect;
mod machine;
mod origins;
mod places;
mod pool;
mod route;
mod status;
#[cfg(test)]
mod tests;
mod told;
mod under_way;

pub use basalt_terms::multiaddr::Transport;

pub use crate::connection::CloseReason;
pub use crate::direction::Direction;
pub use crate::refusal::Refusal;
pub use crate::sending::{CannotSend, SendError, SendId};
pub use config::{Config, Limits};
pub use conn_id::ConnId;
pub use effect::{CannotDial, Effect, Effects, Event, Input};
pub use machine::Swarm;
pub use route::RouteLimits;
pub use status::{ConnectionStatus, Status};
