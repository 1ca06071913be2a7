//! Reading: repositories, branches and pull requests.
//!
//! An error is never an absence: what is not there is so by a 404 that names it, or by a listing read to its
//! end. Deliberately absent: snapshots (`snapshot`).

use super::{
    GitHub,
    answer::{self, About},
    call::{Ask, Route, is_redirect, parse},
    endpoint::encode,
    paid::Paid,
    shape,
    token::Scope,
    whereabouts::Found,
    wire::{Raw, text},
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{
    id::{RepositoryId, RepositoryName},
    publish::{BranchHead, PullRequest},
    selection::{Answer, Query, Repository},
};
use futures::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::HashSet;

/// A listing that does not end is refused after this many pages.
const PAGES: usize = 5_000;

#[derive(Deserialize)]
struct InstallationRepositories {
    repositories: Vec<shape::Repository>,
}

impl GitHub {
    pub(super) async fn query(&self, query: &Query, budget: &ReadBudget) -> Result<Answer, CodeHostError> {
        let found = match query {
            Query::Repository(name) => {
                self.one(name, Paid::Reads(budget)).await?.map(|repository| vec![repository])
            }
            Query::Organization(owner) => self.all_of(owner, budget).await?,
        };
        let Some(found) = found else { return Ok(Answer::NotFound) };
        // Order is kept: it is GitHub's, by age.
        let repositories: Vec<Repository> = stream::iter(found)
            .map(|repository| self.with_emptiness(repository, budget))
            .buffered(8)
            .try_collect()
            .await?;
        Ok(Answer::Repositories(repositories))
    }

    pub(super) async fn one(
        &self,
        name: &RepositoryName,
        paid: Paid<'_>,
    ) -> Result<Option<shape::Repository>, CodeHostError> {
        let ask = Ask::get(
            "repos/get",
            Route::Path(format!("/repos/{}/{}", name.owner(), name.name())),
            name.owner(),
            format!("the repository {name}"),
            paid,
        );
        match self.json(ask).await {
            Ok(repository) => Ok(Some(repository)),
            Err(CodeHostError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds out what a repository is called now, and remembers it.
    pub(super) async fn locate(
        &self,
        repository: &RepositoryRef,
        paid: Paid<'_>,
    ) -> Result<RepositoryName, CodeHostError> {
        Ok(self.identify(repository, paid).await?.0)
    }

    /// The same, with the repository's id in GraphQL.
    pub(super) async fn identify(
        &self,
        repository: &RepositoryRef,
        paid: Paid<'_>,
    ) -> Result<(RepositoryName, String), CodeHostError> {
        match self.find(repository, paid).await? {
            Found::Here(found, name) => Ok((name, found.node_id)),
            Found::Another(_) | Found::Nothing => {
                let (name, id) = (&repository.name, repository.id.0);
                Err(CodeHostError::NotFound(format!("the repository {name} (id {id})")))
            }
        }
    }

    /// Every repository of an organisation or user that the credential sees.
    async fn all_of(
        &self,
        owner: &str,
        budget: &ReadBudget,
    ) -> Result<Option<Vec<shape::Repository>>, CodeHostError> {
        let paid = Paid::Reads(budget);
        let login = encode(owner, false);
        let subject = format!("the organisation or user {owner}");
        let listing = |operation, path: &str| {
            Ask::get(operation, Route::Path(path.to_owned()), owner, subject.clone(), paid)
        };
        // By age, so that one made meanwhile lands on the last page instead of moving the others.
        let path = format!("/orgs/{login}/repos?type=all&sort=created&direction=asc&per_page=100");
        match self.pages::<Vec<shape::Repository>>(listing("repos/list-for-org", &path)).await {
            Err(CodeHostError::NotFound(_)) => {}
            other => return Ok(Some(distinct(other?.into_iter().flatten().collect()))),
        }
        let result = if self.tokens.is_app() {
            let path = "/installation/repositories?per_page=100";
            self.pages::<InstallationRepositories>(listing(
                "apps/list-repos-accessible-to-installation",
                path,
            ))
            .await
            .map(|pages| pages.into_iter().flat_map(|page| page.repositories).collect())
        } else {
            let own = self.login(paid).await?.eq_ignore_ascii_case(owner);
            let (operation, path) = if own {
                let path = "/user/repos?affiliation=owner&sort=created&direction=asc&per_page=100".to_owned();
                ("repos/list-for-authenticated-user", path)
            } else {
                let path = format!("/users/{login}/repos?type=owner&sort=created&direction=asc&per_page=100");
                ("repos/list-for-user", path)
            };
            let pages = self.pages::<Vec<shape::Repository>>(listing(operation, &path)).await;
            pages.map(|pages| pages.into_iter().flatten().collect())
        };
        match result {
            Ok(found) => Ok(Some(distinct(found))),
            Err(CodeHostError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A listing read to its end by the `Link` header; every page, or an error.
    pub(super) async fn pages<T: DeserializeOwned>(&self, first: Ask<'_>) -> Result<Vec<T>, CodeHostError> {
        let about = first.about.clone();
        let (operation, scope, paid) = (first.operation, first.scope.clone(), first.paid);
        let mut raw = self.ask(first).await?;
        let mut pages = Vec::new();
        loop {
            let next = self.next_page(&about, &raw)?;
            pages.push(parse(&about, &raw)?);
            let Some(path) = next else { return Ok(pages) };
            if pages.len() >= PAGES {
                return Err(CodeHostError::Unavailable(format!("{}: the listing does not end", about.doing)));
            }
            let mut ask = Ask::get(operation, Route::Path(path), "", about.subject.clone(), paid);
            ask.scope = scope.clone();
            // A page that is gone is not the end of the listing.
            raw = self.ask(ask).await.map_err(|error| match error {
                CodeHostError::NotFound(_) => {
                    CodeHostError::Unavailable(format!("{}: a page of the listing is missing", about.doing))
                }
                other => other,
            })?;
        }
    }

    /// Where the next page is, which has to be in the same API.
    pub(super) fn next_page(&self, about: &About, raw: &Raw) -> Result<Option<String>, CodeHostError> {
        let Some(address) = next_link(text(&raw.headers, "link")) else { return Ok(None) };
        self.wire.endpoint.path_of(address).map(Some).ok_or_else(|| {
            CodeHostError::Refused(format!(
                "{}: GitHub's next page is on another host ({}), which is never asked: check the server's own address",
                about.doing,
                super::redact(address.split('?').next().unwrap_or_default())
            ))
        })
    }

    /// Whether a repository has no commit at all: its size says so only for those that have some.
    async fn with_emptiness(
        &self,
        found: shape::Repository,
        budget: &ReadBudget,
    ) -> Result<Repository, CodeHostError> {
        let nameless =
            || CodeHostError::Unavailable("GitHub listed a repository without a usable name".to_owned());
        let name = found.full_name().ok_or_else(nameless)?;
        let mut empty = false;
        if found.may_be_empty() {
            let ask = Ask::get(
                "repos/list-commits",
                Route::Path(format!("/repos/{}/{}/commits?per_page=1", name.owner(), name.name())),
                name.owner(),
                format!("the repository {name}"),
                Paid::Reads(budget),
            );
            let raw = self.ask(ask.understanding(&[403, 404, 409, 451])).await?;
            empty = raw.status == StatusCode::CONFLICT;
        }
        let mut repository = found.into_domain(empty).ok_or_else(nameless)?;
        if self.tokens.is_app() {
            // GitHub speaks of the token at hand, and an App reads with one that may only read.
            repository.can_push = None;
        }
        Ok(repository)
    }

    /// A branch's head. One request, and a second one only where a 404 does not say what is missing.
    pub(super) async fn head(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<(String, BranchHead)>, CodeHostError> {
        let paid = Paid::Reads(budget);
        let mut name = self.name(repository);
        loop {
            let subject = format!("the branch `{branch}` of {name}");
            let route = Route::Repository(repository, format!("/branches/{}", encode(branch, true)));
            let ask = Ask::get("repos/get-branch", route, name.owner(), subject, paid);
            let about = ask.about.clone();
            let raw = self.ask(ask.understanding(&[301, 302, 307, 308, 404])).await?;
            if is_redirect(raw.status) {
                if self.wire.endpoint.path_of(text(&raw.headers, "location")).is_none() {
                    return Err(answer::refusal(&about, raw.status, &raw.headers, &raw.body));
                }
                let now = self.locate(repository, paid).await?;
                if now == name {
                    // The branch's own redirect: it was renamed, so there is none of this name.
                    return Ok(None);
                }
                name = now;
                continue;
            }
            if raw.status == StatusCode::NOT_FOUND {
                let said: serde_json::Value = serde_json::from_slice(&raw.body).unwrap_or_default();
                if said["message"] != "Branch not found" {
                    self.locate(repository, paid).await?;
                }
                return Ok(None);
            }
            let found: shape::Branch = parse(&about, &raw)?;
            if found.name != branch {
                return Ok(None);
            }
            let name = found.name.clone();
            let head = found.into_head();
            super::lock(&self.trees).note(&head.commit.0, &head.tree);
            return Ok(Some((name, head)));
        }
    }

    pub(super) async fn pulls(
        &self,
        repository: &RepositoryRef,
        head: &str,
        base: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<PullRequest>, CodeHostError> {
        let mut name = self.name(repository);
        let found = loop {
            let query = format!(
                "/pulls?state=all&sort=created&direction=desc&per_page=100&head={}&base={}",
                encode(&format!("{}:{head}", name.owner()), false),
                encode(base, false)
            );
            let subject = format!("the pull requests of {name}");
            let route = Route::Repository(repository, query);
            let ask = Ask::get("pulls/list", route, name.owner(), subject, Paid::Reads(budget));
            let pages = self.pages::<Vec<shape::Pull>>(ask).await?;
            let now = self.name(repository);
            // The filter names the owner: under an old one it finds nothing, which would pass for an absence.
            if now == name {
                break pages;
            }
            name = now;
        };
        let mut all: Vec<shape::Pull> = found.into_iter().flatten().collect();
        all.retain(|pull| pull.is_between(head, base));
        all.into_iter().map(|pull| self.belongs(repository, pull)).collect()
    }

    pub(super) async fn pull(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<PullRequest, CodeHostError> {
        let paid = Paid::Reads(budget);
        let name = self.name(repository);
        let subject = format!("the pull request {name}#{number}");
        let route = Route::Repository(repository, format!("/pulls/{number}"));
        let pull = self.json(Ask::get("pulls/get", route, name.owner(), subject, paid)).await?;
        self.belongs(repository, pull)
    }

    /// A pull request that is really this repository's: another one may have taken an old name over.
    pub(super) fn belongs(
        &self,
        repository: &RepositoryRef,
        pull: shape::Pull,
    ) -> Result<PullRequest, CodeHostError> {
        match pull.repository() {
            // Another one has the name: where ours is, is another question.
            Some(id) if RepositoryId(id) != repository.id => Err(CodeHostError::NotFound(format!(
                "the pull request of {} (another repository has its name now)",
                repository.name
            ))),
            _ => Ok(pull.into_domain()),
        }
    }

    /// Who the personal token belongs to.
    pub(super) async fn login(&self, paid: Paid<'_>) -> Result<String, CodeHostError> {
        let mut ask = Ask::get(
            "users/get-authenticated",
            Route::Path("/user".to_owned()),
            "",
            "the token's user".to_owned(),
            paid,
        );
        ask.scope = Scope::owner("");
        let user: shape::Account = self.json(ask).await?;
        Ok(user.login)
    }
}

/// Once each: a page can shift under a listing, and show the same repository twice.
fn distinct(all: Vec<shape::Repository>) -> Vec<shape::Repository> {
    let mut seen = HashSet::new();
    all.into_iter().filter(|repository| seen.insert(repository.id)).collect()
}

/// The address of `rel="next"` in a `Link` header.
fn next_link(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|parameter| {
            parameter
                .trim()
                .strip_prefix("rel=")
                .is_some_and(|value| value.trim_matches('"').split(' ').any(|rel| rel == "next"))
        });
        is_next.then_some(address)
    })
}
