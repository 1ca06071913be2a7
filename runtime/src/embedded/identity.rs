//! Who the server runs as, and the command that makes it so. PostgreSQL refuses root, so root lowers itself to
//! the owner of the data, `nobody` for new data. The command is `setpriv` of util-linux: it sets the death signal
//! *after* the change of user, which would clear it (prctl(2), PR_SET_PDEATHSIG). Where `setpriv` is missing the
//! server starts without a death signal, and the next start stops what was left behind.
//!
//! Absent: `unsafe`, and accounts that are not in /etc/passwd (PostgreSQL itself would refuse them).

use super::EmbeddedError;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The account of new data when root starts the server.
const NOBODY: &str = "nobody";

/// Who the server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// As the caller, who is not root.
    Own,
    /// The caller is root; the server runs as this account.
    Lowered {
        /// The account's name.
        name: String,
        /// Its user id.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Whether the server needs to pass through folders that are closed to the account. It is then given
        /// CAP_DAC_READ_SEARCH and nothing more.
        passes_closed: bool,
    },
}

impl Identity {
    /// Who runs the server of `folder`, whose data, when it exists, is in `data`.
    pub(super) fn of(folder: &Path, data: &Path) -> Result<Self, EmbeddedError> {
        let own = rustix::process::geteuid().as_raw();
        let owner = std::fs::metadata(data).ok().map(|found| found.uid());
        if own != 0 {
            return match owner {
                Some(owner) if owner != own => {
                    Err(EmbeddedError::Foreign { folder: data.to_owned(), owner, own })
                }
                _ => Ok(Self::Own),
            };
        }
        let passwd = std::fs::read_to_string("/etc/passwd")
            .map_err(EmbeddedError::file("read", Path::new("/etc/passwd")))?;
        let (name, uid, gid) = match owner {
            Some(uid) if uid != 0 => account(&passwd, |_, each| each == uid)
                .ok_or(EmbeddedError::NoAccount { wanted: format!("user {uid}, the data's owner,") })?,
            _ => account(&passwd, |name, _| name == NOBODY)
                .ok_or(EmbeddedError::NoAccount { wanted: format!("`{NOBODY}`") })?,
        };
        let mut identity = Self::Lowered { name: name.clone(), uid, gid, passes_closed: false };
        if let Some(closed) = closed_ancestor(folder, uid, gid) {
            identity = Self::Lowered { name: name.clone(), uid, gid, passes_closed: true };
            let works = guard().is_some()
                && identity
                    .command(OsStr::new("true"), true)
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success());
            if !works {
                return Err(EmbeddedError::Closed { folder: closed, account: name });
            }
            tracing::warn!(
                folder = %closed.display(),
                account = %name,
                "the folder is closed to the database's account: the server may read through closed folders; \
                 a data folder under /var/lib/campaigns avoids that"
            );
        }
        Ok(identity)
    }

    /// The server's user id.
    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Own => rustix::process::geteuid().as_raw(),
            Self::Lowered { uid, .. } => *uid,
        }
    }

    /// Gives a file or folder to the server's account.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self {
            Self::Own => Ok(()),
            Self::Lowered { uid, gid, .. } => std::os::unix::fs::lchown(path, Some(*uid), Some(*gid))
                .map_err(EmbeddedError::file("give to the database's account", path)),
        }
    }

    /// A command run as the account, in a clean environment and a process group of its own (a Ctrl-C at the
    /// terminal is for us: we still need the database while we stop). With `dies_with_us`, it receives SIGINT,
    /// PostgreSQL's fast stop, when the *thread* that spawns it ends.
    pub(super) fn command(&self, program: &OsStr, dies_with_us: bool) -> Command {
        let mut command = match guard() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.arg("--no-new-privs");
                if let Self::Lowered { uid, gid, passes_closed, .. } = self {
                    command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
                    if *passes_closed {
                        command.args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]);
                    }
                }
                if dies_with_us {
                    command.args(["--pdeathsig", "INT"]);
                }
                command.arg("--").arg(program);
                command
            }
            None => {
                let mut command = Command::new(program);
                if let Self::Lowered { uid, gid, .. } = self {
                    command.uid(*uid).gid(*gid);
                }
                command
            }
        };
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        command
    }
}

/// The `setpriv` that knows death signals, when there is one.
fn guard() -> Option<&'static Path> {
    static GUARD: OnceLock<Option<PathBuf>> = OnceLock::new();
    GUARD
        .get_or_init(|| {
            ["/usr/bin/setpriv", "/bin/setpriv", "/usr/sbin/setpriv"].map(PathBuf::from).into_iter().find(
                |path| {
                    Command::new(path)
                        .args(["--no-new-privs", "--pdeathsig", "INT", "--", "true"])
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .status()
                        .is_ok_and(|status| status.success())
                },
            )
        })
        .as_deref()
}

/// The first account in the text of /etc/passwd that `wanted` accepts: name, user id, group id.
fn account(passwd: &str, wanted: impl Fn(&str, u32) -> bool) -> Option<(String, u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        wanted(name, uid).then(|| (name.to_owned(), uid, gid))
    })
}

/// The outermost folder on the way to `folder` (itself left out) that the account cannot enter.
fn closed_ancestor(folder: &Path, uid: u32, gid: u32) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = folder.ancestors().skip(1).collect();
    ancestors.reverse();
    ancestors
        .into_iter()
        .find(|path| {
            std::fs::metadata(path).is_ok_and(|found| {
                let enter = match (found.uid() == uid, found.gid() == gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                found.mode() & enter == 0
            })
        })
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_name_and_by_id() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65533:n:/:/usr/sbin/nologin\n";
        assert_eq!(account(passwd, |name, _| name == "nobody"), Some(("nobody".into(), 65534, 65533)));
        assert_eq!(account(passwd, |_, uid| uid == 0), Some(("root".into(), 0, 0)));
        assert_eq!(account(passwd, |_, uid| uid == 7), None);
    }

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().expect("a folder");
        let inner = outer.path().join("a/b");
        std::fs::create_dir_all(&inner).expect("folders");
        let stranger = rustix::process::geteuid().as_raw() + 1;
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(outer.path(), mode(0o700)).expect("mode");
        assert_eq!(closed_ancestor(&inner, stranger, u32::MAX), Some(outer.path().to_owned()));
        std::fs::set_permissions(outer.path(), mode(0o711)).expect("mode");
        assert_eq!(closed_ancestor(&inner, stranger, u32::MAX), None);
    }
}
