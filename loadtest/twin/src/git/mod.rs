//! Real bare repositories, one folder per repository id, so that a rename moves nothing. Objects, refs, diffs
//! and merges go through libgit2 in process; archives and the wire protocol through the `git` program, whose
//! behaviour they must have to the byte. Who may do what, and what it means for pull requests, is elsewhere.

pub mod archive;
pub mod diff;
pub mod http;
pub mod merge;
pub mod objects;
pub mod refs;

use git2::{Oid, Repository};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The folder of bare repositories.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// A store over a folder that exists.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Removes the locks that a killed twin's last writes left. For whoever has just come to hold the folder alone.
    ///
    /// # Errors
    /// Where a folder cannot be read or a lock cannot be removed.
    pub fn unlock(&self) -> std::io::Result<()> {
        for repository in std::fs::read_dir(&self.root)? {
            let path = repository?.path();
            remove_locks(&path, false)?;
            remove_locks(&path.join("refs"), true)?;
        }
        Ok(())
    }

    /// Where a repository is.
    pub fn path(&self, id: u64) -> PathBuf {
        self.root.join(format!("{id}.git"))
    }

    /// Opens a repository.
    pub fn open(&self, id: u64) -> Result<Repository, git2::Error> {
        Repository::open_bare(self.path(id))
    }

    /// Takes a repository over from another store, as it is there now, under the same id.
    ///
    /// # Errors
    /// Where it cannot be read there or written here.
    pub fn adopt(&self, from: &Self, id: u64) -> std::io::Result<()> {
        let path = self.path(id);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        copy(&from.path(id), &path)
    }

    /// Makes an empty repository whose HEAD names `branch`, throwing away what an interrupted attempt left.
    pub fn create(&self, id: u64, branch: &str) -> Result<Repository, git2::Error> {
        let path = self.path(id);
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|error| git2::Error::from_str(&error.to_string()))?;
        }
        lay_out(&path, branch).map_err(|error| git2::Error::from_str(&error.to_string()))?;
        Repository::open_bare(path)
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => std::fs::copy(entry.path(), to).map(drop)?,
        }
    }
    Ok(())
}

/// What makes a folder a bare repository, and nothing besides: where there are ten thousand, each file counts.
fn lay_out(path: &Path, branch: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.join("objects/pack"))?;
    std::fs::create_dir_all(path.join("refs/heads"))?;
    std::fs::write(path.join("HEAD"), format!("ref: refs/heads/{branch}\n"))?;
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
    std::fs::write(path.join("config"), config)
}

fn remove_locks(folder: &Path, below: bool) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && below {
            remove_locks(&path, below)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "lock") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The `git` program on a repository, untouched by the configuration of whoever runs the twin.
pub fn command(repository: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("git");
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", repository)
        .env("LC_ALL", "C.UTF-8")
        .args(["-c", "safe.directory=*", "-c", "gc.auto=0", "-c", "receive.autogc=false"])
        .args(["-c", "maintenance.auto=false", "-c", "receive.hideRefs=refs/pull"])
        .args(["-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true"])
        .current_dir(repository)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Has the repository no branch and no tag? (libgit2's own answer depends on the name that HEAD has.)
pub fn is_empty(repository: &Repository) -> bool {
    repository.references().is_ok_and(|mut all| all.next().is_none())
}

/// Reads forty hexadecimal digits.
pub fn full_oid(text: &str) -> Option<Oid> {
    if text.len() == 40 { Oid::from_str(text).ok() } else { None }
}

/// Finds the commit that a client named: a branch, a tag, a full ref, `HEAD`, a full or abbreviated sha.
pub fn resolve_commit<'repo>(repository: &'repo Repository, name: &str) -> Option<git2::Commit<'repo>> {
    let peel = |reference: git2::Reference<'repo>| reference.peel_to_commit().ok();
    if let Some(commit) = full_oid(name).and_then(|oid| repository.find_commit(oid).ok()) {
        return Some(commit);
    }
    if name == "HEAD" {
        return repository.head().ok().and_then(peel);
    }
    for full in
        [format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}"), name.to_owned()]
    {
        if full.starts_with("refs/")
            && let Some(commit) = repository.find_reference(&full).ok().and_then(peel)
        {
            return Some(commit);
        }
    }
    let is_prefix = (4..40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_prefix { repository.find_commit_by_prefix(name).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_a_killed_twin_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let git = store.create(7, "main").unwrap();
        let tree = git.treebuilder(None).unwrap().write().unwrap();
        for name in ["refs/pull/1/head.lock", "packed-refs.lock"] {
            let lock = store.path(7).join(name);
            std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
            std::fs::write(lock, "").unwrap();
        }
        let author = git2::Signature::now("A", "a@example.com").unwrap();
        let tree = git.find_tree(tree).unwrap();
        let write = || git.commit(None, &author, &author, "A", &tree, &[]).unwrap();
        assert!(git.reference("refs/pull/1/head", write(), true, "").is_err());
        store.unlock().unwrap();
        git.reference("refs/pull/1/head", write(), true, "").unwrap();
        assert!(!store.path(7).join("packed-refs.lock").exists());
    }
}
