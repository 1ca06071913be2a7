//! What repositories say about campaigns, many at once: a file on the default branch, a label, and a topic.
//!
//! Each repository is a field of its own in one query. The one connection, of topics, counts as a request for each of at most
//! fifty repositories, of which a hundred are a point (GraphQL rate limits), so that a query costs one point. A repository
//! has at most twenty topics.
//! Deliberately absent: what the file means.

use super::{GitHub, answer::About, call::Ask, graphql, shape::graphql::Failure, wire::Raw};
use async_trait::async_trait;
use campaigns_actors::ports::{CodeHostError, Opting, ReadBudget, RepositoryRef, Wish};
use campaigns_domain::{
    id::RepositoryName,
    selection::{OPT_OUT_FILE, OPT_OUT_LABEL, OPT_OUT_TOPIC, OptOut},
};
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, fmt::Write as _};

#[derive(Deserialize)]
struct Answer {
    data: Option<HashMap<String, Option<Said>>>,
    #[serde(default)]
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    /// Whose words these are: another repository may have the name by now.
    database_id: Option<u64>,
    /// What it is called by now: a name leads on after a rename or a transfer.
    name_with_owner: RepositoryName,
    object: Option<Blob>,
    label: Option<serde::de::IgnoredAny>,
    repository_topics: Topics,
}

#[derive(Deserialize)]
struct Topics {
    nodes: Option<Vec<Option<Assigned>>>,
}

#[derive(Deserialize)]
struct Assigned {
    topic: Topic,
}

#[derive(Deserialize)]
struct Topic {
    name: String,
}

impl Topics {
    fn has(&self, name: &str) -> bool {
        let mut all = self.nodes.iter().flatten().flatten();
        all.any(|assigned| assigned.topic.name.eq_ignore_ascii_case(name))
    }
}

/// Empty for a folder of that name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    /// Null where it is no text.
    text: Option<String>,
    #[serde(default)]
    is_truncated: bool,
}

/// The query for so many repositories.
fn query(repositories: usize) -> String {
    let mut query = "query OptOuts($file: String!, $label: String!".to_owned();
    for nth in 0..repositories {
        // Writing into a text cannot fail.
        let _ = write!(query, ", $o{nth}: String!, $n{nth}: String!");
    }
    query.push_str(") {\n");
    for nth in 0..repositories {
        let _ = writeln!(query, "  r{nth}: repository(owner: $o{nth}, name: $n{nth}) {{ ...Says }}");
    }
    query.push_str(
        "}\nfragment Says on Repository {\n  databaseId nameWithOwner\n  object(expression: $file) { ... on Blob { text isTruncated } }\n  \
         label(name: $label) { id }\n  repositoryTopics(first: 100) { nodes { topic { name } } }\n}",
    );
    query
}

#[async_trait]
impl Opting for GitHub {
    async fn opt_outs(
        &self,
        owner: &str,
        repositories: &[RepositoryRef],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Wish, CodeHostError>>, CodeHostError> {
        let subject = format!("what {} repositories of {owner} say about campaigns", repositories.len());
        let about =
            About { doing: format!("reading {subject}"), subject, write: false, app: self.tokens.is_app() };
        let names: Vec<_> = repositories.iter().map(|repository| self.name(repository)).collect();
        let mut variables = json!({ "file": format!("HEAD:{OPT_OUT_FILE}"), "label": OPT_OUT_LABEL });
        for (nth, name) in names.iter().enumerate() {
            variables[format!("o{nth}")] = json!(name.owner());
            variables[format!("n{nth}")] = json!(name.name());
        }
        // One that is asked for alone may have moved to another owner.
        let owner = match names.as_slice() {
            [one] => one.owner(),
            _ => owner,
        };
        let query = Ask::query(
            "graphql/opt-outs",
            owner,
            about.clone(),
            &query(repositories.len()),
            variables,
            budget,
        );
        let raw = self.ask(query.understanding(graphql::UNANSWERED)).await;
        let raw = raw.map_err(|error| match repositories {
            [one] => self.unless_moved(one, error),
            _ => error,
        })?;
        read(&about, &raw, repositories)
    }
}

/// What the answer says about each of them.
fn read(
    about: &About,
    raw: &Raw,
    repositories: &[RepositoryRef],
) -> Result<Vec<Result<Wish, CodeHostError>>, CodeHostError> {
    let unanswered = |why: &str| CodeHostError::Unavailable(format!("{}: {why}", about.doing));
    if !raw.status.is_success() {
        return Err(unanswered(&raw.status.to_string()));
    }
    let answer: Answer = serde_json::from_slice(&raw.body)
        .map_err(|error| unanswered(&format!("the answer made no sense ({error})")))?;
    if let Some(limited) = answer.errors.iter().find_map(|error| graphql::limit(raw, error)) {
        return Err(limited);
    }
    let Some(mut data) = answer.data else { return Err(unanswered("an answer without data")) };
    let one = |(nth, RepositoryRef { id, name }): (usize, &RepositoryRef)| {
        let key = format!("r{nth}");
        let of = |error: &&Failure| error.path.first().and_then(|part| part.as_str()) == Some(key.as_str());
        let own = answer.errors.iter().find(of);
        match (data.remove(&key).flatten(), own.map(|error| error.kind.as_str())) {
            (Some(said), None) if said.database_id != Some(id.0) => {
                Err(CodeHostError::NotFound(format!("the repository {name} (id {})", id.0)))
            }
            (Some(said), None) => {
                let says = OptOut {
                    // What is no text, or too long for one, is understood by nobody: it counts as a wish all the same.
                    file: said.object.map(|blob| {
                        blob.text.filter(|_| !blob.is_truncated).unwrap_or_else(|| "\u{0}".to_owned())
                    }),
                    topic: said.repository_topics.has(OPT_OUT_TOPIC),
                    label: said.label.is_some(),
                };
                Ok(Wish { says, name: said.name_with_owner })
            }
            (_, Some("NOT_FOUND")) => Err(CodeHostError::NotFound(format!("the repository {name}"))),
            (_, Some("FORBIDDEN")) => {
                Err(CodeHostError::Refused(format!("GitHub does not show what {name} says about campaigns")))
            }
            _ => Err(unanswered(&format!("{name} is missing"))),
        }
    };
    Ok(repositories.iter().enumerate().map(one).collect())
}
