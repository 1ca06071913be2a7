//! How to reach a GitHub: its address, who we are there, how long to wait and how large a snapshot may be.
//!
//! Deliberately absent: reading the environment and files, which is the configuration's of the whole program.

use super::{endpoint::BadEndpoint, endpoint::Endpoint, secret::Secret};
use std::{fmt, path::PathBuf, time::Duration};

/// The API's version every request is pinned to.
pub const API_VERSION: &str = "2022-11-28";

/// Who we are at GitHub.
#[derive(Clone)]
pub enum Credentials {
    /// A personal token, classic or fine-grained.
    Token(Secret),
    /// A GitHub App.
    App {
        /// Its client id (recommended by GitHub) or its numeric id: the issuer of its JSON web tokens.
        id: String,
        /// Its private key, PEM (PKCS#1 as GitHub hands it out, or PKCS#8).
        private_key: Secret,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(redacted)"),
            Self::App { id, .. } => f.debug_struct("App").field("id", id).finish_non_exhaustive(),
        }
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the whole answer to a read: half as long again as GitHub works on one before it gives it up ("Troubleshooting
    /// the REST API", timeouts). A connection that is dead without a word costs no more than this.
    pub read: Duration,
    /// For the whole answer to a write. Permits count on it: an unanswered write is thought to be possible for
    /// a permit's life and this long.
    pub write: Duration,
    /// For the next piece of an archive.
    pub stall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(15),
            write: Duration::from_secs(5),
            stall: Duration::from_secs(30),
        }
    }
}

/// How large a snapshot may be; what is larger is refused, so that an archive cannot fill a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files.
    pub files: usize,
    /// Bytes unpacked for one byte packed, once more than 64 MiB are unpacked.
    pub ratio: u64,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, files: 1_000_000, ratio: 200 }
    }
}

/// A GitHub and how to use it.
#[derive(Debug, Clone)]
pub struct GithubConfig {
    /// The API's root.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: Credentials,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How large a snapshot may be.
    pub snapshots: SnapshotLimits,
    /// `User-Agent`.
    pub user_agent: String,
    /// How often a read is tried in all, where the reason passes by itself.
    pub read_attempts: u32,
}

impl GithubConfig {
    /// The GitHub at `url` (as a person writes it; see [`Endpoint::resolve`]), with everything else as usual.
    ///
    /// # Errors
    /// [`BadEndpoint`].
    pub fn new(url: &str, credentials: Credentials) -> Result<Self, BadEndpoint> {
        Ok(Self::at(Endpoint::resolve(url, false)?, credentials))
    }

    /// The GitHub whose API is at `endpoint`, with everything else as usual.
    pub fn at(endpoint: Endpoint, credentials: Credentials) -> Self {
        Self {
            endpoint,
            credentials,
            ca_bundle: None,
            timeouts: Timeouts::default(),
            snapshots: SnapshotLimits::default(),
            user_agent: concat!("campaigns/", env!("CARGO_PKG_VERSION")).to_owned(),
            read_attempts: 3,
        }
    }
}
