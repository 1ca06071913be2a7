//! The mutations of pull requests: ready and draft, auto-merge, the merge queue. Each under the repository's lock,
//! with GitHub's refusals as errors beside the data; what follows by itself has happened when it is answered.

use super::execute::{Execution, no_field, unserved};
use super::parse::Field;
use crate::git::merge::Method;
use crate::merging;
use crate::rest::refusal::Refusal;
use crate::rest::shape::read_node_id;
use crate::settle;
use crate::standing::{self, MergeState, Unmet};
use crate::world::change::Change;
use crate::world::model::{Level, Pull, RepositoryRecord};
use crate::world::rules::AutoMerge;
use serde_json::Value;

/// Why a mutation did nothing: an error beside the data, or no answer at all.
enum Stopped {
    Told(String),
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

fn told<T>(message: impl Into<String>) -> Result<T, Stopped> {
    Err(Stopped::Told(message.into()))
}

impl Execution<'_> {
    pub(super) fn mutation(&mut self, field: &Field) -> Result<Value, Refusal> {
        if field.name == "updateRefs" {
            return self.update_refs(field);
        }
        let named = if field.name == "dequeuePullRequest" { "id" } else { "pullRequestId" };
        let permissions: &[(&str, Level)] = match field.name.as_str() {
            "markPullRequestReadyForReview" | "convertPullRequestToDraft" => {
                &[("pull_requests", Level::Write)]
            }
            "enablePullRequestAutoMerge"
            | "disablePullRequestAutoMerge"
            | "enqueuePullRequest"
            | "dequeuePullRequest" => &[("pull_requests", Level::Write), ("contents", Level::Write)],
            other => return Err(unserved(&format!("mutation {other}"))),
        };
        let input = field.argument("input").clone();
        let id = input[named].as_str().unwrap_or_default();
        let found = match read_node_id(id) {
            Some(("PR", number)) => self.pull_by_id(number, field.at)?,
            _ => None,
        };
        let Some((record, pull)) = found else {
            let message = format!("Could not resolve to a node with the global id of '{id}'");
            return Ok(self.error("NOT_FOUND", field.at, message));
        };
        if !permissions.iter().all(|needed| self.caller.may(record.id, &[*needed])) {
            return Ok(self.error("FORBIDDEN", field.at, "Resource not accessible by integration".into()));
        }
        if record.archived {
            let message = "Repository was archived so is read-only.".to_owned();
            return Ok(self.error("FORBIDDEN", field.at, message));
        }
        let by = self.caller.account(self.world).ok_or_else(Refusal::requires_authentication)?;
        let lock = self.world.lock_of(record.id);
        let held = lock.blocking_lock();
        // Read again: it may have changed while the lock was another's.
        let pull = self.world.read(|state| state.pull(record.id, pull.number).cloned());
        let pull = pull.ok_or_else(Refusal::not_found)?;
        let number = pull.number;
        let done = self.act(&field.name, &input, &record, &pull, by);
        if done.is_ok() {
            settle::settle(self.world, record.id)?;
        }
        drop(held);
        match done {
            Ok(()) => {}
            Err(Stopped::Told(message)) => return Ok(self.error("UNPROCESSABLE", field.at, message)),
            Err(Stopped::Refused(refusal)) => return Err(refusal),
        }
        self.created = true;
        self.facts.pull = Some(number);
        self.facts.repo = self
            .world
            .read(|state| state.repositories.get(&record.id).map(|repository| state.full_name(repository)));
        self.payload(field, &input, &record, number, by)
    }

    fn payload(
        &mut self,
        field: &Field,
        input: &Value,
        record: &RepositoryRecord,
        number: u64,
        by: u64,
    ) -> Result<Value, Refusal> {
        let mut letters = field.name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let kind = format!("{}{}Payload", first.unwrap_or_default(), letters.as_str());
        let has_pull = !kind.contains("queue");
        self.pick(&field.selection, &kind, |me, wanted| {
            let pull = me.world.read(|state| state.pull(record.id, number).cloned());
            Ok(match (wanted.name.as_str(), pull) {
                ("clientMutationId", _) => input["clientMutationId"].clone(),
                ("pullRequest", Some(pull)) if has_pull => me.pull(record, pull, &wanted.selection)?,
                ("mergeQueueEntry", Some(pull)) if !has_pull => me.queue_entry(record, &pull, wanted)?,
                ("actor", _) if has_pull => me.person(Some(by), wanted)?,
                _ => return Err(no_field(&kind, wanted)),
            })
        })
    }

    fn act(
        &mut self,
        name: &str,
        input: &Value,
        record: &RepositoryRecord,
        pull: &Pull,
        by: u64,
    ) -> Result<(), Stopped> {
        let (repository, number) = (record.id, pull.number);
        let queued = self.world.read(|state| {
            let found = state.repositories.get(&repository)?;
            found.queue.iter().find(|place| place.pull == number).cloned()
        });
        if name == "dequeuePullRequest" {
            let Some(place) = queued else { return told("Pull request is not in the merge queue") };
            let git = self.world.git.open(repository)?;
            return Ok(settle::dequeue(self.world, &git, repository, &place, "MANUAL")?);
        }
        if !pull.is_open() {
            return told("Pull request is closed");
        }
        if let Some(expected) = input["expectedHeadOid"].as_str()
            && expected != pull.head_sha
        {
            return told(format!(
                "The head of the pull request is {}, and {expected} was expected",
                pull.head_sha
            ));
        }
        match name {
            "markPullRequestReadyForReview" | "convertPullRequestToDraft" => {
                let draft = name == "convertPullRequestToDraft";
                Ok(set_draft(self.world, repository, pull, draft, by)?)
            }
            "disablePullRequestAutoMerge" if pull.auto_merge.is_none() => {
                told("Can't disable auto-merge for this pull request.")
            }
            "disablePullRequestAutoMerge" => {
                let off = Change::AutoMergeSet { repository, number, request: None };
                Ok(self.world.record(vec![off])?)
            }
            "enablePullRequestAutoMerge" => self.auto_merge(input, record, pull, by),
            _ if queued.is_some() => told("Pull request is already in the queue"),
            _ => {
                let standing = standing::of(self.world, repository, pull)?;
                let every: Vec<&Unmet> = standing.unmet.iter().flat_map(|(_, unmet)| unmet).collect();
                if !every.contains(&&Unmet::Queue) {
                    return told("Pull request's base branch has no merge queue");
                }
                if let Some(first) = every.iter().find(|unmet| ***unmet != Unmet::Queue) {
                    return told(format!("Pull request {first}"));
                }
                if !standing.is_ready() {
                    return told(format!("Pull request is in {} status", standing.state.word()));
                }
                Ok(settle::enqueue(self.world, record, pull, by)?)
            }
        }
    }

    fn auto_merge(
        &mut self,
        input: &Value,
        record: &RepositoryRecord,
        pull: &Pull,
        by: u64,
    ) -> Result<(), Stopped> {
        if !record.settings.allow_auto_merge {
            return told("Pull request Auto merge is not allowed for this repository");
        }
        let method = input.get("mergeMethod").filter(|method| !method.is_null());
        let method: Method = match method.map(|method| serde_json::from_value(method.clone())) {
            None => Method::Merge,
            Some(Ok(method)) => method,
            Some(Err(_)) => return told("Pull request merge method is not one of MERGE, SQUASH, REBASE"),
        };
        if !merging::allowed(record, method) {
            let way = method.commits().to_lowercase();
            return told(format!("Pull request Merge method {way} are not allowed on this repository"));
        }
        let standing = standing::of(self.world, record.id, pull)?;
        if !matches!(standing.state, MergeState::Blocked | MergeState::Behind) {
            return told(format!("Pull request Pull request is in {} status", standing.state.word()));
        }
        let text = |name: &str| input[name].as_str().map(str::to_owned);
        let request = AutoMerge {
            method,
            by,
            at: self.world.clock.now(),
            headline: text("commitHeadline"),
            body: text("commitBody"),
        };
        let on = Change::AutoMergeSet { repository: record.id, number: pull.number, request: Some(request) };
        Ok(self.world.record(vec![on])?)
    }
}

/// Makes a pull request a draft or ready, and asks for the owners' reviews once it is.
pub fn set_draft(
    world: &crate::world::World,
    repository: u64,
    pull: &Pull,
    draft: bool,
    by: u64,
) -> Result<(), Refusal> {
    if pull.draft == draft {
        return Ok(());
    }
    world.record(vec![Change::PullDrafted { repository, number: pull.number, draft, by }])?;
    Ok(settle::ask_owners(world, &world.git.open(repository)?, repository, pull.number)?)
}
