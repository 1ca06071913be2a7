//! The settings of a replica as typed data. They come in layers, of which the upper one wins: flags, environment,
//! a file, defaults; [`Layer`] is one of them, [`Settings`] what they come to. Whatever is wrong is said with the
//! setting's name and where it was read.
//!
//! Deliberately absent: acting on any setting, and reading credentials, of which only the place is kept here.

mod database_url;
mod error;
mod layer;
pub mod paths;
mod settings;

pub use database_url::DatabaseUrl;
pub use error::ConfigError;
pub use layer::{BudgetLayer, GithubLayer, Layer};
pub use settings::{CredentialSource, Database, GithubSettings, Settings};

#[cfg(test)]
mod tests;
