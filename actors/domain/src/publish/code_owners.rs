//! CODEOWNERS: who owns which paths of a repository, by GitHub's rules ("About code owners").
//!
//! The last line whose pattern matches a path says who owns it, also where it names nobody. A line that GitHub cannot
//! read is passed over as GitHub does. Deliberately absent: reading the file from a repository, and whether GitHub knows
//! any of the owners.

/// Where the file may be, in the order that GitHub looks; the first that is there counts.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// GitHub reads no larger file, in bytes: it must be under 3 MB.
pub const LARGEST: usize = 3 * 1024 * 1024;

/// Who owns a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An account, by its login.
    Person(String),
    /// A team, by its organisation and its slug.
    Team(String, String),
    /// Whoever has this address, which GitHub alone knows.
    Address(String),
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeOwners {
    lines: Vec<Line>,
    /// The numbers of the lines that cannot be read, from 1.
    pub skipped: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    pattern: Pattern,
    owners: Vec<Owner>,
}

/// A pattern, folder by folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    /// It ends with a slash: what is below such a folder, and no file of that name.
    below: bool,
}

impl CodeOwners {
    /// Reads a file's text.
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        // Whatever an editor put before the first line.
        for (nth, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let words = words(line);
            let Some((pattern, owners)) = words.split_first() else { continue };
            let owners: Option<Vec<Owner>> = owners.iter().map(|word| owner(word)).collect();
            match Pattern::read(pattern).zip(owners) {
                Some((pattern, owners)) => read.lines.push(Line { pattern, owners }),
                None => read.skipped.push(nth + 1),
            }
        }
        read
    }

    /// Who owns a path; none where no line speaks of it, and nobody where the last that does names nobody.
    pub fn owners_of(&self, path: &str) -> Option<&[Owner]> {
        let parts: Vec<&str> = path.split('/').collect();
        let line = self.lines.iter().rev().find(|line| line.pattern.matches(&parts));
        line.map(|line| line.owners.as_slice())
    }
}

/// The words of a line up to a comment. A backslash takes the blank after it into the word.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (vec![], String::new());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '#' if word.is_empty() => break,
            '\\' => {
                word.push(c);
                word.extend(rest.next());
            }
            c if c.is_whitespace() => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// An owner as written: `@login`, `@organisation/team`, or an address.
fn owner(word: &str) -> Option<Owner> {
    let fits = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match word.strip_prefix('@') {
        Some(name) => match name.split_once('/') {
            Some((of, slug)) => (fits(of) && fits(slug)).then(|| Owner::Team(of.to_owned(), slug.to_owned())),
            None => fits(name).then(|| Owner::Person(name.to_owned())),
        },
        None => {
            let (name, host) = word.split_once('@')?;
            let whole = !name.is_empty() && !host.is_empty() && !host.contains('@');
            whole.then(|| Owner::Address(word.to_owned()))
        }
    }
}

impl Pattern {
    /// None for what .gitignore knows and CODEOWNERS does not: `!`, `[ ]`, and a `#` behind a backslash.
    fn read(word: &str) -> Option<Self> {
        if word.starts_with('!')
            || word.starts_with("\\#")
            || word.ends_with('\\')
            || word.contains(['[', ']'])
        {
            return None;
        }
        let below = word.ends_with('/');
        let inner = word.strip_suffix('/').unwrap_or(word);
        // A slash at the beginning or within ties it to the root.
        let tied = inner.contains('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        if inner.is_empty() {
            // `/` names nothing.
            return Some(Self { parts: vec![], below });
        }
        let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if !tied {
            parts.insert(0, "**".to_owned());
        }
        // A row of `**` is one of them.
        parts.dedup_by(|one, other| one == "**" && other == "**");
        Some(Self { parts, below })
    }

    /// Whether it matches the path, or a folder that the path is in. Each part is held against each place once: a file
    /// that a stranger wrote decides how many there are of `**`.
    fn matches(&self, path: &[&str]) -> bool {
        let Some(last) = self.parts.len().checked_sub(1) else { return false };
        // Up to which places of the path the parts so far can have come.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for (nth, part) in self.parts.iter().enumerate() {
            let mut next = vec![false; path.len() + 1];
            if part == "**" {
                let least = usize::from(nth == last);
                if let Some(first) = reached.iter().position(|reached| *reached) {
                    next.iter_mut().skip(first + least).for_each(|place| *place = true);
                }
            } else {
                for (place, name) in path.iter().enumerate().filter(|(place, _)| reached[*place]) {
                    next[place + 1] = fits_name(part.as_bytes(), name.as_bytes());
                }
            }
            reached = next;
        }
        let whole = reached.pop().unwrap_or_default();
        whole && !self.below || self.goes_deeper() && reached.contains(&true)
    }

    /// Everything below a folder belongs to whoever owns that; `docs/*` owns the files there and no deeper ones.
    fn goes_deeper(&self) -> bool {
        let files = match self.parts.as_slice() {
            [.., before, last] => last == "*" && before != "**",
            [only] => only == "*",
            [] => false,
        };
        self.below || !files
    }
}

/// Whether a part of a pattern matches a name: `*` is any run of characters, `?` one character, and case counts.
fn fits_name(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on once what follows the last `*` does not match: with one byte more taken by it.
    let (mut at, mut here, mut again) = (0, 0, None);
    while here < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at + 1, here));
                at += 1;
                continue;
            }
            Some(b'?') => {
                // One character may be several bytes.
                here += 1;
                while name.get(here).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
                    here += 1;
                }
                at += 1;
                continue;
            }
            Some(b'\\') if pattern.get(at + 1) == name.get(here) => {
                (at, here) = (at + 2, here + 1);
                continue;
            }
            Some(byte) if *byte == name[here] => {
                (at, here) = (at + 1, here + 1);
                continue;
            }
            _ => {}
        }
        let Some((after, taken)) = again else { return false };
        again = Some((after, taken + 1));
        (at, here) = (after, taken + 1);
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}
