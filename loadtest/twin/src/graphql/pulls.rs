//! `PullRequest` and what hangs on it. Reviews, checks one by one and their timelines are not served.

use super::execute::{Execution, no_field};
use super::lex::Place;
use super::parse::{Field, Selection};
use crate::clock::stamp;
use crate::rest::refusal::Refusal;
use crate::rest::shape::node_id;
use crate::standing::{self, Standing};
use crate::world::model::{Account, Label, Pull, RepositoryRecord};
use crate::world::rules::{AutoMerge, Queued, Team};
use serde_json::{Value, json};

/// Who is asked for a review.
enum Asked {
    Person(Account),
    Team(Team),
}

impl Execution<'_> {
    /// A pull request by its number behind the node id; an error beside the data where it may not be read.
    pub(super) fn pull_by_id(
        &mut self,
        id: u64,
        at: Place,
    ) -> Result<Option<(RepositoryRecord, Pull)>, Refusal> {
        let found = self.world.read(|state| {
            let (repository, number) = state.pull_ids.get(&id)?;
            let repository = state.repositories.get(repository)?;
            Some((repository.record.clone(), repository.pulls.get(number)?.clone()))
        });
        let Some((record, pull)) = found.filter(|(record, _)| self.reads(record, "metadata")) else {
            return Ok(None);
        };
        if !self.reads(&record, "pull_requests") {
            self.error("FORBIDDEN", at, "Resource not accessible by integration".into());
            return Ok(None);
        }
        Ok(Some((record, pull)))
    }

    pub(super) fn pull(
        &mut self,
        record: &RepositoryRecord,
        pull: Pull,
        selection: &[Selection],
    ) -> Result<Value, Refusal> {
        let page = {
            let full =
                self.world.read(|state| state.org().map(|org| format!("{}/{}", org.login, record.name)));
            format!("{}/{}/pull/{}", self.urls.web, full.unwrap_or_default(), pull.number)
        };
        // Worked out once, and only when something of it is asked for: it merges in memory.
        let mut known: Option<Standing> = None;
        self.pick(selection, "PullRequest", |me, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id("PR", pull.id)),
                "databaseId" => json!(pull.id),
                "fullDatabaseId" => json!(pull.id.to_string()),
                "number" => json!(pull.number),
                "state" if pull.merge.is_some() => json!("MERGED"),
                "state" => json!(pull.state().to_uppercase()),
                "isDraft" => json!(pull.draft),
                "merged" => json!(pull.merge.is_some()),
                "closed" => json!(!pull.is_open()),
                "mergedAt" => json!(pull.merge.as_ref().map(|merge| stamp(merge.at))),
                "closedAt" => json!(pull.closed_at.map(stamp)),
                "createdAt" => json!(stamp(pull.created_at)),
                "updatedAt" => json!(stamp(pull.updated_at)),
                "title" => json!(pull.title),
                "body" => json!(pull.body.clone().unwrap_or_default()),
                "url" | "permalink" => json!(page),
                "headRefName" => json!(pull.head),
                "headRefOid" => json!(pull.head_sha),
                "baseRefName" => json!(pull.base),
                "baseRef" => me.branch(record, &pull.base, field)?,
                "baseRefOid" => json!(pull.base_sha),
                "isCrossRepository" | "locked" => json!(false),
                "maintainerCanModify" => json!(pull.maintainer_can_modify),
                "mergeable" | "mergeStateStatus" | "reviewDecision" | "statusCheckRollup" => {
                    let standing = match &known {
                        Some(standing) => standing,
                        None => known.insert(standing::of(me.world, record.id, &pull)?),
                    };
                    me.standing(standing, field)?
                }
                "isInMergeQueue" => json!(me.place(record, &pull).is_some()),
                "mergeQueueEntry" => me.queue_entry(record, &pull, field)?,
                "autoMergeRequest" => match &pull.auto_merge {
                    Some(request) => me.auto_merge_request(request, field)?,
                    None => Value::Null,
                },
                "author" => me.person(Some(pull.author), field)?,
                "mergedBy" => me.person(pull.merge.as_ref().map(|merge| merge.by), field)?,
                "mergeCommit" => match &pull.merge {
                    Some(merge) => me.commit(&merge.commit, field)?,
                    None => Value::Null,
                },
                "labels" => me.labels(record, &pull, field)?,
                "reviewRequests" => me.review_requests(&pull, field)?,
                "repository" => me.one_repository(record, &field.selection)?,
                _ => return Err(no_field("PullRequest", field)),
            })
        })
    }

    fn standing(&mut self, standing: &Standing, field: &Field) -> Result<Value, Refusal> {
        Ok(match field.name.as_str() {
            "mergeable" => json!(match standing.mergeable {
                Some(true) => "MERGEABLE",
                Some(false) => "CONFLICTING",
                None => "UNKNOWN",
            }),
            "mergeStateStatus" => json!(standing.state.word().to_uppercase()),
            "reviewDecision" => json!(standing.decision.map(|decision| decision.word())),
            _ => match standing.rollup {
                None => Value::Null,
                Some(rollup) => {
                    self.pick(&field.selection, "StatusCheckRollup", |_, field| match field.name.as_str() {
                        "state" => Ok(json!(rollup.word())),
                        _ => Err(no_field("StatusCheckRollup", field)),
                    })?
                }
            },
        })
    }

    /// Its place in the queue, and how many stand before it.
    fn place(&self, record: &RepositoryRecord, pull: &Pull) -> Option<(Queued, usize)> {
        self.world.read(|state| {
            let all = state.repositories.get(&record.id)?.queue.iter();
            let mut same = all.filter(|place| place.base == pull.base).enumerate();
            let (before, place) = same.find(|(_, place)| place.pull == pull.number)?;
            Some((place.clone(), before))
        })
    }

    pub(super) fn queue_entry(
        &mut self,
        record: &RepositoryRecord,
        pull: &Pull,
        field: &Field,
    ) -> Result<Value, Refusal> {
        let Some((place, before)) = self.place(record, pull) else { return Ok(Value::Null) };
        self.pick(&field.selection, "MergeQueueEntry", |me, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id("MQE", place.id)),
                "state" => json!(if before == 0 { "AWAITING_CHECKS" } else { "QUEUED" }),
                "position" => json!(before + 1),
                "enqueuedAt" => json!(stamp(place.at)),
                "enqueuer" => me.person(Some(place.by), field)?,
                "headCommit" => match &place.group {
                    Some((group, _)) => me.commit(group, field)?,
                    None => Value::Null,
                },
                _ => return Err(no_field("MergeQueueEntry", field)),
            })
        })
    }

    fn auto_merge_request(&mut self, request: &AutoMerge, field: &Field) -> Result<Value, Refusal> {
        self.pick(&field.selection, "AutoMergeRequest", |me, field| {
            Ok(match field.name.as_str() {
                "mergeMethod" => json!(request.method),
                "enabledAt" => json!(stamp(request.at)),
                "enabledBy" => me.person(Some(request.by), field)?,
                "commitHeadline" => json!(request.headline),
                "commitBody" => json!(request.body),
                _ => return Err(no_field("AutoMergeRequest", field)),
            })
        })
    }

    pub(super) fn person(&mut self, id: Option<u64>, field: &Field) -> Result<Value, Refusal> {
        let account = id.and_then(|id| self.world.read(|state| state.accounts.get(&id).cloned()));
        account.map_or(Ok(Value::Null), |account| self.account(&account, &field.selection))
    }

    fn commit(&mut self, sha: &str, field: &Field) -> Result<Value, Refusal> {
        self.pick(&field.selection, "Commit", |_, field| match field.name.as_str() {
            "oid" => Ok(json!(sha)),
            _ => Err(no_field("Commit", field)),
        })
    }

    fn labels(&mut self, record: &RepositoryRecord, pull: &Pull, field: &Field) -> Result<Value, Refusal> {
        let labels = self.world.read(|state| {
            let known = state.repositories.get(&record.id).map(|found| &found.labels);
            let found = pull.labels.iter().filter_map(|name| known?.get(&name.to_lowercase()).cloned());
            found.collect::<Vec<_>>()
        });
        self.connection(field, "LabelConnection", labels, |me, label, selection| me.label(label, selection))
    }

    fn review_requests(&mut self, pull: &Pull, field: &Field) -> Result<Value, Refusal> {
        let asked: Vec<Asked> = self.world.read(|state| {
            let people =
                pull.reviewers.iter().filter_map(|id| state.accounts.get(id)).cloned().map(Asked::Person);
            let teams = pull.teams.iter().filter_map(|id| state.teams.get(id)).cloned().map(Asked::Team);
            people.chain(teams).collect()
        });
        self.connection(field, "ReviewRequestConnection", asked, |me, asked, selection| {
            me.pick(selection, "ReviewRequest", |me, field| match (field.name.as_str(), asked) {
                ("requestedReviewer", Asked::Person(account)) => me.account(account, &field.selection),
                ("requestedReviewer", Asked::Team(team)) => me.team(team, &field.selection),
                _ => Err(no_field("ReviewRequest", field)),
            })
        })
    }

    fn team(&mut self, team: &Team, selection: &[Selection]) -> Result<Value, Refusal> {
        let org = self.world.read(|state| state.org().map(|org| org.login.clone())).unwrap_or_default();
        self.pick(selection, "Team", |_, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id("T", team.id)),
                "name" => json!(team.name),
                "slug" => json!(team.slug),
                "combinedSlug" => json!(format!("{org}/{}", team.slug)),
                _ => return Err(no_field("Team", field)),
            })
        })
    }

    pub(super) fn label(&mut self, label: &Label, selection: &[Selection]) -> Result<Value, Refusal> {
        self.pick(selection, "Label", |_, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id("LA", label.id)),
                "name" => json!(label.name),
                "color" => json!(label.color),
                "description" => json!(label.description),
                _ => return Err(no_field("Label", field)),
            })
        })
    }
}
