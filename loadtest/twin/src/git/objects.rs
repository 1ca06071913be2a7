//! Blobs, trees and commits as GitHub's Git Data API makes them: trees by paths over a base, commits signed by
//! the service when nobody claims authorship. A signature here is the twin's own (an HMAC in an armoured
//! block): it is verified by the twin alone, as GitHub's `verification` is GitHub's word.

use crate::secrets::Secrets;
use chrono::{DateTime, Utc};
use git2::{Commit, ObjectType, Oid, Repository, Signature, Time, Tree};
use std::collections::BTreeMap;

/// What becomes of a path.
#[derive(Clone, Debug)]
pub enum PathEdit {
    /// It is this object with this mode.
    Put {
        /// The object.
        oid: Oid,
        /// `0o100644`, `0o100755`, `0o120000`, `0o160000` or `0o040000`.
        mode: i32,
    },
    /// It is gone.
    Delete,
}

/// Why a tree cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A path to delete is not there, or an object is missing: GitHub's message for both.
    #[error("GitRPC::BadObjectState")]
    BadObject,
    /// A path that git refuses.
    #[error("tree.path contains a malformed path component")]
    BadPath,
    /// libgit2 said no.
    #[error(transparent)]
    Git(#[from] git2::Error),
}

/// Writes the tree that `edits` make of `base`.
pub fn edit_tree(
    repository: &Repository,
    base: Option<&Tree<'_>>,
    edits: Vec<(String, PathEdit)>,
) -> Result<Oid, TreeError> {
    match edit_level(repository, base, edits)? {
        Some(oid) => Ok(oid),
        None => Ok(repository.treebuilder(None)?.write()?),
    }
}

fn edit_level(
    repository: &Repository,
    base: Option<&Tree<'_>>,
    edits: Vec<(String, PathEdit)>,
) -> Result<Option<Oid>, TreeError> {
    let mut builder = repository.treebuilder(base)?;
    let mut below: BTreeMap<String, Vec<(String, PathEdit)>> = BTreeMap::new();
    for (path, edit) in edits {
        let first = path.split('/').next().unwrap_or_default();
        if ["", ".", ".."].contains(&first) || first.eq_ignore_ascii_case(".git") || path.contains('\0') {
            return Err(TreeError::BadPath);
        }
        match path.split_once('/') {
            Some((first, rest)) => below.entry(first.to_owned()).or_default().push((rest.to_owned(), edit)),
            None => match edit {
                PathEdit::Put { oid, mode } => {
                    let expected = match mode {
                        0o040_000 => Some(ObjectType::Tree),
                        0o160_000 => None,
                        _ => Some(ObjectType::Blob),
                    };
                    if expected.is_some() && repository.find_object(oid, expected).is_err() {
                        return Err(TreeError::BadObject);
                    }
                    builder.insert(&path, oid, mode)?;
                }
                PathEdit::Delete => {
                    if builder.get(&path)?.is_none() {
                        return Err(TreeError::BadObject);
                    }
                    builder.remove(&path)?;
                }
            },
        }
    }
    for (name, edits) in below {
        let subtree = match builder.get(&name)? {
            Some(entry) if entry.kind() == Some(ObjectType::Tree) => Some(repository.find_tree(entry.id())?),
            _ => None,
        };
        match edit_level(repository, subtree.as_ref(), edits)? {
            Some(oid) => {
                builder.insert(&name, oid, 0o040_000)?;
            }
            None if subtree.is_some() => builder.remove(&name)?,
            None => {}
        }
    }
    if builder.is_empty() { Ok(None) } else { Ok(Some(builder.write()?)) }
}

/// A person in a commit.
#[derive(Clone, Debug)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// When, with the offset from UTC in minutes.
    pub when: (i64, i32),
}

impl Person {
    /// Somebody, now.
    pub fn new(name: &str, email: &str, at: DateTime<Utc>) -> Self {
        Self { name: name.to_owned(), email: email.to_owned(), when: (at.timestamp(), 0) }
    }

    /// The committer of commits that the service itself makes and signs.
    pub fn service(at: DateTime<Utc>) -> Self {
        Self::new("GitHub", "noreply@github.com", at)
    }

    fn signature(&self) -> Result<Signature<'static>, git2::Error> {
        Signature::new(&self.name, &self.email, &Time::new(self.when.0, self.when.1))
    }
}

/// A commit to be written.
#[derive(Debug)]
pub struct NewCommit<'a> {
    /// Who wrote it.
    pub author: &'a Person,
    /// Who committed it.
    pub committer: &'a Person,
    /// Its message.
    pub message: &'a str,
    /// Its tree.
    pub tree: Oid,
    /// Its parents.
    pub parents: &'a [Oid],
}

/// Writes a commit; `signer` signs it, `signature` is one that the client brought.
pub fn write_commit(
    repository: &Repository,
    new: &NewCommit<'_>,
    signer: Option<&Secrets>,
    signature: Option<&str>,
) -> Result<Oid, git2::Error> {
    let tree = repository.find_tree(new.tree)?;
    let parents =
        new.parents.iter().map(|oid| repository.find_commit(*oid)).collect::<Result<Vec<_>, _>>()?;
    let borrowed: Vec<&Commit<'_>> = parents.iter().collect();
    let buffer = repository.commit_create_buffer(
        &new.author.signature()?,
        &new.committer.signature()?,
        new.message,
        &tree,
        &borrowed,
    )?;
    let text = std::str::from_utf8(&buffer).map_err(|error| git2::Error::from_str(&error.to_string()))?;
    match (signer, signature) {
        (_, Some(signature)) => repository.commit_signed(text, signature.trim_end(), None),
        (Some(secrets), None) => repository.commit_signed(text, &armour(secrets, text.as_bytes()), None),
        (None, None) => repository.odb()?.write(ObjectType::Commit, text.as_bytes()),
    }
}

const OPENING: &str = "-----BEGIN PGP SIGNATURE-----";
const CLOSING: &str = "-----END PGP SIGNATURE-----";

fn armour(secrets: &Secrets, payload: &[u8]) -> String {
    format!("{OPENING}\n\n{}\n{CLOSING}", secrets.sign("commit", payload))
}

/// What the service says about a commit's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// `valid`, `unsigned` or `unknown_key`.
    pub reason: &'static str,
    /// The signature as the commit holds it.
    pub signature: Option<String>,
    /// What was signed.
    pub payload: Option<String>,
}

/// Checks a commit's signature against this twin's key.
pub fn verify(repository: &Repository, commit: Oid, secrets: &Secrets) -> Verification {
    let Ok((signature, payload)) = repository.extract_signature(&commit, None) else {
        return Verification { reason: "unsigned", signature: None, payload: None };
    };
    let signature = String::from_utf8_lossy(&signature).into_owned();
    let payload = String::from_utf8_lossy(&payload).into_owned();
    let ours = signature
        .strip_prefix(OPENING)
        .and_then(|rest| rest.trim_end().strip_suffix(CLOSING))
        .is_some_and(|inner| secrets.verify("commit", payload.as_bytes(), inner.trim()));
    let reason = if ours { "valid" } else { "unknown_key" };
    Verification { reason, signature: Some(signature), payload: Some(payload) }
}

/// One line of a tree listing.
#[derive(Clone, Debug)]
pub struct TreeLine {
    /// Path from the root of the listing.
    pub path: String,
    /// Mode as git stores it.
    pub mode: i32,
    /// The object.
    pub oid: Oid,
    /// Bytes, for a blob.
    pub size: Option<usize>,
}

/// Lists a tree, at most `limit` lines; true when some were left out.
pub fn list_tree(
    repository: &Repository,
    tree: &Tree<'_>,
    recursive: bool,
    limit: usize,
) -> Result<(Vec<TreeLine>, bool), git2::Error> {
    let odb = repository.odb()?;
    let mut lines = Vec::new();
    let mut truncated = false;
    list_level(repository, &odb, tree, "", recursive, limit, &mut lines, &mut truncated)?;
    Ok((lines, truncated))
}

#[allow(clippy::too_many_arguments, reason = "one private recursion over two accumulators")]
fn list_level(
    repository: &Repository,
    odb: &git2::Odb<'_>,
    tree: &Tree<'_>,
    prefix: &str,
    recursive: bool,
    limit: usize,
    lines: &mut Vec<TreeLine>,
    truncated: &mut bool,
) -> Result<(), git2::Error> {
    for entry in tree {
        if lines.len() >= limit {
            *truncated = true;
            return Ok(());
        }
        let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
        let mode = entry.filemode();
        let size = match entry.kind() {
            Some(ObjectType::Blob) => Some(odb.read_header(entry.id())?.0),
            _ => None,
        };
        lines.push(TreeLine { path: path.clone(), mode, oid: entry.id(), size });
        if recursive && entry.kind() == Some(ObjectType::Tree) {
            let subtree = repository.find_tree(entry.id())?;
            list_level(repository, odb, &subtree, &format!("{path}/"), true, limit, lines, truncated)?;
        }
    }
    Ok(())
}

/// `blob`, `tree` or `commit`, as a tree entry's mode says.
pub fn kind_of_mode(mode: i32) -> &'static str {
    match mode {
        0o040_000 => "tree",
        0o160_000 => "commit",
        _ => "blob",
    }
}
