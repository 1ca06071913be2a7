//! Reading a repository's CODEOWNERS file at a commit: all places in one query, which costs a point; a text that is too
//! long for GraphQL by its blob.
//!
//! Deliberately absent: what the file means.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    graphql,
    paid::Paid,
    shape::graphql::Failure,
    snapshot::RAW,
    token::Scope,
    wire::JSON,
};
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{
    id::CommitSha,
    publish::code_owners::{LARGEST, PLACES},
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// The query for the places where the file may be, in their order.
pub(super) const CODE_OWNERS: &str =
    "query CodeOwners($owner: String!, $name: String!, $first: String!, $second: String!, $third: String!) {
  repository(owner: $owner, name: $name) {
    first: object(expression: $first) { ...File }
    second: object(expression: $second) { ...File }
    third: object(expression: $third) { ...File }
  }
}
fragment File on GitObject { ... on Blob { oid byteSize text isTruncated } }";

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
struct Data {
    repository: Option<Places>,
}

#[derive(Deserialize)]
struct Places {
    first: Option<File>,
    second: Option<File>,
    third: Option<File>,
}

/// Empty for a folder of that name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    oid: Option<String>,
    #[serde(default)]
    byte_size: usize,
    /// Null where it is no text.
    text: Option<String>,
    #[serde(default)]
    is_truncated: bool,
}

impl GitHub {
    pub(super) async fn owners_file(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Option<String>, CodeHostError> {
        let name = self.name(repository);
        let subject = format!("the CODEOWNERS file of {name}");
        let about =
            About { doing: format!("reading {subject}"), subject, write: false, app: self.tokens.is_app() };
        let at = |place: &str| format!("{commit}:{place}");
        let [first, second, third] = PLACES.map(at);
        let variables = json!({
            "owner": name.owner(), "name": name.name(), "first": first, "second": second, "third": third,
        });
        let body = json!({ "query": CODE_OWNERS, "variables": variables }).to_string();
        let raw = self
            .ask(Ask {
                operation: "graphql/code-owners",
                method: Method::POST,
                route: Route::Graphql,
                accept: JSON,
                body: Some(Bytes::from(body)),
                scope: Scope::owner(name.owner()),
                about: about.clone(),
                paid: Paid::Query(budget),
                understood: &[],
            })
            .await?;
        let answer: Answer = parse(&about, &raw)?;
        if let Some(limited) = answer.errors.iter().find_map(|error| graphql::limit(&raw, error)) {
            return Err(limited);
        }
        let not_there = answer.errors.iter().any(|error| error.kind == "NOT_FOUND");
        let Some(places) = answer.data.and_then(|data| data.repository) else {
            return Err(if not_there {
                CodeHostError::NotFound(format!("the repository {name}"))
            } else {
                CodeHostError::Unavailable(format!("{}: an answer without data", about.doing))
            });
        };
        if let Some(error) = answer.errors.first() {
            let words = super::redact(&error.message);
            return Err(CodeHostError::Refused(format!("{}: {words}", about.doing)));
        }
        let found = [places.first, places.second, places.third];
        let Some(file) = found.into_iter().flatten().find(|file| file.oid.is_some()) else { return Ok(None) };
        let (Some(id), true) = (file.oid, file.byte_size <= LARGEST) else { return Ok(None) };
        if !file.is_truncated {
            return Ok(file.text);
        }
        let route = Route::Repository(repository, format!("/git/blobs/{id}"));
        let mut whole = Ask::get("git/get-blob", route, name.owner(), about.subject, Paid::Reads(budget));
        whole.accept = RAW;
        let raw = self.ask(whole).await?;
        Ok(Some(String::from_utf8_lossy(&raw.body).into_owned()))
    }
}
