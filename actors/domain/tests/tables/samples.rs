//! Values that the tables and laws begin from.
#![allow(dead_code, reason = "shared by two test programs, neither of which needs all of it")]

use campaigns_domain::{
    changeset::{Place, Proposal, Published, PullRequestRef, Words},
    execution::{
        Change, FileMode, Manifest, RepositoryPath,
        manifest::{Blob, ChangedFile},
        target::{Target, TargetState},
    },
    id::{CampaignId, CommitSha, Digest, RepositoryId, RepositoryName, RunId, TargetId},
    publish::{BranchHead, PullRequest, PullRequestState},
    selection::Repository,
    spec::{Dress, Publication, Spec},
};
use uuid::Uuid;

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn commit(digit: char) -> CommitSha {
    CommitSha(digit.to_string().repeat(40))
}

pub(crate) fn run_id(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

pub(crate) fn campaign_id() -> CampaignId {
    CampaignId(Uuid::from_u128(0xca))
}

/// A spec with one step, whose `changesetTemplate` is the given YAML.
pub(crate) fn spec(on: &str, template: &str) -> Spec {
    let indented = |text: &str| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let yaml = format!(
        "name: tidy\ndescription: Tidy up\non:\n{}steps:\n  - run: 'true'\nchangesetTemplate:\n{}",
        indented(on),
        indented(template)
    );
    Spec::parse(&yaml).unwrap_or_else(|errors| panic!("{errors}\n{yaml}"))
}

pub(crate) const TEMPLATE: &str =
    "title: Tidy\nbranch: campaigns/tidy\ncommit: {message: Tidy}\npublished: true";

pub(crate) fn repository(id: u64, text: &str) -> Repository {
    Repository {
        id: RepositoryId(id),
        name: name(text),
        default_branch: "main".to_owned(),
        archived: false,
        disabled: false,
        fork: false,
        empty: false,
        can_push: None,
    }
}

/// A selected target of `acme/tool`.
pub(crate) fn target() -> Target {
    let run = run_id(1);
    Target {
        id: TargetId::of(run, RepositoryId(7), "main", ""),
        run,
        campaign: campaign_id(),
        position: 0,
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        branch: "main".to_owned(),
        base: commit('b'),
        workspace: String::new(),
        state: TargetState::Selected,
        reason: "`on` names it".to_owned(),
        attempt: 0,
        infrastructure_failures: 0,
        version: 1,
    }
}

/// Where the changeset of [`target`] is.
pub(crate) fn place() -> Place {
    let target = target();
    Place {
        campaign: target.campaign,
        repository_id: target.repository_id,
        repository: target.repository,
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    }
}

pub(crate) fn blob(content: &str) -> Blob {
    Blob { digest: Digest::of(content.as_bytes()), size: content.len() as u64 }
}

pub(crate) fn put(path: &str, content: &str) -> ChangedFile {
    let change = Change::Put { mode: FileMode::Regular, content: blob(content), added: true, text: true };
    ChangedFile { path: RepositoryPath::new(path).unwrap(), change }
}

pub(crate) fn delete(path: &str) -> ChangedFile {
    ChangedFile { path: RepositoryPath::new(path).unwrap(), change: Change::Delete }
}

pub(crate) fn manifest(changes: Vec<ChangedFile>) -> Manifest {
    Manifest {
        version: 1,
        base: commit('b'),
        changes,
        diff: blob("diff"),
        log: blob("log"),
        steps: vec![],
        isolation: "namespaces".to_owned(),
    }
}

/// What attempt `attempt` of the target of `run` proposes.
pub(crate) fn proposal(run: u128, attempt: u32, publication: Publication) -> Proposal {
    Proposal {
        run: run_id(run),
        target: TargetId::of(run_id(run), RepositoryId(7), "main", ""),
        attempt,
        base: commit('b'),
        title: "Tidy".to_owned(),
        body: String::new(),
        message: "Tidy".to_owned(),
        author: None,
        publication,
        keep_branch: false,
        dress: Dress::default(),
        gated: false,
        auto_merge: campaigns_domain::spec::AutoMerge::Off,
        made_by: None,
    }
}

pub(crate) fn pull_request_ref(number: u64) -> PullRequestRef {
    PullRequestRef { number, node_id: format!("PR_{number}"), url: format!("https://example.com/{number}") }
}

pub(crate) fn published(head: char, draft: bool) -> Published {
    Published {
        head: commit(head),
        pull_request: pull_request_ref(5),
        draft,
        adopted: false,
        words: Some(Words::new("Tidy", "")),
        base: Some(commit('b')),
        said: vec![],
        note: String::new(),
        dressed: None,
    }
}

pub(crate) fn pull_request(number: u64, state: PullRequestState, head: char) -> PullRequest {
    PullRequest {
        reference: pull_request_ref(number),
        state,
        draft: false,
        head: commit(head),
        base_branch: "main".to_owned(),
        title: "Tidy".to_owned(),
        body: Some(String::new()),
    }
}

pub(crate) fn branch_head(of: char, tree: &str, parents: &[char]) -> BranchHead {
    BranchHead {
        commit: commit(of),
        tree: tree.to_owned(),
        parents: parents.iter().copied().map(commit).collect(),
        message: "Tidy".to_owned(),
    }
}
