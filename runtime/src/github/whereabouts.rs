//! Where a repository is by now: by its name, which leads on after a rename or a move, and else by its id, where the
//! redirects of renamed repositories lead too.
//!
//! A 404 alone says nothing: neither name nor id must be known to the App or token, and the App's installation must have
//! been read afresh and be in order. GitHub does not tell apart what is deleted and what may not be seen. Deliberately
//! absent: what follows from it.

use super::{
    GitHub,
    call::{Ask, Route},
    paid::Paid,
    shape,
    token::Scope,
};
use async_trait::async_trait;
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef, Whereabouts};
use campaigns_domain::{
    changeset::{Away, AwayCause},
    id::RepositoryName,
    publish::standing::PauseCause,
};

/// How a repository was found, or that it was not.
pub(super) enum Found {
    /// Here it is.
    Here(shape::Repository, RepositoryName),
    /// Only another one, of this id, by its name.
    Another(u64),
    /// Nothing.
    Nothing,
}

pub(super) fn away(cause: AwayCause, reason: String) -> CodeHostError {
    CodeHostError::Away(Away { cause, reason })
}

/// It is read-only.
pub(super) fn archived(name: &RepositoryName) -> CodeHostError {
    let reason = format!("{name} is archived and read-only: unarchive it, and it goes on by itself");
    away(AwayCause::Archived, reason)
}

fn is_not_installed(error: &CodeHostError) -> bool {
    matches!(error, CodeHostError::Unauthorized(why) if why.cause == PauseCause::NotInstalled)
}

impl GitHub {
    /// Looks for a repository under the name that it is known by, and then by its id; what it is called is remembered.
    pub(super) async fn find(
        &self,
        repository: &RepositoryRef,
        paid: Paid<'_>,
    ) -> Result<Found, CodeHostError> {
        let named = self.one(&repository.name, paid).await?;
        let taken = named.as_ref().map(|found| found.id).filter(|id| *id != repository.id.0);
        let found = match named.filter(|found| found.id == repository.id.0) {
            Some(found) => Some(found),
            None => self.by_id(repository, repository.name.owner(), paid).await?,
        };
        let found = match found {
            Some(found) => Some(found),
            // It may have moved to where the App is installed too, and this owner's token does not reach.
            None => match self.tokens.owner_of(&self.wire, &repository.name).await? {
                Some(owner) => self.by_id(repository, &owner, paid).await?,
                None => None,
            },
        };
        let named = found.and_then(|found| Some((found.full_name()?, found)));
        let Some((name, found)) = named else {
            return Ok(taken.map_or(Found::Nothing, Found::Another));
        };
        let mut names = self.names.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if name == repository.name {
            // It may have been renamed and renamed back.
            names.remove(&repository.id);
        } else {
            tracing::info!(id = repository.id.0, was = %repository.name, now = %name, "a repository was renamed");
            names.insert(repository.id, name.clone());
        }
        drop(names);
        Ok(Found::Here(found, name))
    }

    async fn by_id(
        &self,
        repository: &RepositoryRef,
        owner: &str,
        paid: Paid<'_>,
    ) -> Result<Option<shape::Repository>, CodeHostError> {
        let RepositoryRef { id, name } = repository;
        let route = Route::Path(format!("/repositories/{}", id.0));
        match self.json(Ask::get("repos/get", route, owner, format!("the repository {name}"), paid)).await {
            Ok(found) => Ok(Some(found).filter(|found: &shape::Repository| found.id == id.0)),
            Err(CodeHostError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What an error means where the repository had another owner when it was found last: that one's installation is
    /// missing, and not the one of the organisation that the repository is known in. Where it is by now is another
    /// question.
    pub(super) fn unless_moved(&self, repository: &RepositoryRef, error: CodeHostError) -> CodeHostError {
        let (was, name) = (&repository.name, self.name(repository));
        if is_not_installed(&error) && !name.owner().eq_ignore_ascii_case(was.owner()) {
            return CodeHostError::NotFound(format!("the repository {name}, which was {was},"));
        }
        error
    }

    /// Why a repository is not found, after the App's installation was read afresh.
    async fn why_gone(&self, name: &RepositoryName) -> Result<String, CodeHostError> {
        let (owner, closing) = (name.owner(), "`close` ends the changeset");
        if !self.tokens.is_app() {
            return Ok(format!(
                "the repository {name} is gone: it was deleted, or the token may not see it any more. Give it access \
                 again, and it goes on by itself; {closing}"
            ));
        }
        Ok(match self.tokens.is_for_selected(&self.wire, owner).await? {
            false => format!(
                "the repository {name} is gone: it was deleted, or moved to somebody who has not installed the GitHub \
                 App. {closing}"
            ),
            true => format!(
                "the repository {name} is gone: it was deleted, moved to somebody who has not installed the GitHub App, \
                 or taken from the repositories that {owner} has selected for it. Select it again, and it goes on by \
                 itself; {closing}"
            ),
        })
    }
}

#[async_trait]
impl Whereabouts for GitHub {
    async fn whereabouts(
        &self,
        repository: &RepositoryRef,
        budget: &ReadBudget,
    ) -> Result<RepositoryName, CodeHostError> {
        let (id, was) = (repository.id.0, &repository.name);
        // Without the owner's installation every repository of it is missing, which says nothing about this one.
        self.tokens.bearer(&self.wire, &Scope::owner(was.owner())).await?;
        let (found, name) = match self.find(repository, Paid::Reads(budget)).await? {
            Found::Here(found, name) => (found, name),
            Found::Another(other) => {
                return Err(away(
                    AwayCause::Replaced,
                    format!(
                        "{was} is another repository now (id {other}, not {id}), and the one that was selected is \
                         gone: nothing is published there. Run the campaign again to select the new one"
                    ),
                ));
            }
            Found::Nothing => return Err(away(AwayCause::Gone, self.why_gone(was).await?)),
        };
        let (app, owner) = (self.tokens.is_app(), name.owner());
        if app && !owner.eq_ignore_ascii_case(was.owner()) {
            match self.tokens.bearer(&self.wire, &Scope::owner(owner)).await {
                Err(error) if is_not_installed(&error) => {
                    return Err(away(
                        AwayCause::Moved,
                        format!(
                            "{was} was moved to {name}, and {owner} has not installed the GitHub App: nothing is \
                             published there. Install it for {owner}, and it goes on by itself"
                        ),
                    ));
                }
                other => drop(other?),
            }
        }
        if found.is_archived() {
            return Err(archived(&name));
        }
        if app {
            let scope = Scope::Repository { owner: owner.to_ascii_lowercase(), id, workflows: false };
            self.tokens.bearer(&self.wire, &scope).await?;
        }
        Ok(name)
    }
}
