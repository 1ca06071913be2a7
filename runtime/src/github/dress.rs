//! What a pull request wears: labels and assignees, which GitHub keeps with its issue, and those who are asked to review
//! it.
//!
//! Deliberately absent: taking anything off.

use super::{
    GitHub,
    call::{Ask, Route},
    paid::Paid,
    shape::dress as shape,
    write::Write,
};
use campaigns_actors::ports::{CodeHostError, Permit, ReadBudget, RepositoryRef};
use campaigns_domain::publish::dress::Wearer;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

impl GitHub {
    pub(super) async fn wearing(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Wearer, CodeHostError> {
        let name = self.name(repository);
        let route = Route::Repository(repository, format!("/pulls/{number}"));
        let subject = format!("the pull request {name}#{number}");
        let pull: shape::Pull =
            self.json(Ask::get("pulls/get", route, name.owner(), subject, Paid::Reads(budget))).await?;
        Ok(pull.into_domain())
    }

    pub(super) async fn put_labels(
        &self,
        repository: &RepositoryRef,
        number: u64,
        labels: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        let put = Put {
            operation: "issues/add-labels",
            rest: format!("/issues/{number}/labels"),
            what: "labels on",
        };
        let all: Vec<shape::Label> =
            self.put(repository, number, put, json!({ "labels": labels }), permit).await?;
        Ok(shape::names(all))
    }

    pub(super) async fn put_assignees(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        let put = Put {
            operation: "issues/add-assignees",
            rest: format!("/issues/{number}/assignees"),
            what: "assignees on",
        };
        let issue: shape::Issue =
            self.put(repository, number, put, json!({ "assignees": logins }), permit).await?;
        Ok(issue.into_assignees())
    }

    pub(super) async fn ask_reviewers(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        teams: &[String],
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let put = Put {
            operation: "pulls/request-reviewers",
            rest: format!("/pulls/{number}/requested_reviewers"),
            what: "reviewers on",
        };
        let body = json!({ "reviewers": logins, "team_reviewers": teams });
        self.put::<serde::de::IgnoredAny>(repository, number, put, body, permit).await.map(drop)
    }

    async fn put<T: DeserializeOwned>(
        &self,
        repository: &RepositoryRef,
        number: u64,
        put: Put,
        body: Value,
        permit: Permit,
    ) -> Result<T, CodeHostError> {
        let name = self.name(repository);
        self.write(Write {
            operation: put.operation,
            method: Method::POST,
            rest: put.rest,
            body,
            subject: format!("the pull request {name}#{number}"),
            doing: format!("putting {} the pull request {name}#{number}", put.what),
            workflows: false,
            permit,
            repository,
        })
        .await
    }
}

/// One of these writes.
struct Put {
    operation: &'static str,
    rest: String,
    what: &'static str,
}
