//! The head branch: the name of the branch that carries a changeset's commit.
//!
//! Deliberately absent: whether the branch is there already (`publish`).

use super::{Spec, Variable, render};
use crate::id::RepositoryName;

impl Spec {
    /// The head branch for a repository and base branch; none where the spec has no `changesetTemplate`.
    ///
    /// The spec's own part of the name was checked when it was read. What a repository's name brings in that git
    /// does not allow there (`.github` begins with a dot) is replaced.
    pub fn head_branch(&self, repository: &RepositoryName, base_branch: &str) -> Option<String> {
        let template = &self.changeset_template.as_ref()?.branch;
        Some(allowed(&render(template, |variable| match variable {
            Variable::RepositoryName => repository.to_string().into(),
            Variable::RepositoryBranch => base_branch.into(),
            Variable::CampaignName => self.name.as_str().into(),
            Variable::CampaignDescription => self.description.as_str().into(),
        })))
    }
}

/// The nearest name that git allows; one that is allowed stays as it is.
fn allowed(name: &str) -> String {
    let parts = name.split('/').map(|part| {
        let mut part = part.replace("..", "__");
        if part.starts_with('.') {
            part.replace_range(..1, "_");
        }
        if part.ends_with('.') {
            part.replace_range(part.len() - 1.., "_");
        }
        match part.strip_suffix(".lock") {
            Some(stem) => format!("{stem}_lock"),
            None => part,
        }
    });
    parts.collect::<Vec<_>>().join("/")
}
