//! The scenario `script`: 200 repositories, one `sed` step, from a cold process to the last pull request open,
//! against a shell loop of `git clone --depth 1`, sed, commit, push and one `curl` over the same twin's HTTP.
//!
//! Sandbox and fsync are on and the limits are lifted. Each side has a fresh twin over the same source trees, and
//! at the end the trees of all branches have to be equal. Deliberately absent: warm starts; the subject's time
//! holds the making of its database.

use super::Settings;
use crate::{
    measure,
    programs::{Twin, beside},
    report::{Figure, Report},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const ORGANIZATION: &str = "acme";
const BRANCH: &str = "campaigns/licence";
const SPEC: &str = "\
name: licence
description: Spell licence our way
on:
  - organization: acme
steps:
  - run: sed -i 's/license/licence/g' Cargo.toml
changesetTemplate:
  title: Spell licence our way
  body: By a campaign.
  branch: campaigns/licence
  commit:
    message: Spell licence our way
  published: true
";

/// Measures the scenario.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let repositories = settings.repositories.unwrap_or(200);
    let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
    let trees = room.path().join("trees");
    let names = seed(&trees, repositories)?;
    let mut pairs = vec![];
    for pair in 1..=settings.pairs {
        let one = || subject(&room.path().join(format!("{pair}-subject")), &trees, repositories);
        let other = || reference(&room.path().join(format!("{pair}-reference")), &trees, &names);
        // Who goes first alternates too, so that neither side always finds the caches warm.
        let ((subject, ours), (reference, theirs)) = if pair % 2 == 1 {
            let first = one()?;
            (first, other()?)
        } else {
            let first = other()?;
            (one()?, first)
        };
        ensure!(ours == theirs, "the two sides did not leave equal trees:\n{ours:?}\n{theirs:?}");
        ensure!(!ours.is_empty(), "neither side changed anything");
        eprintln!(
            "pair {pair} of {}: campaign {subject:.1} s, loop {reference:.1} s, {} branches with equal trees",
            settings.pairs,
            ours.len()
        );
        pairs.push((subject, reference));
    }
    Ok(Report {
        scenario: "script".to_owned(),
        figures: vec![Figure::at_most(
            &format!("wall time of {repositories} repositories"),
            "s",
            &pairs,
            0.5,
        )],
    })
}

fn subject(room: &Path, trees: &Path, repositories: u32) -> Result<(f64, BTreeMap<String, String>)> {
    fs::create_dir_all(room)?;
    let world = room.join("world");
    let twin = Twin::start(ORGANIZATION, trees, repositories, &world)?;
    let spec = room.join("spec.yaml");
    fs::write(&spec, SPEC)?;
    let data = tempfile::Builder::new().prefix("loadtest-data-").tempdir()?;
    let seconds = measure::seconds(
        Command::new(beside("campaigns")?)
            .args(["run", "--unlimited", "-o", "json", "--github-url", &twin.said.url, "-f"])
            .arg(&spec)
            .arg("--data")
            .arg(data.path())
            .env("GITHUB_TOKEN", &twin.said.token)
            .env_remove("DATABASE_URL"),
    )?;
    drop(twin);
    Ok((seconds, branch_trees(&world)?))
}

fn reference(room: &Path, trees: &Path, names: &[String]) -> Result<(f64, BTreeMap<String, String>)> {
    let scratch = room.join("scratch");
    fs::create_dir_all(&scratch)?;
    let world = room.join("world");
    let twin = Twin::start(ORGANIZATION, trees, u32::try_from(names.len())?, &world)?;
    let list = room.join("names");
    fs::write(&list, names.join("\n") + "\n")?;
    let script = room.join("loop.sh");
    fs::write(&script, include_str!("loop.sh"))?;
    let seconds = measure::seconds(
        Command::new("sh")
            .arg(&script)
            .args([&twin.said.url, ORGANIZATION])
            .arg(&list)
            .arg(&scratch)
            .env("TOKEN", &twin.said.token)
            .env("GIT_TERMINAL_PROMPT", "0"),
    )?;
    drop(twin);
    Ok((seconds, branch_trees(&world)?))
}

/// Copies the sources that both sides start from: crates out of cargo's registry folder, under the names that the
/// repositories will have.
fn seed(into: &Path, repositories: u32) -> Result<Vec<String>> {
    fs::create_dir_all(into)?;
    let mut names = vec![];
    for tree in source_trees()? {
        if names.len() == repositories as usize {
            break;
        }
        let small = fs::metadata(tree.join("Cargo.toml")).is_ok() && is_small(&tree)?;
        let Some(name) = tree.file_name().and_then(|name| name.to_str()).filter(|_| small) else { continue };
        let name = format!("r{:03}-{}", names.len(), name.replace(['.', '+'], "-"));
        copy(&tree, &into.join(&name))?;
        names.push(name);
    }
    ensure!(
        names.len() == repositories as usize,
        "cargo's registry folder holds only {} small crates, {repositories} are needed: build the workspace first",
        names.len()
    );
    Ok(names)
}

fn source_trees() -> Result<Vec<PathBuf>> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let mut trees = vec![];
    let sources = home.join("registry/src");
    let registries =
        fs::read_dir(&sources).with_context(|| format!("{} cannot be read", sources.display()))?;
    for registry in registries {
        for tree in fs::read_dir(registry?.path())? {
            trees.push(tree?.path());
        }
    }
    trees.sort();
    Ok(trees)
}

/// At most 100 files: the size of repository that such loops are written for.
fn is_small(tree: &Path) -> Result<bool> {
    let mut waiting = vec![tree.to_owned()];
    let mut files = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            } else {
                files += 1;
            }
        }
        if files > 100 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let done =
        Command::new("cp").arg("-r").arg(from).arg(to).status().context("`cp` could not be started")?;
    ensure!(done.success(), "{} could not be copied", from.display());
    Ok(())
}

/// The tree of the campaign's branch in every repository of a twin's world that has it.
fn branch_trees(world: &Path) -> Result<BTreeMap<String, String>> {
    let mut trees = BTreeMap::new();
    for repository in bare_repositories(world)? {
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(&repository)
            .args(["rev-parse", "--quiet", "--verify", &format!("refs/heads/{BRANCH}^{{tree}}")])
            .output()
            .context("`git` could not be started")?;
        if output.status.success() {
            let name = repository.file_name().unwrap_or_default().to_string_lossy().into_owned();
            trees.insert(name, String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
    }
    Ok(trees)
}

fn bare_repositories(world: &Path) -> Result<Vec<PathBuf>> {
    let mut waiting = vec![world.to_owned()];
    let mut found = vec![];
    while let Some(folder) = waiting.pop() {
        if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
            found.push(folder);
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(found)
}
