//! What a newer version of a spec closes of earlier ones.

use super::samples::{campaign_id, name, proposal, published, run_id};
use campaigns_domain::{
    changeset::{
        Aim, Ask, Changeset,
        ChangesetEvent::{self as Event, Asked, HandedOver, Proposed, PublishStarted, Published, Withdrawn},
        ChangesetState as State, Place,
    },
    execution::target::TargetState,
    id::{CommandId, Digest, RepositoryId},
    publish::prune::{Candidate, Here, Verdict, dropped, held, judge},
    selection::{Answer, Repository},
    spec::{Publication, Spec},
};
use uuid::Uuid;

fn spec(on: &str) -> Spec {
    let yaml = format!(
        "name: tidy\non:\n{on}\nsteps: [{{run: x}}]\nchangesetTemplate:\n  title: Tidy\n  branch: campaigns/tidy\n  \
         commit: {{message: Tidy}}\n"
    );
    Spec::parse(&yaml).unwrap()
}

fn all_of_acme() -> Spec {
    spec("  - organization: acme")
}

fn changeset(head: &str) -> Changeset {
    let place = Place {
        campaign: campaign_id(),
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: head.to_owned(),
    };
    Changeset::propose(place, proposal(1, 1, Publication::Ready)).0
}

#[track_caller]
fn after(changeset: Changeset, events: &[Event]) -> Changeset {
    events.iter().fold(changeset, |changeset, event| changeset.apply(event).into_applied().unwrap().0)
}

fn open() -> Changeset {
    let sent = Published { generation: 1, published: published('1', false) };
    after(changeset("campaigns/tidy"), &[PublishStarted { generation: 1 }, sent])
}

fn taken_over() -> Changeset {
    after(open(), &[HandedOver { reason: "somebody pushed".to_owned() }])
}

fn here(branch: &str, state: TargetState) -> Here {
    Here { branch: branch.to_owned(), state, missing: false }
}

fn version() -> Digest {
    Digest("abcdef0123456789".to_owned())
}

fn verdict(changeset: Changeset, here: Vec<Here>) -> Verdict {
    judge(&all_of_acme(), &version(), &Candidate { changeset, here })
}

#[test]
fn what_its_target_says_of_a_changeset() {
    use TargetState::{Cancelled, Changed, Failed, Skipped, Unchanged};
    let closes = |verdict: Verdict, words: &str| match verdict {
        Verdict::Close(why) => assert!(why.contains(words) && why.contains("`abcdef012345`"), "{why}"),
        other => panic!("{other:?}"),
    };
    let leaves = |verdict: Verdict, words: &str| match verdict {
        Verdict::Leave(why) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(open(), vec![here("main", Changed)]), Verdict::Wanted);
    closes(verdict(open(), vec![here("main", Unchanged)]), "changes nothing here any more");
    closes(
        verdict(changeset("campaigns/old"), vec![here("main", Changed)]),
        "goes by the branch `campaigns/tidy`",
    );
    leaves(verdict(open(), vec![here("main", Failed)]), "failed");
    leaves(verdict(open(), vec![here("main", Cancelled)]), "did not come to an end");
    leaves(verdict(open(), vec![here("release", Changed)]), "wanted for another base branch");
    leaves(verdict(open(), vec![Here { missing: true, ..here("main", Skipped) }]), "did not show");
    leaves(verdict(taken_over(), vec![here("main", Unchanged)]), "a human has taken it over");
    leaves(verdict(taken_over(), vec![]), "a human has taken it over");
    for nowhere in [vec![], vec![here("main", Skipped)], vec![here("release", Unchanged)]] {
        assert_eq!(verdict(open(), nowhere), Verdict::Look);
    }
}

#[test]
fn what_was_no_target_is_dropped_only_where_the_spec_says_so() {
    let repository = Repository {
        id: RepositoryId(7),
        name: name("acme/tool"),
        default_branch: "main".to_owned(),
        archived: false,
        disabled: false,
        fork: false,
        empty: false,
        can_push: None,
    };
    let found = |repository: &Repository| Answer::Repositories(vec![repository.clone()]);
    let is_dropped = |on: &str, answer: &Answer| {
        matches!(dropped(&spec(on), &version(), &open(), answer), Verdict::Close(_))
    };
    let without = "  - {organization: acme, exclude: [tool]}";
    for on in [
        without,
        "  - {organization: acme, include: [other]}",
        "  - organization: other",
        "  - repository: acme/other",
    ] {
        assert!(is_dropped(on, &found(&repository)), "{on}");
    }
    for on in
        ["  - organization: ACME", "  - repository: acme/tool", "  - {repository: acme/tool, branch: main}"]
    {
        assert!(!is_dropped(on, &found(&repository)), "{on}");
    }
    assert!(is_dropped("  - {repository: acme/tool, branch: release}", &found(&repository)));
    let archived = Repository { archived: true, ..repository.clone() };
    let other = Repository { id: RepositoryId(8), ..repository };
    for answer in [Answer::NotFound, found(&archived), found(&other)] {
        assert!(!is_dropped(without, &answer), "{answer:?}");
    }
}

#[test]
fn many_at_once_are_held() {
    assert_eq!(held(0, 100, 100, false), None);
    assert_eq!(held(5, 5, 100, false), None, "a few are a few, whatever share");
    assert_eq!(held(20, 100, 100, false), None, "a fifth is not more than a fifth");
    assert!(held(21, 100, 100, false).unwrap().contains("20 % of 100"));
    assert!(held(6, 10, 4, false).is_some());
    assert!(held(1, 100, 0, false).unwrap().contains("no targets"));
    assert_eq!(held(100, 100, 0, true), None, "somebody agreed");
}

fn prune(of: u128) -> Event {
    Asked {
        ask: Ask::Prune { why: "version `a` leaves it out".to_owned(), of: run_id(of) },
        by: "the campaign".to_owned(),
        command: CommandId(Uuid::from_u128(9)),
        beyond: false,
    }
}

#[test]
fn it_is_closed_with_its_reason_once() {
    let pruned = after(open(), &[prune(1)]);
    assert_eq!((pruned.state, pruned.errand.aim), (State::Scheduled, Aim::Closed));
    assert!(pruned.errand.comments[0].body.contains("version `a` leaves it out"));
    assert!(pruned.apply(&prune(1)).is_ignored(), "it is taken up once");
    let closed = after(pruned, &[PublishStarted { generation: 2 }, Withdrawn { generation: 2 }]);
    assert_eq!(closed.state, State::Closed);
    assert_eq!(closed.reason, "closed by the campaign: version `a` leaves it out");
    assert!(taken_over().apply(&prune(1)).is_ignored());
    assert!(open().apply(&prune(2)).is_ignored(), "what is proposed now is of another run");
}

#[test]
fn a_humans_hand_or_a_newer_proposal_ends_it() {
    let pruned = after(open(), &[prune(1), PublishStarted { generation: 2 }]);
    let theirs = after(pruned, &[HandedOver { reason: "somebody pushed".to_owned() }]);
    assert_eq!(
        (theirs.state, theirs.errand.comments.len()),
        (State::HandedOver, 0),
        "nothing is said to them"
    );
    let again = Proposed { proposal: Box::new(proposal(3, 1, Publication::Ready)) };
    let wanted = after(open(), &[prune(1), again]);
    assert_eq!((wanted.errand.aim, wanted.errand.gentle, wanted.errand.comments.len()), (Aim::Open, None, 0));
}
