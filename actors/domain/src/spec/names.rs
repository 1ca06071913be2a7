//! The rules for names that a spec holds: campaigns, branches, images, environment variables, paths of files.
//!
//! Each function names the rule that a text breaks, or nothing. Deliberately absent: repositories
//! (`id::RepositoryName`) and globs (`glob`).

/// Git's `check-ref-format` rules for a branch, with GitHub's: not a commit's id, at most 244 bytes.
///
/// ```
/// use campaigns_domain::spec::branch_flaw;
/// assert_eq!(branch_flaw("campaigns/add-license"), None);
/// assert_eq!(branch_flaw("a..b"), Some("it holds `..`"));
/// ```
pub fn branch_flaw(name: &str) -> Option<&'static str> {
    const FORBIDDEN: [char; 8] = [' ', '~', '^', ':', '?', '*', '[', '\\'];
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > 244 {
        Some("it is longer than 244 bytes")
    } else if name.contains(|c: char| c.is_ascii_control()) {
        Some("it holds a control character")
    } else if name.contains(FORBIDDEN) {
        Some("it holds a space or one of `~ ^ : ? * [ \\`")
    } else if name.contains("..") {
        Some("it holds `..`")
    } else if name.contains("@{") {
        Some("it holds `@{`")
    } else if name == "@" || name == "HEAD" {
        Some("git gives that name a meaning of its own")
    } else if name.starts_with('-') {
        Some("it begins with `-`")
    } else if name.ends_with('.') {
        Some("it ends with `.`")
    } else if name.starts_with("refs/") {
        Some("it is a whole ref: leave `refs/heads/` out")
    } else if name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        Some("it looks like a commit's id")
    } else {
        name.split('/').find_map(|part| match part {
            "" => Some("it begins or ends with `/`, or holds `//`"),
            part if part.starts_with('.') => Some("a part of it begins with `.`"),
            part if part.ends_with(".lock") => Some("a part of it ends with `.lock`"),
            _ => None,
        })
    }
}

/// `^[\w.-]+$` of the batch spec, at most 100 characters; not what an address takes for a folder.
///
/// ```
/// use campaigns_domain::spec::campaign_flaw;
/// assert_eq!(campaign_flaw("add-license"), None);
/// assert_eq!(campaign_flaw(""), Some("it is empty"));
/// ```
pub fn campaign_flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        Some("it holds something else than letters, digits, `_`, `.` and `-`")
    } else if name.len() > 100 {
        Some("it is longer than 100 characters")
    } else if name == "." || name == ".." {
        Some("addresses and paths give that name a meaning of its own")
    } else {
        None
    }
}

/// An image's name goes into a container engine's arguments: one word that is no option.
pub(super) fn image_flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.starts_with('-') {
        Some("it begins with `-`")
    } else if name.contains("${{") {
        Some("templates are not supported in an image's name")
    } else if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("it holds a space or a control character")
    } else {
        None
    }
}

/// POSIX's names for environment variables.
pub(super) fn variable_flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        Some("it begins with a digit")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Some("it holds something else than letters, digits and `_`")
    } else {
        None
    }
}

/// A file that a step finds: an absolute path without detours.
pub(super) fn file_flaw(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("it is not absolute")
    } else if path.contains(|c: char| c.is_control()) {
        Some("it holds a control character")
    } else if path.len() > 4096 {
        Some("it is longer than 4096 bytes")
    } else if path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) {
        Some("it ends with `/`, or holds `//`, `.` or `..`")
    } else {
        None
    }
}

/// The known word that was probably meant by `word`: at most two letters away, and less than half of it.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 2 < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, for short words; long ones are far from everything.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let left = row.get(j).copied().unwrap_or(usize::MAX);
            let best = (diagonal + usize::from(from != to)).min(above + 1).min(left + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
