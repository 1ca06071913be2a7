//! Which code owners are asked, who is left out and why, and when reviews are asked for.

use super::samples::{proposal, published, pull_request, spec, target};
use campaigns_domain::{
    changeset::{
        Ask, Changeset, ChangesetEffect, ChangesetEvent as Event, ChangesetState as State, Done, Dressed,
        LeftOut, Proposal, Worn,
    },
    id::CommandId,
    publish::{
        Mergeability, PullRequestState,
        dress::{Wearer, undressed},
        place,
        reviewers::{Load, Owning, awaited, choose, freed, names_of, owning, worn_of},
    },
    reconcile::observed,
    spec::{AskOwners, Dress, Publication},
};
use std::collections::BTreeMap;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A changeset whose spec has a reviewer and code owners asked, sent as a draft or not.
fn sent(publication: Publication) -> Changeset {
    let spec = spec("- repository: acme/tool", "title: t\nbranch: b\ncommit: {message: m}");
    let code_owners = Some(AskOwners { at_most: 2, max_open_each: 3 });
    let dress = Dress { reviewers: names(&["grace"]), code_owners, ..Dress::default() };
    let first = Proposal { dress, ..proposal(1, 1, publication) };
    let (changeset, _) = Changeset::propose(place(&spec, &target()).unwrap(), first);
    let sending = apply(&changeset, &Event::PublishStarted { generation: 1 });
    let draft = publication == Publication::Draft;
    apply(&sending, &Event::Published { generation: 1, published: published('1', draft) })
}

fn apply(changeset: &Changeset, event: &Event) -> Changeset {
    changeset.apply(event).into_applied().unwrap().0
}

#[test]
fn owners_are_those_of_the_touched_files_and_of_this_organisation() {
    let file = "* @Ada\n/docs/ @acme/docs @ada\n/api/ @other/api grace@example.com @grace\n/legal/\n";
    let found = owning(file, ["docs/a", "docs/b", "src/x", "api/y", "legal/z"].into_iter(), "Acme");
    assert_eq!(found.candidates, ["ada", "acme/docs", "grace"], "whoever owns most comes first");
    let left: Vec<_> = found.left_out.iter().map(|left| (left.who.as_str(), left.why.as_str())).collect();
    assert_eq!(
        left,
        [
            ("grace@example.com", "an address names nobody that can be asked"),
            ("other/api", "a team of another organisation")
        ]
    );
    assert_eq!(owning("", ["a"].into_iter(), "acme"), Owning::default());
    assert_eq!(worn_of(&found.candidates).teams, ["docs"]);
    assert_eq!(names_of(&worn_of(&found.candidates), "acme"), ["ada", "grace", "acme/docs"]);
}

#[test]
fn the_author_is_not_asked_and_whoever_is_asked_already_counts() {
    let owners = Owning { candidates: names(&["ada", "Me", "acme/core", "grace"]), left_out: vec![] };
    let changeset = sent(Publication::Ready);
    let worn = Worn { teams: names(&["CORE"]), ..Worn::default() };
    let open = owners.clone().open(&changeset, &Wearer { author: "me".to_owned(), worn }, 2);
    assert_eq!(
        (open.candidates, open.at_most, open.asked),
        (names(&["ada", "grace"]), 1, names(&["acme/core"]))
    );
    assert_eq!(open.left_out, [LeftOut::new("Me", "opened the pull request")]);
    // Whoever we asked before and a person took off is not asked again.
    let mut before = changeset;
    before.shown.worn.reviewers = names(&["ada", "grace"]);
    let open = owners.open(&before, &Wearer::default(), 2);
    assert_eq!((open.candidates, open.at_most), (names(&["Me", "acme/core"]), 0));
}

#[test]
fn the_least_loaded_are_chosen_and_nobody_over_the_cap() {
    let load = |open| Load { open, own: false };
    for (loads, at_most, cap, expected) in [
        (vec![load(3), load(1), load(2)], 2, 10, vec![1, 2]),
        (vec![load(1), load(1), load(1)], 2, 10, vec![0, 1]),
        (vec![load(10), load(11), load(9)], 2, 10, vec![2]),
        (vec![load(10)], 2, 10, vec![]),
        (vec![load(0), Load { open: 10, own: true }], 1, 10, vec![1]),
        (vec![load(0)], 0, 10, vec![]),
    ] {
        assert_eq!(choose(&loads, at_most, cap), expected, "{loads:?}");
    }
}

#[test]
fn who_was_asked_and_who_was_not_is_told() {
    let owners = Owning {
        candidates: names(&["ada", "grace", "acme/core"]),
        left_out: vec![LeftOut::new("a@b.c", "an address names nobody that can be asked")],
    };
    let changeset = sent(Publication::Ready);
    let open = owners.open(&changeset, &Wearer::default(), 2);
    let one = changeset.owners_asked(&open, names(&["ada"]), vec![LeftOut::new("grace", "no access")]);
    assert_eq!((&one.asked, &one.waiting, &one.passed), (&names(&["ada"]), &names(&["acme/core"]), &vec![]));
    assert_eq!(
        one.notes(),
        [
            "code owner `a@b.c` not asked: an address names nobody that can be asked",
            "code owner `grace` not asked: no access",
            "code owner `acme/core` is asked once fewer review requests of this campaign are open there",
        ]
    );
    let two = changeset.owners_asked(&open, names(&["ada", "grace"]), vec![]);
    assert_eq!((two.waits(), two.passed), (false, names(&["acme/core"])));
}

#[test]
fn reviews_are_asked_for_once_a_draft_is_ready_whoever_made_it_so() {
    let draft = sent(Publication::Draft);
    assert_eq!((draft.state, undressed(&draft, true).reviewers), (State::Draft, vec![]));
    assert_eq!(undressed(&draft, false).reviewers, ["grace"]);
    // A person presses the button.
    let seen = pull_request(5, PullRequestState::Open, '1');
    let event = observed(&draft, &seen, None).unwrap();
    let (asking, effects) = draft.apply(&event).into_applied().unwrap();
    assert_eq!((asking.state, asking.standing()), (State::Scheduled, State::Open));
    assert!(asking.errand.reviews && effects == [ChangesetEffect::Schedule], "{effects:?}");
    assert_eq!(asking.generation, draft.generation + 1);
    let sending = apply(&asking, &Event::PublishStarted { generation: 2 });
    let dressed = |changeset: &Changeset| Dressed {
        worn: Worn { reviewers: names(&["grace", "ada"]), ..Worn::default() },
        notes: names(&["a note"]),
        requested: Some(names(&["grace", "ada"])),
        owners: Some(changeset.owners_asked(
            &Owning { candidates: names(&["ada"]), left_out: vec![] }.open(changeset, &Wearer::default(), 2),
            names(&["ada"]),
            vec![],
        )),
        ..Dressed::default()
    };
    let done = Done { dressed: Some(Box::new(dressed(&sending))), ..Done::default() };
    let open = apply(&sending, &Event::ErrandDone { generation: 2, done });
    assert_eq!((open.state, open.errand.reviews), (State::Open, false));
    assert_eq!(open.shown.worn.reviewers, ["grace", "ada"]);
    assert_eq!(open.seen.as_ref().unwrap().requested, Some(names(&["grace", "ada"])));
    assert!(!open.owes_owners() && undressed(&open, false).is_empty());
    assert_eq!(observed(&open, &seen, None), None, "nothing is asked for twice");

    // `ready` asks in the same errand.
    let by = |ask| Event::Asked {
        ask,
        by: "ada".to_owned(),
        command: CommandId(uuid::Uuid::nil()),
        beyond: false,
    };
    let sending = apply(&apply(&draft, &by(Ask::Ready)), &Event::PublishStarted { generation: 2 });
    let done = Done { ready: true, dressed: Some(Box::new(dressed(&sending))), ..Done::default() };
    let open = apply(&sending, &Event::ErrandDone { generation: 2, done });
    assert_eq!((open.state, open.shown.worn.reviewers.len()), (State::Open, 2));

    // One that was in conflict meanwhile is asked for as well; one that was ready before is not asked for again.
    let mut conflicted = Changeset { state: State::Conflicted, ..draft };
    conflicted.seen.as_mut().unwrap().mergeability = Mergeability::Conflicting;
    let asking = apply(&conflicted, &event);
    assert_eq!((asking.standing(), asking.errand.reviews), (State::Conflicted, true));
    let open = sent(Publication::Ready);
    assert_eq!(observed(&open, &seen, None), None);
}

#[test]
fn whoever_waits_is_looked_at_again_as_far_as_there_is_room() {
    let mut waiting = sent(Publication::Ready);
    let open = Owning { candidates: names(&["Ada"]), left_out: vec![] }.open(&waiting, &Wearer::default(), 2);
    waiting.shown.owners = Some(waiting.owners_asked(&open, vec![], vec![]));
    let other = Changeset { id: campaigns_domain::id::ChangesetId(uuid::Uuid::nil()), ..waiting.clone() };
    let loads = |open| BTreeMap::from([("ada".to_owned(), open)]);
    let all = || [&waiting, &other].into_iter();
    assert_eq!(awaited(all(), &loads(3)), []);
    assert_eq!(awaited(all(), &loads(2)), [waiting.id], "there is room for one");
    assert_eq!(awaited(all(), &BTreeMap::new()).len(), 2);
    // What was read just now makes room.
    let mut asked = other.clone();
    asked.seen.as_mut().unwrap().requested = Some(names(&["ADA", "grace"]));
    let mut now = loads(3);
    freed(&asked, &names(&["Ada"]), &mut now);
    assert_eq!(now, loads(3), "she is asked still");
    freed(&asked, &[], &mut now);
    assert_eq!(now, loads(2));
    let asking = apply(&waiting, &Event::ReviewsDue);
    assert!(asking.errand.reviews && asking.state == State::Scheduled);
    assert!(asking.apply(&Event::ReviewsDue).is_ignored());
    assert!(sent(Publication::Ready).apply(&Event::ReviewsDue).is_ignored(), "it waits for nobody");
    let draft = Changeset { state: State::Draft, ..waiting };
    assert!(draft.apply(&Event::ReviewsDue).is_ignored());
    assert_eq!(awaited([&draft].into_iter(), &BTreeMap::new()), []);
}
