//! What people do with a pull request at its page: edit it, talk, review, press its buttons.

use super::{Maintainer, Refused};
use crate::git::refs;
use crate::graphql::mutations::set_draft;
use crate::merging;
use crate::rest::refusal::Refusal;
use crate::world::change::{Change, Edit};
use crate::world::model::{Comment, Label, Pull};
use crate::world::verdict::{Review, ReviewState, Verdict};

impl Maintainer<'_> {
    /// Looks at a pull request, decides on changes, and lets happen what follows, under the repository's lock.
    fn change_pull(
        &self,
        repository: &str,
        number: u64,
        decide: impl FnOnce(&Self, u64, &Pull) -> Result<Vec<Change>, Refused>,
    ) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let pull = me.world.read(|state| state.pull(record.id, number).cloned());
            let pull = pull.ok_or_else(|| Refused(format!("there is no pull request {number}")))?;
            let changes = decide(me, record.id, &pull)?;
            Ok(me.world.record(changes)?)
        })
    }

    fn edit(&self, repository: &str, number: u64, edit: Edit) -> Result<(), Refused> {
        self.change_pull(repository, number, |_, repository, _| {
            Ok(vec![Change::PullEdited { repository, number, edit: Box::new(edit) }])
        })
    }

    /// Writes another title.
    pub fn edit_title(&self, repository: &str, number: u64, title: &str) -> Result<(), Refused> {
        self.edit(repository, number, Edit { title: Some(title.to_owned()), ..Edit::default() })
    }

    /// Writes another text.
    pub fn edit_body(&self, repository: &str, number: u64, body: &str) -> Result<(), Refused> {
        self.edit(repository, number, Edit { body: Some(Some(body.to_owned())), ..Edit::default() })
    }

    /// Opens a closed pull request again, where its branch is still as it was.
    pub fn reopen(&self, repository: &str, number: u64) -> Result<(), Refused> {
        self.change_pull(repository, number, |me, repository, pull| {
            let git = me.world.git.open(repository)?;
            let same = refs::tip(&git, &pull.head).is_some_and(|tip| tip.to_string() == pull.head_sha);
            if pull.is_open() || pull.merge.is_some() || !same {
                return Err(Refused(format!("pull request {number} cannot be reopened")));
            }
            Ok(vec![Change::PullReopened { repository, number }])
        })
    }

    /// Converts to a draft.
    pub fn convert_to_draft(&self, repository: &str, number: u64) -> Result<(), Refused> {
        self.set_draft(repository, number, true)
    }

    /// Marks as ready for review.
    pub fn mark_ready(&self, repository: &str, number: u64) -> Result<(), Refused> {
        self.set_draft(repository, number, false)
    }

    fn set_draft(&self, repository: &str, number: u64, draft: bool) -> Result<(), Refused> {
        self.change_pull(repository, number, |me, repository, pull| {
            set_draft(me.world, repository, pull, draft, me.account()?.id)?;
            Ok(Vec::new())
        })
    }

    /// Presses "Update branch"; returns the merge commit that the head then is.
    pub fn press_update_branch(&self, repository: &str, number: u64) -> Result<String, Refused> {
        self.in_repository(repository, |me, record| {
            let pull = me.world.read(|state| state.pull(record.id, number).cloned());
            let pull = pull.ok_or_else(Refusal::not_found)?;
            let git = me.world.git.open(record.id)?;
            let who = me.account()?.id;
            let author = merging::author(me.world, who)?;
            let commit = merging::update_branch(me.world, &git, record, &pull, None, (&author, who))?;
            Ok(commit.to_string())
        })
    }

    /// Writes a comment.
    pub fn comment(&self, repository: &str, number: u64, body: &str) -> Result<(), Refused> {
        let author = self.account()?.id;
        self.change_pull(repository, number, |me, repository, _| {
            let now = me.world.clock.now();
            let id = me.world.read(crate::world::state::State::next_id);
            let body = body.to_owned();
            let comment = Comment { id, pull: number, author, body, created_at: now, updated_at: now };
            Ok(vec![Change::CommentWritten { repository, comment }])
        })
    }

    /// Puts a label on it, which is made if it is not there.
    pub fn add_label(&self, repository: &str, number: u64, label: &str) -> Result<(), Refused> {
        self.change_pull(repository, number, |me, repository, pull| {
            let known = me.world.read(|state| {
                let found = state.repositories.get(&repository);
                found.is_some_and(|found| found.labels.contains_key(&label.to_lowercase()))
            });
            let mut changes = Vec::new();
            if !known {
                let id = me.world.read(crate::world::state::State::next_id);
                let label = Label { id, name: label.to_owned(), color: "ededed".into(), description: None };
                changes.push(Change::LabelCreated { repository, label });
            }
            let mut labels = pull.labels.clone();
            if !labels.iter().any(|has| has.eq_ignore_ascii_case(label)) {
                labels.push(label.to_owned());
            }
            let edit = Box::new(Edit { labels: Some(labels), ..Edit::default() });
            changes.push(Change::PullEdited { repository, number, edit });
            Ok(changes)
        })
    }

    /// Takes a label off it.
    pub fn remove_label(&self, repository: &str, number: u64, label: &str) -> Result<(), Refused> {
        self.change_pull(repository, number, |_, repository, pull| {
            let kept = pull.labels.iter().filter(|has| !has.eq_ignore_ascii_case(label)).cloned().collect();
            let edit = Box::new(Edit { labels: Some(kept), ..Edit::default() });
            Ok(vec![Change::PullEdited { repository, number, edit }])
        })
    }

    /// Approves it.
    pub fn approve(&self, repository: &str, number: u64) -> Result<(), Refused> {
        self.review(repository, number, ReviewState::Approved, "Looks good.")
    }

    /// Requests changes.
    pub fn request_changes(&self, repository: &str, number: u64, why: &str) -> Result<(), Refused> {
        self.review(repository, number, ReviewState::ChangesRequested, why)
    }

    fn review(&self, repository: &str, number: u64, state: ReviewState, body: &str) -> Result<(), Refused> {
        let author = self.account()?.id;
        self.change_pull(repository, number, |me, repository, pull| {
            if pull.author == author && state != ReviewState::Commented {
                return Err(Refused("nobody approves a pull request of their own".into()));
            }
            let review = Review {
                id: me.world.read(crate::world::state::State::next_id),
                pull: number,
                author,
                state,
                body: body.to_owned(),
                commit: pull.head_sha.clone(),
                submitted_at: me.world.clock.now(),
            };
            Ok(vec![Change::Judged { repository, verdict: Verdict::Review(review) }])
        })
    }
}
