//! From a manifest to the requests that write its tree.

use super::samples::{blob, delete, manifest, put};
use campaigns_domain::{
    execution::{Change, FileMode, RepositoryPath, manifest::ChangedFile},
    publish::{
        TreeLimits, TreePlan,
        commit::PlannedContent::{self, Delete, Inline, Uploaded},
    },
};

/// One line a tree: `+` inline, `^` uploaded, `-` deleted.
fn check(changes: Vec<ChangedFile>, limits: TreeLimits, expected: &[&str]) -> TreePlan {
    let plan = TreePlan::new(&manifest(changes), limits);
    let mark = |content: &PlannedContent| match content {
        Inline { .. } => '+',
        Uploaded { .. } => '^',
        Delete => '-',
    };
    let tree = |entries: &Vec<campaigns_domain::publish::commit::PlannedEntry>| {
        let words: Vec<_> =
            entries.iter().map(|entry| format!("{}{}", mark(&entry.content), entry.path)).collect();
        words.join(" ")
    };
    assert_eq!(plan.trees.iter().map(tree).collect::<Vec<_>>(), expected);
    plan
}

fn file(path: &str, content: &str, mode: FileMode, text: bool) -> ChangedFile {
    let change = Change::Put { mode, content: blob(content), added: false, text };
    ChangedFile { path: RepositoryPath::new(path).unwrap(), change }
}

#[test]
fn nothing_changed_is_no_tree() {
    let plan = check(vec![], TreeLimits::default(), &[]);
    assert!(plan.blobs.is_empty());
}

#[test]
fn texts_travel_inline_and_the_rest_as_blobs() {
    let large = "x".repeat(11);
    let plan = check(
        vec![
            file("a", "text", FileMode::Regular, true),
            file("b", "binary", FileMode::Executable, false),
            file("c", "binary", FileMode::Regular, false),
            file("d", &large, FileMode::Regular, true),
            file("e", "a", FileMode::Symlink, true),
            delete("f"),
        ],
        TreeLimits { inline_bytes: 10, ..TreeLimits::default() },
        &["+a ^b ^c ^d +e -f"],
    );
    // The same content is uploaded once.
    assert_eq!(plan.blobs.len(), 2);
    assert!(plan.blobs.contains(&blob("binary")) && plan.blobs.contains(&blob(&large)));
    let modes: Vec<_> = plan.trees[0]
        .iter()
        .filter_map(|entry| match &entry.content {
            Inline { mode, .. } | Uploaded { mode, .. } => Some(mode.as_str()),
            Delete => None,
        })
        .collect();
    assert_eq!(modes, ["100644", "100755", "100644", "100644", "120000"]);
}

#[test]
fn a_large_result_is_split() {
    let changes: Vec<_> = ["a", "b", "c", "d", "e"].map(|path| put(path, "x")).into();
    check(
        changes.clone(),
        TreeLimits { tree_entries: 2, ..TreeLimits::default() },
        &["+a +b", "+c +d", "+e"],
    );
    // 130 bytes an entry: one of content, one of path, 128 around them.
    check(
        changes.clone(),
        TreeLimits { tree_bytes: 260, ..TreeLimits::default() },
        &["+a +b", "+c +d", "+e"],
    );
    // One that is too large by itself still goes, alone: GitHub has the last word.
    check(changes, TreeLimits { tree_bytes: 1, ..TreeLimits::default() }, &["+a", "+b", "+c", "+d", "+e"]);
}

#[test]
fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let limits = TreeLimits::default();
    check(vec![delete("a"), put("a/b", "x"), put("c", "x")], limits, &["+c", "-a", "+a/b"]);
    check(vec![put("a", "x"), delete("a/b"), delete("a/c/d")], limits, &["-a/b -a/c/d", "+a"]);
    check(vec![put("a", "x"), delete("a/b"), put("ab", "x"), delete("z")], limits, &["+ab", "-a/b", "+a -z"]);
    // A folder that only loses a file is no conflict.
    check(vec![delete("a/b"), put("a/c", "x")], limits, &["+a/c -a/b"]);
}
