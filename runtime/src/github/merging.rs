//! A pull request's way into its base: ready for review, auto-merge, the merge queue, and a merge pinned to its head.
//!
//! What only GraphQL has goes out as a mutation, by a permit like any other write and sent once. GraphQL answers 200
//! where it did nothing: the errors beside the data say so. Deliberately absent: jumping
//! the queue, and deciding.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    graphql,
    paid::Paid,
    shape::graphql::Failure,
    token::Scope,
    wire::{JSON, Raw},
    write::Write,
};
use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, Merging, Permit, ReadBudget, RepositoryRef};
use campaigns_domain::{
    changeset::PullRequestRef,
    id::CommitSha,
    publish::{MergeMethod, MergeRules},
};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// Marks a draft ready; REST cannot.
const MARK_READY: &str = "mutation MarkReady($input: MarkPullRequestReadyForReviewInput!) {
  markPullRequestReadyForReview(input: $input) { clientMutationId }
}";

/// Has GitHub merge it by itself.
const ENABLE_AUTO_MERGE: &str = "mutation EnableAutoMerge($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { clientMutationId }
}";

/// Puts it at the end of the queue.
const ENQUEUE: &str = "mutation Enqueue($input: EnqueuePullRequestInput!) {
  enqueuePullRequest(input: $input) { clientMutationId }
}";

/// GitHub's words where the pull request is not as it was when it was looked at; none of them is documented. A check
/// that "is expected" is none of them.
const MOVED: [&str; 10] = [
    "clean status",
    "unstable status",
    "has_hooks status",
    "was expected",
    "expected head",
    "head oid",
    "head sha",
    "branch was modified",
    "already in the queue",
    "already queued",
];

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
            CodeHostError::Inconclusive(format!("{doing}: {words}"))
        }
        _ if has_moved(&words) => CodeHostError::Conflict(format!("{doing}: {words}")),
        _ => CodeHostError::Refused(format!("GitHub refused {doing}: {words}")),
    })
}

fn has_moved(words: &str) -> bool {
    let lower = words.to_lowercase();
    MOVED.iter().any(|phrase| lower.contains(phrase))
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

    async fn merge_rules(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<MergeRules, CodeHostError> {
        self.rules_of(repository, branch, budget).await
    }

    async fn enable_auto_merge(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let subject = format!("the pull request {}#{}", self.name(repository), pull_request.number);
        self.mutate(Mutation {
            operation: "graphql/enable-auto-merge",
            document: ENABLE_AUTO_MERGE,
            input: json!({
                "pullRequestId": pull_request.node_id,
                "expectedHeadOid": head.0,
                "mergeMethod": method.as_str().to_uppercase(),
            }),
            doing: format!("turning auto-merge on for {subject}"),
            subject,
            repository,
            permit,
        })
        .await
    }

    async fn enqueue(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let subject = format!("the pull request {}#{}", self.name(repository), pull_request.number);
        self.mutate(Mutation {
            operation: "graphql/enqueue",
            document: ENQUEUE,
            input: json!({ "pullRequestId": pull_request.node_id, "expectedHeadOid": head.0 }),
            doing: format!("putting {subject} into the merge queue"),
            subject,
            repository,
            permit,
        })
        .await
    }

    async fn merge(
        &self,
        repository: &RepositoryRef,
        number: u64,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let name = self.name(repository);
        let sent = self
            .send(Write {
                operation: "pulls/merge",
                method: Method::PUT,
                rest: format!("/pulls/{number}/merge"),
                body: json!({ "sha": head.0, "merge_method": method.as_str() }),
                subject: format!("the pull request {name}#{number}"),
                doing: format!("merging the pull request {name}#{number}"),
                workflows: false,
                permit,
                repository,
            })
            .await;
        match sent {
            Err(CodeHostError::Refused(words)) if has_moved(&words) => Err(CodeHostError::Conflict(words)),
            other => other.map(drop),
        }
    }
}
