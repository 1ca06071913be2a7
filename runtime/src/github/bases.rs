//! Where branches stand, many at once: each repository is a field of its own in one query, which costs one point, since
//! it has no connection (GraphQL rate limits).
//!
//! It answers what is plain. A branch that is not there, one that was renamed, a repository of another id, an error
//! beside the data: all of that is read alone, by requests that tell such things apart. Deliberately absent: concluding
//! anything from what is missing.

use super::{GitHub, answer::About, call::Ask, graphql, shape::graphql::Failure};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{id::CommitSha, selection::Base};
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, fmt::Write as _};

#[derive(Deserialize)]
struct Answer {
    data: Option<HashMap<String, Option<Stands>>>,
    #[serde(default)]
    errors: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stands {
    database_id: Option<u64>,
    r#ref: Option<Ref>,
}

#[derive(Deserialize)]
struct Ref {
    name: String,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    oid: String,
    /// Only commits have one.
    tree: Option<Tree>,
}

#[derive(Deserialize)]
struct Tree {
    oid: String,
}

/// The query for so many branches.
fn query(branches: usize) -> String {
    let mut query = "query Bases(".to_owned();
    for nth in 0..branches {
        // Writing into a text cannot fail.
        let _ = write!(query, "$o{nth}: String!, $n{nth}: String!, $b{nth}: String!, ");
    }
    query.push_str(") {\n");
    for nth in 0..branches {
        let _ = writeln!(
            query,
            "  r{nth}: repository(owner: $o{nth}, name: $n{nth}) {{ databaseId ref(qualifiedName: $b{nth}) {{ ...Stands }} }}"
        );
    }
    query.push_str("}\nfragment Stands on Ref {\n  name\n  target { oid ... on Commit { tree { oid } } }\n}");
    query
}

impl GitHub {
    /// The heads of these branches of one owner's repositories, where they are plain.
    pub(super) async fn heads(
        &self,
        owner: &str,
        branches: &[(RepositoryRef, String)],
        budget: &ReadBudget,
    ) -> Result<Vec<Option<Base>>, CodeHostError> {
        let subject = format!("{} branches of {owner}", branches.len());
        let about =
            About { doing: format!("reading {subject}"), subject, write: false, app: self.tokens.is_app() };
        let mut variables = json!({});
        for (nth, (repository, branch)) in branches.iter().enumerate() {
            let name = self.name(repository);
            variables[format!("o{nth}")] = json!(name.owner());
            variables[format!("n{nth}")] = json!(name.name());
            variables[format!("b{nth}")] = json!(format!("refs/heads/{branch}"));
        }
        let query = query(branches.len());
        let ask = Ask::query("graphql/bases", owner, about.clone(), &query, variables, budget);
        let raw = self.ask(ask.understanding(graphql::UNANSWERED)).await?;
        let unanswered = |why: &str| CodeHostError::Unavailable(format!("{}: {why}", about.doing));
        if !raw.status.is_success() {
            return Err(unanswered(&raw.status.to_string()));
        }
        let answer: Answer = serde_json::from_slice(&raw.body)
            .map_err(|error| unanswered(&format!("the answer made no sense ({error})")))?;
        if let Some(limited) = answer.errors.iter().find_map(|error| graphql::limit(&raw, error)) {
            return Err(limited);
        }
        let Some(mut data) = answer.data else { return Err(unanswered("an answer without data")) };
        let one = |(nth, (repository, branch)): (usize, &(RepositoryRef, String))| {
            let key = format!("r{nth}");
            let own = |error: &Failure| error.path.first().and_then(|part| part.as_str()) == Some(&key);
            let stands = data.remove(&key).flatten().filter(|_| !answer.errors.iter().any(own))?;
            let here = stands.database_id == Some(repository.id.0);
            let found = stands.r#ref.filter(|found| here && found.name == *branch)?;
            let (commit, tree) = found.target.and_then(|target| Some((target.oid, target.tree?.oid)))?;
            super::lock(&self.trees).note(&commit, &tree);
            Some(Base { branch: found.name, commit: CommitSha(commit) })
        };
        Ok(branches.iter().enumerate().map(one).collect())
    }
}
