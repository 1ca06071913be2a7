//! The settings that more than one program shares: where files go, and the address of a database.
//!
//! Deliberately absent: the command line's words, which are `cli`'s, and a settings file.

mod database_url;
pub mod paths;

pub use campaigns_http::{BadSecrets, WebhookSecrets};
pub use database_url::{DatabaseUrl, NotADatabase};
