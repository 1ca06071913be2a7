//! The choice itself: entry by entry, later ones over earlier ones, and then what no entry can overrule.
//!
//! Deliberately absent: which commit a branch stands at; a branch that does not exist shows when it is asked for.

use super::{Answer, Query, Repository, Selected, Verdict};
use crate::{
    id::{RepositoryId, RepositoryName},
    spec::{Glob, Selector, Spec, Variable, refers},
};
use std::collections::{BTreeMap, BTreeSet};

/// Why a spec's repositories could not be chosen at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSelectable {
    /// GitHub knows no such organisation or user, or shows it to somebody else only.
    #[error(
        "the organisation `{0}` does not exist, or the token cannot see it: check its name in `on`, and that the \
         App is installed there"
    )]
    NoOrganization(String),
    /// The caller has no answer to one of the spec's queries. An error is not an absence, so nothing is chosen.
    #[error("GitHub has not answered what there is at `{0}`: try again")]
    Unanswered(String),
}

/// What has to be asked of GitHub for a spec, each thing once, in the spec's order.
pub fn queries(spec: &Spec) -> Vec<Query> {
    let mut asked: Vec<Query> = vec![];
    for selector in &spec.on {
        let query = match selector {
            Selector::Repository { repository, .. } => Query::Repository(repository.clone()),
            Selector::Organization { organization, .. } => Query::Organization(organization.clone()),
        };
        if !asked.iter().any(|earlier| same(earlier, &query)) {
            asked.push(query);
        }
    }
    asked
}

/// Whether two queries ask the same; GitHub's names have no case.
fn same(one: &Query, other: &Query) -> bool {
    match (one, other) {
        (Query::Repository(one), Query::Repository(other)) => one == other,
        (Query::Organization(one), Query::Organization(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

/// Chooses: every repository and branch that the spec speaks of, once, in or out with the reason, sorted by name
/// and branch. `only` narrows it down to the names that it matches.
///
/// A later entry overrides an earlier one for the same repository and branch where it names the repository, takes
/// it in, or excludes it; that an entry's `include` or default about forks passes a repository over does not undo
/// what another entry chose.
///
/// # Errors
/// Where an organisation does not exist, or a query of [`queries`] has no answer.
pub fn select(
    spec: &Spec,
    answers: &BTreeMap<Query, Answer>,
    only: Option<&Glob>,
) -> Result<Vec<Selected>, NotSelectable> {
    let mut found = Found::default();
    for selector in &spec.on {
        match selector {
            Selector::Repository { repository, branches } => {
                found.by_name(repository, branches, answer(answers, &Query::Repository(repository.clone()))?);
            }
            Selector::Organization { organization, .. } => {
                match answer(answers, &Query::Organization(organization.clone()))? {
                    Answer::Repositories(all) => found.by_organization(selector, all),
                    Answer::NotFound => return Err(NotSelectable::NoOrganization(organization.clone())),
                }
            }
        }
    }
    let mut chosen = found.into_selected();
    for selected in &mut chosen {
        if let (Verdict::In { .. }, Some(reason)) = (&selected.verdict, obstacle(spec, selected, only)) {
            selected.verdict = Verdict::Out { reason };
        }
    }
    chosen.sort_by(|one, other| (&one.name, &one.branch).cmp(&(&other.name, &other.branch)));
    one_head_each(spec, &mut chosen);
    Ok(chosen)
}

/// Whether the entries of `on` take a branch of a repository, whatever else keeps it out.
pub fn takes_branch(spec: &Spec, repository: &Repository, branch: &str) -> bool {
    let mut found = Found::default();
    let all = [repository.clone()];
    for selector in &spec.on {
        match selector {
            Selector::Repository { repository: name, branches } if *name == repository.name => {
                found.by_name(name, branches, &Answer::Repositories(all.to_vec()));
            }
            Selector::Organization { organization, .. }
                if organization.eq_ignore_ascii_case(repository.name.owner()) =>
            {
                found.by_organization(selector, &all);
            }
            Selector::Repository { .. } | Selector::Organization { .. } => {}
        }
    }
    found.into_selected().iter().any(|selected| selected.branch == branch && selected.included().is_some())
}

/// The entry of `on` that a repository in the run owes its place to, in words for a pull request.
pub fn why(spec: &Spec, name: &RepositoryName) -> String {
    spec.on
        .iter()
        .rev()
        .find_map(|selector| takes(selector, name))
        .unwrap_or_else(|| "the spec selects it".to_owned())
}

fn answer<'a>(answers: &'a BTreeMap<Query, Answer>, query: &Query) -> Result<&'a Answer, NotSelectable> {
    let exact = answers.get(query);
    let found =
        exact.or_else(|| answers.iter().find(|(asked, _)| same(asked, query)).map(|(_, answer)| answer));
    found.ok_or_else(|| {
        NotSelectable::Unanswered(match query {
            Query::Repository(name) => name.to_string(),
            Query::Organization(name) => name.clone(),
        })
    })
}

/// Why the entry takes the repository, as far as its name tells.
fn takes(selector: &Selector, name: &RepositoryName) -> Option<String> {
    match selector {
        Selector::Repository { repository, .. } => (repository == name).then(|| NAMED.to_owned()),
        Selector::Organization { organization, include, exclude, .. } => {
            let fits = |globs: &[String]| globs.iter().any(|glob| matches(glob, name));
            (organization.eq_ignore_ascii_case(name.owner()) && !fits(exclude))
                .then(|| included(organization, include, name))?
        }
    }
}

const NAMED: &str = "`on` names it";

/// Why `include` takes the repository; without globs it takes all.
fn included(organization: &str, include: &[String], name: &RepositoryName) -> Option<String> {
    if include.is_empty() {
        return Some(format!("`on` takes every repository of `{organization}`"));
    }
    let glob = include.iter().find(|glob| matches(glob, name))?;
    Some(format!("`on` takes the repositories of `{organization}` that match `{glob}`"))
}

/// A glob that `Spec::parse` has not let through matches nothing.
fn matches(glob: &str, name: &RepositoryName) -> bool {
    Glob::new(glob).is_ok_and(|glob| glob.matches(name))
}

/// One repository and branch as far as the entries have been read.
struct Candidate {
    repository: Repository,
    verdict: Verdict,
    /// Whether an entry spoke of this repository, and did not only pass it over.
    meant: bool,
}

#[derive(Default)]
struct Found {
    known: BTreeMap<(RepositoryId, String), Candidate>,
    missing: BTreeSet<(RepositoryName, String)>,
}

impl Found {
    fn by_name(&mut self, name: &RepositoryName, branches: &[String], answer: &Answer) {
        let repository = match answer {
            Answer::Repositories(found) => found.first(),
            Answer::NotFound => None,
        };
        let default = repository.map_or("", |repository| repository.default_branch.as_str());
        let branches = match branches {
            [] => vec![default],
            branches => branches.iter().map(String::as_str).collect(),
        };
        for branch in branches {
            match repository {
                Some(repository) => {
                    let verdict = Verdict::In { reason: NAMED.to_owned() };
                    self.note(repository, branch, verdict, true);
                }
                None => {
                    self.missing.insert((name.clone(), branch.to_owned()));
                }
            }
        }
    }

    fn by_organization(&mut self, selector: &Selector, all: &[Repository]) {
        let Selector::Organization { organization, include, exclude, forks } = selector else { return };
        // Compiled once an entry, not once a repository: an organisation may have ten thousand.
        let compiled =
            |globs: &[String]| globs.iter().filter_map(|glob| Glob::new(glob).ok()).collect::<Vec<_>>();
        let (includes, excludes) = (compiled(include), compiled(exclude));
        for repository in all {
            let name = &repository.name;
            let including = includes.iter().find(|glob| glob.matches(name));
            let (verdict, meant) = if let Some(glob) = excludes.iter().find(|glob| glob.matches(name)) {
                (Verdict::Out { reason: format!("left out: `exclude` has `{glob}`") }, true)
            } else if !include.is_empty() && including.is_none() {
                (
                    Verdict::Out { reason: format!("left out: no `include` of `{organization}` matches it") },
                    false,
                )
            } else if repository.fork && !forks {
                let reason = "left out: it is a fork (`forks: true` takes forks too)".to_owned();
                (Verdict::Out { reason }, false)
            } else {
                let reason = match including {
                    Some(glob) => {
                        format!("`on` takes the repositories of `{organization}` that match `{glob}`")
                    }
                    None => format!("`on` takes every repository of `{organization}`"),
                };
                (Verdict::In { reason }, true)
            };
            self.note(repository, &repository.default_branch, verdict, meant);
        }
    }

    fn note(&mut self, repository: &Repository, branch: &str, verdict: Verdict, meant: bool) {
        let key = (repository.id, branch.to_owned());
        if meant || self.known.get(&key).is_none_or(|earlier| !earlier.meant) {
            self.known.insert(key, Candidate { repository: repository.clone(), verdict, meant });
        }
    }

    fn into_selected(self) -> Vec<Selected> {
        let seen: BTreeSet<RepositoryName> =
            self.known.values().map(|candidate| candidate.repository.name.clone()).collect();
        let known = self.known.into_iter().map(|((_, branch), candidate)| Selected {
            name: candidate.repository.name.clone(),
            repository: Some(candidate.repository),
            branch,
            verdict: candidate.verdict,
        });
        // One answer says that it is there and another that it is not: it was made between the two.
        let missing = self.missing.into_iter().filter(|(name, _)| !seen.contains(name));
        let missing = missing.map(|(name, branch)| Selected {
            name,
            repository: None,
            branch,
            verdict: Verdict::Out {
                reason: "left out: it does not exist, or the token cannot see it; check its name in `on`"
                    .to_owned(),
            },
        });
        known.chain(missing).collect()
    }
}

/// What keeps a chosen repository out whatever the entries say.
fn obstacle(spec: &Spec, selected: &Selected, only: Option<&Glob>) -> Option<String> {
    let repository = selected.repository.as_ref()?;
    if let Some(only) = only
        && !only.matches(&selected.name)
    {
        return Some(format!("left out: `--only {only}` does not match it"));
    }
    let reason = if repository.archived {
        "left out: it is archived"
    } else if repository.disabled {
        "left out: GitHub has disabled it"
    } else if repository.empty {
        "left out: it is empty"
    } else if repository.can_push == Some(false) {
        "left out: the token may not push to it"
    } else if spec.head_branch(&selected.name, &selected.branch) == Some(selected.branch.clone()) {
        "left out: `changesetTemplate.branch` is its base branch; choose another name"
    } else if !shell_safe(&selected.branch)
        && spec.steps.iter().any(|step| refers(&step.run, Variable::RepositoryBranch))
    {
        "left out: its branch's name holds characters that a shell acts on, and a step's `run` holds \
         `${{ repository.branch }}`; hand it over in `env`"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// Whether a shell takes the text for itself, quoted or not.
fn shell_safe(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '#' | '=' | ',' | '%')
    })
}

/// Two base branches of one repository cannot share a head branch: they would be one changeset.
fn one_head_each(spec: &Spec, chosen: &mut [Selected]) {
    let mut taken: BTreeMap<(RepositoryId, String), String> = BTreeMap::new();
    for selected in chosen {
        let Some(id) = selected.included().map(|repository| repository.id) else { continue };
        let Some(head) = spec.head_branch(&selected.name, &selected.branch) else { continue };
        match taken.get(&(id, head.clone())) {
            None => {
                taken.insert((id, head), selected.branch.clone());
            }
            Some(first) => {
                let reason = format!(
                    "left out: its pull request would need the same branch `{head}` as that into `{first}`; put \
                     `${{{{ repository.branch }}}}` into `changesetTemplate.branch`"
                );
                selected.verdict = Verdict::Out { reason };
            }
        }
    }
}
