//! The laws of a target.

use super::{reachable, samples, stuck};
use campaigns_domain::execution::target::{
    Failure,
    FailureCause::{Author, Infrastructure, Repository},
    INFRASTRUCTURE_RETRIES, Target,
    TargetEffect::{self, Execute},
    TargetEvent::{self, Admitted, Cancelled, Failed, Finished, Started},
    TargetState as State,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::collections::BTreeSet;

fn failure(cause: campaigns_domain::execution::target::FailureCause) -> Failure {
    Failure { cause, message: "it broke".to_owned() }
}

fn any_event() -> impl Strategy<Value = TargetEvent> {
    let attempt = prop_oneof![2 => 1..4_u32, 1 => 0..6_u32];
    prop_oneof![
        8 => attempt.clone().prop_map(|attempt| Admitted { attempt }),
        4 => attempt.clone().prop_map(|attempt| Started { attempt }),
        1 => (attempt.clone(), 0..3_u32).prop_map(|(attempt, changed_files)| Finished { attempt, changed_files }),
        8 => (attempt, prop_oneof![1 => Just(Author), 6 => Just(Infrastructure), 1 => Just(Repository)])
            .prop_map(|(attempt, cause)| Failed { attempt, failure: failure(cause) }),
        1 => Just(Cancelled),
    ]
}

/// Every event that could happen to a target with attempts up to 5.
fn all_events() -> Vec<TargetEvent> {
    let of = |attempt| {
        let failed =
            [Author, Infrastructure, Repository].map(|cause| Failed { attempt, failure: failure(cause) });
        let finished = [0, 2].map(|changed_files| Finished { attempt, changed_files });
        [Admitted { attempt }, Started { attempt }].into_iter().chain(failed).chain(finished)
    };
    (0..6).flat_map(of).chain([Cancelled]).collect()
}

/// The target after the events, and everything it owed.
fn fold(events: &[TargetEvent]) -> (Target, Vec<TargetEffect>) {
    let mut owed = vec![];
    let mut target = samples::target();
    for event in events {
        if let Some((next, effects)) = target.apply(event).into_applied() {
            target = next;
            owed.extend(effects);
        }
    }
    (target, owed)
}

proptest! {
    #[test]
    fn replay_is_deterministic(events in prop::collection::vec(any_event(), 0..60)) {
        let stored: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let read: Vec<TargetEvent> = stored.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let (target, owed) = fold(&events);
        prop_assert_eq!(fold(&read), (target.clone(), owed));
        let row = serde_json::to_string(&target).unwrap();
        prop_assert_eq!(serde_json::from_str::<Target>(&row).unwrap(), target);
    }

    #[test]
    fn applying_twice_is_once(events in prop::collection::vec(any_event(), 0..60)) {
        let mut target = samples::target();
        for event in &events {
            if let Some((next, _)) = target.apply(event).into_applied() {
                prop_assert_eq!(next.version, target.version + 1);
                prop_assert!(next.apply(event).is_ignored(), "{:?} held twice", event);
                target = next;
            }
        }
    }

    #[test]
    fn a_straggler_changes_nothing(events in prop::collection::vec(any_event(), 0..60)) {
        let mut target = samples::target();
        for event in &events {
            let late = event.attempt().is_some_and(|attempt| attempt < target.attempt);
            let decision = target.apply(event);
            prop_assert!(!late || decision.is_ignored(), "{:?} on {:?}", event, target);
            prop_assert!(!target.state.is_end() || decision.is_ignored(), "{:?} on {:?}", event, target);
            target = decision.into_applied().map_or(target, |(next, _)| next);
        }
    }

    #[test]
    fn every_attempt_is_executed_once_and_answered_once(events in prop::collection::vec(any_event(), 0..60)) {
        let (target, owed) = fold(&events);
        let executed: Vec<u32> =
            owed.iter().filter_map(|effect| if let Execute { attempt } = effect { Some(*attempt) } else { None }).collect();
        prop_assert_eq!(&executed, &(1..=target.attempt).collect::<Vec<_>>());
        prop_assert!(target.attempt <= INFRASTRUCTURE_RETRIES + 1);
        let answers = owed.iter().filter(|effect| matches!(effect, TargetEffect::AttemptEnded(_))).count();
        let running = matches!(target.state, State::Queued | State::Executing);
        // Cancelled between attempts, one more answer goes out: it closes the admission that was asked for.
        let extra = usize::from(target.state == State::Cancelled && answers > executed.len());
        prop_assert_eq!(answers, executed.len() - usize::from(running) + extra);
        let proposals = owed.iter().filter(|effect| matches!(effect, TargetEffect::Propose { .. })).count();
        prop_assert_eq!(proposals, usize::from(target.state == State::Changed));
    }
}

#[test]
fn the_sequences_are_about_something() {
    let mut runner = TestRunner::deterministic();
    let (mut states, mut retried) = (BTreeSet::new(), 0);
    for _ in 0..500 {
        let events = prop::collection::vec(any_event(), 0..60).new_tree(&mut runner).unwrap().current();
        let mut target = samples::target();
        for event in &events {
            states.insert(target.state);
            target = target.apply(event).into_applied().map_or(target, |(next, _)| next);
        }
        states.insert(target.state);
        retried += usize::from(target.attempt > 1);
    }
    // All but `skipped`, which is decided before anything happens.
    assert!(states.len() == State::ALL.len() - 1 && retried > 20, "{states:?} {retried}");
}

#[test]
fn every_state_can_reach_an_end() {
    let events = all_events();
    // The version only counts; without it there are finitely many targets.
    let steps = |target: &Target| {
        let applied = events.iter().filter_map(|event| target.apply(event).into_applied());
        applied.map(|(next, _)| Target { version: 0, ..next }).collect::<Vec<_>>()
    };
    let states = reachable(Target { version: 0, ..samples::target() }, steps);
    for state in State::ALL.iter().filter(|state| **state != State::Skipped) {
        assert!(states.iter().any(|target| target.state == *state), "{state:?} is never reached");
    }
    assert_eq!(stuck(&states, steps, |target| target.state.is_end()), []);
    // Without a cancellation too: an executor's answers are enough.
    let answered =
        |target: &Target| steps(target).into_iter().filter(|next| next.state != State::Cancelled).collect();
    let uncancelled: Vec<_> = states.into_iter().filter(|target| target.state != State::Cancelled).collect();
    assert_eq!(stuck(&uncancelled, answered, |target| target.state.is_end()), []);
}
