//! Labels, assignees and reviewers on a pull request: those that are there, those that we put there, those that are
//! missing. A name is one whatever its case, as at GitHub.
//!
//! Deliberately absent: which of them are wanted (`spec::Dress`) and what is put on next (`publish::dress`).

use super::OwnersAsked;
use serde::{Deserialize, Serialize};

/// What a pull request wears, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Worn {
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Logins of assignees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<String>,
    /// Logins of those who are asked for a review.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
    /// Slugs of teams that are asked for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
}

/// How dressing a pull request went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dressed {
    /// What of that which was still to be put on is there now, whoever put it there.
    pub worn: Worn,
    /// All its labels.
    pub labels: Vec<String>,
    /// What GitHub does not allow, for people.
    pub notes: Vec<String>,
    /// Everybody who is asked for a review then; none where that was not found out. Teams with their organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Vec<String>>,
    /// What came of asking code owners; none where they were not to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<OwnersAsked>,
}

impl Worn {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each of its names alone.
    pub fn singles(&self) -> Vec<Self> {
        let one = |name: &String| vec![name.clone()];
        let labels = self.labels.iter().map(|name| Self { labels: one(name), ..Self::default() });
        let assignees = self.assignees.iter().map(|name| Self { assignees: one(name), ..Self::default() });
        let reviewers = self.reviewers.iter().map(|name| Self { reviewers: one(name), ..Self::default() });
        let teams = self.teams.iter().map(|name| Self { teams: one(name), ..Self::default() });
        labels.chain(assignees).chain(reviewers).chain(teams).collect()
    }

    /// What of it is not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.each(other, |mine, theirs| mine.iter().filter(|name| !has(theirs, name)).cloned().collect())
    }

    /// All of it, and what else is in `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.each(other, |mine, theirs| {
            let more = theirs.iter().filter(|name| !has(mine, name));
            mine.iter().chain(more).cloned().collect()
        })
    }

    fn each(&self, other: &Self, both: impl Fn(&[String], &[String]) -> Vec<String>) -> Self {
        Self {
            labels: both(&self.labels, &other.labels),
            assignees: both(&self.assignees, &other.assignees),
            reviewers: both(&self.reviewers, &other.reviewers),
            teams: both(&self.teams, &other.teams),
        }
    }
}

impl std::fmt::Display for Worn {
    /// Its names, for people.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = [
            ("label", &self.labels),
            ("assignee", &self.assignees),
            ("reviewer", &self.reviewers),
            ("team", &self.teams),
        ];
        let all = kinds.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
        for (nth, (kind, name)) in all.enumerate() {
            write!(to, "{}{kind} `{name}`", if nth == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Whether a name is among these.
pub fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
