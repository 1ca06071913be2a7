//! Which changes of the world are told, as which of GitHub's events. What is told is worked out with the change, under
//! the journal's lock, so that deliveries leave in the order of the journal and show the world as it was then.
//!
//! What others say of commits and pull requests is in `verdict`. A change that no event stands for here is not told:
//! labels and comments as such, tokens, rules, a repository that leaves the organisation (who receives it is told).

use super::payload;
use crate::git::Store;
use crate::rest::shape::repos::{Access, full};
use crate::rest::urls::Urls;
use crate::world::change::{Change, Edit};
use crate::world::model::{Installation, Pull, RepositoryRecord};
use crate::world::rules::Queued;
use crate::world::state::State;
use serde_json::{Value, json};

/// Something that is told.
#[derive(Clone, Debug)]
pub struct Happening {
    /// `pull_request`, `push`, …
    pub event: &'static str,
    /// How, where the event has several ways.
    pub action: Option<String>,
    /// The installation that is told.
    pub installation: Option<u64>,
    /// The repository it is about.
    pub repository: Option<u64>,
    /// The body.
    pub payload: Value,
}

/// What a change is about, as it was before.
#[derive(Clone, Debug, Default)]
pub struct Before {
    pull: Option<Pull>,
    record: Option<RepositoryRecord>,
    pub(super) place: Option<Queued>,
    pub(super) installation: Option<Installation>,
}

impl Before {
    /// What `change` is about to change.
    pub fn of(state: &State, change: &Change) -> Self {
        match change {
            Change::PullEdited { repository, number, .. }
            | Change::PullHeadMoved { repository, number, .. } => {
                Self { pull: state.pull(*repository, *number).cloned(), ..Self::default() }
            }
            Change::RepositoryChanged { record: RepositoryRecord { id, .. } }
            | Change::RepositoryDeleted { repository: id } => {
                let record = state.repositories.get(id).map(|found| found.record.clone());
                Self { record, ..Self::default() }
            }
            Change::PullQueued { repository, place } => {
                let queue = state.repositories.get(repository).map(|found| found.queue.iter());
                let place = queue.into_iter().flatten().find(|known| known.pull == place.pull);
                Self { place: place.cloned(), ..Self::default() }
            }
            Change::InstallationChanged { .. } => {
                Self { installation: state.installation.clone(), ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

/// Where happenings are worked out.
pub struct Teller<'a> {
    /// The state after the change.
    pub state: &'a State,
    /// The objects, for what was pushed.
    pub git: &'a Store,
    /// How addresses are written.
    pub urls: &'a Urls,
}

impl Teller<'_> {
    /// What a change that has just been applied is told as.
    pub fn of(&self, change: &Change, before: Before) -> Vec<Happening> {
        match change {
            Change::RepositoryCreated { record } => self.repository(record.id, "created", json!({})),
            // Only the account that has it now is told ("Webhook events and payloads", `repository`, `transferred`).
            Change::RepositoryReceived { from, received } => {
                let from = json!({"organization": crate::rest::shape::users::simple(self.urls, from)});
                self.repository(
                    received.record.id,
                    "transferred",
                    json!({"changes": {"owner": {"from": from}}}),
                )
            }
            Change::RepositoryChanged { record } => self.changed(record, before.record.as_ref()),
            Change::RefsMoved { repository, moves, by } => {
                moves.iter().flat_map(|moved| self.moved(*repository, moved, *by)).collect()
            }
            Change::PullOpened { repository, pull } => {
                self.pull(*repository, pull.number, "opened", pull.author, json!({}))
            }
            Change::PullEdited { repository, number, edit } => {
                self.edited(*repository, *number, edit, before.pull.as_ref())
            }
            Change::PullHeadMoved { repository, number, sha, .. } => {
                let was = before.pull.map(|pull| pull.head_sha).unwrap_or_default();
                if was == *sha {
                    return Vec::new();
                }
                let more = json!({"before": was, "after": sha});
                self.pull(*repository, *number, "synchronize", 0, more)
            }
            Change::PullClosed { repository, number, by } => {
                self.pull(*repository, *number, "closed", *by, json!({}))
            }
            Change::PullMerged { repository, number, merge } => {
                self.pull(*repository, *number, "closed", merge.by, json!({}))
            }
            Change::PullReopened { repository, number } => {
                self.pull(*repository, *number, "reopened", 0, json!({}))
            }
            Change::RepositoryDeleted { .. } => self.deleted(before.record.as_ref()),
            other => self.judged(other, &before),
        }
    }

    /// One happening with what every payload has; `by` 0 is whoever can be thought of first.
    pub(super) fn told(
        &self,
        event: &'static str,
        action: Option<&str>,
        repository: Option<u64>,
        by: u64,
        about: Value,
    ) -> Vec<Happening> {
        let payload = payload::framed(self.urls, self.state, action, repository, by, about);
        vec![Happening {
            event,
            action: action.map(str::to_owned),
            installation: self.state.installation.as_ref().map(|installation| installation.id),
            repository,
            payload,
        }]
    }

    fn deleted(&self, record: Option<&RepositoryRecord>) -> Vec<Happening> {
        let Some((record, owner)) = record.zip(self.state.org()) else { return Vec::new() };
        let access = Access { push: false, admin: false };
        let about = json!({"repository": full(self.urls, owner, record, 0, access)});
        let mut told = self.told("repository", Some("deleted"), None, 0, about);
        for happening in &mut told {
            happening.repository = Some(record.id);
        }
        told
    }

    fn repository(&self, id: u64, action: &str, more: Value) -> Vec<Happening> {
        self.told("repository", Some(action), Some(id), 0, more)
    }

    fn changed(&self, record: &RepositoryRecord, before: Option<&RepositoryRecord>) -> Vec<Happening> {
        let Some(before) = before else { return Vec::new() };
        let mut told = Vec::new();
        if record.name != before.name {
            let changes = json!({"changes": {"repository": {"name": {"from": before.name}}}});
            told.extend(self.repository(record.id, "renamed", changes));
        }
        if record.archived != before.archived {
            let action = if record.archived { "archived" } else { "unarchived" };
            told.extend(self.repository(record.id, action, json!({})));
        }
        if record.private != before.private {
            let action = if record.private { "privatized" } else { "publicized" };
            told.extend(self.repository(record.id, action, json!({})));
        }
        if record.default_branch != before.default_branch {
            let changes = json!({"changes": {"default_branch": {"from": before.default_branch}}});
            told.extend(self.repository(record.id, "edited", changes));
        }
        told
    }

    fn moved(&self, repository: u64, moved: &crate::world::change::RefMove, by: u64) -> Vec<Happening> {
        let mut told = Vec::new();
        if let Some(push) = payload::push(self.urls, self.state, self.git, repository, moved, by) {
            let mut pushes = self.told("push", None, Some(repository), by, push);
            for push in &mut pushes {
                payload::as_pushed(&mut push.payload);
            }
            told.extend(pushes);
        }
        if moved.new.is_none() {
            let (kind, name) = match moved.name.strip_prefix("refs/heads/") {
                Some(branch) => ("branch", branch),
                None => ("tag", moved.name.trim_start_matches("refs/tags/")),
            };
            let about = json!({"ref": name, "ref_type": kind, "pusher_type": "user"});
            told.extend(self.told("delete", None, Some(repository), by, about));
        }
        told
    }

    pub(super) fn pull(
        &self,
        repository: u64,
        number: u64,
        action: &str,
        by: u64,
        more: Value,
    ) -> Vec<Happening> {
        let Some(mut about) = payload::pull(self.urls, self.state, repository, number) else {
            return Vec::new();
        };
        crate::rest::shape::users::merge(&mut about, more);
        self.told("pull_request", Some(action), Some(repository), by, about)
    }

    fn edited(&self, repository: u64, number: u64, edit: &Edit, before: Option<&Pull>) -> Vec<Happening> {
        let Some(before) = before else { return Vec::new() };
        let by = before.author;
        let mut told = Vec::new();
        let mut changes = json!({});
        if edit.title.as_ref().is_some_and(|title| *title != before.title) {
            changes["title"] = json!({"from": before.title});
        }
        if edit.body.as_ref().is_some_and(|body| *body != before.body) {
            changes["body"] = json!({"from": before.body});
        }
        if let Some((base, _)) = edit.base.as_ref().filter(|(base, _)| *base != before.base) {
            changes["base"] =
                json!({"ref": {"from": before.base}, "sha": {"from": before.base_sha}, "to": base});
        }
        if changes.as_object().is_some_and(|changes| !changes.is_empty()) {
            told.extend(self.pull(repository, number, "edited", by, json!({"changes": changes})));
        }
        if let Some(labels) = &edit.labels {
            let label =
                |name: &String| json!({"label": payload::label(self.urls, self.state, repository, name)});
            for name in labels.iter().filter(|name| !before.labels.contains(name)) {
                told.extend(self.pull(repository, number, "labeled", by, label(name)));
            }
            for name in before.labels.iter().filter(|name| !labels.contains(name)) {
                told.extend(self.pull(repository, number, "unlabeled", by, label(name)));
            }
        }
        let people = [
            (&edit.assignees, &before.assignees, "assignee", "assigned", "unassigned"),
            (
                &edit.reviewers,
                &before.reviewers,
                "requested_reviewer",
                "review_requested",
                "review_request_removed",
            ),
        ];
        for (now, was, field, more, less) in people {
            let Some(now) = now else { continue };
            let person = |id: &u64| json!({field: payload::account(self.urls, self.state, *id)});
            for id in now.iter().filter(|id| !was.contains(id)) {
                told.extend(self.pull(repository, number, more, by, person(id)));
            }
            for id in was.iter().filter(|id| !now.contains(id)) {
                told.extend(self.pull(repository, number, less, by, person(id)));
            }
        }
        told
    }
}
