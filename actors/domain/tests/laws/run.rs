//! The laws of a run and its targets together: a small world in which messages are delayed, reordered and repeated.
//!
//! `ChangesetSettled` says only that one more has settled; that each counts once is held by the inbox, whose message
//! ids are functions of the changeset. The world delivers it once.

use super::samples::{self, campaign_id, run_id};
use campaigns_domain::{
    execution::{
        run::{
            Run,
            RunEffect::{self, AdmitAgain, AdmitNext, CancelTargets, Ended, Select},
            RunEvent, RunOptions, RunState,
        },
        target::{
            AttemptEnded, Failure,
            FailureCause::{Author, Infrastructure},
            Target,
            TargetEffect::{self, Execute, Propose, Stop},
            TargetEvent, TargetState,
        },
    },
    id::{Digest, RepositoryId, TargetId},
    spec::Priority,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What is under way between the parts.
#[derive(Debug, Clone, PartialEq)]
enum Message {
    Admitted(TargetId, u32),
    /// An attempt's steps run.
    Attempt(TargetId, u32),
    Over(TargetId, AttemptEnded),
    Settled,
    Cancel(TargetId),
}

/// What the world does next; the number chooses among what is there.
#[derive(Debug, Clone)]
enum Move {
    Deliver(usize),
    /// The same message again, later.
    Repeat(usize),
    CancelRun,
    PauseRun,
    ResumeRun,
    /// Nobody has asked for it.
    Noise(RunEvent),
}

struct World {
    run: Run,
    targets: BTreeMap<TargetId, Target>,
    order: Vec<TargetId>,
    under_way: Vec<Message>,
    /// How attempts end, in turn.
    outcomes: Vec<u8>,
    turn: usize,
    admissions: BTreeSet<(TargetId, u32)>,
    most_open: usize,
}

impl World {
    fn new(targets: u32, window: u32, outcomes: Vec<u8>) -> Self {
        let order: Vec<TargetId> =
            (0..targets).map(|n| TargetId::of(run_id(1), RepositoryId(u64::from(n)), "main", "")).collect();
        let target =
            |(position, id): (u32, &TargetId)| (*id, Target { id: *id, position, ..samples::target() });
        let mut world = Self {
            run: Run::new(run_id(1), campaign_id(), Digest::of(b"spec"), window, RunOptions::default()),
            targets: (0..).zip(&order).map(target).collect(),
            order,
            under_way: vec![],
            outcomes,
            turn: 0,
            admissions: BTreeSet::new(),
            most_open: 0,
        };
        world.tell_run(&selected(targets));
        world
    }

    fn tell_run(&mut self, event: &RunEvent) -> bool {
        let Some((mut next, effects)) = self.run.apply(event).into_applied() else { return false };
        let admits = |effect: &RunEffect| matches!(effect, AdmitNext { .. } | AdmitAgain { .. });
        assert!(next.paused.is_none() || !effects.iter().any(admits), "a paused run admits: {effects:?}");
        assert!(next.paused.is_none() || !next.state.is_end(), "it has ended and is paused: {next:?}");
        for effect in effects {
            match effect {
                AdmitNext { from, count } => {
                    let ids = self.order[from as usize..(from + count) as usize].to_vec();
                    next.admitted(ids.iter().copied());
                    for id in ids {
                        self.admit(id, 1);
                    }
                }
                AdmitAgain { target, attempt } => self.admit(target, attempt),
                CancelTargets => self.under_way.extend(self.order.iter().copied().map(Message::Cancel)),
                Ended | Select => {}
            }
        }
        self.run = next;
        self.most_open = self.most_open.max(self.run.open.len());
        assert!(self.run.open.len() <= self.run.window as usize, "the window is exceeded: {:?}", self.run);
        // What runs was admitted and is open at the run; a cancelled run lets go of its targets as they hear of it.
        if self.run.state == RunState::Running {
            for target in self
                .targets
                .values()
                .filter(|it| matches!(it.state, TargetState::Queued | TargetState::Executing))
            {
                assert!(
                    self.run.open.contains(&(target.id, target.attempt)),
                    "{target:?} runs without an admission"
                );
            }
        }
        true
    }

    fn admit(&mut self, target: TargetId, attempt: u32) {
        assert!(self.admissions.insert((target, attempt)), "admitted twice");
        self.under_way.push(Message::Admitted(target, attempt));
    }

    fn tell_target(&mut self, id: TargetId, event: &TargetEvent) {
        let Some((next, effects)) = self.targets[&id].apply(event).into_applied() else { return };
        self.targets.insert(id, next);
        for effect in effects {
            match effect {
                Execute { attempt } => self.under_way.push(Message::Attempt(id, attempt)),
                TargetEffect::AttemptEnded(ended) => self.under_way.push(Message::Over(id, ended)),
                Propose { .. } => self.under_way.push(Message::Settled),
                Stop => {
                    self.under_way.retain(|message| !matches!(message, Message::Attempt(of, _) if *of == id))
                }
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Admitted(id, attempt) => self.tell_target(id, &TargetEvent::Admitted { attempt }),
            Message::Attempt(id, attempt) => {
                let outcome =
                    self.outcomes.get(self.turn % self.outcomes.len().max(1)).copied().unwrap_or_default();
                self.turn += 1;
                let failed = |cause| TargetEvent::Failed {
                    attempt,
                    failure: Failure { cause, message: String::new() },
                };
                let event = match outcome % 4 {
                    0 => TargetEvent::Finished { attempt, changed_files: 0 },
                    1 => TargetEvent::Finished { attempt, changed_files: 2 },
                    2 => failed(Infrastructure),
                    _ => failed(Author),
                };
                self.tell_target(id, &TargetEvent::Started { attempt });
                self.tell_target(id, &event);
            }
            Message::Over(id, ended) => {
                self.tell_run(&RunEvent::AttemptEnded { target: id, ended, organization: None });
            }
            Message::Settled => {
                self.tell_run(&RunEvent::ChangesetSettled);
            }
            Message::Cancel(id) => self.tell_target(id, &TargetEvent::Cancelled),
        }
    }

    fn step(&mut self, step: &Move) {
        match step {
            Move::Deliver(which) if !self.under_way.is_empty() => {
                let message = self.under_way.remove(which % self.under_way.len());
                self.deliver(message);
            }
            Move::Repeat(which) if !self.under_way.is_empty() => {
                let message = self.under_way[which % self.under_way.len()].clone();
                if message != Message::Settled {
                    self.under_way.push(message);
                }
            }
            Move::CancelRun => {
                self.tell_run(&RunEvent::Cancelled { by: "ada".to_owned() });
            }
            Move::PauseRun => {
                self.tell_run(&RunEvent::Paused { by: "ada".to_owned() });
            }
            Move::ResumeRun => {
                self.tell_run(&RunEvent::Resumed { by: "ada".to_owned() });
            }
            Move::Noise(event) => {
                self.tell_run(event);
            }
            Move::Deliver(_) | Move::Repeat(_) => {}
        }
    }

    /// Delivers whatever is under way until nothing is.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.under_way.is_empty() {
                return;
            }
            let message = self.under_way.remove(0);
            self.deliver(message);
        }
        panic!("it never comes to rest");
    }
}

fn any_move() -> impl Strategy<Value = Move> {
    let noise = prop_oneof![
        Just(RunEvent::Created),
        Just(selected(9)),
        Just(RunEvent::SelectionFailed { message: String::new() }),
        (0..8_u64, 0..4_u32, any::<bool>()).prop_map(|(n, attempt, again)| RunEvent::AttemptEnded {
            // A target that is not of this run.
            target: TargetId::of(run_id(2), RepositoryId(n), "main", ""),
            ended: AttemptEnded { attempt, again, proposes: !again, put_off: false },
            organization: None,
        }),
    ];
    prop_oneof![
        12 => any::<usize>().prop_map(Move::Deliver),
        4 => any::<usize>().prop_map(Move::Repeat),
        1 => noise.prop_map(Move::Noise),
        1 => Just(Move::PauseRun),
        1 => Just(Move::ResumeRun),
    ]
}

fn worlds() -> impl Strategy<Value = (u32, u32, Vec<u8>, Vec<Move>)> {
    (0..9_u32, 0..5_u32, prop::collection::vec(0..4_u8, 1..20), prop::collection::vec(any_move(), 0..120))
}

proptest! {
    #[test]
    fn the_window_is_never_exceeded_and_the_run_ends((targets, window, outcomes, moves) in worlds()) {
        let mut world = World::new(targets, window, outcomes);
        for step in &moves {
            world.step(step);
        }
        world.settle();
        // Whatever a pause has held goes on.
        world.step(&Move::ResumeRun);
        world.settle();
        prop_assert_eq!(world.run.state, RunState::Completed);
        prop_assert!(world.targets.values().all(|target| target.state.is_end()));
        prop_assert!(world.run.open.is_empty() && world.run.again.is_empty());
        let attempts: u32 = world.targets.values().map(|target| target.attempt).sum();
        prop_assert_eq!(world.admissions.len(), attempts as usize);
        let changed = world.targets.values().filter(|target| target.state == TargetState::Changed).count();
        prop_assert_eq!((world.run.ended, world.run.settled as usize), (targets, changed));
        // The window is used, too.
        prop_assert_eq!(world.most_open, window.max(1).min(targets) as usize);
    }

    #[test]
    fn a_cancelled_run_comes_to_rest((targets, window, outcomes, moves) in worlds(), at in 0..120_usize) {
        let mut world = World::new(targets, window, outcomes);
        for (index, step) in moves.iter().enumerate() {
            if index == at {
                world.step(&Move::CancelRun);
                let admitted = world.admissions.len();
                world.settle();
                // Nothing is admitted after the cancellation, and every target has heard of it.
                prop_assert_eq!(world.admissions.len(), admitted);
                prop_assert!(targets == 0 || world.run.state != RunState::Running);
                let all_ended = world.targets.values().all(|target| target.state.is_end());
                prop_assert!(all_ended || world.run.state != RunState::Cancelled);
                return Ok(());
            }
            world.step(step);
        }
    }

    #[test]
    fn applying_twice_is_once((targets, window, outcomes, moves) in worlds()) {
        let mut world = World::new(targets, window, outcomes);
        for step in &moves {
            if let Move::Deliver(which) = step
                && let Some(Message::Over(target, ended)) = world.under_way.get(which % world.under_way.len().max(1)).cloned()
            {
                let event = RunEvent::AttemptEnded { target, ended, organization: None };
                if world.tell_run(&event) {
                    prop_assert!(world.run.apply(&event).is_ignored(), "{:?} held twice", event);
                }
            }
            world.step(step);
        }
        for event in [selected(targets), RunEvent::Cancelled { by: String::new() }] {
            if let Some((next, _)) = world.run.apply(&event).into_applied() {
                prop_assert!(next.apply(&event).is_ignored());
            }
        }
    }

    #[test]
    fn replay_is_deterministic((targets, window, outcomes, moves) in worlds()) {
        let play = || {
            let mut world = World::new(targets, window, outcomes.clone());
            moves.iter().for_each(|step| world.step(step));
            (world.run, world.targets)
        };
        let (run, targets) = play();
        prop_assert_eq!(play(), (run.clone(), targets));
        let row = serde_json::to_string(&run).unwrap();
        prop_assert_eq!(serde_json::from_str::<Run>(&row).unwrap(), run);
    }
}

/// So many targets were selected.
fn selected(targets: u32) -> RunEvent {
    RunEvent::Selected { targets, skipped: 0, ends: vec![], priority: Priority::Normal }
}
