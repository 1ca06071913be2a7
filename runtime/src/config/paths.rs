//! Where files go: the XDG folders of an ordinary user, /var/lib and /var/cache for root, whose home a database
//! running as `nobody` could not enter. Absent: making any of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the folders depend on.
#[derive(Clone, Debug, Default)]
struct Caller {
    root: bool,
    home: Option<PathBuf>,
    data: Option<PathBuf>,
    cache: Option<PathBuf>,
}

impl Caller {
    /// XDG says that a relative path in its variables is to be ignored.
    fn new(root: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            root,
            home: absolute("HOME"),
            data: absolute("XDG_DATA_HOME"),
            cache: absolute("XDG_CACHE_HOME"),
        }
    }

    fn this() -> Self {
        Self::new(rustix::process::geteuid().is_root(), |name| std::env::var_os(name))
    }

    fn data_dir(&self) -> PathBuf {
        if self.root {
            return PathBuf::from("/var/lib/campaigns");
        }
        let folder = self.data.clone().or_else(|| Some(self.home.as_ref()?.join(".local/share")));
        folder.map_or_else(|| PathBuf::from("campaigns-data"), |folder| folder.join("campaigns"))
    }

    fn caches(&self) -> Vec<PathBuf> {
        let shared = Path::new("/var/cache/campaigns").to_owned();
        if self.root {
            return vec![shared];
        }
        let own = self.cache.clone().or_else(|| Some(self.home.as_ref()?.join(".cache")));
        own.map(|folder| folder.join("campaigns")).into_iter().chain([shared]).collect()
    }
}

/// The default data folder: /var/lib/campaigns for root, `$XDG_DATA_HOME/campaigns` otherwise.
pub fn data_dir() -> PathBuf {
    Caller::this().data_dir()
}

/// The cache folders, first wins: /var/cache/campaigns for root, `$XDG_CACHE_HOME/campaigns` before it otherwise.
pub fn caches() -> Vec<PathBuf> {
    Caller::this().caches()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(variables: &[(&str, &str)]) -> Caller {
        Caller::new(false, |name| {
            variables.iter().find(|(each, _)| *each == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn root_uses_var_whatever_its_home_says() {
        let root = Caller::new(true, |_| Some("/root/elsewhere".into()));
        assert_eq!(root.data_dir(), Path::new("/var/lib/campaigns"));
        assert_eq!(root.caches(), [Path::new("/var/cache/campaigns")]);
    }

    #[test]
    fn an_ordinary_user_has_the_xdg_folders() {
        let plain = user(&[("HOME", "/home/ada")]);
        assert_eq!(plain.data_dir(), Path::new("/home/ada/.local/share/campaigns"));
        assert_eq!(
            plain.caches(),
            [Path::new("/home/ada/.cache/campaigns"), Path::new("/var/cache/campaigns")]
        );
        let set = user(&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data"), ("XDG_CACHE_HOME", "relative")]);
        assert_eq!(set.data_dir(), Path::new("/data/campaigns"));
        assert_eq!(set.caches()[0], Path::new("/home/ada/.cache/campaigns"));
    }

    #[test]
    fn without_a_home_the_working_folder_serves() {
        assert_eq!(user(&[]).data_dir(), Path::new("campaigns-data"));
    }
}
