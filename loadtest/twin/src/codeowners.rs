//! CODEOWNERS: who owns which paths, read from the base branch as GitHub reads it: `.github/`, the root, `docs/`,
//! the first that is there; the last pattern that matches a path wins; people and teams. Owners by address are
//! not known here, and sections are not GitHub's.

use crate::git::{diff, full_oid, refs};
use crate::world::model::Pull;
use crate::world::state::State;
use git2::Repository;

/// Where the file may be, in the order it is looked for.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// GitHub reads no larger one.
const LARGEST: usize = 3 << 20;

/// An owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An account.
    Person(u64),
    /// A team.
    Team(u64),
}

impl Owner {
    /// Is the account this owner, or one of its members?
    pub fn includes(&self, state: &State, account: u64) -> bool {
        match self {
            Self::Person(id) => *id == account,
            Self::Team(id) => state.teams.get(id).is_some_and(|team| team.members.contains(&account)),
        }
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Its pattern.
    pub pattern: &'a str,
    /// Its owners as written.
    pub owners: Vec<&'a str>,
}

/// The lines that say something.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let pattern = words.next()?;
            Some(Line { number: index + 1, pattern, owners: words.collect() })
        })
        .collect()
}

/// The file at a branch: its path and its text.
pub fn file(git: &Repository, branch: &str) -> Result<Option<(&'static str, String)>, git2::Error> {
    let Some(tip) = refs::tip(git, branch) else { return Ok(None) };
    let tree = git.find_commit(tip)?.tree()?;
    for place in PLACES {
        if let Ok(entry) = tree.get_path(std::path::Path::new(place))
            && let Ok(blob) = git.find_blob(entry.id())
        {
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            return Ok((blob.size() <= LARGEST).then_some((place, text)));
        }
    }
    Ok(None)
}

/// Finds an owner as it is written, if it is one that exists.
pub fn named(state: &State, owner: &str) -> Option<Owner> {
    let name = owner.strip_prefix('@')?;
    match name.split_once('/') {
        Some((org, slug)) => {
            let ours = state.org().is_some_and(|known| known.login.eq_ignore_ascii_case(org));
            let team = state.teams.values().find(|team| team.slug.eq_ignore_ascii_case(slug));
            team.filter(|_| ours).map(|team| Owner::Team(team.id))
        }
        None => state.account(name).map(|account| Owner::Person(account.id)),
    }
}

/// The owners of what a pull request changes, its author left out.
pub fn of(state: &State, git: &Repository, pull: &Pull) -> Result<Vec<Owner>, git2::Error> {
    let Some((_, text)) = file(git, &pull.base)? else { return Ok(Vec::new()) };
    let Some((base, head)) = refs::tip(git, &pull.base).zip(full_oid(&pull.head_sha)) else {
        return Ok(Vec::new());
    };
    let lines = lines(&text);
    let common = git.merge_base(base, head).ok();
    let mut found = Vec::new();
    for file in diff::files(&diff::between(git, common, head)?)? {
        let Some(line) = lines.iter().rev().find(|line| matches(line.pattern, &file.filename)) else {
            continue;
        };
        for owner in line.owners.iter().filter_map(|owner| named(state, owner)) {
            if !found.contains(&owner) && owner != Owner::Person(pull.author) {
                found.push(owner);
            }
        }
    }
    Ok(found)
}

/// Does a pattern match a path? As in .gitignore: a slash at the beginning or within ties it to the root, one at
/// the end means everything below, `*` stays within a folder and `**` does not.
pub fn matches(pattern: &str, path: &str) -> bool {
    let tied = pattern.trim_end_matches('/').contains('/');
    let below = pattern.ends_with('/');
    let pattern = pattern.trim_start_matches('/').trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let starts = if tied || pattern.starts_with("**") { 0..=0 } else { 0..=parts.len().saturating_sub(1) };
    // A folder's pattern owns what is in it; `docs/*` owns its files and not what is deeper.
    let ends = |start: usize| if below { start + 1..=parts.len() - 1 } else { start + 1..=parts.len() };
    starts.into_iter().any(|start| {
        ends(start).any(|end| {
            let whole = end == parts.len();
            let deeper = !pattern.ends_with("/*") || whole;
            deeper && glob(pattern.as_bytes(), parts[start..end].join("/").as_bytes())
        })
    })
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            glob(rest, text)
                || text.iter().enumerate().any(|(at, byte)| *byte == b'/' && glob(rest, &text[at + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let reach = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=reach).any(|at| glob(rest, &text[at..]))
        }
        [b'?', rest @ ..] => text.split_first().is_some_and(|(byte, left)| *byte != b'/' && glob(rest, left)),
        [first, rest @ ..] => {
            text.split_first().is_some_and(|(byte, left)| byte == first && glob(rest, left))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_at_github() {
        for (pattern, path, means) in [
            ("*", "a/b.rs", true),
            ("*.rs", "a/b.rs", true),
            ("*.rs", "a/b.py", false),
            ("/build/logs/", "build/logs/x", true),
            ("/build/logs/", "a/build/logs/x", false),
            ("docs/*", "docs/a.md", true),
            ("docs/*", "docs/deep/a.md", false),
            ("apps/", "x/apps/y/z", true),
            ("/docs/", "docs/a/b", true),
            ("**/logs", "a/b/logs/c", true),
            ("/a/b.rs", "a/b.rs", true),
            ("/a", "ab", false),
        ] {
            assert_eq!(matches(pattern, path), means, "{pattern} {path}");
        }
        let read = lines("# who\n* @maintainer\n/src/ @acme/core @reviewer # all\n");
        assert_eq!((read.len(), read[1].number, read[1].owners.len()), (2, 3, 2));
    }
}
