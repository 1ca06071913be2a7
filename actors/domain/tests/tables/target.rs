//! The machine of a target: every state with every event.

use super::samples::{self, manifest, put};
use campaigns_domain::{
    execution::target::{
        AttemptEnded, Failure,
        FailureCause::{self, Author, Infrastructure, Repository},
        INFRASTRUCTURE_RETRIES, Target,
        TargetEffect::{self, Execute, Propose, Stop},
        TargetEvent::{self, Admitted, Cancelled, Finished, Started},
        TargetState::{self as State},
    },
    machine::{Decision, Straggler},
};

fn failed(attempt: u32, cause: FailureCause) -> TargetEvent {
    TargetEvent::Failed { attempt, failure: Failure { cause, message: "it broke".to_owned() } }
}

fn ended(attempt: u32, again: bool, proposes: bool) -> TargetEffect {
    TargetEffect::AttemptEnded(AttemptEnded { attempt, again, proposes, put_off: false })
}

/// The target after these events, each of which has to hold.
fn after(events: &[TargetEvent]) -> Target {
    events.iter().fold(samples::target(), |target, event| {
        target.apply(event).into_applied().unwrap_or_else(|| panic!("{event:?} on {target:?}")).0
    })
}

fn applies(before: &[TargetEvent], event: TargetEvent, state: State, effects: &[TargetEffect]) {
    let target = after(before);
    let (next, owed) = target.apply(&event).into_applied().unwrap_or_else(|| panic!("{event:?} was ignored"));
    assert_eq!((next.state, &owed[..]), (state, effects), "{event:?} after {before:?}");
    assert_eq!(next.version, target.version + 1);
}

fn ignores(before: &[TargetEvent], event: TargetEvent, why: Straggler) {
    assert_eq!(after(before).apply(&event), Decision::Ignored(why), "{event:?} after {before:?}");
}

const ADMITTED: TargetEvent = Admitted { attempt: 1 };
const STARTED: TargetEvent = Started { attempt: 1 };

#[test]
fn what_holds() {
    applies(&[], ADMITTED, State::Queued, &[Execute { attempt: 1 }]);
    applies(&[ADMITTED], STARTED, State::Executing, &[]);
    for running in [&[ADMITTED][..], &[ADMITTED, STARTED]] {
        let changed = [ended(1, false, true), Propose { attempt: 1 }];
        applies(running, Finished { attempt: 1, changed_files: 2 }, State::Changed, &changed);
        applies(
            running,
            Finished { attempt: 1, changed_files: 0 },
            State::Unchanged,
            &[ended(1, false, false)],
        );
        applies(running, failed(1, Author), State::Failed, &[ended(1, false, false)]);
        applies(running, failed(1, Repository), State::Failed, &[ended(1, false, false)]);
        applies(running, failed(1, Infrastructure), State::Selected, &[ended(1, true, false)]);
        applies(running, Cancelled, State::Cancelled, &[Stop, ended(1, false, false)]);
    }
    applies(&[], Cancelled, State::Cancelled, &[ended(0, false, false)]);
    let again = [ADMITTED, failed(1, Infrastructure)];
    applies(&again, Admitted { attempt: 2 }, State::Queued, &[Execute { attempt: 2 }]);
}

#[test]
fn what_is_passed_over() {
    ignores(&[], STARTED, Straggler::Superseded);
    ignores(&[], Admitted { attempt: 2 }, Straggler::OutOfPlace);
    ignores(&[ADMITTED], ADMITTED, Straggler::AlreadyApplied);
    ignores(&[ADMITTED], Admitted { attempt: 2 }, Straggler::OutOfPlace);
    ignores(&[ADMITTED, STARTED], STARTED, Straggler::AlreadyApplied);
    // What an earlier attempt still says.
    let second = [ADMITTED, failed(1, Infrastructure), Admitted { attempt: 2 }];
    for event in
        [STARTED, Finished { attempt: 1, changed_files: 9 }, failed(1, Author), failed(1, Infrastructure)]
    {
        ignores(&second, event, Straggler::Superseded);
    }
    ignores(&second, ADMITTED, Straggler::AlreadyApplied);
    // Between attempts nothing runs.
    ignores(&second[..2], Finished { attempt: 1, changed_files: 9 }, Straggler::OutOfPlace);
    // Ends are final.
    for end in [
        Finished { attempt: 1, changed_files: 0 },
        Finished { attempt: 1, changed_files: 1 },
        failed(1, Author),
        Cancelled,
    ] {
        for event in [
            ADMITTED,
            STARTED,
            Finished { attempt: 1, changed_files: 3 },
            failed(1, Infrastructure),
            Cancelled,
        ] {
            ignores(&[ADMITTED, end.clone()], event, Straggler::Ended);
        }
    }
}

#[test]
fn infrastructure_has_a_budget_of_its_own() {
    let mut target = samples::target();
    for attempt in 1..=INFRASTRUCTURE_RETRIES + 1 {
        for event in [Admitted { attempt }, Started { attempt }, failed(attempt, Infrastructure)] {
            target = target.apply(&event).into_applied().unwrap().0;
        }
        let last = attempt > INFRASTRUCTURE_RETRIES;
        assert_eq!(target.state, if last { State::Failed } else { State::Selected }, "attempt {attempt}");
    }
    assert_eq!((target.attempt, target.infrastructure_failures), (4, 4));
}

#[test]
fn a_paused_organisation_costs_no_target_its_life() {
    let mut target = samples::target();
    for attempt in 1..=20 {
        let (next, _) = target.apply(&Admitted { attempt }).into_applied().unwrap();
        let (next, effects) = next.apply(&failed(attempt, FailureCause::Paused)).into_applied().unwrap();
        let ended = AttemptEnded { attempt, again: true, proposes: false, put_off: true };
        assert_eq!((next.state, effects), (State::Selected, vec![TargetEffect::AttemptEnded(ended)]));
        target = next;
    }
    assert_eq!(target.infrastructure_failures, 0);
}

#[test]
fn the_reason_is_for_people() {
    let reason = |events: &[TargetEvent]| after(events).reason;
    assert_eq!(reason(&[ADMITTED, STARTED]), "`on` names it");
    assert_eq!(reason(&[ADMITTED, Finished { attempt: 1, changed_files: 1 }]), "1 file changed");
    assert_eq!(reason(&[ADMITTED, Finished { attempt: 1, changed_files: 2 }]), "2 files changed");
    assert_eq!(reason(&[ADMITTED, failed(1, Author)]), "it broke");
}

#[test]
fn a_manifest_is_an_event() {
    let finished = |changes| TargetEvent::finished(2, &manifest(changes));
    assert_eq!(finished(vec![]), Finished { attempt: 2, changed_files: 0 });
    assert_eq!(finished(vec![put("a", "x")]), Finished { attempt: 2, changed_files: 1 });
    assert_eq!(finished(vec![]).name(), "target.unchanged");
}

#[test]
fn names_are_one_each() {
    let mut names: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
    for (state, name) in State::ALL.iter().zip(&names) {
        assert_eq!(serde_json::to_value(state).unwrap(), *name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), State::ALL.len());
}
