//! CODEOWNERS: which line owns a path, what a line names, and which lines are passed over.

use campaigns_domain::publish::code_owners::{CodeOwners, Owner};

/// Whether a pattern takes a path.
fn takes(pattern: &str, path: &str) -> bool {
    CodeOwners::read(&format!("{pattern} @ada")).owners_of(path).is_some()
}

#[test]
fn patterns_mean_what_github_says() {
    for (pattern, path, expected) in [
        // GitHub's own examples.
        ("*", "a/b/c.rs", true),
        ("*.js", "deep/down/app.js", true),
        ("*.js", "app.jsx", false),
        ("*.go", "a.go", true),
        ("*.txt", "docs/notes.txt", true),
        ("/build/logs/", "build/logs/a/b.log", true),
        ("/build/logs/", "src/build/logs/a.log", false),
        ("docs/*", "docs/getting-started.md", true),
        ("docs/*", "docs/build-app/troubleshooting.md", false),
        ("docs/*", "a/docs/getting-started.md", false),
        ("apps/", "apps/a.rs", true),
        ("apps/", "x/apps/deep/a.rs", true),
        ("/docs/", "docs/a/b.md", true),
        ("/docs/", "x/docs/a.md", false),
        ("/scripts/", "scripts/run.sh", true),
        ("**/logs", "build/logs/a.log", true),
        ("**/logs", "scripts/logs/deep/a.log", true),
        ("**/logs", "logs", true),
        ("/apps/github", "apps/github/a.rs", true),
        ("/apps/github", "apps/githubs", false),
        // What follows from .gitignore's rules.
        ("README.md", "a/README.md", true),
        ("readme.md", "README.md", false),
        ("src", "a/src/main.rs", true),
        ("src/", "src", false),
        ("/src", "src", true),
        ("a/b", "a/b/c", true),
        ("a/b", "x/a/b", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b/z", true),
        ("a/**/b", "a/x/y", false),
        ("a/**", "a/x", true),
        ("a/**", "a", false),
        ("**", "x/y", true),
        ("/*", "a.rs", true),
        ("/*", "src/a.rs", false),
        ("/*/", "src/a.rs", true),
        ("a/*/c", "a/b/c", true),
        ("a/*/c", "a/b/x/c", false),
        ("a?c", "abc", true),
        ("a?c", "aéc", true),
        ("a?c", "a/c", false),
        ("a*b*c", "a1b2bc", true),
        ("a*b*c", "a1b2", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("with\\ blank.md", "docs/with blank.md", true),
        ("a#b", "a#b", true),
        ("/", "a", false),
    ] {
        assert_eq!(takes(pattern, path), expected, "`{pattern}` on `{path}`");
    }
}

#[test]
fn no_pattern_of_a_stranger_takes_longer_than_its_parts() {
    // Tried one way after another, there are more ways than seconds in a life.
    let (pattern, path) = ("**/a/".repeat(40) + "b", "a/".repeat(200) + "a");
    assert!(!takes(&pattern, &path));
    assert!(takes(&pattern, &(path + "/b")));
}

#[test]
fn the_last_line_that_matches_counts_also_where_it_names_nobody() {
    let file = CodeOwners::read(
        "\u{feff}# Who owns what\n* @ada\n\n/apps/ @acme/core  grace@example.com # both\n/apps/github\n*.md @Grace @acme/docs-team\n",
    );
    let person = |login: &str| Owner::Person(login.to_owned());
    let team = |slug: &str| Owner::Team("acme".to_owned(), slug.to_owned());
    assert_eq!(file.owners_of("main.rs"), Some([person("ada")].as_slice()));
    let both = [team("core"), Owner::Address("grace@example.com".to_owned())];
    assert_eq!(file.owners_of("apps/x.rs"), Some(both.as_slice()));
    assert_eq!(file.owners_of("apps/github/x.rs"), Some([].as_slice()), "nobody owns it");
    assert_eq!(file.owners_of("apps/github/x.md"), Some([person("Grace"), team("docs-team")].as_slice()));
    assert_eq!(file.skipped, [0; 0]);
    assert_eq!(CodeOwners::read("docs/ @ada\n").owners_of("main.rs"), None, "nothing is said of it");
}

#[test]
fn lines_that_github_cannot_read_are_passed_over() {
    let file = CodeOwners::read(
        "* @ada\n!*.md @grace\n[ab].rs @grace\n\\#file @grace\n*.md grace\n*.md @\n*.md @acme/core/deep\n*.md @acme/\n\
         *.md a@b@c\n*.md @gra!ce\n*.rs @ada @\n",
    );
    assert_eq!(file.skipped, (2..=11).collect::<Vec<_>>());
    for path in ["a.md", "a.rs", "#file", "x"] {
        assert_eq!(file.owners_of(path), Some([Owner::Person("ada".to_owned())].as_slice()), "{path}");
    }
}
