//! One request on its way through an operation, and the answer that comes of it. It finds the repository and
//! the pull request that the path names, refusing as GitHub does, and reads the body's fields. No operation is
//! decided here.

use super::catalog::Matched;
use super::refusal::Refusal;
use super::urls::Urls;
use crate::auth::{Caller, accepted};
use crate::git;
use crate::world::World;
use crate::world::model::{Level, Pull, RepositoryRecord};
use crate::world::state::Found;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::cell::RefCell;

/// What an operation needs.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Anybody may ask.
    Anyone,
    /// Only the app with its JWT.
    App,
    /// Anybody with a token.
    Token,
    /// Only an installation token.
    Installation,
    /// Any one of these on the repository that the path names.
    Repository(&'static [(&'static str, Level)]),
}

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Reads,
    /// Changes something.
    Writes,
    /// Creates content, which GitHub limits apart (pull requests, comments, commits, refs, …).
    Creates,
}

/// An answer's body.
#[derive(Debug)]
pub enum Payload {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// Something else.
    Raw(String, Bytes),
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beyond the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Payload,
    /// For `Last-Modified`.
    pub last_modified: Option<DateTime<Utc>>,
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Json(body), last_modified: None }
    }

    /// 200 and JSON.
    pub fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// A status alone.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Empty, last_modified: None }
    }

    /// 200 and something else than JSON.
    pub fn raw(kind: &str, body: impl Into<Bytes>) -> Self {
        let body = Payload::Raw(kind.to_owned(), body.into());
        Self { status: 200, headers: Vec::new(), body, last_modified: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the `Link` header of a page.
    #[must_use]
    pub fn link(self, link: Option<String>) -> Self {
        match link {
            Some(link) => self.header("link", link),
            None => self,
        }
    }

    /// Says when it last changed.
    #[must_use]
    pub fn modified(mut self, at: DateTime<Utc>) -> Self {
        self.last_modified = Some(at);
        self
    }
}

/// What an operation comes to.
pub type Outcome = Result<Reply, Refusal>;

/// What the log wants to know of a request.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `owner/name`.
    pub repo: Option<String>,
    /// Pull request.
    pub pull: Option<u64>,
    /// Head branch of a pull request that was opened.
    pub head: Option<String>,
    /// The limit that refused it, by its word in the log.
    pub limit: Option<&'static str>,
}

/// One request.
#[derive(Debug)]
pub struct Call<'a> {
    /// The world.
    pub world: &'a World,
    /// The operation and its path parameters.
    pub matched: &'a Matched,
    /// Decoded query.
    pub query: Vec<(String, String)>,
    /// `Accept`.
    pub accept: String,
    /// JSON body; null when there was none.
    pub body: Value,
    /// Who is asking.
    pub caller: Caller,
    /// How addresses are written in this layout.
    pub urls: Urls,
    /// The path, without the layout's prefix.
    pub path: String,
    /// What the operation needs.
    pub need: Need,
    /// What it does.
    pub kind: Kind,
    /// Now.
    pub now: DateTime<Utc>,
    /// What the log will say.
    pub facts: RefCell<Facts>,
}

impl Call<'_> {
    /// A path parameter.
    pub fn param(&self, name: &str) -> &str {
        self.matched.param(name)
    }

    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The whole query.
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// Does `Accept` ask for this media type's flavour (`raw`, `diff`, `patch`, `sha`, `object`, `html`)?
    pub fn wants(&self, flavour: &str) -> bool {
        self.accept.split(',').map(|kind| kind.split(';').next().unwrap_or("").trim()).any(|kind| {
            kind.strip_prefix("application/vnd.github.").is_some_and(|rest| {
                let rest = rest.strip_prefix("v3.").unwrap_or(rest);
                rest.split('+').next() == Some(flavour)
            })
        })
    }

    /// The account that acts.
    pub fn actor(&self) -> Result<u64, Refusal> {
        self.caller.account(self.world).ok_or_else(Refusal::requires_authentication)
    }

    /// The repository that the path names, if the caller may do with it what the operation needs.
    pub fn repository(&self) -> Result<RepositoryRecord, Refusal> {
        let (owner, name) = (self.param("owner"), self.param("repo"));
        let (record, moved) = self
            .world
            .read(|state| {
                Some(match state.repository(owner, name.strip_suffix(".git").unwrap_or(name))? {
                    Found::Here(repository) => (repository.record.clone(), false),
                    Found::Moved(repository) => (repository.record.clone(), true),
                })
            })
            .ok_or_else(Refusal::not_found)?;
        if !self.caller.sees(&record) {
            return Err(Refusal::not_found());
        }
        if moved {
            return Err(self.moved(&record));
        }
        let full_name =
            self.world.read(|state| state.repositories.get(&record.id).map(|found| state.full_name(found)));
        self.facts.borrow_mut().repo = full_name;
        if let Need::Repository(any_of) = self.need
            && !self.caller.may_in(&record, any_of)
        {
            let refusal = if matches!(self.caller, Caller::Anonymous(_)) {
                Refusal::requires_authentication()
            } else {
                Refusal::new(403, "Resource not accessible by integration")
            };
            return Err(refusal.header("x-accepted-github-permissions", accepted(any_of)));
        }
        if record.archived && self.kind != Kind::Reads {
            return Err(Refusal::new(403, "Repository was archived so is read-only."));
        }
        Ok(record)
    }

    /// 301 to the repository's permanent address.
    fn moved(&self, record: &RepositoryRecord) -> Refusal {
        let url = format!("{}{}", self.urls.api, self.under_id(record.id));
        let mut refusal = Refusal::new(301, "Moved Permanently").header("location", url.clone());
        refusal.body = serde_json::json!({
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        });
        refusal
    }

    fn under_id(&self, id: u64) -> String {
        let rest: Vec<&str> = self.path.trim_matches('/').splitn(4, '/').collect();
        match rest.get(3) {
            Some(rest) => format!("/repositories/{id}/{rest}"),
            None => format!("/repositories/{id}"),
        }
    }

    /// The address of this request as `Link` headers write it: by id, so that it outlives a rename.
    pub fn permanent_path(&self) -> String {
        let mut parts = self.path.trim_matches('/').splitn(3, '/');
        let path = match (parts.next(), parts.next(), parts.next()) {
            (Some("repos"), Some(owner), Some(rest)) => {
                let name = rest.split('/').next().unwrap_or("");
                let id = self.world.read(|state| match state.repository(owner, name) {
                    Some(Found::Here(found) | Found::Moved(found)) => Some(found.record.id),
                    None => None,
                });
                id.map_or_else(|| self.path.clone(), |id| self.under_id(id))
            }
            (Some("orgs"), Some(_), Some(rest)) => {
                let id = self.world.read(|state| state.organization);
                format!("/organizations/{id}/{rest}")
            }
            _ => self.path.clone(),
        };
        format!("{}{path}", self.urls.api)
    }

    /// Opens the repository's objects.
    pub fn git(&self, record: &RepositoryRecord) -> Result<git2::Repository, Refusal> {
        Ok(self.world.git.open(record.id)?)
    }

    /// The commit that a name leads to; 409 in a repository without commits.
    pub fn commit<'repo>(
        &self,
        git: &'repo git2::Repository,
        name: &str,
    ) -> Result<git2::Commit<'repo>, Refusal> {
        if let Some(commit) = git::resolve_commit(git, name) {
            return Ok(commit);
        }
        if git::is_empty(git) {
            return Err(Refusal::empty_repository());
        }
        Err(Refusal::not_found())
    }

    /// The pull request that the path names (`pull_number` or `issue_number`).
    pub fn pull(&self, record: &RepositoryRecord) -> Result<Pull, Refusal> {
        let text = match self.param("pull_number") {
            "" => self.param("issue_number"),
            text => text,
        };
        let number: u64 = text.parse().map_err(|_| Refusal::not_found())?;
        let pull =
            self.world.read(|state| state.pull(record.id, number).cloned()).ok_or_else(Refusal::not_found)?;
        self.facts.borrow_mut().pull = Some(number);
        Ok(pull)
    }

    /// A text of the body that must be there.
    pub fn text(&self, field: &str) -> Result<&str, Refusal> {
        self.optional_text(field)?.ok_or_else(|| {
            Refusal::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))
        })
    }

    /// A text of the body that may be missing or null.
    pub fn optional_text(&self, field: &str) -> Result<Option<&str>, Refusal> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(not_a(field, other, "string")),
        }
    }

    /// A truth value of the body.
    pub fn flag(&self, field: &str) -> Result<Option<bool>, Refusal> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(not_a(field, other, "boolean")),
        }
    }

    /// A list of texts of the body.
    pub fn texts(&self, field: &str) -> Result<Option<Vec<String>>, Refusal> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| not_a(field, item, "string")))
                .collect::<Result<Vec<_>, _>>()
                .map(Some),
            Some(other) => Err(not_a(field, other, "array")),
        }
    }
}

/// The refusal of a field of the wrong type.
pub fn not_a(field: &str, value: &Value, kind: &str) -> Refusal {
    let shown: String = value.to_string().chars().take(80).collect();
    Refusal::unprocessable(format!("Invalid request.\n\nFor 'properties/{field}', {shown} is not a {kind}."))
}
