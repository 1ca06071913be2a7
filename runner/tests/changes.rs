//! What steps change is found exactly: the diff is applied by the real git, and the manifest's paths, modes and contents
//! are compared with what `git add --all` makes of the same tree.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it panics")]

mod attempt;
mod git;

use attempt::{Attempt, Entry, attempt};
use git::Repository;
use proptest::prelude::*;

/// Runs the script as a step and beside it in a clone, and compares. `applies` is false where the diff has binaries,
/// which are named and not shown.
#[track_caller]
fn same_as_git(attempt: Attempt, script: &str, applies: bool) -> attempt::Outcome {
    let before = Repository::of(&attempt.entries);
    let outcome = attempt.step(script).run();
    let expected = before.after(script);
    assert_eq!(before.with(outcome.manifest(), &outcome.out), expected, "{script}\n{}", outcome.diff());
    if applies {
        assert_eq!(before.applied(&outcome.raw_diff()), expected, "{script}\n{}", outcome.diff());
    }
    outcome
}

fn some_tree() -> Attempt {
    attempt()
        .file("a.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n")
        .entry("bin/tool", "100755", "#!/bin/sh\necho tool\n")
        .file("bin/data", [0, 159, 146, 150])
        .file("empty", "")
        .entry("link", "120000", "a.txt")
        .file("no newline", "last line")
        .file("sub/deep/x", "x\n")
}

#[test]
fn nothing_changed_is_an_empty_manifest() {
    let outcome =
        some_tree().step("cat a.txt > /dev/null; touch a.txt; chmod 600 empty; chmod 700 bin/tool").run();
    assert_eq!(outcome.changes(), []);
    assert_eq!(outcome.diff(), "");
    let outcome = attempt().step("true").run();
    assert_eq!(outcome.changes(), []);
}

#[test]
fn a_change_of_the_same_size_within_the_clocks_tick_is_found() {
    for _ in 0..20 {
        let outcome = attempt().file("a", "1").file("b", "1").step("printf 2 > a").run();
        assert_eq!(outcome.changes(), [("a".to_owned(), "100644 2".to_owned())]);
        let kept_times = "printf 2 > c; touch -r a c; mv c a";
        let outcome = attempt().file("a", "1").file("b", "1").step(kept_times).run();
        assert_eq!(outcome.changes(), [("a".to_owned(), "100644 2".to_owned())]);
    }
}

#[test]
fn every_kind_of_change_is_what_git_makes_of_it() {
    for script in [
        "sed -i s/five/FIVE/ a.txt",
        "sed -i '1d;$d' a.txt",
        "echo more >> a.txt; printf 'no end' >> sub/deep/x",
        "echo ' now one' >> 'no newline'",
        "printf 'still none' > 'no newline'",
        "chmod +x a.txt",
        "chmod -x bin/tool; echo more >> bin/tool",
        "rm a.txt",
        "rm -r sub",
        "mv bin/tool sub/tool",
        ": > a.txt",
        "echo x > empty",
        "rm empty; touch new-empty",
        "ln -sf bin/tool link",
        "rm link; echo now a file > link",
        "rm a.txt; ln -s bin/tool a.txt",
        "rm a.txt; mkdir a.txt; echo x > a.txt/inside",
        "rm -r sub; echo file > sub",
        "mkdir -p new/folder; echo x > new/folder/file; chmod +x new/folder/file; mkdir empty-folder",
        "echo x > 'with space'; echo x > 'quote\"name'; echo x > naïve-ü",
        "printf 'a\\r\\nb\\r\\n' > crlf; printf '\\r' > cr; printf '\\377\\376\\n' > latin",
        "seq 1 2000 > long; sed -i '$!d' a.txt",
        "echo -- > '--- a'; echo '+++ b' >> a.txt; echo '@@ -1 +1 @@' >> a.txt",
    ] {
        same_as_git(some_tree(), script, true);
    }
    let outcome = same_as_git(some_tree(), "printf '\\000\\001' > bin/data; printf '\\000' > new", false);
    assert!(outcome.diff().contains("Binary files a/bin/data and b/bin/data differ\n"), "{}", outcome.diff());
    assert!(outcome.diff().contains("Binary files /dev/null and b/new differ\n"), "{}", outcome.diff());
}

#[test]
fn gitignore_is_honoured_as_git_add_does() {
    let tree = || {
        some_tree()
            .file(
                ".gitignore",
                "*.log\n/build/\n!keep.log\ntarget\n# note\n\nsub/deep/*.tmp\n**/cache/**\nspace\\ name\n",
            )
            .file("sub/.gitignore", "!*.log\n*.o\n/only-here\n")
            .file("build/tracked", "tracked though ignored\n")
            .file("tracked.log", "x\n")
    };
    for script in [
        "echo x > a.log; echo x > keep.log; echo x > sub/b.log; echo x > sub/c.o; echo x > c.o",
        "echo x > build/new; echo y >> build/tracked; mkdir build/more; echo x > build/more/keep.log",
        "rm build/tracked tracked.log",
        "echo y >> tracked.log; echo x > target; mkdir sub/target; echo x > sub/target/keep.log",
        "echo x > sub/only-here; mkdir sub/deep/only-here; echo x > sub/deep/only-here/file",
        "echo x > sub/deep/a.tmp; mkdir -p sub/deep/er; echo x > sub/deep/er/a.tmp; echo x > 'space name'",
        "mkdir -p a/cache/b c; echo x > a/cache/b/c; echo x > a/cache/d; echo x > c/cache",
        "echo 'new-rule' >> .gitignore; echo x > new-rule; echo x > other",
        "rm .gitignore; echo x > a.log; mkfifo build/pipe || true; rm build/pipe",
        "mkdir ig; echo '*' > ig/.gitignore; echo x > ig/file; mkdir wh; printf '*\\n!.gitignore\\n!yes\\n' > wh/.gitignore; \
         echo x > wh/yes; echo x > wh/no",
    ] {
        same_as_git(tree(), script, true);
    }
    // What is ignored may be anything at all.
    let outcome = tree().step("mkdir build/deep; mkfifo build/deep/pipe; truncate -s 10G sparse.log").run();
    assert_eq!(outcome.changes(), []);
}

#[test]
fn text_is_told_from_binary() {
    let outcome =
        attempt().step("echo ü > text; printf '\\377' > latin; printf 'a\\000' > nul; : > empty").run();
    let text = |path: &str| {
        outcome.manifest().changes.iter().find(|change| change.path.as_str() == path).map(|change| {
            match &change.change {
                campaigns_domain::execution::Change::Put { text, added, .. } => (*text, *added),
                campaigns_domain::execution::Change::Delete => panic!("{path} is deleted"),
            }
        })
    };
    assert_eq!(text("text"), Some((true, true)));
    assert_eq!(text("latin"), Some((false, true)));
    assert_eq!(text("nul"), Some((false, true)));
    assert_eq!(text("empty"), Some((true, true)));
}

#[test]
fn the_manifest_names_what_is_stored() {
    use campaigns_domain::id::Digest;
    let outcome = some_tree().step("echo x >> a.txt; rm empty").run();
    let manifest = outcome.manifest();
    let written: campaigns_domain::execution::Manifest =
        serde_json::from_slice(&std::fs::read(outcome.out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(*manifest, written);
    assert_eq!(manifest.version, 1);
    assert_eq!(manifest.diff.digest, Digest::of(outcome.diff().as_bytes()));
    assert_eq!(manifest.diff.size, outcome.diff().len() as u64);
    assert_eq!(manifest.log.digest, Digest::of(outcome.log().as_bytes()));
    assert_eq!(manifest.steps.len(), 1);
}

#[test]
fn a_name_that_is_not_utf8_may_stay_as_it_is() {
    let mut attempt = attempt().file("a", "x\n");
    attempt.entries.push(Entry { path: b"caf\xe9".to_vec(), mode: "100644", content: b"x\n".to_vec() });
    let outcome = attempt.step("echo y > a").run();
    assert_eq!(outcome.changes().len(), 1);
}

/// A line of text, with and without an end, and now and then with what makes diffs hard.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => "[ab]{0,2}\n",
        1 => Just("-- a\n".to_owned()),
        1 => Just("\\ No newline at end of file\n".to_owned()),
        1 => Just("x\r\n".to_owned()),
    ];
    (prop::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, cut)| {
        let mut text = lines.concat().into_bytes();
        if cut {
            text.pop();
        }
        text
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c d", "ü", "e\"f", "x.log"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

/// A tree whose paths do not pass through one another.
fn tree() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (name(), content(), prop::sample::select(vec!["100644", "100755", "120000"]));
    prop::collection::vec(entry, 0..8).prop_map(|wanted| {
        let mut entries: Vec<Entry> = Vec::new();
        for (path, content, mode) in wanted {
            let path = path.into_bytes();
            let inside = |inner: &[u8], outer: &[u8]| {
                inner == outer || (inner.starts_with(outer) && inner.get(outer.len()) == Some(&b'/'))
            };
            if entries.iter().any(|entry| inside(&entry.path, &path) || inside(&path, &entry.path)) {
                continue;
            }
            let content = if mode == "120000" { b"somewhere".to_vec() } else { content };
            entries.push(Entry { path, mode, content });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    })
}

/// One edit as a line of shell. Edits that make no sense in a tree fail quietly, in both places alike.
fn edit() -> impl Strategy<Value = String> {
    let quoted = |name: String| format!("'{name}'");
    let octal = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>();
    let name = move || name().prop_map(quoted);
    prop_oneof![
        4 => (name(), content()).prop_map(move |(name, content)| {
            format!("mkdir -p $(dirname {name}); rm -f {name}; printf '{}' > {name}", octal(content))
        }),
        2 => (name(), content()).prop_map(move |(name, content)| format!("test -L {name} || printf '{}' >> {name}", octal(content))),
        2 => name().prop_map(|name| format!("rm -rf {name}")),
        1 => name().prop_map(|name| format!("test -L {name} || chmod +x {name}")),
        1 => name().prop_map(|name| format!("test -L {name} || test -d {name} || chmod -x {name}")),
        1 => name().prop_map(|name| format!("mkdir -p {name}")),
        1 => name().prop_map(|name| format!("rm -rf {name}; ln -s target {name}")),
        1 => (name(), name()).prop_map(|(from, to)| format!("mv -T {from} {to}")),
        1 => name().prop_map(|name| format!("sed -i '1d' {name}")),
        1 => Just("echo '*.log' > .gitignore".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Collecting and applying any edits of any tree gives the tree that git sees after them.
    #[test]
    fn any_edits_are_what_git_makes_of_them(entries in tree(), edits in prop::collection::vec(edit(), 0..6)) {
        let script = edits.iter().map(|edit| format!("{{ {edit}; }} 2> /dev/null || true\n")).collect::<String>();
        let mut attempt = attempt();
        attempt.entries = entries;
        same_as_git(attempt, &script, true);
    }
}
