//! Differences between two trees, as GitHub lists them: per file with hunks, and as one unified diff. Renames
//! are found as git finds them by default. Nothing here is cached.

use git2::{Delta, Diff, DiffFindOptions, DiffFormat, DiffOptions, Oid, Patch, Repository};

/// One changed file.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Its path now (before, for a removed file).
    pub filename: String,
    /// Its path before, for a renamed file.
    pub previous: Option<String>,
    /// GitHub's word: `added`, `removed`, `modified`, `renamed`, `changed`.
    pub status: &'static str,
    /// The blob now (before, for a removed file).
    pub sha: Oid,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// The hunks; absent for binary files and for those GitHub finds too large.
    pub patch: Option<String>,
}

/// GitHub leaves the hunks of very large files out of the list.
const LARGEST_PATCH: usize = 1_000_000;

/// What is different between the trees of two commits; `None` is the empty tree.
pub fn between<'repo>(
    repository: &'repo Repository,
    old: Option<Oid>,
    new: Oid,
) -> Result<Diff<'repo>, git2::Error> {
    let old = match old {
        Some(oid) => Some(repository.find_commit(oid)?.tree()?),
        None => None,
    };
    let new = repository.find_commit(new)?.tree()?;
    let mut options = DiffOptions::new();
    options.id_abbrev(7);
    let mut diff = repository.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options))?;
    diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
    Ok(diff)
}

/// Each changed file.
pub fn files(diff: &Diff<'_>) -> Result<Vec<FileChange>, git2::Error> {
    (0..diff.deltas().len()).map(|index| file(diff, index)).collect()
}

fn file(diff: &Diff<'_>, index: usize) -> Result<FileChange, git2::Error> {
    let patch = Patch::from_diff(diff, index)?;
    let delta = diff.get_delta(index).ok_or_else(|| git2::Error::from_str("a delta is missing"))?;
    let path = |side: &git2::DiffFile<'_>| {
        side.path_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    };
    let (status, side) = match delta.status() {
        Delta::Added | Delta::Copied => ("added", delta.new_file()),
        Delta::Deleted => ("removed", delta.old_file()),
        Delta::Renamed => ("renamed", delta.new_file()),
        Delta::Typechange => ("changed", delta.new_file()),
        _ => ("modified", delta.new_file()),
    };
    let (mut additions, mut deletions, mut text) = (0, 0, None);
    if let Some(mut patch) = patch {
        (_, additions, deletions) = patch.line_stats()?;
        if additions + deletions > 0 {
            let whole = patch.to_buf()?;
            text = hunks(&whole).filter(|hunks| hunks.len() <= LARGEST_PATCH);
        }
    }
    Ok(FileChange {
        filename: path(&side),
        previous: (delta.status() == Delta::Renamed).then(|| path(&delta.old_file())),
        status,
        sha: side.id(),
        additions,
        deletions,
        patch: text,
    })
}

/// The hunks of one file's patch, without its header and last newline.
fn hunks(patch: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(patch);
    let start = text.find("\n@@ ")? + 1;
    Some(text[start..].strip_suffix('\n').unwrap_or(&text[start..]).to_owned())
}

/// The whole difference as `git diff` prints it.
pub fn unified(diff: &Diff<'_>) -> Result<Vec<u8>, git2::Error> {
    let mut text = Vec::new();
    diff.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            text.push(line.origin() as u8);
        }
        text.extend_from_slice(line.content());
        true
    })?;
    Ok(text)
}

/// The commits that `head` has and `base` has not, oldest first.
pub fn commits(repository: &Repository, base: Oid, head: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)?;
    walk.push(head)?;
    walk.hide(base)?;
    walk.collect()
}
