//! What the layers come to: every setting has a value, and values that belong together agree.

use super::{ConfigError, DatabaseUrl, Layer, paths};
use crate::github::Secret;
use campaigns_domain::publish::budget::{Budget, Window};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The settings of a replica.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder for everything local.
    pub data: PathBuf,
    /// The folder of patches and logs; `artifacts` in the data folder unless set.
    pub artifacts: PathBuf,
    /// Where the API listens; loopback unless set.
    pub listen: SocketAddr,
    /// The database.
    pub database: Database,
    /// GitHub.
    pub github: GithubSettings,
    /// How many targets run their steps at once here; the number of cores unless set.
    pub parallelism: u32,
    /// How many targets of a run are under way at once; twice the parallelism unless set.
    pub window: u32,
    /// The most writes to GitHub.
    pub budget: Budget,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// One that runs elsewhere.
    At(DatabaseUrl),
    /// The embedded server.
    Embedded {
        /// Its folder.
        folder: PathBuf,
        /// PostgreSQL's programs, when they are not to be looked for.
        binaries: Option<PathBuf>,
    },
}

/// How GitHub is reached.
#[derive(Clone, Debug)]
pub struct GithubSettings {
    /// The API's root, or a GitHub Enterprise Server's address.
    pub url: String,
    /// Where the credentials are.
    pub credentials: CredentialSource,
    /// Certificates to trust besides the system's (PEM).
    pub ca_bundle: Option<PathBuf>,
}

/// Where the credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// A personal token from the environment.
    Token(Secret),
    /// A file with a personal token.
    TokenFile(PathBuf),
    /// A GitHub App.
    App {
        /// Its id.
        id: u64,
        /// The file with its private key (PEM).
        key_file: PathBuf,
    },
}

impl Layer {
    /// Fills what is missing with defaults and checks that it agrees. Of several credentials in one layer a GitHub
    /// App comes first, then a token's file, then the token of the environment.
    pub fn settle(self) -> Result<Settings, ConfigError> {
        let data = self.data.unwrap_or_else(paths::data_dir);
        let database = match self.database_url {
            Some(url) => Database::At(url),
            None => Database::Embedded { folder: data.join("postgres"), binaries: self.postgres_bin },
        };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(2);
        let parallelism = within("parallelism", self.parallelism.unwrap_or(cores), 1, 1024)?;
        let window = within("window", self.window.unwrap_or(parallelism * 2), 1, 100_000)?;
        let credentials = match (self.github.app_id, self.github.app_key_file) {
            (Some(id), Some(key_file)) => CredentialSource::App { id, key_file },
            (Some(_), None) => {
                return Err(ConfigError::Half { given: "github.app_id", missing: "github.app_key_file" });
            }
            (None, Some(_)) => {
                return Err(ConfigError::Half { given: "github.app_key_file", missing: "github.app_id" });
            }
            (None, None) => match (self.github.token_file, self.github.token) {
                (Some(file), _) => CredentialSource::TokenFile(file),
                (None, Some(token)) => CredentialSource::Token(token),
                (None, None) => return Err(ConfigError::NoCredentials),
            },
        };
        let usual = Budget::default();
        let cap =
            |window: &Window, asked: Option<u32>| Window { cap: asked.unwrap_or(window.cap), ..*window };
        let budget = Budget {
            writes: usual
                .writes
                .iter()
                .map(|window| match window.seconds {
                    60 => cap(window, self.budget.writes_per_minute),
                    _ => cap(window, self.budget.writes_per_hour),
                })
                .collect(),
            pull_requests: usual
                .pull_requests
                .iter()
                .map(|window| cap(window, self.budget.pull_requests_per_day))
                .collect(),
        };
        Ok(Settings {
            artifacts: self.artifacts.unwrap_or_else(|| data.join("artifacts")),
            listen: self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7717))),
            database,
            github: GithubSettings {
                url: self.github.url.unwrap_or_else(|| "https://api.github.com".to_owned()),
                credentials,
                ca_bundle: self.github.ca_bundle,
            },
            parallelism,
            window,
            budget,
            data,
        })
    }
}

fn within(name: &'static str, value: u32, least: u32, most: u32) -> Result<u32, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::Range { name, value, least, most })
    }
}
