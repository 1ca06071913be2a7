//! What pull requests wear in the in-memory code host: labels, assignees, reviewers, by GitHub's rules.
//!
//! `maintainer` and `reviewer` may be assigned and asked everywhere, and `core` is the only team; nobody else is known.
//! Deliberately absent: code owners, whom this host does not ask by itself.

use super::{
    MemoryCodeHost,
    world::{Repository, refused},
};
use crate::ports::{CodeHostError, RepositoryRef};
use campaigns_domain::{
    changeset::{Worn, has},
    id::CommitSha,
    publish::{
        code_owners::{LARGEST, PLACES},
        dress::Wearer,
        reviewers::names_of,
    },
};

/// Who opens pull requests here.
const AUTHOR: &str = "campaigns[bot]";
/// Who may be assigned and asked.
const PEOPLE: [&str; 2] = ["maintainer", "reviewer"];
/// Which teams there are.
const TEAMS: [&str; 1] = ["core"];
/// GitHub's longest label, in characters.
const LONGEST_LABEL: usize = 50;
/// GitHub's most assignees of a pull request.
const MOST_ASSIGNEES: usize = 10;

impl MemoryCodeHost {
    /// What a pull request wears.
    pub fn worn(&self, repository: &RepositoryRef, number: u64) -> Option<Worn> {
        let world = self.lock();
        let found = world.repositories.get(&repository.id)?;
        found.pull_at(number).ok().map(|at| found.worn[at].clone())
    }

    /// Changes what a pull request wears, as somebody there would.
    pub fn dress(&self, repository: &RepositoryRef, number: u64, change: impl FnOnce(&mut Worn)) {
        if let Some(found) = self.lock().repositories.get_mut(&repository.id)
            && let Ok(at) = found.pull_at(number)
        {
            change(&mut found.worn[at]);
        }
    }
}

impl Repository {
    pub(super) fn wearer(&self, number: u64) -> Result<Wearer, CodeHostError> {
        let at = self.pull_at(number)?;
        Ok(Wearer { author: AUTHOR.to_owned(), worn: self.worn[at].clone() })
    }

    /// The labels of the pull request that is kept there, in order of their names.
    pub(super) fn labels(&self, at: usize) -> Vec<String> {
        let mut labels = self.worn[at].labels.clone();
        labels.sort();
        labels
    }

    /// Who is asked to review the pull request that is kept there, in order of their names.
    pub(super) fn requested(&self, at: usize) -> Vec<String> {
        let mut names = names_of(&self.worn[at], self.name.owner());
        names.sort();
        names
    }

    /// The file that says who owns what, at a commit.
    pub(super) fn code_owners(&self, commit: &CommitSha) -> Result<Option<String>, CodeHostError> {
        let missing = || CodeHostError::NotFound(format!("the commit {commit} of {}", self.name));
        let tree =
            self.commits.get(commit).and_then(|known| self.trees.get(&known.tree)).ok_or_else(missing)?;
        let file = PLACES.iter().find_map(|place| tree.get(*place)).and_then(|(_, id)| self.blobs.get(id));
        let file = file.filter(|blob| blob.len() <= LARGEST);
        Ok(file.map(|blob| String::from_utf8_lossy(blob).into_owned()))
    }

    pub(super) fn add_labels(
        &mut self,
        number: u64,
        labels: &[String],
    ) -> Result<Vec<String>, CodeHostError> {
        let at = self.pull_at(number)?;
        if let Some(long) = labels.iter().find(|label| label.chars().count() > LONGEST_LABEL) {
            return Err(refused(format!("the label `{long}` is too long (maximum is 50 characters)")));
        }
        put(&mut self.worn[at].labels, labels);
        Ok(self.worn[at].labels.clone())
    }

    pub(super) fn assign(&mut self, number: u64, logins: &[String]) -> Result<Vec<String>, CodeHostError> {
        let at = self.pull_at(number)?;
        let known: Vec<String> = logins.iter().filter(|login| is_known(&PEOPLE, login)).cloned().collect();
        let assignees = &mut self.worn[at].assignees;
        put(assignees, &known);
        assignees.truncate(MOST_ASSIGNEES);
        Ok(assignees.clone())
    }

    pub(super) fn ask_reviewers(
        &mut self,
        number: u64,
        logins: &[String],
        teams: &[String],
    ) -> Result<(), CodeHostError> {
        let at = self.pull_at(number)?;
        if has(logins, AUTHOR) {
            return Err(refused("Review cannot be requested from pull request author.".to_owned()));
        }
        let known = logins.iter().all(|login| is_known(&PEOPLE, login))
            && teams.iter().all(|team| is_known(&TEAMS, team));
        if !known {
            return Err(refused(format!(
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is \
                 not a collaborator of the {} repository.",
                self.name
            )));
        }
        put(&mut self.worn[at].reviewers, logins);
        put(&mut self.worn[at].teams, teams);
        Ok(())
    }
}

fn is_known(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn put(there: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !has(there, name) {
            there.push(name.clone());
        }
    }
}
