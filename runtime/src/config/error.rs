//! What can be wrong with settings: which one, where it was read, and what to write instead.

use std::path::PathBuf;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not what it should be; the words name the line and the key.
    #[error("the settings file `{}` is not valid: {words}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        words: String,
    },
    /// A variable of the environment has a value that does not fit.
    #[error("{name} is `{value}`, which is no {wanted}")]
    Variable {
        /// The variable's name.
        name: &'static str,
        /// Its value. Variables with secrets are never reported this way.
        value: String,
        /// What it should be, with an example.
        wanted: &'static str,
    },
    /// The database's address does not fit. It may hold a password, so it is not repeated.
    #[error(
        "DATABASE_URL is no address of a PostgreSQL database: {why}. It looks like postgresql://user@host/name"
    )]
    DatabaseUrl {
        /// What is missing or wrong.
        why: &'static str,
    },
    /// Two settings that belong together are not both there.
    #[error("`{given}` is set and `{missing}` is not: a GitHub App needs both")]
    Half {
        /// The one that is there.
        given: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// Nothing says who we are at GitHub.
    #[error(
        "there are no GitHub credentials: set GITHUB_TOKEN, or name a file with `github.token_file`, \
         or a GitHub App with `github.app_id` and `github.app_key_file`"
    )]
    NoCredentials,
    /// A number outside its range.
    #[error("`{name}` is {value}; it must be from {least} to {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: u32,
        /// The least allowed.
        least: u32,
        /// The most allowed.
        most: u32,
    },
}
