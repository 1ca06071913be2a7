//! The rules of the house, held by a machine: who may import whom, what a file looks like, under which licences
//! we stand. docs/ARCHITECTURE.md and docs/STYLE.md say why; each rule here is a function over plain input, with
//! made-up inputs that break it in its tests, so that a rule that cannot fail is noticed.
//!
//! Absent: what clippy and rustfmt check.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why by panicking")]

mod crates;
mod files;
mod layers;
mod licences;
mod source;
mod words;

use serde_json::Value;
use source::Source;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// What `cargo metadata` says of this platform; with `--no-deps`, of the workspace alone.
fn metadata(more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--quiet"])
        .args(more)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Every Rust file of the workspace that git would keep, with its path from the root.
fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(read_sources)
}

fn read_sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() && !path.is_symlink() {
                if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).expect("a Rust file");
                let path = path.strip_prefix(root()).expect("inside").display().to_string();
                found.push(Source::new(path, text));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "only {} Rust files found: is this the repository?", found.len());
    found
}

/// Fails with every violation, one to a line.
#[track_caller]
fn nothing(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Applies a rule for one file to all of them.
#[track_caller]
fn everywhere(rule: impl Fn(&Source) -> Vec<String>) {
    nothing(&sources().iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn crates_import_along_the_arrows() {
    nothing(&crates::violations(&metadata(&["--no-deps"])));
}

#[test]
fn the_deciding_crates_never_name_a_vendor() {
    nothing(&crates::vendors(&metadata(&["--no-deps"])));
    everywhere(words::vendors);
}

#[test]
fn domain_modules_import_leftward() {
    everywhere(layers::violations);
}

#[test]
fn files_say_what_they_are_for() {
    everywhere(files::unexplained);
}

#[test]
fn files_are_named_for_an_idea() {
    everywhere(files::misnamed);
}

#[test]
fn files_are_short() {
    everywhere(files::long);
}

#[test]
fn production_bodies_do_not_know_of_tests() {
    everywhere(words::test_code_in_production);
}

#[test]
fn no_test_is_ignored() {
    everywhere(words::ignored_tests);
}

#[test]
fn no_test_sleeps() {
    everywhere(words::sleeping_tests);
}

#[test]
fn every_call_to_an_actor_has_a_timeout() {
    everywhere(words::calls_without_timeout);
}

#[test]
fn unsafe_stays_where_it_is_explained() {
    everywhere(words::unexplained_unsafe);
}

#[test]
fn every_dependency_is_licensed_as_deny_toml_allows() {
    let deny = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let host = rustc_host();
    let (allowed, clarified) = (licences::allowed(&deny), licences::clarified(&deny));
    nothing(&licences::violations(&metadata(&["--filter-platform", &host]), &allowed, &clarified));
}

fn rustc_host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8(output.stdout).expect("text");
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}
