//! What a particle passes before anything is done for it: the inbox, the checks, and the budgets of
//! authors and workers.
//!
//! ```text
//! inbox      particles of each connected peer, served in turn
//! verified   the type that only a checked signature makes
//! budget     what one author or one worker may take
//! limits     the numbers of all of these
//! ```

mod budget;
mod inbox;
mod limits;
mod verified;

pub use budget::Account;
pub(crate) use budget::Accounts;
pub use inbox::InboxLimits;
pub(crate) use inbox::{Inbox, particle_bytes};
pub(crate) use limits::cost;
pub use limits::{Limits, Share};
pub use verified::Verified;
