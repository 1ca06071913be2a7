//! One layer of settings: everything in it may be missing. A file is a layer in YAML, with the names used here; the
//! environment is a layer; flags fill one.

use super::{ConfigError, DatabaseUrl};
use crate::github::Secret;
use serde::Deserialize;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Some settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// The folder for everything local (`CAMPAIGNS_DATA`).
    pub data: Option<PathBuf>,
    /// The folder of patches and logs (`CAMPAIGNS_ARTIFACTS`).
    pub artifacts: Option<PathBuf>,
    /// Where the API listens (`CAMPAIGNS_LISTEN`).
    pub listen: Option<SocketAddr>,
    /// The database (`DATABASE_URL`). Never in a file, which would be one more place for a password.
    #[serde(skip)]
    pub database_url: Option<DatabaseUrl>,
    /// A folder of PostgreSQL's programs for the embedded server (`CAMPAIGNS_POSTGRES_BIN`).
    pub postgres_bin: Option<PathBuf>,
    /// GitHub.
    pub github: GithubLayer,
    /// How many targets run their steps at once here (`CAMPAIGNS_PARALLELISM`).
    pub parallelism: Option<u32>,
    /// How many targets of a run are under way at once (`CAMPAIGNS_WINDOW`).
    pub window: Option<u32>,
    /// The most writes to GitHub.
    pub budget: BudgetLayer,
}

/// Some settings about GitHub.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GithubLayer {
    /// Its address (`CAMPAIGNS_GITHUB_URL`).
    pub url: Option<String>,
    /// A personal token (`GITHUB_TOKEN`). Never in the settings file.
    #[serde(skip)]
    pub token: Option<Secret>,
    /// A file with a personal token (`CAMPAIGNS_GITHUB_TOKEN_FILE`).
    pub token_file: Option<PathBuf>,
    /// A GitHub App's id (`CAMPAIGNS_GITHUB_APP_ID`).
    pub app_id: Option<u64>,
    /// The file with its private key (`CAMPAIGNS_GITHUB_APP_KEY_FILE`).
    pub app_key_file: Option<PathBuf>,
    /// Certificates to trust besides the system's (`CAMPAIGNS_CA_BUNDLE`).
    pub ca_bundle: Option<PathBuf>,
}

/// Some caps on content-creating writes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetLayer {
    /// In any 60 seconds.
    pub writes_per_minute: Option<u32>,
    /// In any 3600 seconds.
    pub writes_per_hour: Option<u32>,
    /// Opened in any 86 400 seconds.
    pub pull_requests_per_day: Option<u32>,
}

impl Layer {
    /// Reads a file in YAML. Unknown and repeated keys are errors that name their line.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(&text)
            .map_err(|error| ConfigError::Invalid { path: path.to_owned(), words: error.to_string() })
    }

    /// Reads the environment through `variable`. An empty variable is as good as none.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let text = |name| {
            let value = variable(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        Ok(Self {
            data: path("CAMPAIGNS_DATA"),
            artifacts: path("CAMPAIGNS_ARTIFACTS"),
            listen: parsed("CAMPAIGNS_LISTEN", text("CAMPAIGNS_LISTEN"), "address such as 127.0.0.1:7717")?,
            database_url: text("DATABASE_URL").map(|url| url.parse()).transpose()?,
            postgres_bin: path("CAMPAIGNS_POSTGRES_BIN"),
            github: GithubLayer {
                url: text("CAMPAIGNS_GITHUB_URL"),
                token: text("GITHUB_TOKEN").map(Secret::new),
                token_file: path("CAMPAIGNS_GITHUB_TOKEN_FILE"),
                app_id: number("CAMPAIGNS_GITHUB_APP_ID", text("CAMPAIGNS_GITHUB_APP_ID"))?,
                app_key_file: path("CAMPAIGNS_GITHUB_APP_KEY_FILE"),
                ca_bundle: path("CAMPAIGNS_CA_BUNDLE"),
            },
            parallelism: number("CAMPAIGNS_PARALLELISM", text("CAMPAIGNS_PARALLELISM"))?,
            window: number("CAMPAIGNS_WINDOW", text("CAMPAIGNS_WINDOW"))?,
            budget: BudgetLayer::default(),
        })
    }

    /// This layer, with what is missing in it taken from `lower`. Credentials come from one layer as a whole: an
    /// App in a file must not meet a token of the environment halfway.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        let upper = self.github.says_who();
        let who = if upper { self.github.clone() } else { lower.github.clone() };
        Self {
            data: self.data.or(lower.data),
            artifacts: self.artifacts.or(lower.artifacts),
            listen: self.listen.or(lower.listen),
            database_url: self.database_url.or(lower.database_url),
            postgres_bin: self.postgres_bin.or(lower.postgres_bin),
            github: GithubLayer {
                url: self.github.url.or(lower.github.url),
                ca_bundle: self.github.ca_bundle.or(lower.github.ca_bundle),
                ..who
            },
            parallelism: self.parallelism.or(lower.parallelism),
            window: self.window.or(lower.window),
            budget: BudgetLayer {
                writes_per_minute: self.budget.writes_per_minute.or(lower.budget.writes_per_minute),
                writes_per_hour: self.budget.writes_per_hour.or(lower.budget.writes_per_hour),
                pull_requests_per_day: self
                    .budget
                    .pull_requests_per_day
                    .or(lower.budget.pull_requests_per_day),
            },
        }
    }
}

impl GithubLayer {
    fn says_who(&self) -> bool {
        self.token.is_some()
            || self.token_file.is_some()
            || self.app_id.is_some()
            || self.app_key_file.is_some()
    }
}

fn number<T: FromStr>(name: &'static str, value: Option<String>) -> Result<Option<T>, ConfigError> {
    parsed(name, value, "whole number")
}

fn parsed<T: FromStr>(
    name: &'static str,
    value: Option<String>,
    wanted: &'static str,
) -> Result<Option<T>, ConfigError> {
    value.map(|value| value.parse().map_err(|_| ConfigError::Variable { name, value, wanted })).transpose()
}
