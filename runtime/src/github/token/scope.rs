//! How far a token reaches: what is asked for, and what it means that GitHub gives none.
//!
//! Deliberately absent: minting.

use crate::github::{
    answer::{self, About, out_of_use},
    whereabouts::away,
    wire::Raw,
};
use bytes::Bytes;
use campaigns_actors::ports::CodeHostError;
use campaigns_domain::{
    changeset::AwayCause,
    publish::{installation::suspended, standing::PauseCause},
};

/// How GitHub refuses a token with permissions that the installation does not have.
const NOT_GRANTED: &str = "not granted to this installation";

/// How far a token has to reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::github) enum Scope {
    /// The App itself, with its JSON web token.
    App,
    /// Everything the installation of this owner sees, for reading.
    Owner(String),
    /// One repository, for writing.
    Repository {
        owner: String,
        id: u64,
        /// With the right to change files under .github/workflows.
        workflows: bool,
    },
    /// The checks of one repository, and running those of GitHub Actions again.
    Actions { owner: String, id: u64 },
}

impl Scope {
    pub(in crate::github) fn owner(login: &str) -> Self {
        Self::Owner(login.to_ascii_lowercase())
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Owner(_) => "installation",
            Self::Repository { .. } => "repository",
            Self::Actions { .. } => "actions",
        }
    }
}

/// What a token of this scope is asked to be.
pub(super) fn asked(scope: &Scope) -> Bytes {
    let body = match scope {
        Scope::Repository { id, workflows: true, .. } => serde_json::json!({
            "repository_ids": [id],
            "permissions": {"contents": "write", "pull_requests": "write", "workflows": "write"},
        }),
        Scope::Actions { id, .. } => serde_json::json!({
            "repository_ids": [id],
            "permissions": {"actions": "write"},
        }),
        Scope::Repository { id, .. } => serde_json::json!({
            "repository_ids": [id],
            "permissions": {"contents": "write", "pull_requests": "write"},
        }),
        _ => serde_json::json!({
            "permissions": {
                "metadata": "read", "contents": "read", "pull_requests": "read", "checks": "read", "statuses": "read",
            },
        }),
    };
    Bytes::from(body.to_string())
}

/// Why no token of this scope is to be had, from GitHub's answer: with what to do about it.
pub(super) fn not_minted(scope: &Scope, about: &About, raw: &Raw) -> CodeHostError {
    match (answer::refusal(about, raw.status, &raw.headers, &raw.body), scope) {
        (CodeHostError::Refused(words), Scope::Repository { workflows: true, .. }) => {
            CodeHostError::Refused(format!(
                "{words}: the change touches .github/workflows, which needs the App's permission `workflows: \
                 write`; grant it in the App's settings and have an owner approve it"
            ))
        }
        (CodeHostError::Unauthorized(why), Scope::Owner(owner) | Scope::Repository { owner, .. })
            if why.cause == PauseCause::Suspended =>
        {
            CodeHostError::Unauthorized(suspended(owner))
        }
        (CodeHostError::Refused(words), Scope::Actions { .. }) => CodeHostError::Refused(format!(
            "{words}: running checks again needs the App's permission `actions: write`; grant it in the App's \
             settings and have an owner approve it"
        )),
        // The installation lacks it, and so every repository does.
        (CodeHostError::Refused(words), Scope::Repository { .. }) if words.contains(NOT_GRANTED) => {
            out_of_use(
                PauseCause::PermissionMissing,
                format!(
                    "{words}: publishing needs the App's permissions `contents: write` and `pull_requests: write`; \
                     grant them in the App's settings and have an owner approve them"
                ),
            )
        }
        // GitHub's words for a repository that an installation does not have.
        (CodeHostError::Refused(words), Scope::Repository { owner, .. })
            if words.contains("not accessible to the parent installation") =>
        {
            away(
                AwayCause::Closed,
                format!(
                    "the repository is not among those that {owner} has selected for the GitHub App: select it \
                     under the organisation's settings, \"GitHub Apps\", and it goes on by itself"
                ),
            )
        }
        (CodeHostError::Refused(words), Scope::Repository { .. }) => CodeHostError::Refused(format!(
            "{words}: publishing needs the App's permissions `contents: write` and `pull_requests: write` on \
             this repository; grant them and have an owner approve, or add the repository to the installation"
        )),
        (error, _) => error,
    }
}
