//! A stage for whole attempts: a repository's tree given in a few lines, steps as scripts, and what came of them.
#![allow(dead_code, reason = "each test binary uses its own part")]

use campaigns_domain::execution::{Change, Limits, Manifest, Order, OrderedStep};
use campaigns_domain::id::{CommitSha, Digest, ExecutionId};
use campaigns_runner::{CONTENTS, Containers, DIFF, Failure, Isolation, LOG, Runner, Sandbox};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// One path of a tree before the steps: its mode as git writes it, and its content or destination.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: &'static str,
    pub(crate) content: Vec<u8>,
}

/// An attempt that is being set up.
pub(crate) struct Attempt {
    pub(crate) entries: Vec<Entry>,
    pub(crate) order: Order,
    pub(crate) runner: Runner,
    folder: TempDir,
}

/// What came of an attempt.
pub(crate) struct Outcome {
    pub(crate) result: Result<Manifest, Failure>,
    pub(crate) out: PathBuf,
    pub(crate) work: PathBuf,
    _folder: TempDir,
}

/// The sandbox as this machine allows it.
pub(crate) fn sandbox() -> Sandbox {
    static PROBED: OnceLock<Sandbox> = OnceLock::new();
    PROBED
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            Sandbox::probe(Path::new(env!("CARGO_BIN_EXE_runner")), folder.path()).unwrap()
        })
        .clone()
}

/// The same without namespaces.
pub(crate) fn plain_sandbox() -> Sandbox {
    sandbox().without_isolation("switched off by a test")
}

/// Whether this machine's kernel lets steps have namespaces; tests of what they keep apart have no subject otherwise.
pub(crate) fn namespaces() -> bool {
    let sandbox = sandbox();
    if let Isolation::None { reason } = sandbox.isolation() {
        eprintln!("not tested here, since steps have no namespaces on this machine: {reason}");
    }
    *sandbox.isolation() == Isolation::Namespaces
}

pub(crate) fn attempt() -> Attempt {
    let limits = Limits { step_seconds: 60, patch_bytes: 1_000_000, log_bytes: 1_000_000, files: 1000 };
    Attempt {
        entries: Vec::new(),
        order: Order {
            execution: ExecutionId(uuid::Uuid::from_u128(7)),
            repository: "octo/demo".parse().unwrap(),
            base: CommitSha("0123456789012345678901234567890123456789".to_owned()),
            workspace: String::new(),
            steps: Vec::new(),
            limits,
        },
        runner: Runner { sandbox: sandbox(), containers: Containers::Missing { reason: "none here".into() } },
        folder: tempfile::tempdir().unwrap(),
    }
}

impl Attempt {
    pub(crate) fn entry(mut self, path: &str, mode: &'static str, content: impl AsRef<[u8]>) -> Self {
        let (path, content) = (path.as_bytes().to_vec(), content.as_ref().to_vec());
        self.entries.push(Entry { path, mode, content });
        self
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, "100644", content)
    }

    pub(crate) fn step(mut self, run: &str) -> Self {
        self.order.steps.push(OrderedStep {
            run: run.to_owned(),
            container: None,
            env: BTreeMap::new(),
            files: BTreeMap::new(),
        });
        self
    }

    pub(crate) fn plain(mut self) -> Self {
        self.runner.sandbox = plain_sandbox();
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.order.limits);
        self
    }

    pub(crate) fn last_step(mut self, change: impl FnOnce(&mut OrderedStep)) -> Self {
        change(self.order.steps.last_mut().unwrap());
        self
    }

    /// Where a changed file with this content will be kept.
    pub(crate) fn kept(&self, content: &[u8]) -> PathBuf {
        self.folder.path().join("out").join(CONTENTS).join(Digest::of(content).0)
    }

    pub(crate) fn run(self) -> Outcome {
        self.run_with(|| {}, None)
    }

    pub(crate) fn run_with(self, started: impl FnOnce(), cancelled: Option<&PipeReader>) -> Outcome {
        let snapshot = self.folder.path().join("snapshot.tar");
        std::fs::write(&snapshot, tar_of(&self.entries)).unwrap();
        let (work, out) = (self.folder.path().join("work"), self.folder.path().join("out"));
        let file = File::open(&snapshot).unwrap();
        let result = self.runner.run(&self.order, file, &work, &out, started, cancelled);
        assert!(!work.exists(), "the work folder is left behind");
        Outcome { result, out, work, _folder: self.folder }
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn manifest(&self) -> &Manifest {
        match &self.result {
            Ok(manifest) => manifest,
            Err(failure) => panic!("the attempt failed: {failure}\n{}", self.log()),
        }
    }

    #[track_caller]
    pub(crate) fn failure(&self) -> &Failure {
        assert!(!self.out.join("manifest.json").exists(), "a failed attempt has no manifest");
        self.result.as_ref().expect_err("the attempt should fail")
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.out.join(LOG)).unwrap_or_default()).into_owned()
    }

    /// The diff's bytes: a file in another encoding than UTF-8 is shown as it is.
    pub(crate) fn raw_diff(&self) -> Vec<u8> {
        std::fs::read(self.out.join(DIFF)).unwrap()
    }

    pub(crate) fn diff(&self) -> String {
        String::from_utf8_lossy(&self.raw_diff()).into_owned()
    }

    /// The changes as `(path, what)` where what is `-`, or mode and content.
    #[track_caller]
    pub(crate) fn changes(&self) -> Vec<(String, String)> {
        let shown = |change: &Change| match change {
            Change::Delete => "-".to_owned(),
            Change::Put { mode, content, .. } => {
                let bytes = std::fs::read(self.out.join(CONTENTS).join(&content.digest.0)).unwrap();
                assert_eq!(bytes.len() as u64, content.size);
                format!("{} {}", mode.as_str(), String::from_utf8_lossy(&bytes))
            }
        };
        let changes = &self.manifest().changes;
        changes.iter().map(|change| (change.path.to_string(), shown(&change.change))).collect()
    }
}

/// A snapshot as the product makes it: every path in order, its exact bytes and mode.
pub(crate) fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        if entry.mode == "120000" {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            tar.append_link(&mut header, path(&entry.path), path(&entry.content)).unwrap();
        } else {
            header.set_size(entry.content.len() as u64);
            header.set_mode(if entry.mode == "100755" { 0o755 } else { 0o644 });
            tar.append_data(&mut header, path(&entry.path), entry.content.as_slice()).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

pub(crate) fn path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
