//! What a pull request is to wear, and what of that is put on it next.

use super::samples::{manifest, proposal, published, put, spec, target};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, Dressed, Proposal, Worn},
    execution::run::RunOptions,
    publish::{
        budget::WriteKind,
        dress::{Missing, Wearer, missing, part, undressed, writes, writes_of},
        place,
    },
    spec::{AskOwners, Dress, Publication, Spec},
};
use insta::assert_snapshot;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The errors of a spec with this under `changesetTemplate`.
fn refused(dress: &str) -> String {
    let yaml =
        format!("name: a\nchangesetTemplate:\n  title: t\n  branch: b\n  commit: {{message: m}}\n{dress}\n");
    match Spec::parse(&yaml) {
        Ok(spec) => panic!("was read: {spec:?}"),
        Err(errors) => errors.named("spec.yaml").to_string(),
    }
}

#[test]
fn what_nobody_could_wear() {
    assert_snapshot!(refused("  labels: [\" a\", \"\", \"a\\nb\", 12]"), @r#"
    spec.yaml:6:12: ` a` is no label: it begins or ends with a blank
      6 |   labels: [" a", "", "a\nb", 12]
        |            ^ write it as GitHub shows it
    spec.yaml:6:18: `` is no label: it is empty
      6 |   labels: [" a", "", "a\nb", 12]
        |                  ^ write it as GitHub shows it
    spec.yaml:6:22: `a\nb` is no label: it holds more than one line
      6 |   labels: [" a", "", "a\nb", 12]
        |                      ^ write it as GitHub shows it
    spec.yaml:6:30: a label is a text, and this is a number
      6 |   labels: [" a", "", "a\nb", 12]
        |                              ^ write it in quotes: "12"
    "#);
    assert_snapshot!(refused("  labels: [Bug, ok, bug, \"123456789 123456789 123456789 123456789 123456789 1\"]"), @r#"
    spec.yaml:6:21: `bug` is there twice in `labels`
      6 |   labels: [Bug, ok, bug, "123456789 123456789 123456789 123456789 123456789 1"]
        |                     ^ case makes no difference at GitHub; keep one of them
    spec.yaml:6:26: `123456789 123456789 123456789 123456789 123456789 1` is no label: GitHub takes at most 50 characters
      6 |   labels: [Bug, ok, bug, "123456789 123456789 123456789 123456789 123456789 1"]
        |                          ^ write it as GitHub shows it
    "#);
    assert_snapshot!(refused("  labels: bug\n  assignees: [a, b, c, d, e, f, g, h, i, j, k]"), @r#"
    spec.yaml:6:11: `labels` is a list, and this is a text
      6 |   labels: bug
        |           ^ write each item in a line of its own that begins with `- `
    spec.yaml:7:45: `assignees` has more than 10
      7 |   assignees: [a, b, c, d, e, f, g, h, i, j, k]
        |                                             ^ leave some of them out
    "#);
    assert_snapshot!(refused("  reviewers: ['@ada', acme/core, '${{ repository.name }}']"), @r#"
    spec.yaml:6:15: `@ada` is no login
      6 |   reviewers: ['@ada', acme/core, '${{ repository.name }}']
        |               ^ write it without the `@`: ada
    spec.yaml:6:23: `acme/core` is no login
      6 |   reviewers: ['@ada', acme/core, '${{ repository.name }}']
        |                       ^ teams go into `teamReviewers`
    spec.yaml:6:34: `${{ repository.name }}` is no login
      6 |   reviewers: ['@ada', acme/core, '${{ repository.name }}']
        |                                  ^ write the name from the account's page, without templates
    "#);
    assert_snapshot!(refused("  teamReviewers: [a/b/c, '@acme/core', '']"), @r#"
    spec.yaml:6:19: `a/b/c` is no team
      6 |   teamReviewers: [a/b/c, '@acme/core', '']
        |                   ^ write the team's slug as in its address, or `organisation/slug` to ask it there alone
    spec.yaml:6:26: `@acme/core` is no team
      6 |   teamReviewers: [a/b/c, '@acme/core', '']
        |                          ^ write the team's slug as in its address, or `organisation/slug` to ask it there alone
    spec.yaml:6:40: `` is no team
      6 |   teamReviewers: [a/b/c, '@acme/core', '']
        |                                        ^ write the team's slug as in its address, or `organisation/slug` to ask it there alone
    "#);
    assert_snapshot!(refused("  codeOwners: 2"), @r#"
    spec.yaml:6:15: `codeOwners` is true, false or a mapping, and this is a number
      6 |   codeOwners: 2
        |               ^ write `codeOwners: true`, or `codeOwners: {atMost: 1}`
    "#);
    assert_snapshot!(refused("  codeOwners: {atMost: 0, maxOpenEach: many, most: 1}"), @r#"
    spec.yaml:6:24: `atMost` is a number from 1 to 15
      6 |   codeOwners: {atMost: 0, maxOpenEach: many, most: 1}
        |                        ^ to ask nobody, leave `codeOwners` out
    spec.yaml:6:40: `maxOpenEach` is a number from 1 to 1000
      6 |   codeOwners: {atMost: 0, maxOpenEach: many, most: 1}
        |                                        ^ to ask nobody, leave `codeOwners` out
    spec.yaml:6:46: unknown key `most` in `codeOwners`
      6 |   codeOwners: {atMost: 0, maxOpenEach: many, most: 1}
        |                                              ^ did you mean `atMost`?
    "#);
    assert_snapshot!(refused("  label: [a]\n  labels: ['${{ nothing }}']"), @r#"
    spec.yaml:6:3: unknown key `label` in `changesetTemplate`
      6 |   label: [a]
        |   ^ did you mean `labels`?
    spec.yaml:7:13: `nothing` is not a variable
      7 |   labels: ['${{ nothing }}']
        |             ^ there are repository.name, repository.branch, campaign.name, campaign.description; for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    "#);
}

fn dress() -> Dress {
    Dress {
        labels: names(&["automated", "for ${{ repository.name }}", "Automated"]),
        assignees: names(&["ada"]),
        reviewers: names(&["grace"]),
        team_reviewers: names(&["core", "ACME/docs", "other/web"]),
        code_owners: None,
    }
}

#[test]
fn labels_are_rendered_and_teams_are_those_of_the_organisation() {
    let mut spec = spec("- repository: acme/tool", "title: t\nbranch: b\ncommit: {message: m}");
    spec.changeset_template.as_mut().unwrap().dress = dress();
    let proposal = Proposal::new(
        &spec,
        &spec.digest(),
        &RunOptions::default(),
        &target(),
        &manifest(vec![put("a", "1")]),
    );
    let proposal = proposal.unwrap();
    assert_eq!(proposal.dress.labels, names(&["automated", "for acme/tool"]), "each once");
    let (changeset, _) = Changeset::propose(place(&spec, &target()).unwrap(), proposal);
    let wanted = undressed(&changeset, false);
    assert_eq!((wanted.teams, wanted.assignees), (names(&["core", "docs"]), names(&["ada"])));
    let kinds = [WriteKind::Labels, WriteKind::Assignees, WriteKind::Reviewers];
    assert_eq!(writes_of(&spec, "acme"), kinds);
    spec.changeset_template.as_mut().unwrap().dress =
        Dress { team_reviewers: names(&["acme/core"]), ..Dress::default() };
    assert_eq!(writes_of(&spec, "other"), [], "nobody is asked there");
    let template = spec.changeset_template.as_mut().unwrap();
    template.dress = Dress { code_owners: Some(AskOwners::default()), ..Dress::default() };
    assert_eq!(writes_of(&spec, "acme"), [WriteKind::Reviewers]);
    spec.changeset_template.as_mut().unwrap().published = Publication::Draft;
    assert_eq!(writes_of(&spec, "acme"), [], "nobody is asked to review a draft");
}

#[test]
fn only_what_is_missing_is_put_on() {
    let undressed = Worn {
        labels: names(&["One", "two"]),
        assignees: names(&["ada"]),
        reviewers: names(&["grace", "Me", "ada"]),
        teams: names(&["core"]),
    };
    let seen = Wearer {
        author: "me".to_owned(),
        worn: Worn { labels: names(&["one", "theirs"]), reviewers: names(&["Ada"]), ..Worn::default() },
    };
    let Missing { worn, notes } = missing(&undressed, &seen);
    let expected = Worn {
        labels: names(&["two"]),
        assignees: names(&["ada"]),
        reviewers: names(&["grace"]),
        teams: names(&["core"]),
    };
    assert_eq!(worn, expected);
    assert_eq!(notes, ["`Me` opened it and cannot be asked to review it"]);
    assert_eq!(expected.to_string(), "label `two`, assignee `ada`, reviewer `grace`, team `core`");
    let parts = writes(&worn).into_iter().map(|kind| part(&worn, kind));
    assert_eq!(parts.fold(Worn::default(), |all, part| all.and(&part)), worn, "nothing is left out");
    let singles = worn.singles();
    assert_eq!(singles.len(), 4);
    assert_eq!(singles.into_iter().fold(Worn::default(), |all, one| all.and(&one)), worn);
    assert_eq!(writes(&Worn::default()), []);
}

#[test]
fn what_was_put_on_once_is_not_put_on_again() {
    let labels = |labels: &[&str]| Dress { labels: names(labels), ..Dress::default() };
    let next =
        |changeset: &Changeset, event: &ChangesetEvent| changeset.apply(event).into_applied().unwrap().0;
    let spec = spec("- repository: acme/tool", "title: t\nbranch: b\ncommit: {message: m}");
    let first = Proposal { dress: labels(&["one", "two"]), ..proposal(1, 1, Publication::Ready) };
    let (changeset, _) = Changeset::propose(place(&spec, &target()).unwrap(), first);
    let sending = next(&changeset, &ChangesetEvent::PublishStarted { generation: 1 });
    let mut sent = published('1', false);
    let on = |on: &[&str]| Worn { labels: names(on), ..Worn::default() };
    let (labels_now, notes) = (names(&["one", "theirs"]), names(&["label `two` not put on: no"]));
    sent.dressed =
        Some(Box::new(Dressed { worn: on(&["one"]), labels: labels_now, notes, ..Dressed::default() }));
    let open = next(&sending, &ChangesetEvent::Published { generation: 1, published: sent });
    assert_eq!(open.seen.as_ref().unwrap().labels, Some(names(&["one", "theirs"])));
    assert_eq!(open.shown.notes, ["label `two` not put on: no"]);
    assert_eq!(
        undressed(&open, false).labels,
        ["two"],
        "what was refused is tried again with the next content"
    );
    let second = Proposal { dress: labels(&["one", "two", "three"]), ..proposal(2, 1, Publication::Ready) };
    let again = next(&open, &ChangesetEvent::Proposed { proposal: Box::new(second) });
    assert_eq!(undressed(&again, false).labels, ["two", "three"]);
    let sending = next(&again, &ChangesetEvent::PublishStarted { generation: 2 });
    let mut sent = published('2', false);
    sent.dressed = Some(Box::new(Dressed { worn: on(&["two", "three"]), ..Dressed::default() }));
    let open = next(&sending, &ChangesetEvent::Published { generation: 2, published: sent });
    assert_eq!(undressed(&open, false), Worn::default());
    assert_eq!((open.shown.worn.labels, open.shown.notes.len()), (names(&["one", "two", "three"]), 0));
}
