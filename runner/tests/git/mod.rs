//! The real git as a judge: what it makes of a tree, of a script's changes in a clone, of a diff, and of a manifest.
//! Tests alone use it; the runner itself never does.

use crate::attempt::{Entry, path};
use campaigns_domain::execution::{Change, Manifest};
use campaigns_runner::CONTENTS;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A repository with one commit.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// A commit of exactly `entries`.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self { folder };
        repository.git("", &["init", "--quiet", "repo"], None);
        let mut lines = Vec::new();
        for entry in entries {
            let id = repository.git(
                "repo",
                &["hash-object", "-w", "--stdin", "--no-filters"],
                Some(&entry.content),
            );
            lines.extend(format!("{} {}\t", entry.mode, id.trim()).into_bytes());
            lines.extend(&entry.path);
            lines.push(0);
        }
        repository.git("repo", &["update-index", "-z", "--index-info"], Some(&lines));
        repository.git("repo", &["commit", "--quiet", "--allow-empty", "--message", "before"], None);
        repository
    }

    /// The tree that `git add --all` makes after `script` has run in a clone.
    pub(crate) fn after(&self, script: &str) -> String {
        self.clone_to("after");
        let mut command = Command::new("/bin/sh");
        command.args(["-e", "-c", script]).current_dir(self.folder.path().join("after"));
        let output =
            command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        self.git("after", &["add", "--all"], None);
        let tree = self.tree("after");
        std::fs::remove_dir_all(self.folder.path().join("after")).unwrap();
        tree
    }

    /// The tree after `git apply` of `diff`.
    pub(crate) fn applied(&self, diff: &[u8]) -> String {
        self.clone_to("applied");
        if !diff.is_empty() {
            self.git("applied", &["apply", "--index", "--whitespace=nowarn"], Some(diff));
        }
        let tree = self.tree("applied");
        std::fs::remove_dir_all(self.folder.path().join("applied")).unwrap();
        tree
    }

    /// The tree with the changes of `manifest`, their contents taken from the result folder `out`.
    pub(crate) fn with(&self, manifest: &Manifest, out: &Path) -> String {
        self.clone_to("with");
        let mut lines = Vec::new();
        for change in &manifest.changes {
            let head = match &change.change {
                Change::Delete => format!("0 {}\t", "0".repeat(40)),
                Change::Put { mode, content, .. } => {
                    let bytes = std::fs::read(out.join(CONTENTS).join(&content.digest.0)).unwrap();
                    let id =
                        self.git("with", &["hash-object", "-w", "--stdin", "--no-filters"], Some(&bytes));
                    format!("{} {}\t", mode.as_str(), id.trim())
                }
            };
            lines.extend(head.into_bytes());
            lines.extend(change.path.as_str().as_bytes());
            lines.push(0);
        }
        // Deletions first, for a file may take a folder's place.
        let mut records: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == 0).collect();
        records.sort_by_key(|record| !record.starts_with(b"0 "));
        self.git("with", &["update-index", "-z", "--index-info"], Some(&records.concat()));
        let tree = self.tree("with");
        std::fs::remove_dir_all(self.folder.path().join("with")).unwrap();
        tree
    }

    fn clone_to(&self, name: &str) {
        self.git("", &["clone", "--quiet", "--shared", "repo", name], None);
    }

    /// The index as text: one line for each path, which says more than a tree's id where two differ.
    fn tree(&self, folder: &str) -> String {
        self.git(folder, &["ls-files", "--stage"], None)
    }

    fn git(&self, folder: &str, arguments: &[&str], input: Option<&[u8]>) -> String {
        let mut git = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"])
            .args(arguments)
            .current_dir(self.folder.path().join(path(folder.as_bytes())))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(input) = input {
            git.stdin.take().unwrap().write_all(input).unwrap();
        }
        let output = git.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
