//! One attempt from its order to its result: unpack the snapshot, run the steps, collect what changed, and write the
//! manifest last.
//!
//! The log is written whatever happens; the manifest exists only when everything it names does. Deliberately absent:
//! where snapshots come from and where results are kept.

use crate::collect::{Collected, collect};
use crate::container::Containers;
use crate::failure::Failure;
use crate::log::Log;
use crate::sandbox::Sandbox;
use crate::snapshot::{Baseline, open_root};
use crate::steps::Steps;
use campaigns_domain::execution::{Manifest, Order};
use std::fs::{self, File};
use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};

/// The result's file for the manifest.
pub const MANIFEST: &str = "manifest.json";
/// The result's file for the unified diff.
pub const DIFF: &str = crate::collect::DIFF;
/// The result's file for the log.
pub const LOG: &str = "steps.log";
/// The result's folder for the new contents, one file for each digest.
pub const CONTENTS: &str = crate::collect::CONTENTS;

/// What runs attempts on this machine.
#[derive(Debug, Clone)]
pub struct Runner {
    /// Where steps without a container run.
    pub sandbox: Sandbox,
    /// What becomes of steps that name one.
    pub containers: Containers,
}

impl Runner {
    /// Runs an attempt to its end. `work` is made, used and removed; `out` is made and filled. `started` is called
    /// when the snapshot is unpacked and the steps begin. Closing the other end of `cancelled` stops the steps.
    ///
    /// # Errors
    /// How the attempt failed; the log is in `out` as far as it got.
    pub fn run(
        &self,
        order: &Order,
        snapshot: File,
        work: &Path,
        out: &Path,
        started: impl FnOnce(),
        cancelled: Option<&PipeReader>,
    ) -> Result<Manifest, Failure> {
        let disk = |error: io::Error| Failure::machine("the work folder cannot be made", error);
        if !Path::new(&order.workspace).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Failure::Infrastructure(format!(
                "`{}` is no folder of a repository",
                order.workspace
            )));
        }
        fs::create_dir_all(out).map_err(disk)?;
        let work = WorkFolder::create(work).map_err(disk)?;
        let mut log = Log::create(&out.join(LOG), order.limits.log_bytes).map_err(disk)?;
        let tree = work.path.join("tree");
        fs::create_dir(&tree).map_err(disk)?;
        if let Some((user, group)) = self.sandbox.owner() {
            std::os::unix::fs::chown(&tree, Some(user), Some(group)).map_err(disk)?;
        }
        let root = open_root(&tree).map_err(disk)?;
        let baseline = Baseline::unpack(snapshot, root.as_fd(), self.sandbox.owner())?;
        started();
        let steps = Steps {
            sandbox: &self.sandbox,
            containers: &self.containers,
            order,
            tree: &tree,
            work: &work.path,
            cancelled,
        };
        let (reports, isolation) = match steps.run(&mut log) {
            Ok(done) => done,
            Err(failure) => return Err(finish(log).err().unwrap_or(failure)),
        };
        let Collected { changes, diff } = match collect(&baseline, root.as_fd(), out, &order.limits) {
            Ok(collected) => collected,
            Err(failure) => {
                let said = log.say(&failure.to_string()).map_err(unwritten);
                return Err(said.and_then(|()| finish(log)).err().unwrap_or(failure));
            }
        };
        let log = finish(log)?;
        let manifest =
            Manifest { version: 1, base: order.base.clone(), changes, diff, log, steps: reports, isolation };
        let text = serde_json::to_vec(&manifest).map_err(|error| Failure::machine("no manifest", error))?;
        let draft = out.join(".manifest");
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, out.join(MANIFEST))).map_err(unwritten)?;
        Ok(manifest)
    }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::machine("the result cannot be written", error)
}

fn finish(log: Log) -> Result<campaigns_domain::execution::manifest::Blob, Failure> {
    log.finish().map_err(unwritten)
}

/// A folder that is gone when the attempt is over.
struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        remove(path)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.canonicalize()? })
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What cannot be removed now is removed as a leftover by the next attempt, or at the next start.
        let _left_over = remove(&self.path);
    }
}

/// Removes a folder that steps wrote, even where they took away the permission to; a missing one is no error.
///
/// # Errors
/// What the disk yields.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        done => done,
    }
}

/// Gives back the permission to change every folder below `path`. No link is followed, and nothing runs in there any
/// more.
fn open_up(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
