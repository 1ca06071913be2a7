//! What others say of commits and pull requests, the merge queue, and the installation, as webhooks tell it.
//!
//! Suites of checks as such are not told, nor are rules.

use super::event::{Before, Happening, Teller};
use super::payload;
use crate::rest::shape::node_id;
use crate::rest::shape::pulls::listed_pull;
use crate::rest::shape::{apps, users, verdicts};
use crate::world::change::Change;
use crate::world::model::{Installation, RepositoryRecord};
use crate::world::rules::Queued;
use crate::world::verdict::{CheckRun, CheckStatus, Review, ReviewState, Status, Verdict};
use git2::Oid;
use serde_json::{Value, json};

impl Teller<'_> {
    /// What a change of this kind is told as.
    pub(super) fn judged(&self, change: &Change, before: &Before) -> Vec<Happening> {
        match change {
            Change::Judged { repository, verdict } => match verdict {
                Verdict::Status(status) => self.status(*repository, status),
                Verdict::CheckRun(run) => self.check_run(*repository, run),
                Verdict::Review(review) => self.review(*repository, review),
            },
            Change::PullDrafted { repository, number, draft, by } => {
                let action = if *draft { "converted_to_draft" } else { "ready_for_review" };
                self.pull(*repository, *number, action, *by, json!({}))
            }
            Change::AutoMergeSet { repository, number, request } => {
                let by = request.as_ref().map_or(0, |request| request.by);
                let action = if request.is_some() { "auto_merge_enabled" } else { "auto_merge_disabled" };
                self.pull(*repository, *number, action, by, json!({}))
            }
            Change::PullQueued { repository, place } => self.queued(*repository, place, before),
            Change::PullDequeued { repository, number, reason } => {
                self.pull(*repository, *number, "dequeued", 0, json!({"reason": reason}))
            }
            Change::InstallationChanged { installation } => {
                self.installation(installation.as_ref(), before.installation.as_ref())
            }
            _ => Vec::new(),
        }
    }

    fn full_name(&self, repository: u64) -> Option<String> {
        self.state.repositories.get(&repository).map(|found| self.state.full_name(found))
    }

    /// A commit without what only its own answer shows.
    fn commit(&self, repository: u64, sha: &str) -> Option<Value> {
        let full = self.full_name(repository)?;
        let git = self.git.open(repository).ok()?;
        let commit = git.find_commit(Oid::from_str(sha).ok()?).ok()?;
        let api = format!("{}/repos/{full}", self.urls.api);
        let page = format!("{}/{full}/commit/{sha}", self.urls.web);
        let person = |signature: &git2::Signature<'_>| {
            let at = chrono::DateTime::from_timestamp(signature.when().seconds(), 0).unwrap_or_default();
            json!({
                "name": String::from_utf8_lossy(signature.name_bytes()),
                "email": String::from_utf8_lossy(signature.email_bytes()),
                "date": crate::clock::stamp(at),
            })
        };
        let parents = commit.parent_ids().map(|parent| {
            json!({"sha": parent.to_string(), "url": format!("{api}/commits/{parent}"), "html_url": page})
        });
        Some(json!({
            "sha": sha,
            "node_id": node_id("C", repository),
            "commit": {
                "author": person(&commit.author()),
                "committer": person(&commit.committer()),
                "message": String::from_utf8_lossy(commit.message_bytes()),
                "tree": {"sha": commit.tree_id().to_string(), "url": format!("{api}/git/trees/{}", commit.tree_id())},
                "url": format!("{api}/git/commits/{sha}"),
                "comment_count": 0,
                "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null},
            },
            "url": format!("{api}/commits/{sha}"),
            "html_url": page,
            "comments_url": format!("{api}/commits/{sha}/comments"),
            "author": null,
            "committer": null,
            "parents": parents.collect::<Vec<_>>(),
        }))
    }

    fn status(&self, repository: u64, status: &Status) -> Vec<Happening> {
        let Some(full) = self.full_name(repository) else { return Vec::new() };
        let mut about = verdicts::status(self.urls, self.state, &full, status);
        let pulls = self.state.repositories.get(&repository).map(|found| found.pulls.values());
        let branches = pulls.into_iter().flatten().filter(|pull| pull.head_sha == status.sha).map(|pull| {
            let commit = json!({"sha": status.sha, "url": format!("{}/repos/{full}/commits/{}", self.urls.api, status.sha)});
            json!({"name": pull.head, "commit": commit, "protected": false})
        });
        let branches: Vec<Value> = branches.collect();
        let more = json!({
            "sha": status.sha,
            "name": full,
            "commit": self.commit(repository, &status.sha),
            "branches": branches,
        });
        users::merge(&mut about, more);
        self.told("status", None, Some(repository), status.creator, about)
    }

    fn check_run(&self, repository: u64, run: &CheckRun) -> Vec<Happening> {
        let Some(found) = self.state.repositories.get(&repository) else { return Vec::new() };
        let full = self.state.full_name(found);
        let mut shown = verdicts::check_run(self.urls, self.state, &full, run);
        let api = format!("{}/repos/{full}", self.urls.api);
        let of_it = || found.pulls.values().filter(|pull| pull.is_open() && pull.head_sha == run.sha);
        let repo = json!({"id": repository, "url": api, "name": found.record.name});
        let pulls: Vec<Value> = of_it()
            .map(|pull| {
                let side = |branch: &str, sha: &str| json!({"ref": branch, "sha": sha, "repo": repo});
                json!({
                    "url": format!("{api}/pulls/{}", pull.number),
                    "id": pull.id,
                    "number": pull.number,
                    "head": side(&pull.head, &pull.head_sha),
                    "base": side(&pull.base, &pull.base_sha),
                })
            })
            .collect();
        // The app's runs of one commit are one suite, which is named after the first of them; a workflow's are its own.
        let of_app = |known: &&CheckRun| known.sha == run.sha && known.workflow.is_none();
        let suite = run.workflow.map_or_else(
            || found.check_runs.values().find(of_app).map_or(run.id, |known| known.id),
            |workflow| workflow.run,
        );
        shown["pull_requests"] = json!(pulls);
        shown["check_suite"] = json!({
            "id": suite,
            "node_id": node_id("CS", suite),
            "head_branch": of_it().next().map(|pull| &pull.head),
            "head_sha": run.sha,
            "status": run.status,
            "conclusion": run.conclusion,
            "url": format!("{api}/check-suites/{suite}"),
            "before": null,
            "after": run.sha,
            "pull_requests": pulls,
            "app": shown["app"],
            "created_at": crate::clock::stamp(run.started_at),
            "updated_at": crate::clock::stamp(run.completed_at.unwrap_or(run.started_at)),
        });
        let action = if run.status == CheckStatus::Completed { "completed" } else { "created" };
        self.told("check_run", Some(action), Some(repository), 0, json!({"check_run": shown}))
    }

    fn review(&self, repository: u64, review: &Review) -> Vec<Happening> {
        let shown = || {
            let (found, owner) = (self.state.repositories.get(&repository)?, self.state.org()?);
            let pull = found.pulls.get(&review.pull)?;
            let full = self.state.full_name(found);
            let mut shown = verdicts::review(self.urls, self.state, &full, pull, review);
            // Webhooks write it small.
            shown["state"] = json!(review.state.word().to_lowercase());
            Some(
                json!({"review": shown, "pull_request": listed_pull(self.urls, self.state, owner, found, pull)}),
            )
        };
        let Some(about) = shown() else { return Vec::new() };
        let action = if review.state == ReviewState::Dismissed { "dismissed" } else { "submitted" };
        self.told("pull_request_review", Some(action), Some(repository), review.author, about)
    }

    fn queued(&self, repository: u64, place: &Queued, before: &Before) -> Vec<Happening> {
        let mut told = Vec::new();
        if before.place.is_none() {
            told.extend(self.pull(repository, place.pull, "enqueued", place.by, json!({})));
        }
        let was = before.place.as_ref().and_then(|place| place.group.as_ref());
        if let Some((sha, base)) = place.group.as_ref().filter(|group| Some(*group) != was) {
            let head = payload::head_commit(self.urls, self.state, self.git, repository, sha);
            let group = json!({
                "head_sha": sha,
                "head_ref": format!("refs/heads/gh-readonly-queue/{}/pr-{}-{base}", place.base, place.pull),
                "base_sha": base,
                "base_ref": format!("refs/heads/{}", place.base),
                "head_commit": head,
            });
            let about = json!({"merge_group": group});
            told.extend(self.told(
                "merge_group",
                Some("checks_requested"),
                Some(repository),
                place.by,
                about,
            ));
        }
        told
    }

    fn installation(&self, now: Option<&Installation>, was: Option<&Installation>) -> Vec<Happening> {
        let Some(known) = now.or(was) else { return Vec::new() };
        if let (Some(now), Some(was)) = (now, was)
            && now.selected != was.selected
        {
            return self.selected(now, was);
        }
        let action = match (now, was) {
            (None, _) => "deleted",
            (Some(_), None) => "created",
            (Some(now), Some(was)) if now.suspended_at.is_some() != was.suspended_at.is_some() => {
                if now.suspended_at.is_some() { "suspend" } else { "unsuspend" }
            }
            _ => "new_permissions_accepted",
        };
        let Some((app, org)) = self.state.app.as_ref().zip(self.state.org()) else { return Vec::new() };
        let mut shown = apps::installation(self.urls, known, app, org);
        if now.is_none() {
            shown["suspended_at"] = Value::Null;
        }
        let mut told = self.told("installation", Some(action), None, 0, json!({"installation": shown}));
        for happening in &mut told {
            happening.installation = Some(known.id);
        }
        told
    }

    /// `installation_repositories`: what the installation has gained and lost, each of them told of apart.
    fn selected(&self, now: &Installation, was: &Installation) -> Vec<Happening> {
        let Some((app, org)) = self.state.app.as_ref().zip(self.state.org()) else { return Vec::new() };
        let records = || self.state.repositories.values().map(|found| &found.record);
        let brief = |record: &RepositoryRecord| {
            json!({
                "id": record.id,
                "node_id": node_id("R", record.id),
                "name": record.name,
                "full_name": format!("{}/{}", org.login, record.name),
                "private": record.private,
            })
        };
        let between = |one: &Installation, other: &Installation| -> Vec<Value> {
            records().filter(|record| one.reaches(record) && !other.reaches(record)).map(brief).collect()
        };
        let (added, removed) = (between(now, was), between(was, now));
        let shown = apps::installation(self.urls, now, app, org);
        let mut told = Vec::new();
        for (action, added, removed) in [("added", added, Vec::new()), ("removed", Vec::new(), removed)] {
            if added.is_empty() && removed.is_empty() {
                continue;
            }
            let about = json!({
                "installation": shown,
                "repository_selection": apps::selection(now),
                "repositories_added": added,
                "repositories_removed": removed,
                "requester": null,
            });
            told.extend(self.told("installation_repositories", Some(action), None, 0, about));
        }
        told
    }
}
