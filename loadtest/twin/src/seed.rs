//! Seeds an organisation from a folder of source trees: each subfolder becomes a repository with one commit.
//! Executable bits and symlinks are kept; `.git` folders and cargo's own `.cargo-ok` mark are left out. Several
//! at a time; nothing is journalled before all are planted, so a killed seeding starts anew.

use crate::git::Store;
use crate::git::objects::Person;
use crate::plant::{Content, Planted, plant};
use crate::world::model::RepositoryRecord;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a folder cannot seed an organisation.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The folder cannot be read.
    #[error("cannot read the source folder {path}: {source}")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// It has no subfolders with files.
    #[error(
        "{path} has no subfolder with files in it, and each subfolder becomes a repository: give another --from folder"
    )]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// It has fewer than asked for.
    #[error(
        "{path} has {found} source trees and --repos asks for {asked}: ask for fewer, or give a larger folder"
    )]
    TooFew {
        /// The folder.
        path: PathBuf,
        /// Trees in it.
        found: usize,
        /// Trees asked for.
        asked: usize,
    },
    /// A tree could not become a repository.
    #[error("cannot make a repository of {path}: {source}")]
    Plant {
        /// The tree.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A tree above this is passed over while there are enough others.
const LARGE: u64 = 16 << 20;

struct Source {
    path: PathBuf,
    name: String,
    files: Vec<Planted>,
    size: u64,
}

/// Plants up to `count` of the folder's trees with ids from `first_id`; records in order of name.
pub fn seed(
    store: &Store,
    from: &Path,
    count: Option<usize>,
    first_id: u64,
    author: &Person,
    now: DateTime<Utc>,
) -> Result<Vec<RepositoryRecord>, SeedError> {
    let sources = choose(from, count)?;
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<RepositoryRecord, SeedError>)>> = Mutex::default();
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(source) = sources.get(index) else { return };
                    let record = make(store, source, first_id + index as u64, author, now);
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, record));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, record)| record).collect()
}

fn make(
    store: &Store,
    source: &Source,
    id: u64,
    author: &Person,
    now: DateTime<Utc>,
) -> Result<RepositoryRecord, SeedError> {
    let size = plant(store, id, "main", author, &source.files)
        .map_err(|error| SeedError::Plant { path: source.path.clone(), source: error })?;
    let about = About::read(&source.path);
    Ok(RepositoryRecord {
        id,
        name: source.name.clone(),
        description: about.description,
        default_branch: "main".into(),
        private: true,
        archived: false,
        topics: about.topics,
        language: language(&source.files),
        size: size.div_ceil(1024),
        created_at: now,
        updated_at: now,
        pushed_at: now,
        settings: Default::default(),
        transferred_to: None,
    })
}

fn choose(from: &Path, count: Option<usize>) -> Result<Vec<Source>, SeedError> {
    let unreadable = |source| SeedError::Unreadable { path: from.to_owned(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(from).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() && entry.file_name() != ".git" {
            folders.push(entry.path());
        }
    }
    folders.sort();
    let mut sources = Vec::new();
    for path in folders {
        let (mut files, mut size) = (Vec::new(), 0);
        collect(&path, b"", &mut files, &mut size)
            .map_err(|source| SeedError::Unreadable { path: path.clone(), source })?;
        if !files.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(Source { path, name, files, size });
        }
    }
    if sources.is_empty() {
        return Err(SeedError::Empty { path: from.to_owned() });
    }
    let asked = count.unwrap_or(sources.len());
    if asked > sources.len() {
        return Err(SeedError::TooFew { path: from.to_owned(), found: sources.len(), asked });
    }
    if sources.iter().filter(|source| source.size <= LARGE).count() >= asked && count.is_some() {
        sources.retain(|source| source.size <= LARGE);
    }
    // Evenly over the alphabet, so that a part of a folder looks like the whole.
    let total = sources.len();
    let mut index = 0;
    sources.retain(|_| {
        let kept = (index + 1) * asked / total > index * asked / total;
        index += 1;
        kept
    });
    name_all(&mut sources);
    Ok(sources)
}

/// Names without their version where that stays unique, in the letters GitHub allows.
fn name_all(sources: &mut [Source]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for source in sources.iter() {
        *seen.entry(unversioned(&source.name).to_lowercase()).or_default() += 1;
    }
    for source in sources.iter_mut() {
        let bare = unversioned(&source.name);
        let name = if seen.get(&bare.to_lowercase()) == Some(&1) { bare } else { &source.name };
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        source.name = name.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect();
    }
}

/// `serde_json-1.0.2+x` is `serde_json`.
fn unversioned(name: &str) -> &str {
    let is_version = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with('.')
    };
    name.match_indices('-')
        .find(|(at, _)| *at > 0 && is_version(&name[at + 1..]))
        .map_or(name, |(at, _)| &name[..at])
}

fn collect(folder: &Path, prefix: &[u8], files: &mut Vec<Planted>, size: &mut u64) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if name.as_bytes().eq_ignore_ascii_case(b".git") || name == ".cargo-ok" {
            continue;
        }
        let mut path = prefix.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, files, size)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            let content = Content::Bytes(target.as_os_str().as_bytes().to_vec());
            files.push(Planted { path, mode: 0o120_000, content });
        } else if kind.is_file() {
            let meta = entry.metadata()?;
            *size += meta.len();
            let mode = if meta.permissions().mode() & 0o111 == 0 { 0o100_644 } else { 0o100_755 };
            files.push(Planted { path, mode, content: Content::File(entry.path()) });
        }
    }
    Ok(())
}

#[derive(Default)]
struct About {
    description: Option<String>,
    topics: Vec<String>,
}

impl About {
    /// What `Cargo.toml` or `package.json` say. Of TOML only what these two fields need is read.
    fn read(folder: &Path) -> Self {
        if let Ok(text) = std::fs::read_to_string(folder.join("package.json"))
            && let Ok(package) = serde_json::from_str::<serde_json::Value>(&text)
        {
            return Self {
                description: package["description"].as_str().map(one_line),
                topics: package["keywords"].as_array().map(|words| topics(words)).unwrap_or_default(),
            };
        }
        let Ok(text) = std::fs::read_to_string(folder.join("Cargo.toml")) else { return Self::default() };
        let package = text.split("[package]").nth(1).unwrap_or("");
        let package = package.split("\n[").next().unwrap_or("");
        Self {
            description: field(package, "description").and_then(string),
            topics: field(package, "keywords").map(|value| topics(&list(value))).unwrap_or_default(),
        }
    }
}

fn field<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let at = table.find(&format!("\n{name} ")).or_else(|| table.find(&format!("\n{name}=")))?;
    table[at + 1..].split_once('=').map(|(_, value)| value.trim_start())
}

fn string(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix("\"\"\"") {
        return rest.split("\"\"\"").next().map(|text| one_line(&text.replace("\\\n", " ")));
    }
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<String>();
    values.next()?.ok().map(|text| one_line(&text))
}

fn list(value: &str) -> Vec<serde_json::Value> {
    let inside = value.trim_start_matches('[').split(']').next().unwrap_or("").trim().trim_end_matches(',');
    serde_json::from_str(&format!("[{inside}]")).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(350).collect()
}

fn topics(words: &[serde_json::Value]) -> Vec<String> {
    let clean = |word: &str| -> String {
        let letters = word.to_lowercase();
        letters
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .take(50)
            .collect()
    };
    words
        .iter()
        .filter_map(|word| word.as_str())
        .map(clean)
        .filter(|word| !word.is_empty())
        .take(20)
        .collect()
}

/// The language of most files that are in one.
fn language(files: &[Planted]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for file in files {
        let path = String::from_utf8_lossy(&file.path);
        let language = match path.rsplit('.').next().unwrap_or("") {
            "rs" => "Rust",
            "js" | "mjs" | "cjs" => "JavaScript",
            "ts" | "tsx" => "TypeScript",
            "py" => "Python",
            "go" => "Go",
            "c" | "h" => "C",
            "cc" | "cpp" | "hpp" => "C++",
            "java" => "Java",
            "rb" => "Ruby",
            "sh" => "Shell",
            _ => continue,
        };
        *counts.entry(language).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)))
        .map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_versions() {
        assert_eq!(unversioned("serde-1.0.2"), "serde");
        assert_eq!(unversioned("libgit2-sys-0.18.8+1.9.7"), "libgit2-sys");
        assert_eq!(unversioned("sha-1"), "sha-1");
        assert_eq!(unversioned("service-7"), "service-7");
    }

    #[test]
    fn reads_cargo_fields() {
        let package =
            "\nname = \"x\"\ndescription = \"One \\\"two\\\"\"\nkeywords = [\n  \"a\",\n  \"b c\",\n]\n";
        assert_eq!(field(package, "description").and_then(string).as_deref(), Some("One \"two\""));
        assert_eq!(topics(&list(field(package, "keywords").unwrap())), ["a", "b-c"]);
    }
}
