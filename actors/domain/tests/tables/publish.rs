//! What an observation of branch and pull requests calls for, and what a fresh read means.

use super::samples::{branch_head, campaign_id, commit, name, proposal, published, pull_request};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEffect, ChangesetEvent, ChangesetState as State, Place},
    id::RepositoryId,
    publish::{
        Adopted, BranchHead, BranchStep, ComparedCommit, Comparison, Merged, Observation, PullRequest,
        PullRequestState::{self, Closed, Open},
        PullRequestStep, branch_step, human_hand, merges_into_ours, pull_request_step,
    },
    reconcile::observed,
    spec::Publication,
};
use std::collections::BTreeMap;

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
pub(super) fn open() -> Changeset {
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
        // The same files on the new base as on the old: what conflicts with them is merged all the same.
        (branch_head('1', "wanted", &['b']), "append to 1 and c"),
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
        (open(), vec![pull_request(5, PullRequestState::Merged, '1')], "ended 5"),
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
        observed(changeset, &read, None).map(|event| apply(changeset, &event).state)
    };
    assert_eq!(seen(&open(), Open, '1', false), None);
    assert_eq!(seen(&open(), Open, '1', true), Some(State::HandedOver), "a human made it a draft");
    assert_eq!(seen(&open(), Open, '2', false), Some(State::HandedOver));
    assert_eq!(seen(&open(), PullRequestState::Merged, '1', false), Some(State::Merged));
    assert_eq!(seen(&open(), Closed, '1', false), Some(State::Closed));

    let merged = apply(&open(), &ChangesetEvent::SeenMerged);
    for state in [Open, Closed, PullRequestState::Merged] {
        assert_eq!(seen(&merged, state, '2', false), None);
    }
    let closed = apply(&open(), &ChangesetEvent::SeenClosed);
    assert_eq!(seen(&closed, Open, '1', false), Some(State::Open));
    assert_eq!(seen(&closed, PullRequestState::Merged, '1', false), Some(State::Merged));
    // Reopened with somebody's commits: open first, and then theirs.
    assert_eq!(seen(&closed, Open, '2', false), Some(State::Open));

    // While the next generation is on its way, a head that is not on record may be ours.
    let next = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    let sending = apply(&apply(&open(), &next), &ChangesetEvent::PublishStarted { generation: 2 });
    assert_eq!(seen(&sending, Open, '2', false), None);
    // Also once it was put off: the answer to our last write may have been lost.
    let put_off = ChangesetEvent::PublishDeferred { generation: 2, reason: String::new(), head: None };
    assert_eq!(seen(&apply(&sending, &put_off), Open, '2', false), None);
    assert_eq!(seen(&sending, PullRequestState::Merged, '1', false), Some(State::Merged));
    assert_eq!(open().head, Some(commit('1')));
}

/// A commit as a comparison shows it, by `author` on GitHub's pages or by `committer` himself.
fn compared(of: char, parents: &[char], author: &str, committer: &str, verified: bool) -> ComparedCommit {
    ComparedCommit {
        commit: commit(of),
        parents: parents.iter().copied().map(commit).collect(),
        author: Some(author.to_owned()),
        committer: Some(committer.to_owned()),
        verified,
    }
}

fn on_top(commits: Vec<ComparedCommit>) -> Comparison {
    Comparison { ahead: commits.len() as u64, commits, ..nothing() }
}

/// What lies between a commit and itself.
fn nothing() -> Comparison {
    Comparison {
        common: commit('b'),
        ahead: 0,
        behind: 0,
        commits: vec![],
        files: BTreeMap::new(),
        all_commits: true,
        all_files: true,
    }
}

fn of(files: &[(&str, &str)]) -> Comparison {
    let file = |(path, id): &(&str, &str)| ((*path).to_owned(), ("modified".to_owned(), (*id).to_owned()));
    Comparison { files: files.iter().map(file).collect(), ..nothing() }
}

#[test]
fn commits_of_the_trusted() {
    let trusted = ["Renovate[bot]".to_owned(), "ada".to_owned()];
    let bot = compared('2', &['1'], "renovate[bot]", "renovate[bot]", true);
    let on_a_page = compared('3', &['2'], "ada", "web-flow", true);
    let forged = compared('2', &['1'], "ada", "ada", false);
    let forged_on_a_page = compared('2', &['1'], "web-flow", "eve", true);
    let eve = compared('3', &['2'], "eve", "eve", true);
    for (commits, expected) in [
        (vec![bot.clone()], true),
        (vec![bot.clone(), on_a_page], true),
        (vec![bot.clone(), eve], false),
        (vec![forged], false),
        (vec![forged_on_a_page], false),
        (vec![], false),
    ] {
        assert_eq!(on_top(commits.clone()).is_by(&trusted), expected, "{commits:?}");
    }
    let cut = Comparison { all_commits: false, ..on_top(vec![bot.clone()]) };
    assert!(!cut.is_by(&trusted), "what is not all there proves nothing");
    assert!(!Comparison { behind: 1, ..on_top(vec![bot]) }.is_by(&trusted), "our head is gone");
}

#[test]
fn the_automatic_merge() {
    let head = |parents: &[char]| branch_head('3', "merged", parents);
    assert_eq!(merges_into_ours(&open(), &head(&['1', 'c'])), Some(&commit('c')));
    assert_eq!(merges_into_ours(&open(), &head(&['2', 'c'])), None, "onto somebody's commit");
    assert_eq!(merges_into_ours(&open(), &head(&['1'])), None);

    let ours = || of(&[("a", "1"), ("b", "2")]);
    let merged = || Merged { branch: nothing(), ours: ours(), base: of(&[("z", "9")]), merge: ours() };
    assert!(merged().is_automatic());
    for other in [of(&[("a", "1")]), of(&[("a", "1"), ("b", "3")]), of(&[("a", "1"), ("b", "2"), ("c", "3")])]
    {
        assert!(!Merged { merge: other.clone(), ..merged() }.is_automatic(), "{other:?}");
    }
    let elsewhere = Comparison { ahead: 1, ..nothing() };
    assert!(!Merged { branch: elsewhere, ..merged() }.is_automatic(), "that is not of the base branch");
    // Ours wins over the base's own change: somebody has decided that.
    assert!(!Merged { base: of(&[("b", "9")]), ..merged() }.is_automatic());
    for cut in [
        Merged { ours: Comparison { all_files: false, ..ours() }, ..merged() },
        Merged { base: Comparison { all_files: false, ..nothing() }, ..merged() },
    ] {
        assert!(!cut.is_automatic(), "what is not all there proves nothing");
    }
}

#[test]
fn an_adopted_head() {
    let adopted = Adopted { head: commit('2'), base: commit('c') };
    let theirs = pull_request(5, Open, '2');
    let event = observed(&open(), &theirs, Some(&adopted)).unwrap();
    let next = apply(&open(), &event);
    assert_eq!(
        (next.state, &next.head, &next.shown.base),
        (State::Open, &Some(commit('2')), &Some(commit('c')))
    );
    assert_eq!(observed(&next, &theirs, Some(&adopted)), None, "it is on record");
    // What was looked at closely is not what is there by now.
    let later = observed(&open(), &pull_request(5, Open, '3'), Some(&adopted)).unwrap();
    assert_eq!(apply(&open(), &later).state, State::HandedOver);
    // Found out while sending, it is recorded before anything is put on top of it.
    let more = ChangesetEvent::Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) };
    let sending = apply(&apply(&open(), &more), &ChangesetEvent::PublishStarted { generation: 2 });
    let (waits, effects) = sending.apply(&event).into_applied().unwrap();
    assert_eq!((waits.state, waits.publishing, waits.head), (State::Scheduled, None, Some(commit('2'))));
    assert_eq!(effects, [ChangesetEffect::Schedule]);
    for ended in [ChangesetEvent::SeenMerged, ChangesetEvent::SeenClosed] {
        assert!(apply(&open(), &ended).apply(&event).is_ignored());
    }
}
