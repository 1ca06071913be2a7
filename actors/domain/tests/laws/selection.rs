//! The laws of selection.

use super::samples::{self, TEMPLATE, name, repository};
use campaigns_domain::{
    execution::target::Target,
    selection::{Answer, Glob, Query, Repository, Verdict, queries, select},
    spec::{Selector, Spec, branch_flaw},
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Few names, so that entries meet; with differing case.
fn any_name() -> impl Strategy<Value = String> {
    r"(acme|ACME|other)/(a|A|ab|b|\.github|gone)".prop_map(|name: String| name)
}

fn any_glob() -> impl Strategy<Value = String> {
    prop_oneof![Just("*"), Just("a*"), Just("?"), Just("acme/*"), Just("{a,b}"), Just("zzz")]
        .prop_map(str::to_owned)
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let branch = prop_oneof![Just("main"), Just("dev"), Just("campaigns/tidy")].prop_map(str::to_owned);
    let globs = || prop::collection::vec(any_glob(), 0..3);
    prop_oneof![
        (any_name(), prop::collection::vec(branch, 0..3)).prop_map(|(repository, branches)| {
            Selector::Repository { repository: name(&repository), branches }
        }),
        ("(acme|Acme|other)", globs(), globs(), any::<bool>()).prop_map(
            |(organization, include, exclude, forks)| {
                Selector::Organization { organization, include, exclude, forks }
            }
        ),
    ]
}

/// What GitHub has: every name but `gone`, each with its id.
fn world(flags: u32) -> Vec<Repository> {
    let names =
        ["acme/a", "acme/ab", "acme/b", "acme/.github", "other/a", "other/b", "other/ab", "other/.github"];
    (0_u32..)
        .zip(names)
        .map(|(n, name)| {
            let flag = (flags >> (n * 3)) & 7;
            Repository {
                archived: flag == 1,
                fork: flag == 2,
                empty: flag == 3,
                ..repository(u64::from(n) + 1, name)
            }
        })
        .collect()
}

fn answers(spec: &Spec, world: &[Repository]) -> BTreeMap<Query, Answer> {
    let of =
        |fits: &dyn Fn(&Repository) -> bool| world.iter().filter(|it| fits(it)).cloned().collect::<Vec<_>>();
    let answer = |query: &Query| match query {
        Query::Repository(name) => match of(&|it| it.name == *name) {
            found if found.is_empty() => Answer::NotFound,
            found => Answer::Repositories(found),
        },
        Query::Organization(login) => {
            Answer::Repositories(of(&|it| it.name.owner().eq_ignore_ascii_case(login)))
        }
    };
    queries(spec).into_iter().map(|query| (query.clone(), answer(&query))).collect()
}

proptest! {
    #[test]
    fn each_repository_and_branch_is_there_at_most_once(
        on in prop::collection::vec(any_selector(), 0..8),
        flags: u32,
        only in prop::option::of(any_glob()),
    ) {
        let mut spec = samples::spec("- repository: acme/a", TEMPLATE);
        spec.on = on;
        let world = world(flags);
        let answers = answers(&spec, &world);
        let only = only.map(|glob| Glob::new(&glob).unwrap());
        let selected = select(&spec, &answers, only.as_ref()).unwrap();
        prop_assert_eq!(&select(&spec, &answers, only.as_ref()).unwrap(), &selected);

        let places: BTreeSet<_> = selected.iter().map(|it| (it.name.clone(), it.branch.clone())).collect();
        prop_assert_eq!(places.len(), selected.len());
        prop_assert!(selected.is_sorted_by_key(|it| (it.name.clone(), it.branch.clone())));
        let targets: BTreeSet<_> = selected
            .iter()
            .map(|it| Target::selected(samples::run_id(1), samples::campaign_id(), 0, it, Some(samples::commit('a'))).id)
            .collect();
        prop_assert_eq!(targets.len(), selected.len());

        for it in &selected {
            match &it.verdict {
                Verdict::Out { reason } => prop_assert!(reason.starts_with("left out: "), "{}", reason),
                Verdict::In { reason } => {
                    prop_assert!(!reason.is_empty());
                    let found = it.repository.as_ref().unwrap();
                    prop_assert!(!found.archived && !found.empty);
                    prop_assert!(only.as_ref().is_none_or(|glob| glob.matches(&it.name)));
                }
            }
            prop_assert_eq!(it.repository.is_none(), it.name.name() == "gone");
        }
        // One changeset each: no two that take part share a repository and a head branch.
        let heads: Vec<_> = selected
            .iter()
            .filter_map(|it| Some((it.included()?.id, spec.head_branch(&it.name, &it.branch)?)))
            .collect();
        prop_assert_eq!(heads.iter().collect::<BTreeSet<_>>().len(), heads.len());
    }

    #[test]
    fn everything_that_an_entry_speaks_of_is_there(on in prop::collection::vec(any_selector(), 0..8), flags: u32) {
        let mut spec = samples::spec("- repository: acme/a", TEMPLATE);
        spec.on = on;
        let world = world(flags);
        let selected = select(&spec, &answers(&spec, &world), None).unwrap();
        for selector in &spec.on {
            match selector {
                Selector::Repository { repository, .. } => {
                    prop_assert!(selected.iter().any(|it| it.name == *repository));
                }
                Selector::Organization { organization, .. } => {
                    for found in world.iter().filter(|it| it.name.owner().eq_ignore_ascii_case(organization)) {
                        prop_assert!(selected.iter().any(|it| it.name == found.name), "{} is missing", found.name);
                    }
                }
            }
        }
    }

    #[test]
    fn head_branches_are_branches(owner in "[A-Za-z0-9-]{1,8}", repository in "[a.-]{0,6}(lock)?\\.{0,2}", base in "[a-z]{1,5}(/[a-z]{1,5})?") {
        let Ok(name) = format!("{owner}/{repository}").parse() else { return Ok(()) };
        for template in ["x/${{ repository.name }}", "${{ repository.name }}", "${{ repository.branch }}-${{ repository.name }}"] {
            let mut spec = samples::spec("- repository: acme/a", TEMPLATE);
            spec.changeset_template.as_mut().unwrap().branch = template.to_owned();
            let branch = spec.head_branch(&name, &base).unwrap();
            // An owner may begin with a dash, which a branch must not; the template then begins with it too.
            prop_assert!(branch_flaw(&branch).is_none() || branch.starts_with('-'), "{}", branch);
        }
    }
}
