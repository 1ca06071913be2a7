//! A pull request's way into its base: ready for review.
//!
//! What only GraphQL has goes out as a mutation, by a permit like any other write and sent once. GraphQL answers 200
//! where it did nothing: the errors beside the data say so. Deliberately absent: `jump`, and deciding.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    graphql,
    paid::Paid,
    shape::graphql::Failure,
    token::Scope,
    wire::{JSON, Raw},
};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, Merging, Permit, RepositoryRef};
use campaigns_domain::changeset::PullRequestRef;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// Marks a draft ready; REST cannot.
const MARK_READY: &str = "mutation MarkReady($input: MarkPullRequestReadyForReviewInput!) {
  markPullRequestReadyForReview(input: $input) { clientMutationId }
}";

/// A mutation as it is meant.
struct Mutation<'a> {
    operation: &'static str,
    document: &'static str,
    input: Value,
    subject: String,
    doing: String,
    repository: &'a RepositoryRef,
    permit: Permit,
}

#[derive(Deserialize)]
struct Mutated {
    #[serde(default)]
    errors: Vec<Failure>,
}

impl GitHub {
    async fn mutate(&self, mutation: Mutation<'_>) -> Result<(), CodeHostError> {
        if mutation.permit.has_expired() {
            return Err(CodeHostError::PermitExpired);
        }
        let owner = self.name(mutation.repository).owner().to_ascii_lowercase();
        let about = About {
            subject: mutation.subject,
            doing: mutation.doing,
            write: true,
            app: self.tokens.is_app(),
        };
        let body =
            json!({ "query": mutation.document, "variables": { "input": mutation.input } }).to_string();
        let raw = self
            .ask(Ask {
                operation: mutation.operation,
                method: Method::POST,
                route: Route::Graphql,
                accept: JSON,
                body: Some(Bytes::from(body)),
                scope: Scope::Repository { owner, id: mutation.repository.id.0, workflows: false },
                about: about.clone(),
                paid: Paid::Permit(&mutation.permit),
                understood: &[],
            })
            .await?;
        mutated(&about, &raw)
    }
}

/// What a mutation's answer says of it.
fn mutated(about: &About, raw: &Raw) -> Result<(), CodeHostError> {
    let answer: Mutated = parse(about, raw)?;
    if let Some(limited) = answer.errors.iter().find_map(|error| graphql::limit(raw, error)) {
        return Err(limited);
    }
    let Some(first) = answer.errors.first() else { return Ok(()) };
    let words: Vec<String> = answer.errors.iter().map(|error| super::redact(&error.message)).collect();
    let (words, doing) = (words.join("; "), &about.doing);
    Err(match first.kind.as_str() {
        "NOT_FOUND" => CodeHostError::NotFound(about.subject.clone()),
        // GitHub's timeout: it may have been done all the same.
        "" if words.to_lowercase().contains("something went wrong") => {
            CodeHostError::Unknown(format!("{doing}: {words}"))
        }
        _ => CodeHostError::Refused(format!("GitHub refused {doing}: {words}")),
    })
}

#[async_trait]
impl Merging for GitHub {
    async fn mark_ready(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let subject = format!("the pull request {}#{}", self.name(repository), pull_request.number);
        self.mutate(Mutation {
            operation: "graphql/mark-ready",
            document: MARK_READY,
            input: json!({ "pullRequestId": pull_request.node_id }),
            doing: format!("marking {subject} ready for review"),
            subject,
            repository,
            permit,
        })
        .await
    }
}
