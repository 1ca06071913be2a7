//! What an observation of branch and pull requests calls for, and what a fresh read means.

use super::samples::{branch_head, campaign_id, commit, name, proposal, published, pull_request};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, ChangesetState as State, Place},
    id::RepositoryId,
    publish::{
        BranchHead, BranchStep, Observation, PullRequest,
        PullRequestState::{Closed, Merged, Open},
        PullRequestStep, branch_step, human_hand, pull_request_step,
    },
    reconcile::observed,
    spec::Publication,
};

/// A changeset that is being sent for the first time.
fn first() -> Changeset {
    let place = Place {
        campaign: campaign_id(),
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    };
    let (new, _) = Changeset::propose(place, proposal(1, 1, Publication::Ready));
    apply(&new, &ChangesetEvent::PublishStarted { generation: 1 })
}

/// One that is open with head `1`, and pull request 5.
fn open() -> Changeset {
    apply(&first(), &ChangesetEvent::Published { generation: 1, published: published('1', false) })
}

fn apply(changeset: &Changeset, event: &ChangesetEvent) -> Changeset {
    changeset.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {changeset:?}")).0
}

/// The branch's step in one word.
fn branch(changeset: &Changeset, head: Option<BranchHead>) -> String {
    let observation = Observation { branch: head, pull_requests: vec![] };
    match branch_step(changeset, &observation, "wanted") {
        BranchStep::Keep(head) => format!("keep {}", &head.0[..1]),
        BranchStep::Create => "create".to_owned(),
        BranchStep::Append(parents) => {
            let parents: Vec<&str> = parents.iter().map(|parent| &parent.0[..1]).collect();
            format!("append to {}", parents.join(" and "))
        }
        BranchStep::HandsOff { reason } => reason,
    }
}

#[test]
fn branches() {
    // `b` is the base, `1` our last head.
    let created = "the branch `campaigns/tidy` exists already and Campaigns did not make it";
    let pushed = "the branch `campaigns/tidy` has commits that Campaigns did not make";
    for (changeset, head, expected) in [
        (first(), None, "create"),
        // The answer to our first attempt was lost: same tree, on the base we built on.
        (first(), Some(branch_head('1', "wanted", &['b'])), "keep 1"),
        // Same tree, other parent: somebody else's.
        (first(), Some(branch_head('1', "wanted", &['x'])), created),
        (first(), Some(branch_head('1', "other", &['b'])), created),
        (first(), Some(branch_head('1', "wanted", &['b', 'x'])), created),
        (open(), Some(branch_head('1', "wanted", &['b'])), "keep 1"),
        (open(), Some(branch_head('1', "older", &['b'])), "append to 1"),
        (open(), Some(branch_head('2', "wanted", &['1'])), "keep 2"),
        (open(), Some(branch_head('2', "other", &['1'])), pushed),
        (open(), Some(branch_head('2', "wanted", &['x'])), pushed),
        (open(), None, "somebody deleted the branch `campaigns/tidy`"),
    ] {
        let step = branch(&changeset, head.clone());
        assert!(step.starts_with(expected), "{head:?}: {step}");
    }
}

#[test]
fn a_base_that_moved_becomes_a_parent() {
    let mut moved = open();
    moved.wanted.base = commit('c');
    for (head, expected) in [
        (branch_head('1', "older", &['b']), "append to 1 and c"),
        // The answer was lost: our merge is there.
        (branch_head('2', "wanted", &['1', 'c']), "keep 2"),
        (branch_head('2', "wanted", &['1']), "the branch `campaigns/tidy` has commits"),
        (branch_head('2', "other", &['1', 'c']), "the branch `campaigns/tidy` has commits"),
    ] {
        let step = branch(&moved, Some(head.clone()));
        assert!(step.starts_with(expected), "{head:?}: {step}");
    }
}

#[test]
fn hands_of_humans() {
    let hand = |changeset: &Changeset, title: &str, body: &str, draft| {
        let read = PullRequest {
            title: title.to_owned(),
            body: Some(body.to_owned()),
            draft,
            ..pull_request(5, Open, '1')
        };
        human_hand(changeset, &read).unwrap_or_default()
    };
    assert_eq!(hand(&open(), "Tidy", "", false), "");
    assert_eq!(hand(&open(), "Tidy", "\r\n", false), "", "GitHub's page changes the ends of lines");
    assert!(hand(&open(), "Tidier", "", false).contains("title, now \"Tidier\""));
    assert!(hand(&open(), "Tidy", "more", false).contains("text"));
    assert!(hand(&open(), "Tidy", "", true).contains("draft"));
    let unread = PullRequest { body: None, ..pull_request(5, Open, '1') };
    assert_eq!(human_hand(&open(), &unread), None, "what was not read says nothing");
    // Words on their way are ours too, and no longer once others are recorded.
    let mut next = proposal(2, 1, Publication::Ready);
    next.title = "Tidy up".to_owned();
    let waits = apply(&open(), &ChangesetEvent::Proposed { proposal: Box::new(next) });
    let sending = apply(&waits, &ChangesetEvent::PublishStarted { generation: 2 });
    assert_eq!((hand(&sending, "Tidy up", "", false), hand(&sending, "Tidy", "", false)), Default::default());
    let mut sent = published('2', false);
    sent.words = Some(campaigns_domain::changeset::Words::new("Tidy up", ""));
    let sent = apply(&sending, &ChangesetEvent::Published { generation: 2, published: sent });
    assert!(hand(&sent, "Tidy", "", false).contains("title"));
}

/// The pull request's step in one word.
fn request(changeset: &Changeset, pull_requests: Vec<PullRequest>) -> String {
    match pull_request_step(changeset, &Observation { branch: None, pull_requests }) {
        PullRequestStep::Adopt(seen) => format!("adopt {}", seen.reference.number),
        PullRequestStep::Create { draft } => format!("create {draft}"),
        PullRequestStep::Ended(seen) => format!("ended {}", seen.reference.number),
    }
}

#[test]
fn pull_requests() {
    let mut draft = first();
    draft.wanted.publication = Publication::Draft;
    for (changeset, seen, expected) in [
        (first(), vec![], "create false"),
        (draft, vec![], "create true"),
        (first(), vec![pull_request(5, Open, '1')], "adopt 5"),
        (first(), vec![pull_request(6, Closed, '1'), pull_request(5, Open, '1')], "adopt 5"),
        // Closed by a human before: never made again.
        (first(), vec![pull_request(5, Closed, '1')], "ended 5"),
        (open(), vec![pull_request(5, Merged, '1')], "ended 5"),
        // Ours has ended, and somebody's own is open: it stays theirs.
        (open(), vec![pull_request(6, Open, '1'), pull_request(5, Closed, '1')], "ended 5"),
    ] {
        assert_eq!(request(&changeset, seen), expected);
    }
}

#[test]
fn fresh_reads() {
    let seen = |changeset: &Changeset, state, head, draft| {
        let read = PullRequest { draft, ..pull_request(5, state, head) };
        observed(changeset, &read).map(|event| apply(changeset, &event).state)
    };
    assert_eq!(seen(&open(), Open, '1', false), None);
    assert_eq!(seen(&open(), Open, '1', true), Some(State::HandedOver), "a human made it a draft");
    assert_eq!(seen(&open(), Open, '2', false), Some(State::HandedOver));
    assert_eq!(seen(&open(), Merged, '1', false), Some(State::Merged));
    assert_eq!(seen(&open(), Closed, '1', false), Some(State::Closed));

    let merged = apply(&open(), &ChangesetEvent::SeenMerged);
    for state in [Open, Closed, Merged] {
        assert_eq!(seen(&merged, state, '2', false), None);
    }
    let closed = apply(&open(), &ChangesetEvent::SeenClosed);
    assert_eq!(seen(&closed, Open, '1', false), Some(State::Open));
    assert_eq!(seen(&closed, Merged, '1', false), Some(State::Merged));
    // Reopened with somebody's commits: open first, and then theirs.
    assert_eq!(seen(&closed, Open, '2', false), Some(State::Open));

    // While the next generation is on its way, a head that is not on record may be ours.
    let next = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    let sending = apply(&apply(&open(), &next), &ChangesetEvent::PublishStarted { generation: 2 });
    assert_eq!(seen(&sending, Open, '2', false), None);
    // Also once it was put off: the answer to our last write may have been lost.
    let put_off = ChangesetEvent::PublishDeferred { generation: 2, reason: String::new(), head: None };
    assert_eq!(seen(&apply(&sending, &put_off), Open, '2', false), None);
    assert_eq!(seen(&sending, Merged, '1', false), Some(State::Merged));
    assert_eq!(open().head, Some(commit('1')));
}
