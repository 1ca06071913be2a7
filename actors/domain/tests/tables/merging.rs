//! What is done to have a pull request merged, case by case.

use super::samples::{commit, name, pull_request};
use campaigns_domain::{
    changeset::{Changeset, Merge, Stands},
    publish::{
        Bound, Checks, MergeMethod, MergeRules, MergeState, MergeStep, Mergeability, PullRequestState,
        QueueState, Reading, Review, merge_step,
    },
};

/// An open changeset that `by` wants merged, its head `1`.
fn wanted(by: &str, method: Option<MergeMethod>) -> Changeset {
    let mut changeset = super::publish::open();
    changeset.errand.merge = Some(Merge { by: by.to_owned(), method, beyond: false, stands: Stands::Owed });
    changeset
}

/// One of which everything that is required is there.
fn green() -> Reading {
    Reading {
        pull_request: pull_request(5, PullRequestState::Open, '1'),
        repository: name("acme/tool"),
        archived: false,
        checks: Checks::Passed,
        review: Review::Approved,
        mergeability: Mergeability::Mergeable,
        merge_state: MergeState::Clean,
        auto_merge: None,
        queue: None,
        queue_position: None,
        base_head: None,
        labels: vec![],
        requested: vec![],
    }
}

fn red() -> Reading {
    Reading { checks: Checks::Failed, merge_state: MergeState::Blocked, ..green() }
}

fn rules() -> MergeRules {
    MergeRules { auto_merge: true, methods: MergeMethod::ALL.to_vec(), queue: false, bound: Bound::Certainly }
}

fn words(step: &MergeStep) -> String {
    match step {
        MergeStep::Stands(Stands::Waits { reason }) => format!("waits: {reason}"),
        MergeStep::Stands(Stands::Stopped { reason, .. }) => format!("stopped: {reason}"),
        MergeStep::Stands(stands) => stands.words(),
        MergeStep::AutoMerge(method) => format!("auto {}", method.as_str()),
        MergeStep::Enqueue => "enqueue".to_owned(),
        MergeStep::Direct(method) => format!("direct {}", method.as_str()),
        MergeStep::LookAgain(_) => "look again".to_owned(),
    }
}

#[test]
fn what_is_done() {
    let no_auto = || MergeRules { auto_merge: false, ..rules() };
    let queue = || MergeRules { queue: true, ..rules() };
    let may_pass = || MergeRules { bound: Bound::MayPass("the ruleset \"main\"".to_owned()), ..rules() };
    let unread = || MergeRules { bound: Bound::Unread("403".to_owned()), ..no_auto() };
    let squash_only = || MergeRules { methods: vec![MergeMethod::Squash], ..rules() };
    let of = |merge_state, checks, review| Reading { merge_state, checks, review, ..green() };
    let behind = || of(MergeState::Behind, Checks::Passed, Review::None);
    for (seen, rules, expected) in [
        (red(), rules(), "auto merge"),
        (behind(), rules(), "auto merge"),
        (red(), squash_only(), "auto squash"),
        // Auto-merge holds also those to the rules who might pass them.
        (red(), may_pass(), "auto merge"),
        (red(), MergeRules { auto_merge: true, ..unread() }, "auto merge"),
        (red(), no_auto(), "waits: a check failed, and the repository does not let GitHub merge by itself"),
        (behind(), no_auto(), "waits: it has to be brought up to date"),
        (of(MergeState::Blocked, Checks::Passed, Review::Required), no_auto(), "waits: a review is required"),
        (green(), rules(), "direct merge"),
        (green(), no_auto(), "direct merge"),
        (green(), may_pass(), "stopped: GitHub merges by itself only what still lacks something"),
        (green(), unread(), "stopped: whether the rules of `main` hold us is not certain (403)"),
        (green(), queue(), "enqueue"),
        (of(MergeState::Unstable, Checks::Pending, Review::None), queue(), "enqueue"),
        (red(), queue(), "auto merge"),
        (red(), MergeRules { queue: true, ..no_auto() }, "waits: a check failed"),
        (
            of(MergeState::Unstable, Checks::Failed, Review::None),
            rules(),
            "waits: a check failed that is not required",
        ),
        (of(MergeState::Unstable, Checks::Pending, Review::None), rules(), "waits: checks are running"),
        (of(MergeState::Clean, Checks::None, Review::None), rules(), "direct merge"),
        (of(MergeState::Unknown, Checks::None, Review::None), rules(), "look again"),
        (of(MergeState::Dirty, Checks::None, Review::None), rules(), "waits: it is in conflict"),
        (Reading { auto_merge: Some(MergeMethod::Rebase), ..red() }, rules(), "GitHub merges it (rebase)"),
        (Reading { queue: Some(QueueState::Queued), ..green() }, queue(), "in the merge queue"),
        (Reading { archived: true, ..green() }, rules(), "stopped: its repository is archived"),
        (green(), MergeRules { methods: vec![], ..rules() }, "stopped: the repository allows no way"),
    ] {
        let step = words(&merge_step(&wanted("ada", None), &seen, &rules));
        assert!(step.starts_with(expected), "{seen:?} {rules:?}: {step}");
    }
}

#[test]
fn a_head_that_is_not_ours_is_never_merged() {
    let theirs = Reading { pull_request: pull_request(5, PullRequestState::Open, '2'), ..green() };
    let step = words(&merge_step(&wanted("ada", None), &theirs, &rules()));
    assert!(step.starts_with("waits: its branch has a commit that is not ours"), "{step}");
    let mut none = wanted("ada", None);
    none.head = None;
    assert!(matches!(merge_step(&none, &green(), &rules()), MergeStep::Stands(_)));
}

#[test]
fn the_way_is_the_one_that_was_asked_for() {
    let no_merges = MergeRules { methods: vec![MergeMethod::Squash, MergeMethod::Rebase], ..rules() };
    let step = |method| words(&merge_step(&wanted("ada", method), &green(), &no_merges));
    assert_eq!(step(Some(MergeMethod::Rebase)), "direct rebase");
    assert_eq!(step(None), "direct squash");
    let other = step(Some(MergeMethod::Merge));
    assert!(other.starts_with("stopped: `merge` is not allowed there, only squash, rebase"), "{other}");
}

#[test]
fn what_was_arranged_and_is_gone_was_turned_off_by_somebody() {
    let mut changeset = wanted("ada", None);
    let merge = changeset.errand.merge.as_mut().unwrap();
    merge.stands = Stands::Arranged { head: commit('0'), method: MergeMethod::Merge };
    assert!(changeset.owes_merge(), "it is looked at for the new head");
    let off = MergeStep::Stands(Stands::turned_off());
    assert_eq!(merge_step(&changeset, &red(), &rules()), off);
    assert_eq!(merge_step(&changeset, &green(), &rules()), off);
}

#[test]
fn a_spec_alone_merges_nothing_before_anything_has_reported() {
    let silent = Reading { checks: Checks::None, review: Review::None, ..green() };
    let step = words(&merge_step(&wanted("", None), &silent, &rules()));
    assert!(step.starts_with("waits: nothing is required"), "{step}");
    assert_eq!(words(&merge_step(&wanted("", None), &green(), &rules())), "direct merge");
}
