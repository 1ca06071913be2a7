//! Asking for a few: where only some repositories can take part at all, an organisation's list is not read for them.
//!
//! Deliberately absent: who they are, and choosing, which goes by the same entries as ever (`choose`).

use super::{Answer, Query, queries};
use crate::{id::RepositoryName, spec::Spec};
use std::collections::{BTreeMap, BTreeSet};

/// The most that are asked for one by one. A list has a hundred on a page.
const MOST: usize = 100;

/// What has to be asked of GitHub for a spec where only these repositories can take part; none stands for all.
#[derive(Debug)]
pub struct Few<'a> {
    spec: &'a Spec,
    names: BTreeSet<&'a RepositoryName>,
}

impl<'a> Few<'a> {
    /// Those of a spec.
    pub fn of(spec: &'a Spec, names: impl Iterator<Item = &'a RepositoryName>) -> Self {
        let names: BTreeSet<_> = names.collect();
        let names = if names.len() > MOST { BTreeSet::new() } else { names };
        Self { spec, names }
    }

    /// The queries, each once.
    pub fn queries(&self) -> BTreeSet<Query> {
        let one_by_one = |query| match query {
            Query::Organization(owner) if !self.names.is_empty() => {
                self.owned(&owner).map(|name| Query::Repository(name.clone())).collect()
            }
            query => vec![query],
        };
        queries(self.spec).into_iter().flat_map(one_by_one).collect()
    }

    /// The answers to the spec's own queries, from those to these.
    pub fn answers(&self, mut answers: BTreeMap<Query, Answer>) -> BTreeMap<Query, Answer> {
        if self.names.is_empty() {
            return answers;
        }
        for query in queries(self.spec) {
            let Query::Organization(owner) = &query else { continue };
            let mut found = vec![];
            for name in self.owned(owner) {
                if let Some(Answer::Repositories(one)) = answers.get(&Query::Repository(name.clone())) {
                    // One that has moved away is not on the organisation's list either.
                    let stays = one.iter().filter(|one| one.name.owner().eq_ignore_ascii_case(owner));
                    found.extend(stays.cloned());
                }
            }
            answers.insert(query, Answer::Repositories(found));
        }
        answers
    }

    fn owned(&self, owner: &str) -> impl Iterator<Item = &'a RepositoryName> {
        self.names.iter().copied().filter(move |name| name.owner().eq_ignore_ascii_case(owner))
    }
}
