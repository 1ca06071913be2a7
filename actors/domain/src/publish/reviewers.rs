//! Which code owners of what a changeset touches are asked to review it: those with the fewest open review requests of
//! the campaign first, and nobody who has as many as it allows.
//!
//! Deliberately absent: counting what is open, which the store does, and asking.

use super::{
    code_owners::{CodeOwners, Owner},
    dress::Wearer,
};
use crate::{
    changeset::{Changeset, ChangesetState, LeftOut, OwnersAsked, Worn, has},
    id::ChangesetId,
};
use std::collections::BTreeMap;

/// Those who may be asked, and those who may not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owning {
    /// People and teams, as [`OwnersAsked`] names them: whoever owns more of the files first, then by name.
    pub candidates: Vec<String>,
    /// Who is passed over, and why.
    pub left_out: Vec<LeftOut>,
}

/// Who owns these paths of a repository of `organization`, by its CODEOWNERS file.
pub fn owning<'p>(file: &str, paths: impl Iterator<Item = &'p str>, organization: &str) -> Owning {
    let file = CodeOwners::read(file);
    // By the name in lower case: the name as it is written first, and how many files.
    let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    for owner in paths.flat_map(|path| file.owners_of(path).unwrap_or_default()) {
        let name = match owner {
            Owner::Person(login) => login.clone(),
            Owner::Team(of, slug) => format!("{of}/{slug}"),
            Owner::Address(address) => address.clone(),
        };
        let why = match owner {
            Owner::Person(_) => None,
            Owner::Team(of, _) => (!of.eq_ignore_ascii_case(organization)).then_some(WHY_ELSEWHERE),
            Owner::Address(_) => Some(WHY_ADDRESS),
        };
        match why {
            Some(why) => drop(left_out.insert(name, why)),
            None => found.entry(name.to_ascii_lowercase()).or_insert((name, 0)).1 += 1,
        }
    }
    let mut candidates: Vec<(String, usize)> = found.into_values().collect();
    candidates.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    Owning {
        candidates: candidates.into_iter().map(|(name, _)| name).collect(),
        left_out: left_out.into_iter().map(|(who, why)| LeftOut::new(who, why)).collect(),
    }
}

const WHY_ADDRESS: &str = "an address names nobody that can be asked";
const WHY_ELSEWHERE: &str = "a team of another organisation";
const WHY_AUTHOR: &str = "opened the pull request";

/// Who is left of those who may be asked for this pull request, and how many of them at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// Who may be asked.
    pub candidates: Vec<String>,
    /// How many more.
    pub at_most: u32,
    /// Who is asked already, whoever asked, or was asked by us before: a person takes off whom they like.
    pub asked: Vec<String>,
    /// Who is passed over, and why.
    pub left_out: Vec<LeftOut>,
}

impl Owning {
    /// What of it is open where the pull request was seen like this.
    pub fn open(self, changeset: &Changeset, seen: &Wearer, at_most: u32) -> Open {
        let owner = changeset.repository.owner();
        let known = [names_of(&seen.worn, owner), names_of(&changeset.shown.worn, owner)].concat();
        let mut open = Open { left_out: self.left_out, ..Open::default() };
        for name in self.candidates {
            if has(&known, &name) {
                open.asked.push(name);
            } else if name.eq_ignore_ascii_case(&seen.author) {
                open.left_out.push(LeftOut::new(name, WHY_AUTHOR));
            } else {
                open.candidates.push(name);
            }
        }
        let asked = u32::try_from(open.asked.len()).unwrap_or(u32::MAX);
        open.at_most = at_most.saturating_sub(asked);
        open
    }
}

/// A candidate with how many review requests of the campaign are open for them, this changeset's own aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How many.
    pub open: u32,
    /// Whether this changeset has taken a place with them that is not known to be used.
    pub own: bool,
}

/// Who of the candidates is asked, by their places in the list: whoever a place was taken with already, then the least
/// loaded, then the earlier in the list; nobody with `most_open` or more, and `at_most` so many.
pub fn choose(loads: &[Load], at_most: u32, most_open: u32) -> Vec<usize> {
    let mut free: Vec<usize> =
        (0..loads.len()).filter(|at| loads[*at].own || loads[*at].open < most_open).collect();
    free.sort_by_key(|at| (!loads[*at].own, loads[*at].open, *at));
    free.truncate(usize::try_from(at_most).unwrap_or(usize::MAX));
    free
}

/// The people and teams of these names, as GitHub is asked for them.
pub fn worn_of(names: &[String]) -> Worn {
    let (teams, reviewers): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| name.contains('/'));
    let slug = |team: String| team.split_once('/').map_or(team.clone(), |(_, slug)| slug.to_owned());
    Worn { reviewers, teams: teams.into_iter().map(slug).collect(), ..Worn::default() }
}

/// The names of those who are asked, teams with their organisation.
pub fn names_of(worn: &Worn, organization: &str) -> Vec<String> {
    let teams = worn.teams.iter().map(|slug| format!("{organization}/{slug}"));
    worn.reviewers.iter().cloned().chain(teams).collect()
}

/// Takes out of the loads who was asked on this changeset, and is not as it was read just now.
pub fn freed(changeset: &Changeset, now: &[String], loads: &mut BTreeMap<String, u32>) {
    let before = changeset.seen.as_ref().and_then(|seen| seen.requested.as_deref()).unwrap_or_default();
    for name in before.iter().filter(|name| !has(now, name)) {
        if let Some(load) = loads.get_mut(&name.to_ascii_lowercase()) {
            *load = load.saturating_sub(1);
        }
    }
}

/// Which of these changesets are looked at again because somebody they wait for has room: as many as there is room for,
/// in their order. `loads` holds how many review requests are open, by the names in lower case.
pub fn awaited<'c>(
    changesets: impl Iterator<Item = &'c Changeset>,
    loads: &BTreeMap<String, u32>,
) -> Vec<ChangesetId> {
    let mut loads = loads.clone();
    let mut found = vec![];
    for changeset in changesets {
        let (Some(asked), Some(rule)) = (&changeset.shown.owners, &changeset.wanted.dress.code_owners) else {
            continue;
        };
        let waits = changeset.state == ChangesetState::Open && asked.waits();
        let free = asked
            .waiting
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .find(|name| waits && loads.get(name).copied().unwrap_or_default() < rule.max_open_each);
        if let Some(name) = free {
            *loads.entry(name).or_default() += 1;
            found.push(changeset.id);
        }
    }
    found
}

impl Changeset {
    /// Whether the code owners of its content have still to be asked.
    pub fn owes_owners(&self) -> bool {
        let of = self.wanted.execution();
        self.wanted.dress.code_owners.is_some()
            && self.shown.owners.as_ref().is_none_or(|asked| asked.of != of || asked.waits())
    }

    /// What is known now of the code owners of its content.
    pub fn owners_asked(&self, open: &Open, asked: Vec<String>, refused: Vec<LeftOut>) -> OwnersAsked {
        let full = |name: &&String| {
            !has(&asked, name) && !refused.iter().any(|left| left.who.eq_ignore_ascii_case(name))
        };
        let others: Vec<String> = open.candidates.iter().filter(full).cloned().collect();
        let enough = u32::try_from(asked.len()).unwrap_or(u32::MAX) >= open.at_most;
        OwnersAsked {
            of: self.wanted.execution(),
            generation: self.generation,
            waiting: if enough { vec![] } else { others.clone() },
            passed: if enough { others } else { vec![] },
            asked: open.asked.iter().cloned().chain(asked).collect(),
            left_out: open.left_out.iter().cloned().chain(refused).collect(),
        }
    }
}
