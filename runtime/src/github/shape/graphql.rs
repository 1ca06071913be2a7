//! The parts of GraphQL's answers that are read, and their words in the domain's.
//!
//! A word that is not known here is one that GitHub added since: it is taken for the most careful of those that are.
//! Deliberately absent: what errors mean, which is the caller's.

use campaigns_domain::{
    changeset::PullRequestRef,
    id::{CommitSha, RepositoryName},
    publish::{
        Checks, MergeMethod, MergeState, Mergeability, PullRequest, PullRequestState, QueueState, Reading,
        Review,
    },
};
use serde::Deserialize;

/// An answer; `data` may be whole, partial or missing, whatever `errors` say.
#[derive(Deserialize)]
pub(in crate::github) struct Answer {
    pub(in crate::github) data: Option<Data>,
    #[serde(default)]
    pub(in crate::github) errors: Vec<Failure>,
}

#[derive(Deserialize)]
pub(in crate::github) struct Data {
    pub(in crate::github) nodes: Option<Vec<Option<Node>>>,
}

#[derive(Deserialize)]
pub(in crate::github) struct Failure {
    /// Such as `NOT_FOUND`; "" where GitHub gives none.
    #[serde(rename = "type", default)]
    pub(in crate::github) kind: String,
    #[serde(default)]
    pub(in crate::github) path: Vec<serde_json::Value>,
    #[serde(default)]
    pub(in crate::github) message: String,
}

/// A node: empty where it is no pull request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::github) struct Node {
    id: Option<String>,
    number: Option<u64>,
    url: Option<String>,
    state: Option<String>,
    #[serde(default)]
    is_draft: bool,
    title: Option<String>,
    body: Option<String>,
    base_ref_name: Option<String>,
    base_ref: Option<Branch>,
    head_ref_oid: Option<String>,
    mergeable: Option<String>,
    merge_state_status: Option<String>,
    review_decision: Option<String>,
    auto_merge_request: Option<AutoMerge>,
    merge_queue_entry: Option<Entry>,
    status_check_rollup: Option<Stated>,
    labels: Option<Nodes<Label>>,
    review_requests: Option<Nodes<Asked>>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AutoMerge {
    merge_method: String,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Option<Vec<Option<T>>>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Branch {
    target: Option<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Null for an account that is gone.
    requested_reviewer: Option<Reviewer>,
}

/// Empty for what is neither a user nor a team.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reviewer {
    login: Option<String>,
    combined_slug: Option<String>,
}

#[derive(Deserialize)]
struct Stated {
    state: String,
}

#[derive(Deserialize)]
struct Entry {
    state: String,
    position: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    name_with_owner: String,
    #[serde(default)]
    is_archived: bool,
}

impl Node {
    /// As the domain has it; none where it is no whole pull request.
    pub(in crate::github) fn into_domain(self) -> Option<Reading> {
        let repository = self.repository?;
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        let labels = self.labels.and_then(|labels| labels.nodes).into_iter().flatten().flatten();
        let mut labels: Vec<String> = labels.map(|label| label.name).collect();
        labels.sort();
        let asked = self.review_requests.and_then(|asked| asked.nodes).into_iter().flatten().flatten();
        let mut requested: Vec<String> = asked
            .filter_map(|asked| asked.requested_reviewer)
            .filter_map(|reviewer| reviewer.login.or(reviewer.combined_slug))
            .collect();
        requested.sort();
        let pull_request = PullRequest {
            reference: PullRequestRef { number: self.number?, node_id: self.id?, url: self.url? },
            state: match self.state?.as_str() {
                "MERGED" => PullRequestState::Merged,
                "CLOSED" => PullRequestState::Closed,
                "OPEN" => PullRequestState::Open,
                _ => return None,
            },
            draft: self.is_draft,
            head: CommitSha(self.head_ref_oid?),
            base_branch: self.base_ref_name?,
            title: self.title?,
            body: self.body,
        };
        Some(Reading {
            pull_request,
            base_head: self.base_ref.and_then(|base| base.target).map(|object| CommitSha(object.oid)),
            repository: repository.name_with_owner.parse::<RepositoryName>().ok()?,
            archived: repository.is_archived,
            checks: match self.status_check_rollup.as_ref().map(|rollup| rollup.state.as_str()) {
                None => Checks::None,
                Some("SUCCESS") => Checks::Passed,
                Some("FAILURE" | "ERROR") => Checks::Failed,
                Some(_) => Checks::Pending,
            },
            review: match word(&self.review_decision).as_str() {
                "" => Review::None,
                "APPROVED" => Review::Approved,
                "CHANGES_REQUESTED" => Review::ChangesRequested,
                _ => Review::Required,
            },
            mergeability: match word(&self.mergeable).as_str() {
                "MERGEABLE" => Mergeability::Mergeable,
                "CONFLICTING" => Mergeability::Conflicting,
                _ => Mergeability::Unknown,
            },
            merge_state: match word(&self.merge_state_status).as_str() {
                "BEHIND" => MergeState::Behind,
                "BLOCKED" => MergeState::Blocked,
                "CLEAN" => MergeState::Clean,
                "DIRTY" => MergeState::Dirty,
                "DRAFT" => MergeState::Draft,
                "HAS_HOOKS" => MergeState::HasHooks,
                "UNSTABLE" => MergeState::Unstable,
                _ => MergeState::Unknown,
            },
            auto_merge: self.auto_merge_request.map(|request| match request.merge_method.as_str() {
                "SQUASH" => MergeMethod::Squash,
                "REBASE" => MergeMethod::Rebase,
                _ => MergeMethod::Merge,
            }),
            queue_position: self.merge_queue_entry.as_ref().and_then(|entry| entry.position),
            queue: self.merge_queue_entry.map(|entry| match entry.state.as_str() {
                "AWAITING_CHECKS" => QueueState::AwaitingChecks,
                "MERGEABLE" => QueueState::Mergeable,
                "UNMERGEABLE" => QueueState::Unmergeable,
                "LOCKED" => QueueState::Locked,
                _ => QueueState::Queued,
            }),
            labels,
            requested,
        })
    }
}
