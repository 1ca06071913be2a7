//! Many pull requests in one GraphQL query, each with what became of it.
//!
//! GraphQL answers 200 where it means something else: a limit, a timeout, or an answer of which parts are missing. A
//! missing part says nothing; only a node that GitHub names `NOT_FOUND` is not there. Deliberately absent: asking for
//! fewer after a timeout, which is the caller's.

use super::{
    GitHub,
    answer::{self, About},
    call::Ask,
    shape::graphql::{Answer, Failure, Node},
    wire::Raw,
};
use campaigns_actors::ports::{CodeHostError, ReadBudget};
use campaigns_domain::publish::Reading;
use serde_json::json;

/// What is asked of each pull request. Each of the two connections counts as a request for each of at most fifty, of which a
/// hundred are a point (GraphQL rate limits), so that a query costs one point still. An issue has at most a hundred labels,
/// and nobody asks a hundred reviewers.
pub const PULL_REQUESTS: &str = "query PullRequests($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on PullRequest {
      id
      number
      url
      state
      isDraft
      title
      body
      baseRefName
      baseRef { target { oid } }
      headRefOid
      mergeable
      mergeStateStatus
      reviewDecision
      autoMergeRequest { mergeMethod }
      mergeQueueEntry { state position }
      statusCheckRollup { state }
      labels(first: 100) { nodes { name } }
      reviewRequests(first: 100) {
        nodes { requestedReviewer { ... on User { login } ... on Team { combinedSlug } } }
      }
      repository { databaseId nameWithOwner isArchived }
    }
  }
  rateLimit { cost remaining }
}";

/// Answers that come where the query took too long (10 s), or the server is not well.
pub(super) const UNANSWERED: &[u16] = &[500, 502, 503, 504];

impl GitHub {
    pub(super) async fn readings(
        &self,
        owner: &str,
        node_ids: &[String],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
        let subject = format!("{} pull requests of {owner}", node_ids.len());
        let about =
            About { doing: format!("reading {subject}"), subject, write: false, app: self.tokens.is_app() };
        let query = Ask::query(
            "graphql/pull-requests",
            owner,
            about.clone(),
            PULL_REQUESTS,
            json!({ "ids": node_ids }),
            budget,
        );
        let raw = self.ask(query.understanding(UNANSWERED)).await?;
        read(&about, &raw, node_ids)
    }
}

/// What an answer says about each node.
pub(super) fn read(
    about: &About,
    raw: &Raw,
    node_ids: &[String],
) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
    let unanswered = |why: &str| CodeHostError::Unavailable(format!("{}: {why}", about.doing));
    if !raw.status.is_success() {
        return Err(unanswered(&raw.status.to_string()));
    }
    let answer: Answer = serde_json::from_slice(&raw.body)
        .map_err(|error| unanswered(&format!("the answer made no sense ({error})")))?;
    if let Some(limited) = answer.errors.iter().find_map(|error| limit(raw, error)) {
        return Err(limited);
    }
    let nodes = answer.data.and_then(|data| data.nodes);
    let Some(nodes) = nodes.filter(|nodes| nodes.len() == node_ids.len()) else {
        let words: Vec<String> = answer.errors.iter().map(|error| super::redact(&error.message)).collect();
        let refused = answer.errors.iter().any(|error| error.kind == "FORBIDDEN");
        let words =
            if words.is_empty() { "an answer without the nodes".to_owned() } else { words.join("; ") };
        return Err(if refused { CodeHostError::Refused(words) } else { unanswered(&words) });
    };
    let each = nodes.into_iter().zip(node_ids).enumerate();
    Ok(each.map(|(place, (node, id))| one(about, node, id, &answer.errors, place)).collect())
}

/// A limit that an error tells of: the primary one as `RATE_LIMITED`, a secondary one by its words.
pub(super) fn limit(raw: &Raw, error: &Failure) -> Option<CodeHostError> {
    let lower = error.message.to_lowercase();
    let told = error.kind == "RATE_LIMITED"
        || ["secondary rate limit", "submitted too quickly", "api rate limit", "abuse detection"]
            .iter()
            .any(|phrase| lower.contains(phrase));
    told.then(|| answer::limit(&raw.headers, &error.message))
}

/// What became of one node.
fn one(
    about: &About,
    node: Option<Node>,
    id: &str,
    errors: &[Failure],
    place: usize,
) -> Result<Reading, CodeHostError> {
    let here = |error: &&Failure| {
        let at = |nth: usize| error.path.get(nth);
        at(0).and_then(|part| part.as_str()) == Some("nodes")
            && at(1).and_then(|part| part.as_u64()) == u64::try_from(place).ok()
    };
    let own: Vec<&Failure> = errors.iter().filter(here).collect();
    let words = || own.iter().map(|error| super::redact(&error.message)).collect::<Vec<_>>().join("; ");
    let Some(node) = node else {
        return Err(match own.iter().find(|error| error.path.len() == 2).map(|error| error.kind.as_str()) {
            Some("NOT_FOUND") => CodeHostError::NotFound(format!("the pull request {id}")),
            Some("FORBIDDEN") => CodeHostError::Refused(words()),
            _ => CodeHostError::Unavailable(format!("{}: one of them is missing ({})", about.doing, words())),
        });
    };
    // What the token may not see of it is nothing that passes; whatever else is missing may be there the next time.
    if own.iter().any(|error| error.kind != "FORBIDDEN") {
        return Err(CodeHostError::Unavailable(format!(
            "{}: part of one is missing ({})",
            about.doing,
            words()
        )));
    }
    node.into_domain().ok_or_else(|| CodeHostError::Refused(format!("the node {id} is no pull request")))
}
