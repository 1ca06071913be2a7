//! The parts of GitHub's JSON that tell what a pull request wears.
//!
//! Deliberately absent: the rest of a pull request.

use super::Account;
use campaigns_domain::{changeset::Worn, publish::dress::Wearer};
use serde::Deserialize;

#[derive(Deserialize)]
pub(in crate::github) struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
}

/// An issue, of which the assignees are read.
#[derive(Deserialize)]
pub(in crate::github) struct Issue {
    #[serde(default)]
    assignees: Vec<Account>,
}

/// A pull request, of which what it wears is read.
#[derive(Deserialize)]
pub(in crate::github) struct Pull {
    /// Null for an account that is gone.
    user: Option<Account>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    assignees: Vec<Account>,
    #[serde(default)]
    requested_reviewers: Vec<Account>,
    #[serde(default)]
    requested_teams: Vec<Team>,
}

impl Pull {
    pub(in crate::github) fn into_domain(self) -> Wearer {
        Wearer {
            author: self.user.map(|user| user.login).unwrap_or_default(),
            worn: Worn {
                labels: names(self.labels),
                assignees: logins(self.assignees),
                reviewers: logins(self.requested_reviewers),
                teams: self.requested_teams.into_iter().map(|team| team.slug).collect(),
            },
        }
    }
}

impl Issue {
    pub(in crate::github) fn into_assignees(self) -> Vec<String> {
        logins(self.assignees)
    }
}

/// The labels' names.
pub(in crate::github) fn names(labels: Vec<Label>) -> Vec<String> {
    labels.into_iter().map(|label| label.name).collect()
}

fn logins(accounts: Vec<Account>) -> Vec<String> {
    accounts.into_iter().map(|account| account.login).collect()
}
