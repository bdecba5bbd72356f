//! One peer: its connections and its logic joined.
//!
//! [`Peer`] is a [`Machine`](crate::machine::Machine): its edge moves the bytes. What happens on
//! the connections is handled in here: particles go to the node and come from it, contacts are
//! kept, calls that need a connection are answered.
//!
//! ```text
//! machine     what the edge drives
//! events      what happens on the connections
//! absent      peers that are not connected
//! passing     particles to the node and from it
//! dialing     dials under way
//! joined      the state of all this
//!   chatter   how much the log tells of connections
//!   config    what the owner decides
//!   contacts  who is connected, and where peers are
//!   seek      what waits for a connection
//!   trace     a peer or a particle in the log
//! ```

mod absent;
mod chatter;
mod config;
mod contacts;
mod dialing;
mod events;
mod joined;
mod machine;
mod passing;
mod seek;
mod trace;

pub use config::{Config, ConfigError, tls_settings};
pub use joined::Peer;
pub use seek::SeekLimits;
pub use trace::Subject;

pub use crate::intake::InboxLimits;
pub use crate::pages::Status;
