//! Where the App is installed: looked up for an owner or a repository, and remembered for minting.
//!
//! Deliberately absent: minting, and what an installation that is suspended means.

use super::{Tokens, lock};
use crate::github::{
    answer::{self, About},
    call::is_redirect,
    endpoint::encode,
    wire::{Wire, text},
};
use campaigns_actors::ports::CodeHostError;
use campaigns_domain::{
    id::RepositoryName,
    publish::installation::{not_installed, suspended},
};
use http::{Method, StatusCode};
use serde::Deserialize;

#[derive(Deserialize)]
struct Installation {
    id: u64,
    #[serde(default)]
    suspended_at: Option<String>,
    #[serde(default)]
    repository_selection: String,
    account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    login: String,
}

impl Tokens {
    /// The installation of the App for an owner.
    pub(super) async fn installation(&self, wire: &Wire, owner: &str) -> Result<u64, CodeHostError> {
        if let Some(id) = lock(&self.installations).get(owner) {
            return Ok(*id);
        }
        let found = self.look_up(wire, owner).await?;
        lock(&self.installations).insert(owner.to_owned(), found.id);
        Ok(found.id)
    }

    /// Whether the owner has selected repositories for the App; otherwise it has all of them. Read afresh.
    pub(in crate::github) async fn is_for_selected(
        &self,
        wire: &Wire,
        owner: &str,
    ) -> Result<bool, CodeHostError> {
        Ok(self.look_up(wire, &owner.to_ascii_lowercase()).await?.repository_selection == "selected")
    }

    /// Whose installation of the App reaches the repository that had this name, if one does. For a person there is none.
    pub(in crate::github) async fn owner_of(
        &self,
        wire: &Wire,
        name: &RepositoryName,
    ) -> Result<Option<String>, CodeHostError> {
        if !self.is_app() {
            return Ok(None);
        }
        let mut path = format!("/repos/{}/{}/installation", name.owner(), name.name());
        for _ in 0..2 {
            let raw = self.as_app(wire, Method::GET, "apps/get-repo-installation", &path, None).await?;
            if raw.status == StatusCode::OK {
                let found: Option<Installation> = serde_json::from_slice(&raw.body).ok();
                return Ok(found.and_then(|found| found.account).map(|account| account.login));
            }
            match wire.endpoint.path_of(text(&raw.headers, "location")).filter(|_| is_redirect(raw.status)) {
                Some(moved) => path = moved,
                None => break,
            }
        }
        Ok(None)
    }

    /// The installation of the App for an owner, read afresh.
    async fn look_up(&self, wire: &Wire, owner: &str) -> Result<Installation, CodeHostError> {
        let about = About {
            subject: format!("an installation of the GitHub App for {owner} (install the App there)"),
            doing: format!("looking up the App's installation for {owner}"),
            write: false,
            app: true,
        };
        let login = encode(owner, false);
        let mut raw = self
            .as_app(
                wire,
                Method::GET,
                "apps/get-org-installation",
                &format!("/orgs/{login}/installation"),
                None,
            )
            .await?;
        if raw.status == StatusCode::NOT_FOUND {
            raw = self
                .as_app(
                    wire,
                    Method::GET,
                    "apps/get-user-installation",
                    &format!("/users/{login}/installation"),
                    None,
                )
                .await?;
        }
        if raw.status == StatusCode::NOT_FOUND {
            return Err(CodeHostError::Unauthorized(not_installed(owner)));
        }
        if raw.status != StatusCode::OK {
            return Err(answer::refusal(&about, raw.status, &raw.headers, &raw.body));
        }
        let found: Installation = serde_json::from_slice(&raw.body)
            .map_err(|_| CodeHostError::Unavailable(format!("{}: the answer made no sense", about.doing)))?;
        if found.suspended_at.is_some() {
            return Err(CodeHostError::Unauthorized(suspended(owner)));
        }
        Ok(found)
    }
}
