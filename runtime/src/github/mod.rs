//! GitHub behind the `CodeHost` port: github.com, GHE.com or a GitHub Enterprise Server, as a GitHub App or
//! with a personal token.
//!
//! Requests of one repository from its selection to its pull request, where nothing goes wrong: 1 (2 with the
//! archive's redirect) for the snapshot, 1 for its wishes, 1 for the branch and 1 for the pull requests before
//! publishing, and 4 writes (tree, commit, branch, pull request): 8 to 9, and one token more as an App. Listing
//! costs one request for every hundred repositories, their wishes and the heads of their branches one each for every
//! fifty, following one for every fifty pull requests. Deliberately absent:
//! waiting for limits and deciding what to publish, which are the actors'; webhooks (`webhooks`) and proxies.

mod answer;
mod app;
mod bases;
mod branch_end;
mod call;
mod check;
mod code_host;
mod code_owners;
mod compare;
mod config;
mod conversation;
mod dress;
mod endpoint;
mod graphql;
mod limits;
mod merging;
mod opting;
mod paid;
mod permitted;
mod read;
mod rerun;
mod rules;
mod secret;
mod shape;
mod snapshot;
mod token;
mod whereabouts;
mod wire;
mod write;

pub use answer::{About, refusal};
pub use app::{Attempt, Attempts, Installation, InstallationAccount};
pub use branch_end::DELETE_BRANCH;
pub use check::{Identity, Undetected};
pub use config::{API_VERSION, Credentials, GithubConfig, SnapshotLimits, Timeouts};
pub use endpoint::{BadEndpoint, Endpoint};
pub use graphql::PULL_REQUESTS;
pub use secret::{REDACTED, Secret, redact};
pub use wire::SetupError;

use campaigns_actors::ports::RepositoryRef;
use campaigns_domain::id::{RepositoryId, RepositoryName};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

/// One GitHub, as one App or person.
pub struct GitHub {
    wire: wire::Wire,
    tokens: token::Tokens,
    /// What repositories are called that were renamed or moved since somebody noted their name.
    names: RwLock<HashMap<RepositoryId, RepositoryName>>,
    /// Trees of commits whose branches were read, so that a snapshot need not ask for them.
    trees: Mutex<Recent>,
    /// Trees and commits made here that change files under .github/workflows.
    workflows: Mutex<HashSet<String>>,
}

impl GitHub {
    /// The adapter for one GitHub. Nothing is asked of it yet ([`GitHub::check`] does).
    ///
    /// # Errors
    /// Where the token, private key or CA bundle cannot be used. Call it inside a tokio runtime.
    pub fn new(config: GithubConfig) -> Result<Self, SetupError> {
        Ok(Self {
            tokens: token::Tokens::new(&config.credentials)?,
            wire: wire::Wire::new(config)?,
            names: RwLock::default(),
            trees: Mutex::default(),
            workflows: Mutex::default(),
        })
    }

    /// The API it speaks to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.wire.endpoint
    }

    /// What the repository is called, as far as is known here.
    fn name(&self, repository: &RepositoryRef) -> RepositoryName {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&repository.id).unwrap_or(&repository.name).clone()
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("endpoint", &self.wire.endpoint).finish_non_exhaustive()
    }
}

/// The trees of the commits seen last.
#[derive(Default)]
struct Recent {
    newer: HashMap<String, String>,
    older: HashMap<String, String>,
}

impl Recent {
    const MANY: usize = 20_000;

    fn note(&mut self, commit: &str, tree: &str) {
        if self.newer.len() >= Self::MANY {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(commit.to_owned(), tree.to_owned());
    }

    fn get(&self, commit: &str) -> Option<String> {
        self.newer.get(commit).or_else(|| self.older.get(commit)).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
