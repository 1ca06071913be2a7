//! The machine of a run: admission within the window, and the end.

use super::samples::{campaign_id, run_id};
use campaigns_domain::{
    execution::{
        run::{
            Run,
            RunEffect::{self, AdmitAgain, AdmitNext, CancelTargets, Ended},
            RunEvent::{
                self, AttemptEnded as Over, Cancelled, ChangesetSettled, Created, Paused, Resumed, Selected,
                SelectionFailed, TriedAgain,
            },
            RunOptions, RunState,
        },
        target::AttemptEnded,
    },
    id::{Digest, TargetId},
    machine::{Decision, Straggler},
    spec::Priority,
};
use uuid::Uuid;

/// The target at a position.
fn target(position: u32) -> TargetId {
    TargetId(Uuid::from_u128(u128::from(position)))
}

fn new(window: u32) -> Run {
    Run::new(run_id(1), campaign_id(), Digest::of(b"spec"), window, RunOptions::default())
}

/// Applies an event as an owner does: what was admitted is noted.
fn step(run: &mut Run, event: RunEvent) -> Vec<RunEffect> {
    let (mut next, effects) =
        run.apply(&event).into_applied().unwrap_or_else(|| panic!("{event:?} on {run:?}"));
    assert_eq!(next.version, run.version + 1);
    for effect in &effects {
        if let AdmitNext { from, count } = effect {
            next.admitted((*from..from + count).map(target));
        }
    }
    *run = next;
    effects
}

fn over(position: u32, attempt: u32, again: bool, proposes: bool) -> RunEvent {
    let ended = AttemptEnded { attempt, again, proposes, put_off: false };
    Over { target: target(position), ended, organization: None }
}

fn selected(targets: u32) -> RunEvent {
    Selected { targets, skipped: 0, ends: vec![], priority: Priority::Normal }
}

#[test]
fn a_window_that_nobody_asked_for_goes_by_the_number_of_replicas() {
    let each = RunOptions { each: true, ..RunOptions::default() };
    let mut run = Run { replicas: 3, options: each, ..new(2) };
    assert_eq!(step(&mut run, selected(20)), [AdmitNext { from: 0, count: 6 }]);
    // One has joined: what is free from now on is for four.
    run.replicas = 4;
    assert_eq!(step(&mut run, over(0, 1, false, false)), [AdmitNext { from: 6, count: 3 }]);
    // Two have gone: nothing more until there is room again.
    run.replicas = 2;
    for position in 1..=4 {
        assert_eq!(step(&mut run, over(position, 1, false, false)), []);
    }
    assert_eq!(step(&mut run, over(5, 1, false, false)), [AdmitNext { from: 9, count: 1 }]);
    // What somebody asked for holds however many there are.
    let mut run = Run { replicas: 3, ..new(2) };
    assert_eq!(step(&mut run, selected(20)), [AdmitNext { from: 0, count: 2 }]);
}

#[test]
fn a_run_from_its_selection_to_its_end() {
    let mut run = new(2);
    assert_eq!(run.state, RunState::Selecting);
    assert_eq!(step(&mut run, selected(4)), [AdmitNext { from: 0, count: 2 }]);
    assert_eq!(step(&mut run, over(1, 1, false, false)), [AdmitNext { from: 2, count: 1 }]);
    // A retry comes before what was never admitted.
    assert_eq!(step(&mut run, over(0, 1, true, false)), [AdmitAgain { target: target(0), attempt: 2 }]);
    assert_eq!(step(&mut run, over(2, 1, false, true)), [AdmitNext { from: 3, count: 1 }]);
    assert_eq!(step(&mut run, over(0, 2, false, true)), []);
    // The changesets of the earlier ones may settle before the last target ends.
    assert_eq!(step(&mut run, ChangesetSettled), []);
    assert_eq!(step(&mut run, over(3, 1, false, false)), []);
    assert_eq!((run.state, run.ended, run.proposed, run.settled), (RunState::Running, 4, 2, 1));
    assert_eq!(step(&mut run, ChangesetSettled), [Ended]);
    assert_eq!(run.state, RunState::Completed);
}

#[test]
fn whoever_is_put_off_waits_until_its_organisation_is_tried_again() {
    let put_off = |position, attempt, organization: &str| {
        let ended = AttemptEnded { attempt, again: true, proposes: false, put_off: true };
        Over { target: target(position), ended, organization: Some(organization.to_owned()) }
    };
    let again = |organization: &str, targets| TriedAgain { organization: organization.to_owned(), targets };
    let admitted = |position, attempt| [AdmitAgain { target: target(position), attempt }];
    let mut run = new(1);
    step(&mut run, selected(4));
    assert_eq!(step(&mut run, put_off(0, 1, "acme")), [AdmitNext { from: 1, count: 1 }]);
    assert_eq!(step(&mut run, put_off(1, 1, "acme")), [AdmitNext { from: 2, count: 1 }]);
    assert_eq!(step(&mut run, put_off(2, 1, "globex")), [AdmitNext { from: 3, count: 1 }]);
    // A retry of another is not held up, and nothing else is admitted.
    assert_eq!(step(&mut run, over(3, 1, true, false)), [AdmitAgain { target: target(3), attempt: 2 }]);
    assert_eq!(step(&mut run, over(3, 2, false, false)), []);
    assert!(run.apply(&again("initech", 9)).is_ignored());
    assert_eq!(step(&mut run, again("globex", 9)), admitted(2, 2));
    assert_eq!(step(&mut run, over(2, 2, false, false)), []);
    // One at first, which is put off once more.
    let first = run.put_off_by("acme").next().unwrap();
    let position = u32::from(first != target(0));
    assert_eq!(step(&mut run, again("acme", 1)), admitted(position, 2));
    assert_eq!(step(&mut run, put_off(position, 2, "acme")), []);
    assert_eq!(step(&mut run, again("acme", 9)).len(), 1);
    assert_eq!(run.state, RunState::Running);
}

#[test]
fn short_runs() {
    let mut run = new(2);
    assert_eq!(step(&mut run, selected(0)), [Ended]);
    assert_eq!(run.state, RunState::Completed);

    let mut run = new(0);
    assert_eq!(run.window, 1, "a window of nothing would never end");
    assert_eq!(step(&mut run, selected(1)), [AdmitNext { from: 0, count: 1 }]);
    assert_eq!(step(&mut run, over(0, 1, false, false)), [Ended]);

    let mut run = new(2);
    let message = "the organisation `x` does not exist".to_owned();
    assert_eq!(step(&mut run, SelectionFailed { message: message.clone() }), [Ended]);
    assert_eq!((run.state, run.reason), (RunState::Failed, message));
}

#[test]
fn cancelled() {
    let cancel = || Cancelled { by: "ada".to_owned() };
    let mut run = new(2);
    assert_eq!(step(&mut run, cancel()), [CancelTargets, Ended]);
    assert_eq!(run.reason, "cancelled by ada");

    let mut run = new(2);
    step(&mut run, selected(4));
    assert_eq!(step(&mut run, cancel()), [CancelTargets, Ended]);
    for event in [cancel(), over(0, 1, true, false), ChangesetSettled, selected(4)] {
        assert_eq!(run.apply(&event), Decision::Ignored(Straggler::Ended));
    }
}

#[test]
fn what_is_passed_over() {
    let ignored = |run: &Run, event| match run.apply(&event) {
        Decision::Ignored(why) => why,
        Decision::Applied { .. } => panic!("{event:?} held"),
    };
    let run = new(2);
    assert_eq!(ignored(&run, Created), Straggler::AlreadyApplied);
    assert_eq!(ignored(&run, over(0, 1, false, false)), Straggler::OutOfPlace);
    assert_eq!(ignored(&run, ChangesetSettled), Straggler::OutOfPlace);
    let mut run = new(2);
    step(&mut run, selected(4));
    assert_eq!(ignored(&run, selected(4)), Straggler::OutOfPlace);
    assert_eq!(ignored(&run, SelectionFailed { message: String::new() }), Straggler::OutOfPlace);
    // Never admitted, not this attempt, and twice.
    assert_eq!(ignored(&run, over(3, 1, false, false)), Straggler::AlreadyApplied);
    assert_eq!(ignored(&run, over(0, 2, false, false)), Straggler::AlreadyApplied);
    step(&mut run, over(0, 1, false, false));
    assert_eq!(ignored(&run, over(0, 1, false, false)), Straggler::AlreadyApplied);
}

#[test]
fn a_paused_run_hears_everything_and_admits_nothing() {
    let by = || "ada".to_owned();
    let mut run = new(2);
    // Also while it selects.
    assert_eq!(step(&mut run, Paused { by: by() }), []);
    assert_eq!((run.paused.as_deref(), run.reason.as_str()), (Some("ada"), "paused by ada"));
    assert_eq!(step(&mut run, selected(4)), []);
    assert_eq!(run.state, RunState::Running);
    assert_eq!(run.apply(&Paused { by: "bea".to_owned() }), Decision::Ignored(Straggler::AlreadyApplied));
    assert_eq!(step(&mut run, Resumed { by: by() }), [AdmitNext { from: 0, count: 2 }]);
    assert_eq!((run.paused.as_deref(), run.reason.as_str()), (None, ""));
    assert_eq!(run.apply(&Resumed { by: by() }), Decision::Ignored(Straggler::AlreadyApplied));
    // What was admitted comes to its end, and retries wait in front.
    step(&mut run, Paused { by: by() });
    assert_eq!(step(&mut run, over(0, 1, true, false)), []);
    assert_eq!(step(&mut run, over(1, 1, false, true)), []);
    assert_eq!(step(&mut run, ChangesetSettled), []);
    let resumed = [AdmitAgain { target: target(0), attempt: 2 }, AdmitNext { from: 2, count: 1 }];
    assert_eq!(step(&mut run, Resumed { by: by() }), resumed);
    // With nothing left to wait for it ends, paused or not.
    step(&mut run, over(0, 2, false, false));
    step(&mut run, Paused { by: by() });
    let mut ended = new(2);
    step(&mut ended, selected(1));
    step(&mut ended, Paused { by: by() });
    assert_eq!(step(&mut ended, over(0, 1, false, false)), [Ended]);
    assert_eq!((ended.state, ended.paused), (RunState::Completed, None));
    // Cancelling wins.
    assert_eq!(step(&mut run, Cancelled { by: by() }), [CancelTargets, Ended]);
    assert_eq!((run.state, run.paused.as_deref()), (RunState::Cancelled, None));
    assert_eq!(run.apply(&Resumed { by: by() }), Decision::Ignored(Straggler::Ended));
}
