//! What each change does to the state. Applying is total and deterministic: the state is the fold of the journal,
//! and nothing is drawn or decided here.

use super::change::Change;
use super::model::{Pull, Repository};
use super::rules::Rule;
use super::state::State;
use super::verdict::Verdict;
use chrono::{DateTime, Utc};

impl State {
    /// Applies one change that happened at `at`.
    pub fn apply(&mut self, at: DateTime<Utc>, change: &Change) {
        self.forget_listings();
        match change {
            Change::Founded { organization, accounts, app, installation } => {
                self.see_id(organization.id);
                self.organization = organization.id;
                for account in accounts.iter().chain([organization]) {
                    self.see_id(account.id);
                    self.accounts.insert(account.id, account.clone());
                }
                self.see_id(app.id);
                self.see_id(installation.id);
                self.app = Some(app.clone());
                self.installation = Some(installation.clone());
            }
            Change::TokenIssued { grant } => {
                self.grants.insert(grant.digest.clone(), grant.clone());
            }
            Change::TokenRevoked { digest } => {
                self.grants.remove(digest);
            }
            Change::RepositoryCreated { record } => {
                self.see_id(record.id);
                self.names.insert(record.name.to_lowercase(), record.id);
                self.repositories.insert(record.id, Repository::new(record.clone()));
            }
            // An old name keeps leading to the repository until another one takes it, as at GitHub.
            Change::RepositoryChanged { record } => {
                self.names.insert(record.name.to_lowercase(), record.id);
                if let Some(repository) = self.repositories.get_mut(&record.id) {
                    repository.record = record.clone();
                }
            }
            Change::RefsMoved { repository, .. } => {
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.record.pushed_at = at;
                    repository.record.updated_at = at;
                }
            }
            Change::PullOpened { repository, pull } => {
                self.see_id(pull.id);
                self.pull_ids.insert(pull.id, (*repository, pull.number));
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.pulls.insert(pull.number, pull.clone());
                }
            }
            Change::PullEdited { repository, number, edit } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    let edit = (**edit).clone();
                    pull.title = edit.title.unwrap_or_else(|| pull.title.clone());
                    pull.body = edit.body.unwrap_or_else(|| pull.body.clone());
                    if let Some((base, sha)) = edit.base {
                        pull.base = base;
                        pull.base_sha = sha;
                    }
                    pull.maintainer_can_modify =
                        edit.maintainer_can_modify.unwrap_or(pull.maintainer_can_modify);
                    pull.labels = edit.labels.unwrap_or_else(|| pull.labels.clone());
                    pull.assignees = edit.assignees.unwrap_or_else(|| pull.assignees.clone());
                    pull.reviewers = edit.reviewers.unwrap_or_else(|| pull.reviewers.clone());
                    pull.teams = edit.teams.unwrap_or_else(|| pull.teams.clone());
                })
            }
            Change::PullHeadMoved { repository, number, sha, base_sha } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.head_sha.clone_from(sha);
                    pull.base_sha.clone_from(base_sha);
                });
            }
            Change::PullClosed { repository, number, by } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.closed_at = Some(at);
                    pull.closed_by = Some(*by);
                    pull.auto_merge = None;
                })
            }
            Change::PullReopened { repository, number } => self.pull_mut(*repository, *number, at, |pull| {
                pull.closed_at = None;
                pull.closed_by = None;
            }),
            Change::PullMerged { repository, number, merge } => {
                self.pull_mut(*repository, *number, at, |pull| {
                    pull.closed_at = Some(merge.at);
                    pull.closed_by = Some(merge.by);
                    pull.merge = Some(merge.clone());
                    pull.auto_merge = None;
                })
            }
            Change::PullDrafted { repository, number, draft, .. } => {
                self.pull_mut(*repository, *number, at, |pull| pull.draft = *draft);
            }
            Change::AutoMergeSet { repository, number, request } => {
                self.pull_mut(*repository, *number, at, |pull| pull.auto_merge.clone_from(request));
            }
            Change::InstallationChanged { installation } => {
                installation.iter().for_each(|installation| self.see_id(installation.id));
                self.installation.clone_from(installation);
            }
            Change::TeamFormed { team } => {
                self.see_id(team.id);
                self.teams.insert(team.id, team.clone());
            }
            Change::RepositoryDeleted { repository } | Change::RepositoryLeft { repository } => {
                if let Some(gone) = self.repositories.remove(repository) {
                    self.names.retain(|_, id| id != repository);
                    self.former.retain(|_, id| id != repository);
                    for pull in gone.pulls.values() {
                        self.pull_ids.remove(&pull.id);
                    }
                }
            }
            // Its ids are another world's: the next one of this world does not come after them.
            Change::RepositoryReceived { from, received } => {
                let Repository { record, pulls, .. } = received.as_ref();
                self.names.insert(record.name.to_lowercase(), record.id);
                self.former.insert(format!("{}/{}", from.login, record.name).to_lowercase(), record.id);
                self.pull_ids.extend(pulls.values().map(|pull| (pull.id, (record.id, pull.number))));
                self.repositories.insert(record.id, received.as_ref().clone());
            }
            Change::PullQueued { repository, place } => {
                self.see_id(place.id);
                self.repository_mut(*repository, |repository| {
                    match repository.queue.iter_mut().find(|known| known.pull == place.pull) {
                        Some(known) => *known = place.clone(),
                        None => repository.queue.push(place.clone()),
                    }
                });
            }
            Change::PullDequeued { repository, number, .. } => {
                self.repository_mut(*repository, |found| found.queue.retain(|place| place.pull != *number));
            }
            Change::Judged { repository, verdict } => self.judge(*repository, at, verdict),
            Change::Ruled { repository, rule } => {
                if let Rule::Ruleset(ruleset) = rule {
                    self.see_id(ruleset.id);
                }
                self.repository_mut(*repository, |found| rule_over(found, rule));
            }
            Change::LabelCreated { repository, label } => {
                self.see_id(label.id);
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.labels.insert(label.name.to_lowercase(), label.clone());
                }
            }
            Change::CommentWritten { repository, comment } => {
                self.see_id(comment.id);
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.comments.insert(comment.id, comment.clone());
                }
                self.pull_mut(*repository, comment.pull, at, |_| ());
            }
            Change::CommentDeleted { repository, id } => {
                if let Some(repository) = self.repositories.get_mut(repository) {
                    repository.comments.remove(id);
                }
            }
        }
    }

    fn judge(&mut self, repository: u64, at: DateTime<Utc>, verdict: &Verdict) {
        match verdict {
            Verdict::Status(status) => {
                self.see_id(status.id);
                self.repository_mut(repository, |found| {
                    found.statuses.entry(status.sha.clone()).or_default().push(status.clone());
                });
            }
            Verdict::CheckRun(run) => {
                self.see_id(run.id);
                self.repository_mut(repository, |found| {
                    found.check_runs.insert(run.id, run.clone());
                });
            }
            Verdict::Review(review) => {
                self.see_id(review.id);
                self.repository_mut(repository, |found| {
                    found.reviews.insert(review.id, review.clone());
                });
                self.pull_mut(repository, review.pull, at, |pull| {
                    // Whoever has reviewed is asked no more.
                    pull.reviewers.retain(|asked| *asked != review.author);
                });
            }
        }
    }

    fn repository_mut(&mut self, id: u64, change: impl FnOnce(&mut Repository)) {
        if let Some(repository) = self.repositories.get_mut(&id) {
            change(repository);
        }
    }

    fn pull_mut(&mut self, repository: u64, number: u64, at: DateTime<Utc>, change: impl FnOnce(&mut Pull)) {
        if let Some(pull) =
            self.repositories.get_mut(&repository).and_then(|repository| repository.pulls.get_mut(&number))
        {
            change(pull);
            pull.updated_at = at;
        }
    }
}

fn rule_over(found: &mut Repository, rule: &Rule) {
    match rule {
        Rule::Protected(protection) => {
            found.protections.insert(protection.branch.clone(), protection.clone());
        }
        Rule::Unprotected { branch } => {
            found.protections.remove(branch);
        }
        Rule::Ruleset(ruleset) => {
            found.rulesets.insert(ruleset.id, ruleset.clone());
        }
        Rule::RulesetDeleted { id } => {
            found.rulesets.remove(id);
        }
    }
}
