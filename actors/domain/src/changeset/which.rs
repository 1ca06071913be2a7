//! Which changesets of a campaign are meant by a command on many of them.
//!
//! Deliberately absent: what is asked of them (`ask`), and reading rows.

use super::ChangesetState as State;
use crate::{id::RepositoryName, spec::Glob};

/// Which changesets: all of these hold together, and an empty list leaves nothing out.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Globs over repositories, of which one has to fit.
    pub repositories: Vec<Glob>,
    /// States, of which it has to be in one.
    pub states: Vec<State>,
    /// Labels, of which the pull request has to carry one; case makes no difference, as it makes none at GitHub.
    pub labels: Vec<String>,
}

impl Which {
    /// Whether the repository is meant.
    pub fn takes_repository(&self, repository: &RepositoryName) -> bool {
        self.repositories.is_empty() || self.repositories.iter().any(|glob| glob.matches(repository))
    }

    /// Whether the changeset of this repository, which stands there and carries these labels, is meant.
    pub fn takes(&self, repository: &RepositoryName, standing: State, labels: &[String]) -> bool {
        let labelled = |wanted: &String| labels.iter().any(|label| label.eq_ignore_ascii_case(wanted));
        self.takes_repository(repository)
            && (self.states.is_empty() || self.states.contains(&standing))
            && (self.labels.is_empty() || self.labels.iter().any(labelled))
    }
}
