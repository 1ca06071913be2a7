//! Refs: listing, creating, moving and deleting, with the refusals that GitHub words. Callers hold the
//! repository's lock; what a move means for pull requests is `follow`'s business.

use git2::{Oid, Repository};
use std::collections::BTreeMap;

/// A ref that moved: absent before when created, absent after when deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Full name.
    pub name: String,
    /// Where it was.
    pub old: Option<Oid>,
    /// Where it is.
    pub new: Option<Oid>,
}

impl Move {
    /// The branch, when it is one.
    pub fn branch(&self) -> Option<&str> {
        self.name.strip_prefix("refs/heads/")
    }
}

/// Why a ref cannot change.
#[derive(Debug, thiserror::Error)]
pub enum RefError {
    /// Creating what is there.
    #[error("Reference already exists")]
    Exists,
    /// Moving or deleting what is not there.
    #[error("Reference does not exist")]
    Missing,
    /// Moving back or sideways without force.
    #[error("Update is not a fast forward")]
    NotFastForward,
    /// Pointing at what is not there.
    #[error("Object does not exist")]
    NoObject,
    /// A name that git refuses.
    #[error("{0} is not a valid ref name.")]
    BadName(String),
    /// A branch of something that is no commit.
    #[error("Reference update failed")]
    Refused,
    /// libgit2 said no.
    #[error(transparent)]
    Git(#[from] git2::Error),
}

/// Every branch and tag.
pub fn all(repository: &Repository) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut found = BTreeMap::new();
    for reference in repository.references()? {
        let reference = reference?;
        if let (Ok(name), Some(oid)) = (reference.name(), reference.target())
            && !name.starts_with("refs/pull/")
        {
            found.insert(name.to_owned(), oid);
        }
    }
    Ok(found)
}

/// What is different between two listings.
pub fn moves(before: &BTreeMap<String, Oid>, after: &BTreeMap<String, Oid>) -> Vec<Move> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .map(|name| Move {
            name: name.clone(),
            old: before.get(name).copied(),
            new: after.get(name).copied(),
        })
        .filter(|moved| moved.old != moved.new)
        .collect()
}

/// The commit at the tip of a branch.
pub fn tip(repository: &Repository, branch: &str) -> Option<Oid> {
    repository.find_reference(&format!("refs/heads/{branch}")).ok()?.target()
}

/// Creates a ref.
pub fn create(repository: &Repository, name: &str, oid: Oid) -> Result<Move, RefError> {
    check(repository, name, oid)?;
    if repository.find_reference(name).is_ok() {
        return Err(RefError::Exists);
    }
    repository.reference(name, oid, false, "created").map_err(|_| RefError::Refused)?;
    Ok(Move { name: name.to_owned(), old: None, new: Some(oid) })
}

/// Moves a ref, forward only unless forced.
pub fn update(repository: &Repository, name: &str, oid: Oid, force: bool) -> Result<Move, RefError> {
    let old =
        repository.find_reference(name).ok().and_then(|found| found.target()).ok_or(RefError::Missing)?;
    check(repository, name, oid)?;
    if !force && old != oid && !repository.graph_descendant_of(oid, old).unwrap_or(false) {
        return Err(RefError::NotFastForward);
    }
    repository.reference_matching(name, oid, true, old, "moved").map_err(|_| RefError::Refused)?;
    Ok(Move { name: name.to_owned(), old: Some(old), new: Some(oid) })
}

/// Deletes a ref.
pub fn delete(repository: &Repository, name: &str) -> Result<Move, RefError> {
    let mut found = repository.find_reference(name).map_err(|_| RefError::Missing)?;
    let old = found.target();
    found.delete()?;
    Ok(Move { name: name.to_owned(), old, new: None })
}

fn check(repository: &Repository, name: &str, oid: Oid) -> Result<(), RefError> {
    if !git2::Reference::is_valid_name(name) || name.starts_with("refs/pull/") {
        return Err(RefError::BadName(name.to_owned()));
    }
    let object = repository.find_object(oid, None).map_err(|_| RefError::NoObject)?;
    if name.starts_with("refs/heads/") && object.kind() != Some(git2::ObjectType::Commit) {
        return Err(RefError::Refused);
    }
    Ok(())
}
