//! Beside a pull request's content: whether it is open, and what is said on it.
//!
//! Deliberately absent: merging, whoever reviews, and the branch's end (`branch_end`).

use super::{
    GitHub,
    call::{Ask, Route},
    paid::Paid,
    shape,
    write::Write,
};
use campaigns_actors::ports::{CodeHostError, Permit, ReadBudget, RepositoryRef};
use campaigns_domain::publish::PullRequest;
use http::Method;

impl GitHub {
    pub(super) async fn open_or_close_pull(
        &self,
        repository: &RepositoryRef,
        number: u64,
        open: bool,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let name = self.name(repository);
        let doing = if open { "opening again" } else { "closing" };
        let made: shape::Pull = self
            .write(Write {
                operation: "pulls/update",
                method: Method::PATCH,
                rest: format!("/pulls/{number}"),
                body: serde_json::json!({"state": if open { "open" } else { "closed" }}),
                subject: format!("the pull request {name}#{number}"),
                doing: format!("{doing} the pull request {name}#{number}"),
                workflows: false,
                permit,
                repository,
            })
            .await?;
        self.belongs(repository, made)
    }

    pub(super) async fn comments_of(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Vec<String>, CodeHostError> {
        let name = self.name(repository);
        let route = Route::Repository(repository, format!("/issues/{number}/comments?per_page=100"));
        let subject = format!("the comments of {name}#{number}");
        let ask = Ask::get("issues/list-comments", route, name.owner(), subject, Paid::Reads(budget));
        let pages = self.pages::<Vec<shape::Comment>>(ask).await?;
        Ok(pages.into_iter().flatten().map(|comment| comment.body.unwrap_or_default()).collect())
    }

    pub(super) async fn new_comment(
        &self,
        repository: &RepositoryRef,
        number: u64,
        body: &str,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let name = self.name(repository);
        self.send(Write {
            operation: "issues/create-comment",
            method: Method::POST,
            rest: format!("/issues/{number}/comments"),
            body: serde_json::json!({"body": body}),
            subject: format!("the pull request {name}#{number}"),
            doing: format!("commenting on the pull request {name}#{number}"),
            workflows: false,
            permit,
            repository,
        })
        .await
        .map(drop)
    }
}
