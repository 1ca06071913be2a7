//! Who calls and what they may do: bearer tokens of which only SHA-256 is stored, and the table of roles.
//!
//! A revocation takes effect within [`CACHED_FOR`]. Deliberately absent: sessions and cookies.

mod bootstrap;
mod gate;
mod roles;
mod token;

pub use bootstrap::{Bootstrap, BootstrapError, bootstrap_token};
pub use gate::{CACHED_FOR, Gate};
pub use roles::{Action, allows};
pub use token::{NotAToken, Secret};

pub(crate) use gate::{May, authenticate};
pub(crate) use roles::{
    Applying, Auditing, Cancelling, Choosing, Metering, Pacing, Pausing, Permission, Reading, Resuming,
    Starting, Syncing,
};
