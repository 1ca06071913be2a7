//! What a pull request wears: labels, assignees, and who is asked to review it.
//!
//! The same keys serve as a template (labels may hold templates) and as what one target's pull request is to wear.
//! Deliberately absent: what is on a pull request already (`changeset::Worn`).

use serde::{Deserialize, Serialize};

/// What a pull request is to wear.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dress {
    /// Labels, each at most 50 characters long. May hold templates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Logins of those it is assigned to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<String>,
    /// Logins of those who are asked to review it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
    /// Teams that are asked to: `slug` of the repository's organisation, or `organisation/slug` there alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub team_reviewers: Vec<String>,
    /// Whether those are asked who own what it changes, by the repository's CODEOWNERS file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_owners: Option<AskOwners>,
}

/// How many code owners are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskOwners {
    /// At most so many people and teams for one pull request.
    pub at_most: u32,
    /// Nobody is asked who has so many open review requests of the campaign.
    pub max_open_each: u32,
}

impl Default for AskOwners {
    /// Two see more than one, and nobody reads more than ten at a time.
    fn default() -> Self {
        Self { at_most: 2, max_open_each: 10 }
    }
}

impl Dress {
    /// Whether it wears nothing.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The slugs of the teams that are asked in the repositories of `owner`.
    pub fn teams_of(&self, owner: &str) -> Vec<String> {
        let own = |team: &String| match team.split_once('/') {
            None => Some(team.clone()),
            Some((of, slug)) => of.eq_ignore_ascii_case(owner).then(|| slug.to_owned()),
        };
        self.team_reviewers.iter().filter_map(own).collect()
    }
}
