//! Paths that a result may and may not name, and manifests that contradict themselves.

use super::samples::{delete, manifest, put};
use campaigns_domain::execution::{Change, FileMode, ManifestRefused, RepositoryPath, manifest::ChangedFile};

#[test]
fn ordinary_paths() {
    for path in [
        "a",
        "a/b/c.rs",
        ".gitignore",
        ".gitattributes",
        ".github/workflows/ci.yaml",
        ".gitmodules",
        "git",
        "a.git",
        "a/.gitkeep",
        "..a",
        "a..",
        "...",
        "git~2",
        "é/🎉",
        " a",
        "a:b",
        "-rf",
        ".git2",
        "gitx~1",
        "a b",
        "C:",
        "\"q\"",
    ] {
        assert!(RepositoryPath::new(path).is_ok(), "{path:?}");
    }
    assert!(RepositoryPath::new("a".repeat(4096)).is_ok());
}

#[test]
fn attacks() {
    for path in [
        "",
        "/",
        "/etc/passwd",
        "//a",
        "a//b",
        "a/",
        "../a",
        "a/../../b",
        "a/..",
        "./a",
        "a/.",
        ".",
        "..",
        // Git's own folder, as file systems see it.
        ".git",
        ".git/config",
        ".git/hooks/pre-commit",
        "a/.git/config",
        ".GIT/config",
        ".Git",
        ".git.",
        ".git ",
        ".git. .",
        ".git/",
        "git~1",
        "GIT~1/config",
        ".git::$INDEX_ALLOCATION",
        ".git::$INDEX_ALLOCATION/config",
        ".git:x",
        "git~1:x",
        ".git\u{200c}",
        ".g\u{200c}it/config",
        "\u{feff}.git",
        ".gi\u{202e}t",
        ".git\u{206f}",
        // What a line, a terminal or Windows would read as something else.
        "a\0b",
        "a\nb",
        "a\rb",
        "a\tb",
        "\u{1b}[31m",
        "a\u{7f}",
        "a\\b",
        "..\\..\\a",
        ".git\\config",
        "\\\\host\\a",
    ] {
        let refused = RepositoryPath::new(path).expect_err(path);
        assert!(refused.to_string().contains("is refused: it "), "{refused}");
        let from_json = serde_json::from_value::<RepositoryPath>(serde_json::json!(path));
        assert!(from_json.is_err(), "{path:?}");
    }
    assert!(RepositoryPath::new("a".repeat(4097)).is_err());
}

#[test]
fn submodules_have_no_mode() {
    assert!(serde_json::from_value::<FileMode>("160000".into()).is_err());
    assert!(serde_json::from_value::<FileMode>("040000".into()).is_err());
    for mode in [FileMode::Regular, FileMode::Executable, FileMode::Symlink] {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        assert_eq!(serde_json::from_value::<FileMode>(mode.as_str().into()).unwrap(), mode);
    }
}

#[test]
fn manifests() {
    let link = |path: &str| match put(path, "/etc") {
        ChangedFile { path, change: Change::Put { content, added, text, .. } } => {
            ChangedFile { path, change: Change::Put { mode: FileMode::Symlink, content, added, text } }
        }
        other => other,
    };
    assert_eq!(manifest(vec![put("a", "x"), delete("b"), put("c/d", "x")]).check(), Ok(()));
    // A folder takes the place of a file, and the other way round.
    assert_eq!(manifest(vec![delete("a"), put("a/b", "x")]).check(), Ok(()));
    assert_eq!(manifest(vec![put("a", "x"), delete("a/b")]).check(), Ok(()));
    for twice in [
        vec![put("a", "x"), put("a", "y")],
        vec![put("b", "x"), put("a", "y")],
        vec![put("a", "x"), delete("a")],
    ] {
        assert!(matches!(manifest(twice).check(), Err(ManifestRefused::Order(_))));
    }
    // Writing through a link that the same result makes, also with something sorted between the two.
    for through in [
        vec![link("a"), put("a/b", "x")],
        vec![link("a"), put("a.b", "x"), put("a/b/c", "x")],
        vec![put("a", "x"), put("a/b", "x")],
    ] {
        assert!(matches!(manifest(through).check(), Err(ManifestRefused::Through { .. })));
    }
    let mut future = manifest(vec![]);
    future.version = 2;
    assert_eq!(future.check(), Err(ManifestRefused::Version(2)));
}
