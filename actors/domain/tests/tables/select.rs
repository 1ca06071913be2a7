//! Selection: who is in, who is out, and why.

use super::samples::{self, TEMPLATE, campaign_id, commit, name, repository, run_id, target};
use campaigns_domain::{
    execution::target::{Target, TargetState},
    id::{RepositoryId, TargetId},
    selection::{Answer, Few, Glob, NotSelectable, Query, Repository, Selected, queries, select, why},
    spec::Spec,
};
use insta::assert_snapshot;
use std::collections::BTreeMap;

/// The repositories of `acme` that the suite's answers show.
fn acme() -> Vec<Repository> {
    let with = |id, name, change: fn(&mut Repository)| {
        let mut repository = repository(id, name);
        change(&mut repository);
        repository
    };
    vec![
        repository(1, "acme/Crate-b"),
        repository(2, "acme/crate-a"),
        repository(3, "acme/site"),
        with(4, "acme/crate-old", |it| it.archived = true),
        with(5, "acme/crate-gone", |it| it.disabled = true),
        with(6, "acme/crate-fork", |it| it.fork = true),
        with(7, "acme/crate-void", |it| it.empty = true),
        with(8, "acme/crate-theirs", |it| it.can_push = Some(false)),
        with(9, "acme/crate-ours", |it| it.can_push = Some(true)),
    ]
}

fn answers(spec: &Spec) -> BTreeMap<Query, Answer> {
    answers_to(queries(spec))
}

fn answers_to(queries: impl IntoIterator<Item = Query>) -> BTreeMap<Query, Answer> {
    let answer = |query: &Query| match query {
        Query::Organization(login) if login.eq_ignore_ascii_case("acme") => Answer::Repositories(acme()),
        Query::Repository(name) => match acme().into_iter().find(|repository| repository.name == *name) {
            Some(found) => Answer::Repositories(vec![found]),
            None => Answer::NotFound,
        },
        Query::Organization(_) => Answer::NotFound,
    };
    queries.into_iter().map(|query| (query.clone(), answer(&query))).collect()
}

/// One line a repository: in or out, name, branch, reason.
fn chosen(on: &str, template: &str, only: Option<&str>) -> String {
    let spec = samples::spec(on, template);
    let only = only.map(|glob| Glob::new(glob).unwrap());
    let selected = match select(&spec, &answers(&spec), only.as_ref()) {
        Ok(selected) => selected,
        Err(error) => return error.to_string(),
    };
    let line = |it: &campaigns_domain::selection::Selected| {
        let mark = if it.included().is_some() { "+" } else { "-" };
        format!("{mark} {}@{}: {}\n", it.name, it.branch, it.verdict.reason())
    };
    selected.iter().map(line).collect()
}

fn check(on: &str) -> String {
    chosen(on, TEMPLATE, None)
}

#[test]
fn asking_for_a_few_chooses_the_same_of_them() {
    let two = "- {organization: ACME, exclude: ['*-a']}\n- {repository: acme/site, branches: [main, next]}";
    for on in [
        "- organization: acme",
        two,
        "- repository: acme/site",
        "- {organization: acme, include: ['crate-*']}",
    ] {
        let spec = samples::spec(on, TEMPLATE);
        for few in [
            vec!["acme/crate-a"],
            vec!["acme/site", "acme/crate-old"],
            vec!["acme/none", "other/site"],
            vec![],
        ] {
            let names: Vec<_> = few.iter().map(|text| name(text)).collect();
            let all = select(&spec, &answers(&spec), None).unwrap();
            let these = Few::of(&spec, names.iter());
            let asked = these.queries();
            let of_these = select(&spec, &these.answers(answers_to(asked.clone())), None).unwrap();
            let taken = |chosen: Vec<Selected>| -> Vec<Selected> {
                chosen.into_iter().filter(|it| names.is_empty() || names.contains(&it.name)).collect()
            };
            assert_eq!(taken(of_these), taken(all), "{few:?} of {on}");
            let listed = asked.iter().any(|query| matches!(query, Query::Organization(_)));
            assert_eq!(listed, names.is_empty() && on.contains("organization"), "{few:?} of {on}: {asked:?}");
        }
    }
    let spec = samples::spec("- organization: acme", TEMPLATE);
    let many: Vec<_> = (0..101).map(|nth| name(&format!("acme/r{nth}"))).collect();
    assert_eq!(Few::of(&spec, many.iter()).queries().len(), 1, "of many the list is read");
}

#[test]
fn an_organisation() {
    assert_snapshot!(check("- organization: ACME"), @r#"
    + acme/crate-a@main: `on` takes every repository of `ACME`
    + acme/Crate-b@main: `on` takes every repository of `ACME`
    - acme/crate-fork@main: left out: it is a fork (`forks: true` takes forks too)
    - acme/crate-gone@main: left out: GitHub has disabled it
    - acme/crate-old@main: left out: it is archived
    + acme/crate-ours@main: `on` takes every repository of `ACME`
    - acme/crate-theirs@main: left out: the token may not push to it
    - acme/crate-void@main: left out: it is empty
    + acme/site@main: `on` takes every repository of `ACME`
    "#);
    assert_snapshot!(check("- {organization: acme, include: ['crate-?', 'acme/si*'], exclude: ['*-A'], forks: true}"), @r#"
    - acme/crate-a@main: left out: `exclude` has `*-A`
    + acme/Crate-b@main: `on` takes the repositories of `acme` that match `crate-?`
    - acme/crate-fork@main: left out: no `include` of `acme` matches it
    - acme/crate-gone@main: left out: no `include` of `acme` matches it
    - acme/crate-old@main: left out: no `include` of `acme` matches it
    - acme/crate-ours@main: left out: no `include` of `acme` matches it
    - acme/crate-theirs@main: left out: no `include` of `acme` matches it
    - acme/crate-void@main: left out: no `include` of `acme` matches it
    + acme/site@main: `on` takes the repositories of `acme` that match `acme/si*`
    "#);
    assert_snapshot!(check("- organization: nobody"), @"the organisation `nobody` does not exist, or the token cannot see it: check its name in `on`, and that the App is installed there");
}

#[test]
fn repositories_by_name() {
    assert_snapshot!(check("- repository: acme/site\n- repository: acme/crate-fork\n- repository: acme/crate-old"), @r#"
    + acme/crate-fork@main: `on` names it
    - acme/crate-old@main: left out: it is archived
    + acme/site@main: `on` names it
    "#);
    assert_snapshot!(check("- repository: acme/nothing\n- {repository: acme/nothing2, branches: [main, dev]}"), @r#"
    - acme/nothing@: left out: it does not exist, or the token cannot see it; check its name in `on`
    - acme/nothing2@dev: left out: it does not exist, or the token cannot see it; check its name in `on`
    - acme/nothing2@main: left out: it does not exist, or the token cannot see it; check its name in `on`
    "#);
}

#[test]
fn later_entries_override_earlier_ones() {
    // An exclusion undoes what an earlier entry took, and a later name what an earlier one excluded.
    assert_snapshot!(check("- repository: acme/site\n- {organization: acme, include: [si*], exclude: [site]}"), @r#"
    - acme/crate-a@main: left out: no `include` of `acme` matches it
    - acme/Crate-b@main: left out: no `include` of `acme` matches it
    - acme/crate-fork@main: left out: no `include` of `acme` matches it
    - acme/crate-gone@main: left out: no `include` of `acme` matches it
    - acme/crate-old@main: left out: no `include` of `acme` matches it
    - acme/crate-ours@main: left out: no `include` of `acme` matches it
    - acme/crate-theirs@main: left out: no `include` of `acme` matches it
    - acme/crate-void@main: left out: no `include` of `acme` matches it
    - acme/site@main: left out: `exclude` has `site`
    "#);
    assert_snapshot!(check("- {organization: acme, include: [site], exclude: [site]}\n- repository: acme/SITE"), @r#"
    - acme/crate-a@main: left out: no `include` of `acme` matches it
    - acme/Crate-b@main: left out: no `include` of `acme` matches it
    - acme/crate-fork@main: left out: no `include` of `acme` matches it
    - acme/crate-gone@main: left out: no `include` of `acme` matches it
    - acme/crate-old@main: left out: no `include` of `acme` matches it
    - acme/crate-ours@main: left out: no `include` of `acme` matches it
    - acme/crate-theirs@main: left out: no `include` of `acme` matches it
    - acme/crate-void@main: left out: no `include` of `acme` matches it
    + acme/site@main: `on` names it
    "#);
    // Passing over is not speaking of: neither `include` nor the default about forks takes back.
    assert_snapshot!(check("- repository: acme/crate-fork\n- {organization: acme, include: ['*-fork']}"), @r#"
    - acme/crate-a@main: left out: no `include` of `acme` matches it
    - acme/Crate-b@main: left out: no `include` of `acme` matches it
    + acme/crate-fork@main: `on` names it
    - acme/crate-gone@main: left out: no `include` of `acme` matches it
    - acme/crate-old@main: left out: no `include` of `acme` matches it
    - acme/crate-ours@main: left out: no `include` of `acme` matches it
    - acme/crate-theirs@main: left out: no `include` of `acme` matches it
    - acme/crate-void@main: left out: no `include` of `acme` matches it
    - acme/site@main: left out: no `include` of `acme` matches it
    "#);
    assert_snapshot!(check("- {organization: acme, include: [site]}\n- {organization: acme, include: ['crate-a']}"), @r#"
    + acme/crate-a@main: `on` takes the repositories of `acme` that match `crate-a`
    - acme/Crate-b@main: left out: no `include` of `acme` matches it
    - acme/crate-fork@main: left out: no `include` of `acme` matches it
    - acme/crate-gone@main: left out: no `include` of `acme` matches it
    - acme/crate-old@main: left out: no `include` of `acme` matches it
    - acme/crate-ours@main: left out: no `include` of `acme` matches it
    - acme/crate-theirs@main: left out: no `include` of `acme` matches it
    - acme/crate-void@main: left out: no `include` of `acme` matches it
    + acme/site@main: `on` takes the repositories of `acme` that match `site`
    "#);
}

#[test]
fn only() {
    assert_snapshot!(chosen("- repository: acme/site\n- repository: acme/crate-a", TEMPLATE, Some("crate-*")), @r#"
    + acme/crate-a@main: `on` names it
    - acme/site@main: left out: `--only crate-*` does not match it
    "#);
    assert_snapshot!(chosen("- repository: acme/site", TEMPLATE, Some("ACME/*")), @"+ acme/site@main: `on` names it");
    assert_snapshot!(chosen("- repository: acme/crate-old", TEMPLATE, Some("other/*")), @"- acme/crate-old@main: left out: `--only other/*` does not match it");
}

#[test]
fn branches() {
    let per_branch = TEMPLATE.replace("campaigns/tidy", "tidy/${{ repository.branch }}");
    let on = "- {repository: acme/site, branches: [main, dev]}\n- {repository: acme/site, branch: dev}";
    assert_snapshot!(chosen(on, &per_branch, None), @r#"
    + acme/site@dev: `on` names it
    + acme/site@main: `on` names it
    "#);
    // One head branch cannot carry two changesets of one repository.
    assert_snapshot!(chosen(on, TEMPLATE, None), @r#"
    + acme/site@dev: `on` names it
    - acme/site@main: left out: its pull request would need the same branch `campaigns/tidy` as that into `dev`; put `${{ repository.branch }}` into `changesetTemplate.branch`
    "#);
    // Nor be its own base.
    assert_snapshot!(check("- {repository: acme/site, branch: campaigns/tidy}"), @"- acme/site@campaigns/tidy: left out: `changesetTemplate.branch` is its base branch; choose another name");
}

#[test]
fn a_branch_name_is_no_shell_command() {
    let on = "- {repository: acme/site, branch: 'x;$(id)'}";
    let spec = |run: &str| {
        let template = TEMPLATE.replace("campaigns/tidy", "tidy");
        let mut spec = samples::spec(on, &template);
        spec.steps[0].run = run.to_owned();
        spec
    };
    let included = |spec: &Spec| select(spec, &answers(spec), None).unwrap()[0].included().is_some();
    assert!(included(&spec("echo ${{ repository.name }}")));
    assert!(!included(&spec("echo ${{ repository.branch }}")));
}

#[test]
fn each_thing_is_asked_once() {
    let spec = samples::spec(
        "- organization: acme\n- repository: acme/a\n- repository: Acme/A\n- organization: ACME\n- repository: acme/b",
        TEMPLATE,
    );
    let asked = queries(&spec);
    let expected = [
        Query::Organization("acme".to_owned()),
        Query::Repository(name("acme/a")),
        Query::Repository(name("acme/b")),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn an_error_is_not_an_absence() {
    let spec = samples::spec("- repository: acme/site\n- organization: acme", TEMPLATE);
    for missing in queries(&spec) {
        let mut answers = answers(&spec);
        answers.remove(&missing);
        assert!(matches!(select(&spec, &answers, None), Err(NotSelectable::Unanswered(_))), "{missing:?}");
    }
}

#[test]
fn a_renamed_repository_is_one() {
    let spec = samples::spec("- repository: acme/old-name\n- repository: acme/site", TEMPLATE);
    let mut answers = answers(&spec);
    let renamed = Answer::Repositories(vec![repository(3, "acme/site")]);
    answers.insert(Query::Repository(name("acme/old-name")), renamed);
    let selected = select(&spec, &answers, None).unwrap();
    assert_eq!(selected.len(), 1);
    assert_eq!(selected[0].name, name("acme/site"));
}

#[test]
fn targets_of_what_was_selected() {
    let spec = samples::spec(
        "- repository: acme/nothing\n- {repository: acme/nothing, branch: dev}\n- repository: acme/none\n- repository: \
         acme/site\n- repository: acme/crate-old",
        TEMPLATE,
    );
    let selected = select(&spec, &answers(&spec), None).unwrap();
    let target = |name: &str, branch: &str, base| {
        let one = selected.iter().find(|it| it.name.name() == name && it.branch == branch).unwrap();
        Target::selected(run_id(1), campaign_id(), 3, one, base)
    };

    let taken = target("site", "main", Some(commit('a')));
    assert_eq!((taken.state, taken.position, taken.base.clone()), (TargetState::Selected, 3, commit('a')));
    assert_eq!(taken.id, TargetId::of(run_id(1), RepositoryId(3), "main", ""));
    assert_eq!(taken.reason, "`on` names it");

    let branchless = target("site", "main", None);
    assert_eq!(
        (branchless.state, branchless.reason.as_str()),
        (TargetState::Skipped, "left out: it has no branch `main`")
    );

    let archived = target("crate-old", "main", Some(commit('a')));
    assert_eq!(
        (archived.state, archived.reason.as_str()),
        (TargetState::Skipped, "left out: it is archived")
    );
    assert!(!archived.is_missing());

    let missing = [target("nothing", "", None), target("nothing", "dev", None), target("none", "", None)];
    for one in &missing {
        assert_eq!((one.state, one.repository_id), (TargetState::Skipped, RepositoryId(0)));
        assert!(one.is_missing() && one.reason.contains("does not exist"), "{}", one.reason);
        assert_eq!(missing.iter().filter(|other| other.id == one.id).count(), 1);
    }
}

#[test]
fn a_pull_request_can_say_why() {
    let spec = samples::spec(
        "- {organization: acme, include: ['crate-*'], exclude: ['*-old']}\n- organization: other\n- repository: acme/site",
        TEMPLATE,
    );
    for (repository, expected) in [
        ("acme/site", "`on` names it"),
        ("acme/crate-a", "`on` takes the repositories of `acme` that match `crate-*`"),
        ("Other/x", "`on` takes every repository of `other`"),
        ("acme/crate-old", "the spec selects it"),
    ] {
        assert_eq!(why(&spec, &name(repository)), expected);
    }
    assert_eq!(target().reason, "`on` names it");
}
