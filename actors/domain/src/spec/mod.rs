//! A campaign's spec: the YAML that a person writes, as a checked and normalised value.
//!
//! `parse` reads the text and reports what is wrong by line and column; this file holds what it yields. The
//! format is a superset of the batch spec (docs/GLOSSARY.md). Deliberately absent: choosing repositories
//! (`selection`) and running steps (`execution`).

use crate::id::RepositoryName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked, normalised spec. Serialised as JSON it is the normal form that the digest is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The campaign's name: `[A-Za-z0-9_.-]+`, at most 100 characters.
    pub name: String,
    /// What the change is for, in the owner's words.
    #[serde(default)]
    pub description: String,
    /// Which repositories; later entries override earlier ones for the same repository and branch.
    #[serde(default)]
    pub on: Vec<Selector>,
    /// What to run in each, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What the pull requests look like; there if there are steps.
    pub changeset_template: Option<ChangesetTemplate>,
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
        #[serde(default)]
        branches: Vec<String>,
    },
    /// Every repository of an organisation that the globs let through.
    #[serde(rename_all = "camelCase")]
    Organization {
        /// The organisation's (or user's) login.
        organization: String,
        /// Globs over the repository's name without its owner; empty is all.
        #[serde(default)]
        include: Vec<String>,
        /// Globs that leave a repository out again.
        #[serde(default)]
        exclude: Vec<String>,
        /// Whether forks are taken too (default: no).
        #[serde(default)]
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
    pub container: Option<String>,
    /// Environment variables, in the order of their names. Values may hold templates.
    #[serde(default)]
    pub env: BTreeMap<String, EnvironmentValue>,
    /// Files made before the step, by absolute path inside the sandbox. Contents may hold templates.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// What an environment variable is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    #[serde(default)]
    pub body: String,
    /// The head branch. May hold templates.
    pub branch: String,
    /// The commit.
    pub commit: CommitTemplate,
    /// Whether to open pull requests (default: no).
    #[serde(default)]
    pub published: Publication,
}

/// What the one commit looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitTemplate {
    /// The message. May hold templates.
    pub message: String,
    /// The author; without one GitHub takes the caller, and signs the commit if that is an App.
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
