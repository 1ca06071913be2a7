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
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{
    id::{CommitSha, RepositoryName},
    publish::code_owners::{LARGEST, PLACES},
};
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
        let query =
            Ask::query("graphql/code-owners", name.owner(), about.clone(), CODE_OWNERS, variables, budget);
        let raw = self.ask(query).await?;
        let answer: Answer = parse(&about, &raw)?;
        if let Some(limited) = answer.errors.iter().find_map(|error| graphql::limit(&raw, error)) {
            return Err(limited);
        }
        let Some(file) = found(&about, &name, answer)? else { return Ok(None) };
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

/// The first of the places that holds a file.
fn found(about: &About, name: &RepositoryName, answer: Answer) -> Result<Option<File>, CodeHostError> {
    let of_kind = |kind: &str| answer.errors.iter().any(|error| error.kind == kind);
    let words = answer.errors.first().map(|error| super::redact(&error.message));
    match (answer.data.and_then(|data| data.repository), words) {
        (Some(places), None) => {
            let all = [places.first, places.second, places.third];
            Ok(all.into_iter().flatten().find(|file| file.oid.is_some()))
        }
        (None, _) if of_kind("NOT_FOUND") => Err(CodeHostError::NotFound(format!("the repository {name}"))),
        (_, Some(words)) if of_kind("FORBIDDEN") => {
            Err(CodeHostError::Refused(format!("{}: {words}", about.doing)))
        }
        // Whatever else is said beside an answer, or instead of one, passes by itself: it is no refusal and no absence.
        (_, words) => {
            let words = words.unwrap_or_else(|| "an answer without data".into());
            Err(CodeHostError::Unavailable(format!("{}: {words}", about.doing)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: serde_json::Value) -> Result<Option<String>, CodeHostError> {
        let doing = "reading it".to_owned();
        let about = About { doing, subject: "it".to_owned(), write: false, app: true };
        let name = "acme/anvil".parse().unwrap();
        let answer = serde_json::from_value(answer).unwrap();
        found(&about, &name, answer).map(|file| file.and_then(|file| file.oid))
    }

    #[test]
    fn what_an_answer_says_of_the_file() {
        let file = |id: &str| json!({ "oid": id, "byteSize": 3, "text": "* @a", "isTruncated": false });
        let places = json!({ "repository": { "first": {}, "second": file("b"), "third": file("c") } });
        assert_eq!(told(json!({ "data": places })), Ok(Some("b".to_owned())), "a folder is no file");
        let none = json!({ "repository": { "first": null, "second": null, "third": null } });
        assert_eq!(told(json!({ "data": none })), Ok(None));
        let error = |kind: &str, data: &serde_json::Value| {
            told(json!({ "data": data, "errors": [{ "type": kind, "message": "so it is" }] }))
        };
        let nothing = json!({ "repository": null });
        assert!(matches!(error("NOT_FOUND", &nothing), Err(CodeHostError::NotFound(_))));
        assert!(matches!(error("FORBIDDEN", &none), Err(CodeHostError::Refused(_))));
        // GitHub ran out of time, and shows what it had by then.
        assert!(matches!(error("", &none), Err(CodeHostError::Unavailable(_))));
        assert!(matches!(told(json!({ "data": nothing })), Err(CodeHostError::Unavailable(_))));
    }
}
