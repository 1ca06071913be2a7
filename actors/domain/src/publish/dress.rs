//! What is put on a pull request next: of what it is to wear, whatever we have not put there before and nobody else
//! has. What a person takes off stays off, and nothing is ever taken off here.
//!
//! Deliberately absent: writing it, and what GitHub refuses.

use super::budget::WriteKind;
use crate::{
    changeset::{Changeset, Worn, has},
    spec::{Dress, Publication, Spec, Variable, render},
};

/// A pull request's author, and what it wears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wearer {
    /// Its author's login.
    pub author: String,
    /// What is on it.
    pub worn: Worn,
}

/// What is missing on a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// What is to be put on.
    pub worn: Worn,
    /// What cannot be, for people.
    pub notes: Vec<String>,
}

impl Dress {
    /// What the pull request of a repository of `owner` is to wear.
    pub fn wanted(&self, owner: &str) -> Worn {
        Worn {
            labels: self.labels.clone(),
            assignees: self.assignees.clone(),
            reviewers: self.reviewers.clone(),
            teams: self.teams_of(owner),
        }
    }

    /// Its labels with their templates filled in, each on one line and once.
    pub(super) fn rendered(&self, value: impl Fn(Variable) -> String) -> Self {
        let mut labels: Vec<String> = vec![];
        for label in &self.labels {
            let label = super::neutral::one_line(&render(label, |variable| value(variable).into()));
            if !label.is_empty() && !has(&labels, &label) {
                labels.push(label);
            }
        }
        Self { labels, ..self.clone() }
    }
}

/// What the changeset's pull request is to wear that we have not put there yet. Nobody is asked to review a draft.
pub fn undressed(changeset: &Changeset, draft: bool) -> Worn {
    let wanted = changeset.wanted.dress.wanted(changeset.repository.owner()).without(&changeset.shown.worn);
    if draft { Worn { reviewers: vec![], teams: vec![], ..wanted } } else { wanted }
}

/// What of that is missing on the pull request as it was seen.
pub fn missing(undressed: &Worn, seen: &Wearer) -> Missing {
    let mut worn = undressed.without(&seen.worn);
    let mut notes = vec![];
    worn.reviewers.retain(|login| {
        let own = login.eq_ignore_ascii_case(&seen.author);
        if own {
            notes.push(format!("`{login}` opened it and cannot be asked to review it"));
        }
        !own
    });
    Missing { worn, notes }
}

/// The writes that this takes: one for labels, one for assignees, one for all reviewers.
pub fn writes(worn: &Worn) -> Vec<WriteKind> {
    let mut writes = vec![];
    if !worn.labels.is_empty() {
        writes.push(WriteKind::Labels);
    }
    if !worn.assignees.is_empty() {
        writes.push(WriteKind::Assignees);
    }
    if !worn.reviewers.is_empty() || !worn.teams.is_empty() {
        writes.push(WriteKind::Reviewers);
    }
    writes
}

/// What one such write puts on.
pub fn part(worn: &Worn, kind: WriteKind) -> Worn {
    let (all, none) = (worn.clone(), Worn::default());
    match kind {
        WriteKind::Labels => Worn { labels: all.labels, ..none },
        WriteKind::Assignees => Worn { assignees: all.assignees, ..none },
        WriteKind::Reviewers => Worn { reviewers: all.reviewers, teams: all.teams, ..none },
        _ => none,
    }
}

/// The writes that each pull request of a spec takes for what it wears, in the repositories of `owner`.
pub fn writes_of(spec: &Spec, owner: &str) -> Vec<WriteKind> {
    let Some(template) = spec.changeset_template.as_ref() else { return vec![] };
    let mut kinds = writes(&template.dress.wanted(owner));
    if template.dress.code_owners.is_some() && !kinds.contains(&WriteKind::Reviewers) {
        kinds.push(WriteKind::Reviewers);
    }
    // Nobody is asked to review a draft.
    kinds.retain(|kind| *kind != WriteKind::Reviewers || template.published != Publication::Draft);
    kinds
}
