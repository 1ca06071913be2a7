//! Which changed paths and links no patch may carry, beyond what a path itself can say.
//!
//! A pushed branch is checked out by people and machines of every kind, so that a change may neither name git's
//! own folder under any spelling, nor put a symbolic link that leads out of the repository, nor add a name that
//! a case-insensitive file system takes for another one. What the repository held before is not judged.
//! Deliberately absent: the campaign's policy on CI-sensitive paths.

use crate::failure::{Failure, readable};
use crate::snapshot::Baseline;
use campaigns_domain::execution::manifest::ChangedFile;
use campaigns_domain::execution::{Change, RepositoryPath};
use std::collections::HashMap;

/// The path as a change may name it.
///
/// # Errors
/// [`Failure::PathRefused`] with the rule it breaks.
pub(super) fn path(path: &[u8]) -> Result<RepositoryPath, Failure> {
    let refused = |reason: String| Failure::PathRefused { path: readable(path), reason };
    let text = std::str::from_utf8(path)
        .map_err(|_| refused("it is not UTF-8; let the step give it another name or remove it".into()))?;
    RepositoryPath::new(text)
        .map_err(|error| refused(format!("{}; let the step give it another name or remove it", error.reason)))
}

/// Refuses a folder by its own name, before looking inside.
///
/// # Errors
/// [`Failure::PathRefused`] where it is `.git` by any spelling.
pub(super) fn folder(path: &[u8], name: &[u8]) -> Result<(), Failure> {
    match RepositoryPath::new(String::from_utf8_lossy(name)) {
        Err(error) if error.reason.contains("git's own") => Err(Failure::PathRefused {
            path: readable(path),
            reason: "a step made a git folder; let it be removed before the last step ends (steps need no \
                     repository of their own: every change is found without git)"
                .into(),
        }),
        _ => Ok(()),
    }
}

/// Checks where a new or changed symbolic link leads, by its text alone.
///
/// Only leading `..` parts may go up: what stands before a later one might itself be a link, so that its parent
/// is not known from the text.
///
/// # Errors
/// [`Failure::PathRefused`] where it is absolute, may leave the repository, or leads into git's own folder.
pub(super) fn link(path: &[u8], destination: &[u8]) -> Result<(), Failure> {
    let refused = |why: &str| {
        let to = readable(destination);
        let reason =
            format!("it is a symbolic link to `{to}`, which {why}; link to a path inside the repository");
        Err(Failure::PathRefused { path: readable(path), reason })
    };
    if destination.is_empty() || destination.contains(&0) {
        return refused("is no path");
    }
    if destination.starts_with(b"/") {
        return refused("is absolute");
    }
    let Ok(text) = std::str::from_utf8(destination) else { return refused("is not UTF-8") };
    let depth = path.iter().filter(|byte| **byte == b'/').count();
    let (mut up, mut down) = (0, false);
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            down = true;
            if let Err(error) = RepositoryPath::new(part)
                && error.reason.contains("git's own")
            {
                return refused("leads into git's own folder");
            }
        } else if down {
            return refused("goes down and up again");
        } else {
            up += 1;
        }
    }
    if up > depth { refused("leads out of the repository") } else { Ok(()) }
}

/// Refuses added paths that differ only in case from another path, or from a folder of another path: on a
/// case-insensitive file system one would be written through the other.
///
/// # Errors
/// [`Failure::PathRefused`] for the first one, in byte order.
pub(super) fn collisions(baseline: &Baseline, changes: &[ChangedFile]) -> Result<(), Failure> {
    let added: Vec<&str> = changes
        .iter()
        .filter(|change| matches!(change.change, Change::Put { added: true, .. }))
        .map(|change| change.path.as_str())
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    let gone = |path: &[u8]| {
        changes
            .binary_search_by(|change| change.path.as_str().as_bytes().cmp(path))
            .is_ok_and(|place| changes[place].change == Change::Delete)
    };
    let kept = baseline.entries().iter().map(|(path, _)| path.as_slice()).filter(|path| !gone(path));
    let kept: Vec<&str> = kept.filter_map(|path| std::str::from_utf8(path).ok()).collect();
    let mut entries: HashMap<String, &str> = kept.iter().map(|path| (path.to_lowercase(), *path)).collect();
    let mut folders: HashMap<String, &str> = HashMap::new();
    for path in kept.iter().chain(&added) {
        for (at, _) in path.match_indices('/') {
            folders.entry(path[..at].to_lowercase()).or_insert(&path[..at]);
        }
    }
    for path in &added {
        let folded = path.to_lowercase();
        let through = path.match_indices('/').map(|(at, _)| &path[..at]);
        let clash = entries
            .get(&folded)
            .filter(|other| *other != path)
            .or_else(|| folders.get(&folded))
            .copied()
            .or_else(|| through.filter_map(|part| entries.get(&part.to_lowercase()).copied()).next());
        if let Some(other) = clash {
            let reason = format!(
                "it differs only in case from `{}`, which machines with a case-insensitive file system cannot \
                 keep apart",
                readable(other.as_bytes())
            );
            return Err(Failure::PathRefused { path: readable(path.as_bytes()), reason });
        }
        entries.insert(folded, path);
    }
    Ok(())
}
