//! A campaign's spec: the YAML that a person writes, as a checked and normalised value.
//!
//! `parse` reads the text and reports what is wrong by line and column; this file holds what it yields. The
//! format is a superset of the batch spec (docs/SPEC.md). Deliberately absent: choosing repositories
//! (`selection`) and running steps (`execution`).

mod dress;
mod environment;
mod glob;
mod head;
mod hours;
mod measure;
mod names;
mod node;
mod normal;
mod opt_out;
mod parse;
mod report;
mod rollout;
mod template;

pub use dress::{AskOwners, Dress};
pub use environment::VariablesNotSet;
pub use glob::{Glob, NotAGlob};
pub use hours::{Days, Hours, TimeOfDay};
pub use measure::{Amount, Span};
pub use names::{branch_flaw, campaign_flaw};
pub use node::MOST_BYTES;
pub(crate) use opt_out::keeps_out;
pub use report::{Position, SpecError, SpecErrors};
pub use rollout::{Caps, Gate, HaltOn, Priority, Rollout, Wave};
pub use template::Variable;
pub(crate) use template::{refers, render};

use crate::id::RepositoryName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked, normalised spec. Serialised as JSON it is a spec again, and the normal form that the digest is
/// taken over: what is absent is left out, so that a later key changes no digest of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The campaign's name: `[A-Za-z0-9_.-]+`, at most 100 characters.
    pub name: String,
    /// What the change is for, in the owner's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Which repositories; later entries override earlier ones for the same repository and branch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Selector>,
    /// What to run in each, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What the pull requests look like; there if there are steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changeset_template: Option<ChangesetTemplate>,
    /// How the pull requests go out; without it, as fast as the budgets allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Who goes first at an organisation.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// What is no human's hand, and how a base that moves is answered.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
}

/// What open pull requests are to bear: what is no human's hand on them, and how a base that moves is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The logins whose verified commits on our branches become ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_committers: Vec<String>,
    /// When an open pull request is carried out again by itself because its base has moved.
    #[serde(default, skip_serializing_if = "Rebase::is_default")]
    pub rebase: Rebase,
}

/// When an open pull request is carried out again by itself because its base has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rebase {
    /// Where it conflicts, or the base has changed a file that the pull request changes.
    #[default]
    OnTouched,
    /// Where it conflicts.
    OnConflict,
    /// Only when somebody asks.
    Never,
}

impl Rebase {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Policy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One entry of `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Selector {
    /// One repository by name.
    #[serde(rename_all = "camelCase")]
    Repository {
        /// `owner/name`.
        repository: RepositoryName,
        /// The branches to change; empty is the default branch.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        branches: Vec<String>,
    },
    /// Every repository of an organisation that the globs let through.
    #[serde(rename_all = "camelCase")]
    Organization {
        /// The organisation's (or user's) login.
        organization: String,
        /// Globs over the repository's name without its owner; empty is all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        include: Vec<String>,
        /// Globs that leave a repository out again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
        /// Whether forks are taken too (default: no).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forks: bool,
    },
}

/// One step: a shell command run in the root of the target's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The command, given to `/bin/sh -e -c`. May hold templates (`${{ repository.name }}`).
    pub run: String,
    /// The image it runs in; without one it runs in the sandbox's own file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Environment variables, in the order of their names. Values may hold templates.
    #[serde(default, with = "normal::environment", skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, EnvironmentValue>,
    /// Files made before the step, by absolute path inside the sandbox. Contents may hold templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// What an environment variable is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentValue {
    /// This text.
    Literal(String),
    /// Whatever the variable of the same name is in the environment of whoever applies the spec; resolved by
    /// the caller before a run is created, refused where it is not set.
    PassedThrough,
}

/// What the pull requests look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangesetTemplate {
    /// The pull request's title. May hold templates.
    pub title: String,
    /// The pull request's text, Markdown. May hold templates.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The head branch. May hold templates.
    pub branch: String,
    /// The commit.
    pub commit: CommitTemplate,
    /// Whether to open pull requests (default: no).
    #[serde(default, with = "normal::publication", skip_serializing_if = "Publication::is_unpublished")]
    pub published: Publication,
    /// Whether the branches of merged pull requests stay (default: they are deleted).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_branch: bool,
    /// What they wear.
    #[serde(flatten)]
    pub dress: Dress,
    /// Whether GitHub is to merge them by itself, once everything that is required is there (default: no).
    #[serde(default, with = "normal::auto_merge", skip_serializing_if = "AutoMerge::is_off")]
    pub auto_merge: AutoMerge,
}

/// What the one commit looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitTemplate {
    /// The message. May hold templates.
    pub message: String,
    /// The author; without one GitHub takes the caller, and signs the commit if that is an App.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
}

/// A commit's author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

/// How far a changeset is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Kept here; nothing is sent to GitHub (`published: false`, or absent).
    #[default]
    Unpublished,
    /// Opened as a draft (`published: draft`).
    Draft,
    /// Opened ready for review (`published: true`).
    Ready,
}

impl Publication {
    fn is_unpublished(&self) -> bool {
        *self == Self::Unpublished
    }
}

/// Whether, and how, GitHub is to merge pull requests by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoMerge {
    /// It is not (`autoMerge: false`, or absent).
    #[default]
    Off,
    /// In a way that the repository allows (`autoMerge: true`).
    Any,
    /// With a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// Commit by commit.
    Rebase,
}

impl AutoMerge {
    /// Whether it is not to.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// What a word of the format means.
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "merge" => Some(Self::Merge),
            "squash" => Some(Self::Squash),
            "rebase" => Some(Self::Rebase),
            _ => None,
        }
    }
}
