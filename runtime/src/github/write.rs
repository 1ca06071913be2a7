//! The writes that publishing needs, each by one permit and sent once.
//!
//! As a GitHub App each goes out with a token for its repository alone; one that changes files under
//! .github/workflows needs a further permission, which is asked for only then. Deliberately absent: force, and
//! merging.

use super::{
    GitHub,
    answer::About,
    call::{Ask, Route, parse},
    endpoint::encode,
    paid::Paid,
    shape,
    token::Scope,
    whereabouts::archived,
    wire::{JSON, Raw},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use campaigns_actors::ports::{CodeHostError, CommitDraft, NewPullRequest, Permit, RepositoryRef};
use campaigns_domain::{
    changeset::AwayCause,
    id::CommitSha,
    publish::{
        PullRequest,
        commit::{EntryContent, TreeEntry},
        standing::PauseCause,
    },
};
use http::Method;
use serde::{Serialize, de::DeserializeOwned};

/// One entry of a tree, as GitHub takes it: inline, by object id, or gone (`sha` null).
#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    mode: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<Option<&'a str>>,
}

impl<'a> From<&'a TreeEntry> for Entry<'a> {
    fn from(entry: &'a TreeEntry) -> Self {
        let (mode, content, sha) = match &entry.content {
            EntryContent::Inline { mode, text } => (mode.as_str(), Some(text.as_str()), None),
            EntryContent::Blob { mode, sha } => (mode.as_str(), None, Some(Some(sha.as_str()))),
            EntryContent::Delete => ("100644", None, Some(None)),
        };
        Self { path: entry.path.as_str(), mode, kind: "blob", content, sha }
    }
}

#[derive(Serialize)]
struct NewTree<'a> {
    base_tree: &'a str,
    tree: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Signature<'a> {
    name: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct NewCommit<'a> {
    message: &'a str,
    tree: &'a str,
    parents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Signature<'a>>,
}

/// A write as it is meant.
pub(super) struct Write<'a, B> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) rest: String,
    pub(super) body: B,
    pub(super) subject: String,
    pub(super) doing: String,
    pub(super) workflows: bool,
    pub(super) permit: Permit,
    pub(super) repository: &'a RepositoryRef,
}

impl GitHub {
    pub(super) async fn write<T: DeserializeOwned, B: Serialize>(
        &self,
        write: Write<'_, B>,
    ) -> Result<T, CodeHostError> {
        let about =
            About { subject: write.subject.clone(), doing: write.doing.clone(), write: true, app: false };
        let raw = self.send(write).await?;
        parse(&about, &raw)
    }

    /// The same where nothing of the answer is read, which may have no body at all.
    pub(super) async fn send<B: Serialize>(&self, write: Write<'_, B>) -> Result<Raw, CodeHostError> {
        if write.permit.has_expired() {
            return Err(CodeHostError::PermitExpired);
        }
        let name = self.name(write.repository);
        let body = serde_json::to_vec(&write.body).map_err(|error| {
            CodeHostError::Refused(format!("{} cannot be written down: {error}", write.subject))
        })?;
        // A request without a body says `null` in the words of serde.
        let body = (body != b"null").then(|| Bytes::from(body));
        let ask = Ask {
            operation: write.operation,
            method: write.method,
            route: Route::Repository(write.repository, write.rest),
            accept: JSON,
            body,
            scope: Scope::Repository {
                owner: name.owner().to_ascii_lowercase(),
                id: write.repository.id.0,
                workflows: write.workflows && self.tokens.is_app(),
            },
            about: About { subject: write.subject, doing: write.doing, write: true, app: false },
            paid: Paid::Permit(&write.permit),
            understood: &[],
        };
        let scope = ask.scope.clone();
        match self.ask(ask).await {
            Err(error) if self.tokens.is_app() && may_be_closed(&error) => {
                // The token at hand may be older than the loss of one repository; a new one tells.
                self.tokens.forget(&scope).await;
                match self.tokens.bearer(&self.wire, &scope).await {
                    Err(away @ CodeHostError::Away(_)) => Err(away),
                    _ => Err(error),
                }
            }
            // What was written to is of no interest where nothing can be.
            Err(CodeHostError::Away(found)) if found.cause == AwayCause::Archived => Err(archived(&name)),
            answer => answer,
        }
    }

    fn about_workflows(&self, object: &str) -> bool {
        super::lock(&self.workflows).contains(object)
    }

    fn note_workflows(&self, object: &str) {
        super::lock(&self.workflows).insert(object.to_owned());
    }

    /// A refusal for want of the workflows permission, by a token that was not asked to have it (a process that
    /// made the commit is gone): the next attempt asks for it.
    fn learn_workflows<T>(&self, object: &str, result: Result<T, CodeHostError>) -> Result<T, CodeHostError> {
        match result {
            Err(CodeHostError::Refused(words))
                if self.tokens.is_app()
                    && !self.about_workflows(object)
                    && words.contains(".github/workflows") =>
            {
                self.note_workflows(object);
                Err(CodeHostError::Unavailable(format!("{words}; it is asked for with the next attempt")))
            }
            other => other,
        }
    }

    pub(super) async fn new_blob(
        &self,
        repository: &RepositoryRef,
        content: Bytes,
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        let name = self.name(repository);
        let body = serde_json::json!({"content": STANDARD.encode(&content), "encoding": "base64"});
        drop(content);
        let made: shape::Named = self
            .write(Write {
                operation: "git/create-blob",
                method: Method::POST,
                rest: "/git/blobs".to_owned(),
                body,
                subject: format!("the repository {name}"),
                doing: format!("writing a file's content to {name}"),
                workflows: false,
                permit,
                repository,
            })
            .await?;
        Ok(made.sha)
    }

    pub(super) async fn new_tree(
        &self,
        repository: &RepositoryRef,
        base: &str,
        entries: &[TreeEntry],
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        let name = self.name(repository);
        let workflows = entries
            .iter()
            .any(|entry| entry.path.as_str().to_ascii_lowercase().starts_with(".github/workflows/"));
        let made: shape::Named = self
            .write(Write {
                operation: "git/create-tree",
                method: Method::POST,
                rest: "/git/trees".to_owned(),
                body: NewTree { base_tree: base, tree: entries.iter().map(Entry::from).collect() },
                subject: format!("the repository {name} or the tree {base} in it"),
                doing: format!("writing a tree to {name}"),
                workflows,
                permit,
                repository,
            })
            .await?;
        if workflows {
            self.note_workflows(&made.sha);
        }
        Ok(made.sha)
    }

    pub(super) async fn new_commit(
        &self,
        repository: &RepositoryRef,
        draft: &CommitDraft,
        permit: Permit,
    ) -> Result<CommitSha, CodeHostError> {
        let name = self.name(repository);
        let workflows = self.about_workflows(&draft.tree);
        let author = draft.author.as_ref();
        let made: shape::Named = self
            .write(Write {
                operation: "git/create-commit",
                method: Method::POST,
                rest: "/git/commits".to_owned(),
                body: NewCommit {
                    message: &draft.message,
                    tree: &draft.tree,
                    parents: draft.parents.iter().map(|parent| parent.0.as_str()).collect(),
                    author: author.map(|author| Signature { name: &author.name, email: &author.email }),
                },
                subject: format!("the repository {name} or the tree {} in it", draft.tree),
                doing: format!("writing a commit to {name}"),
                workflows,
                permit,
                repository,
            })
            .await?;
        if workflows {
            self.note_workflows(&made.sha);
        }
        Ok(CommitSha(made.sha))
    }

    pub(super) async fn new_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let name = self.name(repository);
        let made: Result<serde::de::IgnoredAny, _> = self
            .write(Write {
                operation: "git/create-ref",
                method: Method::POST,
                rest: "/git/refs".to_owned(),
                body: serde_json::json!({"ref": format!("refs/heads/{branch}"), "sha": commit.0}),
                subject: format!("the repository {name}"),
                doing: format!("making the branch `{branch}` in {name}"),
                workflows: self.about_workflows(&commit.0),
                permit,
                repository,
            })
            .await;
        self.learn_workflows(&commit.0, made).map(drop)
    }

    pub(super) async fn move_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let name = self.name(repository);
        let made: Result<serde::de::IgnoredAny, _> = self
            .write(Write {
                operation: "git/update-ref",
                method: Method::PATCH,
                rest: format!("/git/refs/heads/{}", encode(branch, true)),
                body: serde_json::json!({"sha": commit.0, "force": false}),
                subject: format!("the branch `{branch}` of {name}"),
                doing: format!("moving the branch `{branch}` of {name} forward"),
                workflows: self.about_workflows(&commit.0),
                permit,
                repository,
            })
            .await;
        self.learn_workflows(&commit.0, made).map(drop)
    }

    pub(super) async fn new_pull(
        &self,
        repository: &RepositoryRef,
        new: &NewPullRequest,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let name = self.name(repository);
        let NewPullRequest { title, body, head, base, draft } = new;
        let made: shape::Pull = self
            .write(Write {
                operation: "pulls/create",
                method: Method::POST,
                rest: "/pulls".to_owned(),
                body: serde_json::json!({"title": title, "body": body, "head": head, "base": base, "draft": draft}),
                subject: format!("the repository {name}"),
                doing: format!("opening a pull request in {name} from `{head}` to `{base}`"),
                workflows: false,
                permit,
                repository,
            })
            .await?;
        self.belongs(repository, made)
    }

    pub(super) async fn change_pull(
        &self,
        repository: &RepositoryRef,
        number: u64,
        title: &str,
        body: &str,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let name = self.name(repository);
        let made: shape::Pull = self
            .write(Write {
                operation: "pulls/update",
                method: Method::PATCH,
                rest: format!("/pulls/{number}"),
                body: serde_json::json!({"title": title, "body": body}),
                subject: format!("the pull request {name}#{number}"),
                doing: format!("changing the words of the pull request {name}#{number}"),
                workflows: false,
                permit,
                repository,
            })
            .await?;
        self.belongs(repository, made)
    }
}

/// Whether an answer may mean no more than that the App lost this one repository.
fn may_be_closed(error: &CodeHostError) -> bool {
    match error {
        CodeHostError::NotFound(_) => true,
        CodeHostError::Unauthorized(why) => why.cause == PauseCause::PermissionMissing,
        _ => false,
    }
}
